"""The outline of a flat top face: its rectangle, and how much of that it fills."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.types import FloatArray

__all__ = ["Outline", "outline"]


@dataclass(frozen=True, slots=True)
class Outline:
    """Smallest rectangle around a face, seen from above.

    Attributes:
        x_m, y_m: Its centre in the world [m].
        width_m, length_m: Its sides [m], the shorter first.
        yaw_rad: Direction of the shorter side about the vertical [rad], in [-pi/2, pi/2).
        fill: Area of the face over the area of the rectangle: 1 for a square, pi/4 for a disc.
    """

    x_m: float
    y_m: float
    width_m: float
    length_m: float
    yaw_rad: float
    fill: float


def outline(points: FloatArray, pitch_m: float) -> Outline:
    """Outline of a face that is seen as points.

    Args:
        points: ``(n, 2)`` x and y in the world [m] of the pixels that show the face.
        pitch_m: Distance between neighbouring pixels on the face [m].
    """
    origin = points.mean(axis=0)
    # OpenCV wants float32; millimetres around the mean keep all the digits that matter.
    (cx, cy), (a, b), degrees = cv2.minAreaRect(((points - origin) * 1000).astype(np.float32))
    # The points are pixel centres: the face reaches half a pixel further on every side.
    a, b = a / 1000 + pitch_m, b / 1000 + pitch_m
    yaw = np.radians(degrees) + (0.0 if a <= b else np.pi / 2)
    yaw = (yaw + np.pi / 2) % np.pi - np.pi / 2
    width, length = min(a, b), max(a, b)
    return Outline(
        x_m=float(origin[0] + cx / 1000),
        y_m=float(origin[1] + cy / 1000),
        width_m=float(width),
        length_m=float(length),
        yaw_rad=float(yaw),
        fill=float(len(points) * pitch_m**2 / (width * length)),
    )
