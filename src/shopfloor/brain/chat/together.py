"""The probe of a pair as a whole: does what the planner means reach what the perceiver sees?

Each of the two may be fit by itself and the pair unfit: ids that are mixed up, words that the one
chooses and the other takes for something else. So the planner is told to have a part picked up that
it has never seen, and the pixel that comes out is held against the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from shopfloor.brain.chat.convention import Convention
from shopfloor.brain.chat.engine import Engine
from shopfloor.brain.chat.golden import Golden, Target, golden
from shopfloor.brain.chat.pair import PairBrain
from shopfloor.brain.chat.picture import Picture
from shopfloor.brain.chat.probe import Probe, probe
from shopfloor.brain.chat.profile import Seat
from shopfloor.brain.chat.proof import Proof, keep, pair_key
from shopfloor.brain.chat.question import lies_on
from shopfloor.types import (
    BodySpec,
    BrainContext,
    CellSpec,
    Event,
    Frame,
    Goal,
    Intrinsics,
    LimbSpec,
    Limits,
    Observation,
    Order,
    People,
    PeopleLimits,
    ServoLimits,
)

__all__ = ["Aim", "Together", "together"]

_HITS = 0.8
"""Share of the parts that must be met; as for the calls of a model that sees for itself."""
_DEADLINE_S = 120.0
_CAN_FAIL = (TimeoutError, ConnectionError, ValueError)
_LIMB = "left"
_PICK = {
    "type": "object",
    "description": "Pick up a part, from above.",
    "properties": {"camera": {"type": "string"}, "point": {}, "box": {}},
    "required": ["camera"],
}


@dataclass(frozen=True, slots=True)
class Aim:
    """One part that the planner was to have picked up.

    Attributes:
        picture, label, language: What was asked for, where.
        truth: The part's box [px of the picture].
        got: Pixel that came out, or None.
        hit: Whether it lies on the part.
        said: The calls or the error, shortened.
    """

    picture: str
    label: str
    language: str
    truth: tuple[float, float, float, float]
    got: tuple[float, float] | None
    hit: bool
    said: str


@dataclass(frozen=True, slots=True)
class Together:
    """What a probe of a pair saw.

    Attributes:
        planner, perceiver: What each of them can do by itself.
        aims: What came of both together; none were tried if one of them is unfit.
        date: When (ISO, UTC).
        reasons: Why the pair may not move a robot; none if it may.
    """

    planner: Probe
    perceiver: Probe
    aims: tuple[Aim, ...]
    date: str
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the pair may move a robot."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "passed": self.passed,
            "reasons": list(self.reasons),
            "aims": [asdict(aim) for aim in self.aims],
            "date": self.date,
            "planner": self.planner.to_json(),
            "perceiver": self.perceiver.to_json(),
        }


def together(
    planner: Seat,
    perceiver: Seat,
    *,
    say: Callable[[str], None],
    engines: tuple[Callable[[], Engine | None], Callable[[], Engine | None]],
) -> Together:
    """Probe both by themselves and then as a pair; their own proofs are kept, as for any model.

    Args:
        planner, perceiver: Who is asked.
        say: Told what is being asked.
        engines: Make each one's engine anew; None for an HTTP client.

    Raises:
        TimeoutError, ConnectionError, ValueError: One of them does not answer.
    """
    plans, sees = (
        _alone(seat, engine(), say)
        for seat, engine in zip((planner, perceiver), engines, strict=True)
    )
    reasons = [] if plans.modes else [f"{planner.name} found no way to call skills"]
    if not sees.points:
        reasons.append(f"{perceiver.name} did not pass: {'; '.join(sees.reasons)}")
    aims: tuple[Aim, ...] = ()
    if not reasons:
        trial = _Trial(planner, perceiver, _context(), engines=(engines[0](), engines[1]()))
        try:
            aims = tuple(_aims(trial, golden(), say))
        finally:
            trial.close()
        hits = sum(aim.hit for aim in aims)
        if hits < _HITS * len(aims):
            reasons.append(
                f"{hits} of {len(aims)} parts were met by both together; {_HITS:.0%} are needed"
            )
    date = datetime.now(UTC).isoformat(timespec="seconds")
    made = Together(plans, sees, aims, date, tuple(reasons))
    ids = f"{plans.model_id} + {sees.model_id}"
    proof = Proof(pair_key(planner, perceiver), made.passed, ids, plans.modes, date)
    keep(proof, {"together": made.to_json()})
    return made


def _alone(seat: Seat, engine: Engine | None, say: Callable[[str], None]) -> Probe:
    made = probe(seat, say=lambda text: say(f"{seat.name}: {text}"), engine=engine)
    keep(made.proof(seat), {"probe": made.to_json()})
    return made


class _Trial(PairBrain):
    """The pair as it works, but for a cell: there is only a picture."""

    def _news(
        self,
        observation: Observation,
        events: Sequence[Event],
        shown: Picture,
        how: Convention | None,
    ) -> str:
        return f"order ({self._order.language}): {self._order.instruction}\nfree limbs: {_LIMB}"


def _aims(trial: _Trial, pictures: Sequence[Golden], say: Callable[[str], None]) -> list[Aim]:
    found = []
    for index, picture in enumerate(pictures):
        say(f"both together: picture {index + 1} of {len(pictures)}")
        language = "zh" if index % 2 else "en"
        found += [_aim(trial, picture, target, language) for target in picture.targets[:2]]
    return found


def _aim(trial: _Trial, picture: Golden, target: Target, language: str) -> Aim:
    label = target.zh if language == "zh" else target.en
    words = (
        f"用 {_LIMB} 拿起{label}。" if language == "zh" else f"Pick up the {label} with {_LIMB}."
    )
    order = Order("probe", words, "zh" if language == "zh" else "en", Goal(()), _DEADLINE_S)
    trial.reset(order, seed=1)
    view = _frame(picture)
    observation = Observation(0, {}, {}, {view.camera: view}, {}, People())
    try:
        decision = trial.act(observation, (), deadline_s=_DEADLINE_S).decision
    except _CAN_FAIL as error:
        return Aim(
            picture.name, label, language, target.box, None, hit=False, said=str(error)[:160]
        )
    calls = decision if isinstance(decision, tuple) else ()
    points = [call.arguments["point"] for call in calls if call.arguments.get("point")]
    got = (float(points[0][0]), float(points[0][1])) if len(points) == 1 == len(calls) else None
    hit = got is not None and lies_on(got, target.box)
    return Aim(picture.name, label, language, target.box, got, hit=hit, said=str(decision)[:160])


def _frame(picture: Golden) -> Frame:
    height, width = picture.pixels.shape[:2]
    lens = Intrinsics(width, height, float(width), float(width), width / 2, height / 2)
    return Frame("overview", picture.pixels, None, 0, 0, lens, np.eye(4))


def _context() -> BrainContext:
    """A cell of which only the names are asked for."""
    none = np.zeros(0)
    limb = LimbSpec(_LIMB, (), none, none, none, none, none, 0.0, np.eye(4))
    cell = CellSpec("golden", "", BodySpec("golden", "", {_LIMB: limb}), {}, 0.02, 0.0)
    servo, people = ServoLimits(*(0.0,) * 5), PeopleLimits(0.0, 0.0, 0.0, 0.0)
    limits = Limits("probe", "", *(0.0,) * 6, 0, servo, people, (), {}, "")
    return BrainContext(cell, limits, {"pick": _PICK})
