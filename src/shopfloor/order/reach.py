"""How far parts reach from their centres, however they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopfloor.order.part import footprint
from shopfloor.types import FloatArray, Part

__all__ = ["reach"]


def reach(parts: Sequence[Part], quat: FloatArray) -> FloatArray:
    """Return how far parts reach from their centres along the world's axes.

    Args:
        parts: Boxes, and cylinders about their own z.
        quat: ``(n, 4)`` their orientations (w, x, y, z).

    Returns:
        ``(n, 3)`` [m].
    """
    found = np.empty((len(parts), 3))
    for row, part, (w, x, y, z) in zip(found, parts, quat.tolist(), strict=True):
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        outline = footprint(part)
        if outline.round:
            axis = np.abs(rotation[:, 2])
            row[:] = outline.half_m[2] * axis + outline.radius_m * np.sqrt(
                np.maximum(1 - axis**2, 0.0)
            )
        else:
            row[:] = np.abs(rotation) @ outline.half_m
    return found
