"""Right of way: when may a limb set out, so that it never meets another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopfloor.skill.context import SkillContext
from shopfloor.types import FloatArray, Plan

__all__ = ["delay"]

_MARGIN_M = 0.015
"""Kept above the stated separation, for tracking errors."""
_STRIDE = 3
"""Look at every third tick: at 1 m/s that is 60 mm, covered by spheres of that size."""
_STEP = 3
"""Delays that are tried [ticks]."""


def delay(
    context: SkillContext, limb: str, path: FloatArray, others: Mapping[str, Plan], tick: int
) -> int | None:
    """Find the least delay with which a path is free.

    The other limbs keep to their plans and stand where those end; so does this limb. Whoever
    plans later gives way, so two limbs can't both believe that they go first.

    Args:
        context: Where the skill works.
        limb: Which limb is to move.
        path: ``(n, dof)`` joint positions [rad], one row a tick.
        others: Plans of the other limbs.
        tick: Now.

    Returns:
        Ticks to wait before row 0, or None if the way is not free however long the others'
        known plans are waited for.
    """
    geometry = context.geometry
    rows = np.unique(np.append(np.arange(0, len(path), _STRIDE), len(path) - 1))
    mine = geometry.spheres(limb, path[rows])
    low, high = mine.min(axis=(0, 1)), mine.max(axis=(0, 1))
    radii = geometry.radii(limb)
    keep = context.limits.limb_distance_m + _MARGIN_M
    blockers = []
    longest = 0
    for name, plan in others.items():
        rest = plan.q[min(max(tick - plan.tick, 0), len(plan.q) - 1) :]
        at = np.unique(np.append(np.arange(0, len(rest), _STRIDE), len(rest) - 1))
        theirs = geometry.spheres(name, rest[at])
        reach = geometry.radii(name).max() + radii.max() + keep
        if np.any(theirs.min(axis=(0, 1)) > high + reach) or np.any(
            theirs.max(axis=(0, 1)) < low - reach
        ):
            continue
        blockers.append((at, theirs, (radii[:, None] + geometry.radii(name) + keep) ** 2))
        longest = max(longest, len(rest))
    if not blockers:
        return 0
    for wait in range(0, longest + _STEP, _STEP):
        if all(_free(rows + wait, mine, at, theirs, square) for at, theirs, square in blockers):
            return wait
    return None


def _free(
    rows: FloatArray, mine: FloatArray, at: FloatArray, theirs: FloatArray, square: FloatArray
) -> bool:
    """Whether two sphere covers stay apart; each holds still before and after its rows."""
    times = np.union1d(rows, at)
    a = mine[np.clip(np.searchsorted(rows, times, side="right") - 1, 0, len(rows) - 1)]
    b = theirs[np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 1)]
    gap = a[:, :, None, :] - b[:, None, :, :]
    return bool(np.all(np.einsum("tijk,tijk->tij", gap, gap) >= square))
