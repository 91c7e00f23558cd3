"""What a brain's thinking time costs on the virtual clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from shopfloor import plugins
from shopfloor.errors import UsageError

__all__ = ["DEADLINE_S", "Charge", "Latency", "usual"]

DEADLINE_S = 60.0
"""A brain decides within so long unless somebody says otherwise [s]."""


class Charge(Protocol):
    """What a decision costs."""

    def ticks(self, wall_s: float, control_dt: float, *, late: bool = False) -> int:
        """Ticks charged for the decision just made, which took ``wall_s`` [s].

        ``late`` says that none was made: ``wall_s`` is the deadline.
        """
        ...


def usual(brain: str) -> str:
    """Return what thinking costs unless somebody says otherwise, as ``Latency.parse`` reads it.

    A model's thinking takes as long as it takes; ours is charged the same every time.
    """
    return "fixed:40" if brain in plugins.names("brains") else "measured"


@dataclass(frozen=True, slots=True)
class Latency:
    """One of the three latency modes.

    Attributes:
        mode: ``measured`` charges the wall time of each decision, ``fixed`` a constant,
            ``none`` pauses the world while the brain thinks.
        fixed_ms: The constant [ms], for ``fixed``.
    """

    mode: str
    fixed_ms: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Latency:
        """Read ``measured``, ``fixed:MS`` or ``none``.

        Raises:
            UsageError: It is none of these.
        """
        if text in ("measured", "none"):
            return cls(text)
        mode, _, value = text.partition(":")
        try:
            ms = float(value)
        except ValueError:
            ms = math.nan
        if mode != "fixed" or not 0 <= ms <= 600_000:
            raise UsageError(
                f"latency {text!r} is not known; give measured, none, or fixed:MS with MS from 0 "
                "to 600000, such as fixed:40"
            )
        return cls(mode, ms)

    def ticks(self, wall_s: float, control_dt: float, *, late: bool = False) -> int:
        """Ticks charged for a decision that took ``wall_s`` [s], rounded up.

        A decision that was not made in time costs the whole wait, even where one that is made
        costs a constant.
        """
        if self.mode == "none":
            return 0
        seconds = wall_s if late or self.mode == "measured" else self.fixed_ms / 1000
        return math.ceil(seconds / control_dt - 1e-9)

    @property
    def note(self) -> str | None:
        """What the report's first line must say, or None."""
        if self.mode == "none":
            return "The world was paused while the brain was thinking (--latency none)."
        return None

    def __str__(self) -> str:
        return f"fixed:{self.fixed_ms:g}" if self.mode == "fixed" else self.mode
