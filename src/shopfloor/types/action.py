"""What is asked of the body, and what the guard says to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shopfloor.types.frame import FloatArray

__all__ = ["Action", "ActionChunk", "Plan", "Ruling", "Source"]

Source = Literal["brain", "skill", "person", "guard"]


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One command for every limb of the body.

    Attributes:
        targets: ``(dof,)`` joint position targets [rad] by limb.
        jaw_m: Jaw opening target [m] by limb.
        tick: Tick for which the command was made.
        seq: Counts the commands of a lot from 0.
        source: Who asked for it.
    """

    targets: Mapping[str, FloatArray]
    jaw_m: Mapping[str, float]
    tick: int
    seq: int
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class ActionChunk:
    """A stretch of commands for one or more limbs.

    Attributes:
        targets: ``(n, dof)`` joint position targets [rad] by limb; all with the same n.
        jaw_m: ``(n,)`` jaw opening targets [m] by limb; a limb left out keeps its jaw as
            last commanded.
        period_s: Time from one row to the next [s]. Row 0 is where the limb is to be at
            ``observed_tick``, so the first row that still moves anything is row 1.
        observed_tick: Tick of the observation that the chunk answers. Rows whose time
            has passed are dropped; the rest is resampled to the cell's ticks.
        replan_after: Ask again after so many ticks; None means after the last row.
    """

    targets: Mapping[str, FloatArray]
    jaw_m: Mapping[str, FloatArray]
    period_s: float
    observed_tick: int
    replan_after: int | None = None

    @property
    def limbs(self) -> tuple[str, ...]:
        """The limbs this chunk moves."""
        return tuple(self.targets)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where a limb will be: its commanded joints from ``tick`` on, then still.

    Attributes:
        tick: Tick of row 0.
        q: ``(n, dof)`` joint positions [rad], one row a tick; the last row holds on.
    """

    tick: int
    q: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """What the guard decided about one action.

    Attributes:
        verdict: ``pass`` as asked, ``limit`` with the action changed, ``stop`` with the
            action replaced by the hold.
        action: What goes to the cell.
        rule: Name of the rule that decided (``joint.velocity``), or None for ``pass``.
        detail: Numbers that made the rule speak, for the log.
    """

    verdict: Literal["pass", "limit", "stop"]
    action: Action
    rule: str | None = None
    detail: Mapping[str, float | str] = field(default_factory=dict)
