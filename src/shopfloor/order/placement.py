"""Where parts lie on the tray: inside it, apart from each other, at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot, pi

import numpy as np

from shopfloor.order.part import corners, footprint
from shopfloor.types import Part

__all__ = ["GAP_M", "TRAY_HALF_M", "inside", "scatter"]

TRAY_HALF_M = (0.19, 0.16)
"""Half sizes of the tray's inner rectangle around the world's origin [m]."""

GAP_M = 0.022
"""Least gap between the circles around two parts: a finger fits between them [m]."""

_TRIES = 200
_RESTARTS = 25


def inside(part: Part) -> bool:
    """Return whether the whole outline lies inside the tray's inner rectangle."""
    return all(abs(x) <= TRAY_HALF_M[0] and abs(y) <= TRAY_HALF_M[1] for x, y in corners(part))


def _drop(part: Part, lying: Sequence[Part], rng: np.random.Generator) -> Part | None:
    radius = footprint(part).radius_m
    reach = [TRAY_HALF_M[0] - radius, TRAY_HALF_M[1] - radius]
    points = rng.uniform(-1.0, 1.0, (_TRIES, 2)) * reach
    yaw = float(rng.uniform(-pi, pi))
    for x, y in points.tolist():
        if all(
            hypot(x - other.x_m, y - other.y_m) >= radius + footprint(other).radius_m + GAP_M
            for other in lying
        ):
            return replace(part, x_m=x, y_m=y, yaw_rad=yaw)
    return None


def scatter(
    parts: Sequence[Part], rng: np.random.Generator, *, fixed: Sequence[Part] = ()
) -> tuple[Part, ...] | None:
    """Place parts uniformly at random on the tray; None where no place was found.

    Rejection sampling: the circles around any two parts stay ``GAP_M`` apart, and every
    circle lies inside the tray. The work is bounded, so a crowded tray gives None.

    Args:
        parts: What to place; their own positions are ignored.
        rng: Where the randomness comes from.
        fixed: Parts that already lie there.
    """
    # Large parts first: they are the ones that find no place later.
    order = sorted(range(len(parts)), key=lambda i: -footprint(parts[i]).radius_m)
    for _ in range(_RESTARTS):
        placed: dict[int, Part] = {}
        for i in order:
            found = _drop(parts[i], (*fixed, *placed.values()), rng)
            if found is None:
                break
            placed[i] = found
        else:
            return tuple(placed[i] for i in range(len(parts)))
    return None
