"""How high the surface stands at places of the world."""

from __future__ import annotations

import numpy as np

from shopfloor.perception.colour import GREY
from shopfloor.perception.deproject import pixel
from shopfloor.perception.relief import Relief, relief
from shopfloor.types import FloatArray, Frame

__all__ = ["surface"]

_MOST = 0.9


def surface(frame: Frame, xy: FloatArray, z_guess: float, radius_m: float) -> FloatArray:
    """Height of what is seen around places.

    Args:
        frame: An RGB-D frame that looks down on them.
        xy: ``(n, 2)`` places in the world [m].
        z_guess: Height at which the places are expected [m].
        radius_m: How far around each place to look [m].

    Returns:
        ``(n,)`` height of the highest thing there [m]; NaN where the place lies outside the
        picture.
    """
    out = np.full(len(xy), np.nan)
    height, width = frame.pixels.shape[:2]
    places = np.column_stack([xy, np.full(len(xy), z_guess)])
    reach = radius_m * frame.intrinsics.fx
    distance = np.abs((places - frame.camera_in_world[:3, 3]) @ frame.camera_in_world[:3, 2])
    for i, (u, v) in enumerate(pixel(frame, places)):
        r = reach / distance[i]
        left, right = max(int(u - r), 0), min(int(u + r) + 1, width)
        top, bottom = max(int(v - r), 0), min(int(v + r) + 1, height)
        if left < right and top < bottom:
            out[i] = _highest(relief(frame, (left, top, right, bottom)))
    return out


def _highest(seen: Relief) -> float:
    """Height of the highest thing in a window [m].

    The largest of many noisy heights is too large: there, what most of the coloured pixels keep
    below counts, or most of the others.
    """
    z = seen.points[..., 2]
    if not seen.noisy:
        return float(z.max())
    coloured = seen.colours != GREY
    return max(float(np.quantile(z[part], _MOST)) for part in (coloured, ~coloured) if part.any())
