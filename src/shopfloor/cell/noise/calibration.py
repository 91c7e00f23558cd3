"""How wrong a camera's calibrated pose is."""

from __future__ import annotations

import cv2
import numpy as np

from shopfloor.cell.noise.level import HandEyeError
from shopfloor.types import FloatArray

__all__ = ["pose_error"]


def pose_error(error: HandEyeError, rng: np.random.Generator) -> FloatArray:
    """Return ``(4, 4)`` from where a camera is to where it is believed to be, in its own axes.

    Exactly so far off and exactly so much turned as the level says, in directions drawn evenly.
    """
    shift, axis = (vector / np.linalg.norm(vector) for vector in rng.standard_normal((2, 3)))
    out = np.eye(4)
    out[:3, :3], _ = cv2.Rodrigues(np.radians(error.turn_deg) * axis)
    out[:3, 3] = error.shift_mm / 1000 * shift
    return out
