"""Finds the coloured parts that stand on a surface, and says what each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.order.part import FOOTPRINTS
from shopfloor.perception.deproject import cloud, window
from shopfloor.perception.outline import Outline, outline
from shopfloor.types import Frame, Station

__all__ = ["Sighting", "find_parts"]

_HUES: Mapping[str, float] = {
    "red": 0.0,
    "orange": 25.0,
    "yellow": 52.0,
    "green": 128.0,
    "blue": 226.0,
    "purple": 280.0,
}
"""Typical hue of each colour name [deg]."""

_LEAST_SATURATION = 95  # of 255; bench, totes and arms are grey
_LEAST_VALUE = 30
_LEAST_HEIGHT_M = 0.008
_LEAST_AREA_M2 = 1.2e-4
_FACE_M = 0.004
"""Points this close below the highest ones belong to the top face."""
_ELONGATED = 1.5
_DISC = 0.89
"""Between pi/4 (a disc) and 1 (a square)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One part as it is seen.

    Attributes:
        colour, shape, size: What it seems to be.
        outline: Of its top face.
        top_m: Height of the top face in the world [m].
        u, v: Pixel in the middle of the face.
        box: (left, top, right, bottom) around what is seen of it [px].
    """

    colour: str
    shape: str
    size: str
    outline: Outline
    top_m: float
    u: float
    v: float
    box: tuple[int, int, int, int]


def find_parts(frame: Frame, station: Station) -> tuple[Sighting, ...]:
    """Find every coloured part that stands on a station.

    Args:
        frame: RGB-D frame from above.
        station: Tray or tote to search.
    """
    (cx, cy, cz), (sx, sy, _) = station.center_m, station.size_m
    corners = np.array(
        [[cx + a * sx / 2, cy + b * sy / 2, cz + 0.04] for a in (-1, 1) for b in (-1, 1)]
    )
    part = window(frame, corners)
    left, top, right, bottom = part
    if left >= right or top >= bottom:
        return ()
    points = cloud(frame, part)
    hsv = cv2.cvtColor(
        np.ascontiguousarray(frame.pixels[top:bottom, left:right]), cv2.COLOR_RGB2HSV_FULL
    )
    solid = (
        (points[..., 2] > cz + _LEAST_HEIGHT_M)
        & (points[..., 2] < cz + 0.12)
        & (hsv[..., 1] > _LEAST_SATURATION)
        & (hsv[..., 2] > _LEAST_VALUE)
    )
    names = np.array(list(_HUES))
    nearest = _NEAREST_HUE[hsv[..., 0]]
    found = []
    for index in np.unique(nearest[solid]):
        mask = (solid & (nearest == index)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] < 20:
                continue
            x, y, w, h = stats[label, :4]
            inside = labels[y : y + h, x : x + w] == label
            sighting = _describe(
                frame, points[y : y + h, x : x + w], inside, (left + x, top + y), str(names[index])
            )
            if sighting is not None:
                found.append(sighting)
    return tuple(sorted(found, key=lambda s: (s.outline.x_m, s.outline.y_m)))


def _nearest_hues() -> np.ndarray:
    hue = np.arange(256)[:, None] * 360 / 256
    gap = np.abs(hue - np.array(list(_HUES.values())))
    return np.asarray(np.argmin(np.minimum(gap, 360 - gap), axis=1))


_NEAREST_HUE = _nearest_hues()


def _describe(
    frame: Frame, points: np.ndarray, inside: np.ndarray, corner: tuple[int, int], colour: str
) -> Sighting | None:
    z = points[..., 2]
    top = float(np.quantile(z[inside], 0.9))
    face = inside & (z > top - _FACE_M)
    distance = float((np.array([0, 0, top]) - frame.camera_in_world[:3, 3])[2])
    pitch = abs(distance) / frame.intrinsics.fx
    if face.sum() * pitch**2 < _LEAST_AREA_M2:
        return None
    shape_of = outline(points[face][:, :2], pitch)
    if shape_of.length_m > _ELONGATED * shape_of.width_m:
        shape = "bar"
    else:
        shape = "cylinder" if shape_of.fill < _DISC else "cube"
    size = min(
        ("small", "large"),
        key=lambda s: abs(2 * FOOTPRINTS[shape, s].half_m[1] - shape_of.width_m),
    )
    rows, columns = np.nonzero(face)
    seen_rows, seen_columns = np.nonzero(inside)
    return Sighting(
        colour=colour,
        shape=shape,
        size=size,
        outline=shape_of,
        top_m=top,
        u=float(corner[0] + columns.mean() + 0.5),
        v=float(corner[1] + rows.mean() + 0.5),
        box=(
            int(corner[0] + seen_columns.min()),
            int(corner[1] + seen_rows.min()),
            int(corner[0] + seen_columns.max() + 1),
            int(corner[1] + seen_rows.max() + 1),
        ),
    )
