"""The seams of the house, as Protocols with as few methods as the loop needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from shopfloor.types.action import Action, ActionChunk, Plan, Ruling
from shopfloor.types.decision import Decision, Exchange, Needs, Reply, SkillCall, SkillResult
from shopfloor.types.frame import Frame
from shopfloor.types.limits import Limits
from shopfloor.types.lot import Lot, Order, Outcome
from shopfloor.types.observation import Event, Observation, Timestep
from shopfloor.types.spec import CellSpec

__all__ = [
    "Brain",
    "Cell",
    "Deferred",
    "Guard",
    "GuardState",
    "Judge",
    "OrderSource",
    "Recorder",
    "Skill",
]

GuardState = TypeVar("GuardState")
"""What a guard remembers from one tick to the next; its own affair."""


@runtime_checkable
class Cell(Protocol):
    """A body at its stations, simulated or real."""

    spec: CellSpec

    def reset(self, lot: Lot, *, seed: int) -> Timestep:
        """Set the lot up and return tick 0."""
        ...

    def step(self, action: Action) -> Timestep:
        """Apply one action for one tick."""
        ...

    def view(self, camera: str) -> Frame:
        """Take a native-resolution picture now."""
        ...

    def hold(self) -> Action:
        """Return the safe do-nothing from where the body is now; asked for at every tick."""
        ...

    def orders(self, *, seed: int, count: int | None) -> OrderSource:
        """Make the cell's own orders: ``count`` lots, or lots without end.

        A cell that can tell all of them in one language takes ``language``, ``en`` or ``zh``, too.
        """
        ...

    def judge(self) -> Judge:
        """Make the judge that can read this cell's truth."""
        ...

    def stop(self) -> None:
        """Bring the body to a controlled stop. Not the same as holding."""
        ...

    def close(self) -> None:
        """Give back what the cell holds."""
        ...


@runtime_checkable
class Brain(Protocol):
    """Whatever decides.

    One that never waits for anybody may say so with a class attribute ``waits = False``; all others
    are asked in a thread that is given up when their deadline is over.
    """

    needs: Needs

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order. The goal in it is for the judge; reading it is cheating."""
        ...

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Decide what the free limbs do next.

        Whatever it raises fails the order alone. An error may carry an ``exchange``, so that what
        was asked and answered before it is not lost.
        """
        ...

    def close(self) -> None:
        """Give back what the brain holds."""
        ...


@runtime_checkable
class Deferred(Protocol):
    """A brain that is asked now and heard later, while the world goes on: in a live cell."""

    def ask(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> None:
        """Put a question, and wait for nothing."""
        ...

    def heard(self) -> Reply | None:
        """Return the answer, None where there is none yet, or raise what ``act`` would.

        It raises ``TimeoutError`` once the deadline of the last question is over, and whenever
        the brain is gone, also where nothing was asked; no answer can come after that.
        """
        ...


@runtime_checkable
class Skill(Protocol):
    """A bounded sub-policy that a brain can call."""

    name: ClassVar[str]
    schema: ClassVar[Mapping[str, Any]]

    def reset(self, call: SkillCall, observation: Observation) -> None:
        """Begin a call; ``observation`` is the one the brain saw when it decided."""
        ...

    def act(
        self, observation: Observation, others: Mapping[str, Plan]
    ) -> ActionChunk | SkillResult:
        """Return the next stretch of motion, or how the call ended.

        ``others`` says where the other limbs will be, so that two arms never meet.
        """
        ...


@runtime_checkable
class Guard(Protocol[GuardState]):
    """Sees every action before the cell does; cannot be argued with."""

    def start(self, limits: Limits, after: GuardState | None = None) -> GuardState:
        """Return the state before the first action.

        ``after`` commands were lost on their way, limbs stand elsewhere than the state before says:
        where they are is read anew, and nothing else is forgotten.
        """
        ...

    def check(
        self, action: Action, observation: Observation, hold: Action, state: GuardState
    ) -> tuple[Ruling, GuardState]:
        """Rule on one action. Pure: the same arguments give the same answer."""
        ...


@runtime_checkable
class Recorder(Protocol):
    """Durable log of what was seen, asked, answered, ruled, done."""

    def begin(self, lot: Lot, stamp: Mapping[str, str]) -> None:
        """Open the log of a lot."""
        ...

    def step(self, timestep: Timestep, requested: Action, ruling: Ruling) -> None:
        """Log one tick and its new frames."""
        ...

    def event(self, event: Event) -> None:
        """Log an event."""
        ...

    def exchange(
        self,
        tick: int,
        exchange: Exchange,
        *,
        decision: Decision | None = None,
        due: int | None = None,
    ) -> None:
        """Log what was asked of the brain and what it answered.

        ``decision`` is what the loop made of it, which takes effect at the tick ``due``.
        """
        ...

    def view(self, frame: Frame) -> None:
        """Log a native-resolution picture."""
        ...

    def end(self, outcome: Outcome) -> Mapping[str, Any]:
        """Commit the episode and return its index entry."""
        ...


@runtime_checkable
class Judge(Protocol):
    """Decides outcomes from truth; never the brain."""

    def reset(self, lot: Lot, order: Order) -> None:
        """Begin an order."""
        ...

    def judge(self, timestep: Timestep, events: Sequence[Event]) -> Outcome | None:
        """Return the outcome, or None while undecided."""
        ...


@runtime_checkable
class OrderSource(Protocol):
    """Where lots come from: a generator, a file; later a plant system."""

    sha256: str
    """Identifies the content: the same hash gives the same lots."""

    def lots(self) -> Iterator[Lot]:
        """Yield the lots of a shift in their order."""
        ...
