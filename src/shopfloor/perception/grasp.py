"""Where a parallel jaw can take hold of what stands at a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.perception.deproject import cloud, point, window
from shopfloor.perception.outline import outline
from shopfloor.types import Frame

__all__ = ["Grasp", "grasp_at"]

_WINDOW_M = 0.09
"""How far around the pixel the neighbourhood is looked at: longer than any part with a finger."""
_LEAST_HEIGHT_M = 0.008
_FACE_M = 0.004
_COLOUR_GAP = 28.0
"""Largest distance in OpenCV's Lab between pixels of one part."""
_FINGER_M = (0.014, 0.026)
"""What a fingertip needs: along and across the closing direction."""
_OPEN_M = 0.010
"""How far each finger stays off the part before it closes."""
_TIP_M = 0.010
"""Height of the fingertips over what the part stands on, when they close."""
_OVERLAP_M = 0.009
"""How deep they reach beside the part where it is too low for that..."""
_LEAST_OVERLAP_M = 0.005
"""...and the least that holds a part whose surroundings are high."""
_AIR_M = 0.003
"""Kept between the fingertips and what lies below them."""
_DISC = 0.89
_RING_PX = 15


@dataclass(frozen=True, slots=True)
class Grasp:
    """A top-down grasp.

    Attributes:
        x_m, y_m: Between the fingertips, in the world [m].
        top_m: Height of the part's top face [m].
        floor_m: Height of what it stands on [m].
        yaw_rad: Direction in which the jaw closes, about the vertical [rad].
        width_m: Width of the part in that direction [m].
        obstacle_m: Highest thing where the fingertips go down [m].
        tip_m: Height of the fingertips when they close [m]; above ``obstacle_m``.
    """

    x_m: float
    y_m: float
    top_m: float
    floor_m: float
    yaw_rad: float
    width_m: float
    obstacle_m: float
    tip_m: float


def grasp_at(
    frame: Frame, u: float, v: float, jaw_max_m: float, *, prefer_rad: float = 0.0
) -> Grasp | None:
    """Find the best grasp of the part that shows at pixel (u, v).

    Args:
        frame: RGB-D frame from above.
        u, v: Pixel on the part.
        jaw_max_m: Widest opening of the jaw [m].
        prefer_rad: Closing direction to take among equals [rad].

    Returns:
        None where nothing stands at the pixel or nothing that the jaw can take.
    """
    centre = point(frame, u, v)
    offsets = np.array(
        [[a, b, 0.0] for a in (-_WINDOW_M, _WINDOW_M) for b in (-_WINDOW_M, _WINDOW_M)]
    )
    part = left, top, right, bottom = window(frame, centre + offsets)
    if left >= right or top >= bottom:
        return None
    points = cloud(frame, part)
    z = points[..., 2]
    floor = float(np.quantile(z, 0.2))
    column, row = int(u) - left, int(v) - top
    if not (0 <= row < z.shape[0] and 0 <= column < z.shape[1]):
        return None
    if z[row, column] < floor + _LEAST_HEIGHT_M:
        return None
    inside = _grow(frame.pixels[top:bottom, left:right], z > floor + _LEAST_HEIGHT_M, row, column)
    floor = _floor(z, inside, floor)
    highest = float(np.quantile(z[inside], 0.9))
    face = inside & (z > highest - _FACE_M)
    pitch = abs(highest - float(frame.camera_in_world[2, 3])) / frame.intrinsics.fx
    if face.sum() < 12:
        return None
    seen = outline(points[face][:, :2], pitch)
    disc = seen.fill < _DISC and seen.length_m < 1.3 * seen.width_m
    if disc:
        width = 0.5 * (seen.width_m + seen.length_m)
        choices = [(k * np.pi / 6, width) for k in range(-3, 3)]
    else:
        choices = [(seen.yaw_rad, seen.width_m), (seen.yaw_rad + np.pi / 2, seen.length_m)]
    best: tuple[float, Grasp] | None = None
    others = np.where(inside, floor, z)
    for yaw, width in choices:
        if width + 0.006 > jaw_max_m:
            continue
        obstacle = _obstacle(
            points[::2, ::2], others[::2, ::2], (seen.x_m, seen.y_m), yaw, width, floor
        )
        tip = max(min(floor + _TIP_M, highest - _OVERLAP_M), max(obstacle, floor) + _AIR_M)
        if tip > highest - _LEAST_OVERLAP_M:
            continue  # the fingers would stand on what is beside it
        # Lower ground for the fingers first, then the narrower side.
        turn = abs((yaw - prefer_rad + np.pi / 2) % np.pi - np.pi / 2)
        cost = round(max(obstacle - floor - 0.007, 0.0), 3) + 0.05 * width + 1e-4 * turn
        if best is None or cost < best[0]:
            grasp = Grasp(seen.x_m, seen.y_m, highest, floor, float(yaw), width, obstacle, tip)
            best = cost, grasp
    return best[1] if best else None


def _grow(pixels: np.ndarray, solid: np.ndarray, row: int, column: int) -> np.ndarray:
    """Pixels of the part that shows at (row, column): solid, connected, and of one colour."""
    lab = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB).astype(np.float32)
    hue = lab[..., 1:] - lab[row, column, 1:]  # shading changes lightness, not these two
    near = solid & (np.hypot(hue[..., 0], hue[..., 1]) < _COLOUR_GAP)
    _, labels = cv2.connectedComponents(near.astype(np.uint8), connectivity=4)
    return np.asarray((labels == labels[row, column]) & near)


def _floor(z: np.ndarray, inside: np.ndarray, rough_m: float) -> float:
    """Height of what the part stands on, seen right around it: the table may lie lower."""
    near = cv2.dilate(inside.astype(np.uint8), np.ones((_RING_PX, _RING_PX), np.uint8)) > 0
    ring = z[near & (z < rough_m + _LEAST_HEIGHT_M)]
    return float(np.median(ring)) if ring.size else rough_m


def _obstacle(
    points: np.ndarray,
    z: np.ndarray,
    centre: tuple[float, float],
    yaw: float,
    width: float,
    floor: float,
) -> float:
    """Highest point where the two fingertips would come down [m]."""
    dx, dy = points[..., 0] - centre[0], points[..., 1] - centre[1]
    along = np.abs(dx * np.cos(yaw) + dy * np.sin(yaw))
    across = np.abs(-dx * np.sin(yaw) + dy * np.cos(yaw))
    inner = width / 2 + 0.001
    under = (along > inner) & (along < inner + _OPEN_M + _FINGER_M[0]) & (across < _FINGER_M[1] / 2)
    return float(z[under].max()) if under.any() else floor
