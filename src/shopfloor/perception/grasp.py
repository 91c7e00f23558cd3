"""Where a parallel jaw can take hold of what stands at a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.perception.colour import GREY
from shopfloor.perception.deproject import at_height, window
from shopfloor.perception.outline import Outline, is_round, lean, outline, without_sides
from shopfloor.perception.relief import Relief, point, relief
from shopfloor.perception.segment import DISC, LOWEST_M
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
    seen = relief(frame, part)
    column, row = int(u) - left, int(v) - top
    height, width = seen.colours.shape
    if not (0 <= row < height and 0 <= column < width):
        return None
    stands = _by_colour(seen, row, column) if seen.noisy else _by_height(seen, row, column)
    if stands is None:
        return None
    face = _face(frame, seen, stands)
    if face is None:
        return None
    return _best(seen, stands, face, jaw_max_m, prefer_rad)


def _best(
    seen: Relief, stands: _Standing, face: Outline, jaw_max_m: float, prefer_rad: float
) -> Grasp | None:
    """The grasp whose fingers find the lowest ground, then the narrower one."""
    floor, highest = stands.floor_m, stands.top_m
    disc = stands.disc(face, seen) and face.length_m < 1.3 * face.width_m
    if disc:
        width = 0.5 * (face.width_m + face.length_m)
        choices = [(k * np.pi / 6, width) for k in range(-3, 3)]
    else:
        choices = [(face.yaw_rad, face.width_m), (face.yaw_rad + np.pi / 2, face.length_m)]
    best: tuple[float, Grasp] | None = None
    others = np.where(stands.covered, floor, seen.points[..., 2])
    for yaw, width in choices:
        if width + 0.006 > jaw_max_m:
            continue
        obstacle = _obstacle(
            seen.points[::2, ::2], others[::2, ::2], (face.x_m, face.y_m), yaw, width, floor
        )
        tip = max(min(floor + _TIP_M, highest - _OVERLAP_M), max(obstacle, floor) + _AIR_M)
        if tip > highest - _LEAST_OVERLAP_M:
            continue  # the fingers would stand on what is beside it
        # Lower ground for the fingers first, then the narrower side.
        turn = abs((yaw - prefer_rad + np.pi / 2) % np.pi - np.pi / 2)
        cost = round(max(obstacle - floor - 0.007, 0.0), 3) + 0.05 * width + 1e-4 * turn
        if best is None or cost < best[0]:
            grasp = Grasp(face.x_m, face.y_m, highest, floor, float(yaw), width, obstacle, tip)
            best = cost, grasp
    return best[1] if best else None


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """What stands at a pixel: its pixels, those that it may cover, its top and floor [m]."""

    inside: np.ndarray
    covered: np.ndarray
    top_m: float
    floor_m: float

    def disc(self, face: Outline, seen: Relief) -> bool:
        """Whether its top is round."""
        return is_round(seen.points[self.inside][:, :2]) if seen.noisy else face.fill < DISC


def _by_height(seen: Relief, row: int, column: int) -> _Standing | None:
    """What is higher than its surroundings, where depth can be believed pixel by pixel."""
    z = seen.points[..., 2]
    floor = float(np.quantile(z, 0.2))
    if z[row, column] < floor + _LEAST_HEIGHT_M:
        return None
    inside = _grow(seen.pixels, z > floor + _LEAST_HEIGHT_M, row, column)
    floor = _floor(z, inside, floor)
    return _Standing(inside, inside, float(np.quantile(z[inside], 0.9)), floor)


def _by_colour(seen: Relief, row: int, column: int) -> _Standing | None:
    """What has another colour than its surroundings, and is higher on the whole."""
    name = seen.colours[row, column]
    if name == GREY:
        return None
    alike = (seen.colours == name).astype(np.uint8)
    _, labels = cv2.connectedComponents(alike, connectivity=4)
    inside = labels == labels[row, column]
    z = seen.points[..., 2]
    around = np.ones((_RING_PX, _RING_PX), np.uint8)
    near = cv2.dilate(inside.astype(np.uint8), around) > 0
    ring = near & (seen.colours == GREY)
    if not ring.any():
        return None
    floor = float(np.median(z[ring]))
    high = float(np.median(z[inside])) - floor
    if high < _LEAST_HEIGHT_M - seen.noise_m / 2:
        return None
    covered = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return _Standing(inside, covered, floor + max(high, LOWEST_M), floor)


def _face(frame: Frame, seen: Relief, stands: _Standing) -> Outline | None:
    """Outline of the top face."""
    top = stands.top_m
    pitch = abs(top - float(frame.camera_in_world[2, 3])) / frame.intrinsics.fx
    face = stands.inside
    if not seen.noisy:
        face = face & (seen.points[..., 2] > top - _FACE_M)
    if face.sum() < 12:
        return None
    if not seen.noisy:
        return outline(seen.points[face][:, :2], pitch)
    whole = outline(at_height(frame, seen.points[face], top), pitch)
    return without_sides(whole, lean(frame, whole, top, stands.floor_m))


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
