"""What is to be done: parts, goals, orders, lots; and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "COLOURS",
    "SHAPES",
    "SIZES",
    "Goal",
    "Language",
    "Lot",
    "Order",
    "Outcome",
    "Part",
    "Rule",
    "Select",
    "UnitOutcome",
]

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple")
SHAPES = ("cube", "cylinder", "bar")
SIZES = ("small", "large")
Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Part:
    """A loose part on the tray.

    Attributes:
        id: Unique in the lot (``p0``).
        colour, shape, size: One of ``COLOURS``, ``SHAPES``, ``SIZES``.
        x_m, y_m: Where it starts, in the world [m].
        yaw_rad: Its rotation about the vertical [rad].
    """

    id: str
    colour: str
    shape: str
    size: str
    x_m: float
    y_m: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Select:
    """Which parts a rule is about; None means any."""

    colour: str | None = None
    shape: str | None = None
    size: str | None = None

    def matches(self, part: Part) -> bool:
        """Whether the part has every property that is asked for."""
        return (
            self.colour in (None, part.colour)
            and self.shape in (None, part.shape)
            and self.size in (None, part.size)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """Parts that match ``select`` go to ``tote``; with a count, any so many of them.

    ``tote`` None means that such parts stay where they are.
    """

    select: Select
    tote: str | None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """Rules in the order in which they apply: a part follows the first that matches it."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An instruction, the parts it concerns, and a goal the judge can decide.

    Attributes:
        id: Stable name (``sorting-1000-0007``).
        instruction: What the brain is told.
        language: ``en`` or ``zh``.
        goal: What the judge decides by; never shown to a brain.
        time_limit_s: The order is failed with ``order.timeout`` after so long [s].
        documents: Documents that come with the order.
    """

    id: str
    instruction: str
    language: Language
    goal: Goal
    time_limit_s: float
    documents: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Lot:
    """One tray: the unit of reset, seeding, parallelism and resume.

    Attributes:
        index: Its place in the shift, from 0.
        seed: Seed of everything that varies in it.
        parts: What lies on the tray.
        totes: Names of the totes, in the order of the cell's tote slots.
        orders: What is to be done, in order. The sorting cell has one order a lot.
    """

    index: int
    seed: int
    parts: tuple[Part, ...]
    totes: tuple[str, ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """Where one part ended: ``good``, ``scrap``, ``wip``, ``quarantine`` or ``bystander``.

    ``code`` is the failure code of a unit that is not good, with the tick it began.
    """

    part: str
    state: Literal["good", "scrap", "wip", "quarantine", "bystander"]
    code: str | None = None
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judge's word on one order.

    Attributes:
        good: Every named unit is where it should be at the end, nothing else was moved.
        ever: The same held at any one settled moment.
        code: Exactly one root failure code when not good, else None.
        code_tick: Tick at which that failure began.
        units: One entry for each part of the lot.
        ticks: How long the order took.
    """

    good: bool
    ever: bool
    code: str | None
    code_tick: int | None
    units: tuple[UnitOutcome, ...] = field(default=())
    ticks: int = 0
