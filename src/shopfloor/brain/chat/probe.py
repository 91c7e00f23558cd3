"""Asks a live model what it can do, and whether it points where it should.

Nothing is believed that was not seen: not the model card, not the server's documentation. The
grounding part shows golden pictures whose answers are known; whoever does not pass it may not move
a robot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from shopfloor.brain.chat.answer import MODES, Mode
from shopfloor.brain.chat.capability import capabilities
from shopfloor.brain.chat.client import Client
from shopfloor.brain.chat.convention import CONVENTIONS, GroundingError, convention
from shopfloor.brain.chat.engine import Engine
from shopfloor.brain.chat.golden import golden
from shopfloor.brain.chat.profile import Seat
from shopfloor.brain.chat.proof import Proof, key_of
from shopfloor.brain.chat.question import Asker, Check, Pointing, lies_on

__all__ = ["Probe", "probe"]

_NO_CALLS = "no way to call skills worked"
_HITS = 0.9
"""Share of the golden targets that must be hit to pass."""
_IOU = 0.5
"""Median overlap of boxes that passes, where the model gives boxes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe saw.

    Attributes:
        seat, address, model, asked_id, model_id: Who was asked, and who says that it answered.
        date: When (ISO, UTC).
        declared, inferred: Convention of the profile, and the one that fits the answers best.
        checks: Capabilities.
        pointings: Grounding answers.
        latency_s: (p50, p95) of all answers [s].
        tokens: (in, out) of all answers together, or None where not told.
        modes: Ways to call skills that worked, best first.
        reasons: Why it may not move a robot; none if it may.
    """

    seat: str
    address: str
    model: str
    asked_id: str
    model_id: str
    date: str
    declared: str | None
    inferred: str | None
    checks: tuple[Check, ...]
    pointings: tuple[Pointing, ...]
    latency_s: tuple[float, float] | None
    tokens: tuple[int, int] | None
    modes: tuple[Mode, ...]
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it may move a robot."""
        return not self.reasons

    @property
    def hits(self) -> tuple[int, int]:
        """(k, n) of the answers on their part: points or, of a model without, middles of boxes."""
        points = [one for one in self.pointings if one.kind == "point"] or self.pointings
        return sum(one.hit for one in points), len(points)

    @property
    def iou(self) -> float | None:
        """Median overlap of the boxes; one that was not given counts as none."""
        boxes = [one.iou or 0.0 for one in self.pointings if one.kind == "box"]
        return median(boxes) if boxes else None

    @property
    def error_px(self) -> float | None:
        """Median distance of the points from the middle of their part."""
        points = [one for one in self.pointings if one.kind == "point"] or self.pointings
        found = [one.error_px for one in points if one.error_px is not None]
        return median(found) if found else None

    @property
    def points(self) -> bool:
        """Whether it points where it should, however it may be made to call."""
        return not set(self.reasons) - {_NO_CALLS}

    def proof(self, seat: Seat) -> Proof:
        """What is kept of it."""
        return Proof(
            key_of(seat), self.passed, self.model_id, self.modes, self.date, points=self.points
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        hits = self.hits
        return {
            "passed": self.passed, "hits": {"k": hits[0], "n": hits[1]}, "iou": self.iou,
            "error_px": self.error_px, **asdict(self),
        }  # fmt: skip


def probe(seat: Seat, *, say: Callable[[str], None], engine: Engine | None = None) -> Probe:
    """Ask a seat everything.

    Args:
        seat: Who is asked.
        say: Told what is being asked.
        engine: Answers instead of an HTTP client.

    Raises:
        TimeoutError, ConnectionError, ValueError: Nobody answers, or nobody who can be understood;
            known within 10 s.
    """
    asker = Asker(seat, engine or Client(seat, tries=2))
    try:
        say("is anybody there?")
        asker.first()
        say("what can it do?")
        checks = tuple(capabilities(asker))
        pointings: list[Pointing] = []
        pictures = golden() if seat.model.convention is not None else ()
        for index, picture in enumerate(pictures):
            say(f"where is it? picture {index + 1} of {len(pictures)}")
            pointings += asker.points(picture, "zh" if index % 2 else "en")
        say("where is it, in a call?")
        checks += tuple(asker.aims())
    finally:
        asker.engine.close()
    made = Probe(
        seat=seat.name,
        address=seat.base_url,
        model=seat.model.name,
        asked_id=seat.model_id,
        model_id=asker.model_id,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        declared=seat.model.convention,
        inferred=_inferred(pointings, seat.model.convention),
        checks=checks,
        pointings=tuple(pointings),
        latency_s=asker.latency_s,
        tokens=asker.tokens,
        modes=tuple(mode for mode in MODES if mode in asker.works),
    )
    return replace(made, reasons=(*_reasons(made), *_strangers(asker)))


def _strangers(asker: Asker) -> tuple[str, ...]:
    """What one model shows proves nothing of another that answers at the same address."""
    if not asker.strangers:
        return ()
    others = ", ".join(sorted(map(repr, asker.strangers)))
    return (f"{asker.model_id!r} answered, and then {others} at the same address",)


def _inferred(pointings: list[Pointing], declared: str | None) -> str | None:
    """The convention that the answers' numbers fit: the declared one if it does, else the best."""
    points = [one for one in pointings if one.kind == "point"] or pointings
    points = [one for one in points if one.numbers]
    if not points or declared is None:
        return None

    def hits(name: str) -> int:
        return sum(_would_hit(name, one) for one in points)

    # Scales that differ by a thousandth tell nothing apart by one hit more or less.
    if hits(declared) >= _HITS * len(points):
        return declared
    names = [declared, *(name for name in CONVENTIONS if name != declared)]
    best = max(names, key=hits)
    return best if hits(best) else None


def _would_hit(name: str, one: Pointing) -> bool:
    """Whether a point, or the middle of a box, would lie on its part in another convention."""
    how = convention(name)
    pairs = [one.numbers[i : i + 2] for i in range(0, len(one.numbers), 2)]
    try:
        places = [how.decode_point(pair, one.seen) for pair in pairs]
    except GroundingError:
        return False
    u, v = (sum(values) / len(places) for values in zip(*places, strict=True))
    return lies_on((u, v), one.truth)


def _reasons(made: Probe) -> tuple[str, ...]:
    """Why it may not move a robot."""
    reasons = []
    hits, asked = made.hits
    if made.declared is None:
        reasons.append("it is not asked for coordinates: it can plan in a pair, and not point")
    elif hits < _HITS * asked:
        reasons.append(f"{hits} of {asked} points hit their part; {_HITS:.0%} are needed")
    if made.iou is not None and made.iou < _IOU:
        reasons.append(f"boxes overlap by {made.iou:.2f} (median); {_IOU} is needed")
    if made.inferred not in (None, made.declared):
        reasons.append(
            f"its numbers fit the convention {made.inferred!r}, and its profile says "
            f"{made.declared!r}"
        )
    if not made.modes:
        reasons.append(_NO_CALLS)
    return tuple(reasons)
