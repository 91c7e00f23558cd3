"""What a cheat is: a played order, and what any judge must say of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from shopfloor.types import Decision, Goal, Lot, Order, Part, Rule, Select

if TYPE_CHECKING:
    from shopfloor.testing.cheat_hand import Hand

__all__ = ["Cheat", "Moment", "Script", "cheat"]

Script = Callable[["Hand"], Generator[Decision, None, None]]
"""What a swindler does: yields decisions, each once the last one's calls have ended."""


_RED_TO_A = Goal((Rule(Select(colour="red"), "A"),))


@dataclass(frozen=True, slots=True)
class Moment:
    """When something went wrong, told by what happened and not in ticks.

    Attributes:
        kind: Within a skill ``call``, or at a ``finish``, the time ``limit``, a guard's
            ``stop``, the ``refusal`` of a call or a ``fault``.
        index: Which of its kind, in order, from 0.
    """

    kind: Literal["call", "finish", "limit", "stop", "refusal", "fault"]
    index: int = 0


@dataclass(frozen=True, slots=True)
class Cheat:
    """One order played by a script that knows where everything lies, and its only right verdict.

    Attributes:
        name: One or two words with a hyphen.
        does: What is done, in one line.
        code: Root failure code; None where the order is good, however it came about.
        states: State of each part at the end, in the lot's order.
        script: What is done.
        when: The moment at which the failure began; None where the order is good.
        ever: Whether the goal held at any one settled moment.
        parts: What lies on the tray.
        goal: What the order asks.
        limit_s: Its time limit [s].
    """

    name: str
    does: str
    code: str | None
    states: tuple[str, ...]
    script: Script
    when: Moment | None = None
    ever: bool = False
    parts: tuple[Part, ...] = (
        Part("p0", "red", "cube", "small", -0.05, 0.06, 0.0),
        Part("p1", "blue", "cube", "small", -0.05, -0.06, 0.0),
    )
    goal: Goal = _RED_TO_A
    limit_s: float = 30.0

    def lot(self) -> Lot:
        """Return the lot it is played with; its first tote is A, its second B."""
        order = Order(self.name, self.does, "en", self.goal, self.limit_s)
        return Lot(0, 11, self.parts, ("A", "B"), (order,))


def cheat(
    code: str | None, *states: str, when: Moment | None = None, **more: Any
) -> Callable[[Script], Cheat]:
    """Make a cheat of a script: its name is the function's, what it does the docstring's."""

    def make(script: Script) -> Cheat:
        name = script.__name__.strip("_").replace("_", "-")
        does = (script.__doc__ or "").strip().rstrip(".")
        return Cheat(name, does, code, states, script, when, **more)

    return make
