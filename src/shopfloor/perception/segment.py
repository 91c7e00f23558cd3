"""Finds the coloured parts that stand on a surface, and says what each is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopfloor.order.part import FOOTPRINTS
from shopfloor.perception.colour import COLOURS, GREY
from shopfloor.perception.deproject import at_height, window
from shopfloor.perception.outline import Outline, is_round, lean, outline, without_sides
from shopfloor.perception.relief import relief
from shopfloor.types import Frame, Station

__all__ = ["Sighting", "find_parts"]

_LEAST_HEIGHT_M = 0.008
_MOST_HEIGHT_M = 0.12
_SPECK = np.ones((3, 3), np.uint8)
_LEAST_AREA_M2 = 1.2e-4
_FACE_M = 0.004
"""Points this close below the highest ones belong to the top face."""
_ELONGATED = 1.5
DISC = 0.89
"""Fill between pi/4 (a disc) and 1 (a square)."""
LOWEST_M = min(shape.height_m for shape in FOOTPRINTS.values())
"""A part that stands is no lower, whatever noisy depth says [m]."""


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
    seen = relief(frame, part)
    found = []
    for colour in np.unique(seen.colours[seen.colours != GREY]):
        mask = (seen.colours == colour).astype(np.uint8)
        if seen.noisy:  # a single pixel's height says nothing, so the whole region's must
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _SPECK)
        else:
            mask &= (seen.points[..., 2] > cz + _LEAST_HEIGHT_M).astype(np.uint8)
            mask &= (seen.points[..., 2] < cz + _MOST_HEIGHT_M).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] < 20:
                continue
            x, y, w, h = stats[label, :4]
            inside = labels[y : y + h, x : x + w] == label
            sighting = _describe(
                frame,
                seen.points[y : y + h, x : x + w],
                inside,
                (left + x, top + y),
                COLOURS[colour],
                cz,
                seen.noise_m,
            )
            if sighting is not None:
                found.append(sighting)
    return tuple(sorted(found, key=lambda s: (s.outline.x_m, s.outline.y_m)))


def _describe(
    frame: Frame,
    points: np.ndarray,
    inside: np.ndarray,
    corner: tuple[int, int],
    colour: str,
    floor_m: float,
    noise_m: float,
) -> Sighting | None:
    """Say what a region of one colour is, that stands on a floor."""
    z = points[..., 2]
    if not noise_m:
        top = float(np.quantile(z[inside], 0.9))
        face = inside & (z > top - _FACE_M)
    else:
        high = float(np.median(z[inside])) - floor_m
        if not _LEAST_HEIGHT_M - noise_m / 2 < high < _MOST_HEIGHT_M:
            return None
        top, face = floor_m + max(high, LOWEST_M), inside
    distance = float((np.array([0, 0, top]) - frame.camera_in_world[:3, 3])[2])
    pitch = abs(distance) / frame.intrinsics.fx
    if face.sum() * pitch**2 < _LEAST_AREA_M2:
        return None
    if noise_m:
        flat = at_height(frame, points[face], top)
        whole = outline(flat, pitch)
        shape_of = without_sides(whole, lean(frame, whole, top, floor_m))
        disc = is_round(flat)
    else:
        shape_of = outline(points[face][:, :2], pitch)
        disc = shape_of.fill < DISC
    if shape_of.length_m > _ELONGATED * shape_of.width_m:
        shape = "bar"
    else:
        shape = "cylinder" if disc else "cube"
    size = min(("small", "large"), key=lambda s: _misfit(shape_of, shape, s, both=noise_m > 0))
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


def _misfit(seen: Outline, shape: str, size: str, *, both: bool) -> float:
    """How far an outline is from that of a size [m], by its width or by both sides.

    A length that is cut short by what lies before it says less than the width where that is exact.
    """
    half = FOOTPRINTS[shape, size].half_m
    off = abs(2 * half[1] - seen.width_m)
    return off + abs(2 * half[0] - seen.length_m) if both else off
