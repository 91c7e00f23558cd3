"""What happened in one episode, as data: to be told on a terminal, on a page, or in pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shopfloor.record import Entry

__all__ = [
    "Call",
    "Ending",
    "Failing",
    "Fate",
    "Peak",
    "Question",
    "Remark",
    "Shown",
    "Story",
    "Stretch",
]

Ending = Literal["done", "failed", "dropped", "refused", "cut off"]
"""How a call can end: ``cut off`` is by the end of the order."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that the brain was shown.

    Attributes:
        camera: Of which camera.
        place: Its place among the camera's views, from 0.
        captured_tick: When it was taken.
        size: (width, height) [px].
    """

    camera: str
    place: int
    captured_tick: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """One exchange with the brain.

    Attributes:
        number: Counts from 1.
        tick: When it was asked.
        shown: New pictures that went with it.
        request, answer, model_id, latency_s, tokens, cost_usd, gauges: As in ``types.Exchange``.
    """

    number: int
    tick: int
    shown: tuple[Shown, ...]
    request: str
    answer: str
    model_id: str
    latency_s: float
    tokens: tuple[int, int] | None
    cost_usd: float | None
    gauges: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a skill.

    Attributes:
        id, skill, limbs, arguments: As in ``types.SkillCall``.
        begun: Tick at which it started, or None if it never did.
        ended: Tick at which it was over.
        ending: How.
        code: Failure code, or None.
        result: What else the skill, or whoever refused the call, had to say.
    """

    id: str
    skill: str
    limbs: tuple[str, ...]
    arguments: Mapping[str, Any]
    begun: int | None
    ended: int
    ending: Ending
    code: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ticks(self) -> int:
        """How long it took; 0 for one that never started."""
        return 0 if self.begun is None else self.ended - self.begun

    def covers(self, tick: int) -> bool:
        """Whether it was under way at a tick, its first and last included."""
        return self.begun is not None and self.begun <= tick <= self.ended


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ticks in a row with the same ruling of the guard.

    Attributes:
        verdict, rule: As in ``types.Ruling``.
        first, last: Ticks, both included.
        detail: Numbers of the first of them.
    """

    verdict: str
    rule: str | None
    first: int
    last: int
    detail: Mapping[str, Any]

    @property
    def ticks(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest force of the episode in one place.

    Attributes:
        where: Name of the limb whose wrist measured it, or ``collision``: what a limb pressed on
            something it should not touch with, which only the simulator knows.
        tick: When.
        force_n: Its size [N].
        calls: Ids of the calls that were under way.
    """

    where: str
    tick: int
    force_n: float
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """Any other event, such as a fault or what the brain claimed at the end."""

    tick: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one part.

    Attributes:
        part: Its id.
        words: What it is (``small red cube``).
        wanted: Where the order may send it; None in it where it may stay.
        state, code, tick: The judge's word, as in ``types.UnitOutcome``.
        ended_in: Station that it lies in at the end; None where it lies in none, or nobody knows.
        known: Whether it is known where it lies: on a real cell it is not.
    """

    part: str
    words: str
    wanted: tuple[str | None, ...]
    state: str
    code: str | None
    tick: int | None
    ended_in: str | None
    known: bool


@dataclass(frozen=True, slots=True)
class Failing:
    """Where a failed order began to fail.

    Attributes:
        code, meaning: The one root cause, and what it means.
        tick: When it began.
        units: Parts that it is about.
        calls: Ids of the calls that were under way, or ended just then.
        question: Number of the last question before it, or None.
    """

    code: str
    meaning: str
    tick: int
    units: tuple[str, ...]
    calls: tuple[str, ...]
    question: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One episode.

    Attributes:
        run: Folder of the run.
        brain, cell, body: From its manifest.
        control_dt: Length of a tick [s].
        notes: What the manifest says a reader must know first.
        entry: The episode's index entry.
        goal: The goal's rules in words.
        time_limit_s: Of the order.
        documents: Size of each document that came with it [bytes].
        fates: Of all parts, in the lot's order.
        questions, calls, stretches, remarks: In the order in which they began.
        malformed: Ticks at which an action without the body's shape was asked for.
        peaks: One for each limb, and ``collision`` where the simulator saw one.
        failing: Where it began to fail, or None.
        limbs: Names.
        frames: For each camera with a video, the tick at which each of its pictures was taken.
        pictures: Whether there are videos to look at.
    """

    run: str
    brain: str
    cell: str
    body: str
    control_dt: float
    notes: tuple[str, ...]
    entry: Entry
    goal: tuple[str, ...]
    time_limit_s: float
    documents: tuple[int, ...]
    fates: tuple[Fate, ...]
    questions: tuple[Question, ...]
    calls: tuple[Call, ...]
    stretches: tuple[Stretch, ...]
    remarks: tuple[Remark, ...]
    malformed: tuple[int, ...]
    peaks: tuple[Peak, ...]
    failing: Failing | None
    limbs: tuple[str, ...]
    frames: Mapping[str, tuple[int, ...]]
    pictures: bool

    @property
    def last_tick(self) -> int:
        """The episode's last tick."""
        return max(self.entry.ticks - 1, 0)

    def views(self, camera: str) -> int:
        """How many pictures of a camera the brain was shown."""
        places = (s.place for each in self.questions for s in each.shown if s.camera == camera)
        return max(places, default=-1) + 1

    def busy_ticks(self, limb: str) -> int:
        """For how long a limb had a call to carry out."""
        return sum(call.ticks for call in self.calls if limb in call.limbs)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; ``printable.json_text`` writes them."""
        values = {name: getattr(self, name) for name in self.__slots__}
        del values["frames"]
        for name in ("fates", "questions", "calls", "stretches", "remarks", "peaks"):
            values[name] = [asdict(each) for each in values[name]]
        values["entry"] = self.entry.to_json()
        values["failing"] = None if self.failing is None else asdict(self.failing)
        values["frames"] = {camera: len(ticks) for camera, ticks in self.frames.items()}
        return values
