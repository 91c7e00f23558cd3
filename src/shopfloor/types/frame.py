"""What a camera sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BoolArray", "FloatArray", "Frame", "Intrinsics", "UInt8Array"]

FloatArray = npt.NDArray[np.floating[Any]]
UInt8Array = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """Pinhole intrinsics without distortion.

    ``u = fx * x / z + cx`` and ``v = fy * y / z + cy`` [px], where the centre of the
    top-left pixel is (0.5, 0.5); camera axes are x right, y down, z forward (OpenCV).
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: Name of the camera, as in ``CellSpec.cameras``.
        pixels: ``(H, W, 3)`` uint8 RGB, row 0 at the top.
        depth: ``(H, W)`` float32 distance along the optical axis [m], 0 where nothing was
            measured; or None.
        seq: Counts the frames of this camera from 0 within a lot.
        captured_tick: Tick at which the picture was taken.
        intrinsics: Of exactly this picture (its own size).
        camera_in_world: ``(4, 4)`` calibrated pose of the camera, OpenCV axes; as good as the
            calibration is.
    """

    camera: str
    pixels: UInt8Array
    depth: npt.NDArray[np.float32] | None
    seq: int
    captured_tick: int
    intrinsics: Intrinsics
    camera_in_world: FloatArray
