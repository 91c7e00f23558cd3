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
_LEEWAY = 1e-6
"""Share of a squared distance that is rounding: standing still is no approach."""


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
    rows = _stations(len(path))
    mine, radii = geometry.spheres(limb, path[rows]), geometry.radii(limb)
    keep = context.limits.limb_distance_m + _MARGIN_M
    meetings = []
    longest = 0
    for name, plan in others.items():
        rest = plan.q[min(max(tick - plan.tick, 0), len(plan.q) - 1) :]
        at = _stations(len(rest))
        theirs = geometry.spheres(name, rest[at])
        free = _free(mine, radii + keep, theirs, geometry.radii(name))
        if not free.all():
            meetings.append((at, free))
            longest = max(longest, len(rest))
    for wait in range(0, longest + _STEP, _STEP):
        if all(_passes(rows + wait, at, free) for at, free in meetings):
            return wait
    return None


def _stations(count: int) -> FloatArray:
    """Rows of a path that are looked at: every few, and the last."""
    return np.unique(np.append(np.arange(0, count, _STRIDE), count - 1))


def _free(
    mine: FloatArray, my_radii: FloatArray, theirs: FloatArray, their_radii: FloatArray
) -> FloatArray:
    """``(n, m)``: whether row i of one sphere cover stays apart from row j of the other."""
    free = np.ones((len(mine), len(theirs)), bool)
    # Most spheres never come near the other limb: leave them out before comparing all with all.
    a = _near(mine, my_radii, theirs, their_radii)
    b = _near(theirs, their_radii, mine, my_radii)
    if not a.any() or not b.any():
        return free
    near, far = mine[:, a], theirs[:, b]
    gap = near[0][:, None, :] - far[0][None, :, :]
    # Two that already stand nearer than that, such as after a stop, may still part: each pair of
    # spheres must stay as far apart as it should, or at least as far as it is.
    apart = np.einsum("klx,klx->kl", gap, gap) * (1.0 - _LEEWAY)
    square = np.minimum((my_radii[a][:, None] + their_radii[b]) ** 2, apart)
    for i, row in enumerate(near):
        gap = row[None, :, None, :] - far[:, None, :, :]
        free[i] = (np.einsum("jklx,jklx->jkl", gap, gap) >= square).all(axis=(1, 2))
    return free


def _near(
    spheres: FloatArray, radii: FloatArray, others: FloatArray, other_radii: FloatArray
) -> FloatArray:
    """``(k,)``: which spheres ever reach into the box around all of the others."""
    low = (others - other_radii[:, None]).min(axis=(0, 1))
    high = (others + other_radii[:, None]).max(axis=(0, 1))
    reach = radii[:, None]
    inside = (spheres + reach > low) & (spheres - reach < high)
    return np.asarray(inside.all(axis=2).any(axis=0))


def _passes(rows: FloatArray, at: FloatArray, free: FloatArray) -> bool:
    """Whether two paths stay apart in time; each holds still before and after its rows."""
    times = np.union1d(rows, at)
    i = np.clip(np.searchsorted(rows, times, side="right") - 1, 0, len(rows) - 1)
    j = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 1)
    return bool(free[i, j].all())
