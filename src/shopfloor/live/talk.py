"""What the processes of a live cell say to each other. Times are of the monotonic clock [s]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopfloor.types import (
    Action,
    BrainContext,
    Event,
    Exchange,
    Frame,
    Lot,
    Needs,
    Observation,
    Order,
    Reply,
    Timestep,
)

__all__ = [
    "Alarm", "Answer", "Ask", "Beat", "Begin", "Drive", "Fault", "FromBrain", "FromPlant", "Hello",
    "Hire", "Load", "Look", "Pulse", "Release", "Rest", "Seen", "State", "Stop", "ToBrain", "ToDog",
    "ToLoop", "ToPlant",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Beat:
    """The sender's own loop has come round once more."""

    number: int


# The loop and the plant.


@dataclass(frozen=True, slots=True)
class Load:
    """Set up a lot."""

    lot: Lot
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """A command, ruled on by the guard."""

    action: Action


@dataclass(frozen=True, slots=True)
class Look:
    """Take a native-resolution picture."""

    camera: str


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One tick of the plant.

    Attributes:
        lot: Index of the lot.
        timestep: What the sensors say.
        hold: What would keep it where it is.
        missed: Ticks so far for which the plant's clock came too late.
        stale: Ticks so far in which it held because no fresh command was there.
        stopped: Why it takes no command, or None.
    """

    lot: int
    timestep: Timestep
    hold: Action
    missed: int
    stale: int
    stopped: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture that was asked for."""

    frame: Frame


# The watchdog's lines.


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the plant measures of its own motion, every tick.

    Attributes:
        at_s: When.
        speed_rad_s: Of the fastest joint.
        stopped: Why it takes no command, or None.
    """

    at_s: float
    speed_rad_s: float
    stopped: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Brake, and take no command until somebody releases the cell."""

    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """A person has looked at the cell, and lets it move again."""

    who: str


@dataclass(frozen=True, slots=True)
class Rest:
    """The loop has nothing to do and moves nothing: its silence is no alarm."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the watchdog tells the loop: stopped and why, standing, or released."""

    what: str
    reason: str


# The loop and the brain.


@dataclass(frozen=True, slots=True, eq=False)
class Hire:
    """Who is to decide, and where."""

    brain: str
    context: BrainContext


@dataclass(frozen=True, slots=True)
class Hello:
    """The brain is there."""

    needs: Needs
    identity: str
    facts: Mapping[str, str]
    unproven: str | None


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an order."""

    order: Order
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Decide."""

    number: int
    observation: Observation
    events: tuple[Event, ...]
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """What the brain raised."""

    name: str
    message: str
    code: str | None
    exchange: Exchange | None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of a question: a reply or a fault."""

    number: int
    reply: Reply | None
    fault: Fault | None


# Each line carries one class, so that its reader knows what may come.


@dataclass(frozen=True, slots=True, eq=False)
class ToPlant:
    """From the loop or the watchdog."""

    body: Load | Drive | Look | Beat | Stop | Release


@dataclass(frozen=True, slots=True, eq=False)
class FromPlant:
    """To the loop."""

    body: State | Seen


@dataclass(frozen=True, slots=True)
class ToDog:
    """From the loop or the plant."""

    body: Beat | Rest | Release | Pulse


@dataclass(frozen=True, slots=True)
class ToLoop:
    """From the watchdog."""

    body: Alarm


@dataclass(frozen=True, slots=True, eq=False)
class ToBrain:
    """From the loop."""

    body: Hire | Begin | Ask


@dataclass(frozen=True, slots=True, eq=False)
class FromBrain:
    """From whom nobody trusts."""

    body: Hello | Answer | Beat
