"""The outline of a flat top face: its rectangle, and how much of that it fills."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.types import FloatArray, Frame

__all__ = ["Outline", "is_round", "lean", "outline", "without_sides"]

_ROUND = 1.347


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


def is_round(points: FloatArray) -> bool:
    """Whether a face seen as ``(n, 2)`` points is a disc rather than a square, however blurred.

    Made as wide as it is long, and as high as wide, by its second moments, a disc or an ellipse has
    E[r⁴] / E[r²]² = 4/3, and a square or a parallelogram 7/5; corners that a picture rounds bring
    that down to 1.352 at least, as measured at noise level 4, where no disc came above 1.341. All
    pixels have their say in it, where the fill of a rectangle hangs on the outermost.
    """
    middle = points - points.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(middle.T))
    even = middle @ axes / np.sqrt(np.maximum(spread, 1e-12))
    square = (even * even).sum(axis=1)
    return bool((square * square).mean() < _ROUND * square.mean() ** 2)


def lean(frame: Frame, seen: Outline, top_m: float, floor_m: float) -> FloatArray:
    """``(2,)`` from a part's top face to where its foot is seen, at the height of the top [m]."""
    eye = frame.camera_in_world[:3, 3]
    share = (top_m - floor_m) / max(float(eye[2]) - floor_m, 1e-3)
    return np.asarray(share * (eye[:2] - (seen.x_m, seen.y_m)))


def without_sides(seen: Outline, lean_m: FloatArray) -> Outline:
    """Take the sides of an upright part off the outline of all that is seen of it.

    From above, a box shows as the hull of its top face and of the same face moved by ``lean_m``,
    where its foot is seen: longer and wider by what that is along each side.

    Args:
        seen: Outline of top and sides together, at the height of the top.
        lean_m: ``(2,)`` from the top face to where the foot shows at that height [m].
    """
    across = np.array([np.cos(seen.yaw_rad), np.sin(seen.yaw_rad)])
    along = np.array([-across[1], across[0]])
    wider, longer = abs(float(across @ lean_m)), abs(float(along @ lean_m))
    width, length = max(seen.width_m - wider, 1e-4), max(seen.length_m - longer, 1e-4)
    whole = seen.fill * seen.width_m * seen.length_m
    face = whole - wider * length - longer * width
    x, y = np.array([seen.x_m, seen.y_m]) - lean_m / 2
    turned = width > length
    return Outline(
        x_m=float(x),
        y_m=float(y),
        width_m=min(width, length),
        length_m=max(width, length),
        yaw_rad=(seen.yaw_rad + (np.pi / 2 if turned else 0.0) + np.pi / 2) % np.pi - np.pi / 2,
        fill=face / (width * length),
    )
