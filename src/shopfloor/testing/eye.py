"""Sees the parts on the tray in one RGB picture, as somebody at the other end of HTTP must.

The stand-in server (``shopfloor.testing.standin``) has no depth, no calibration and no simulator:
it gets a picture and nothing else. What it is told beforehand is what a person who has seen the
cell once would know: the camera hangs still and looks straight down, the tray lies in the middle,
parts come in two sizes of three shapes and stand on it. This proves the path of a picture, not the
eyesight of any model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import cv2
import numpy as np

from shopfloor.order.part import FOOTPRINTS, Footprint
from shopfloor.types import BoolArray, FloatArray, UInt8Array

__all__ = ["HUES", "Spot", "Thing", "find", "named", "things"]

HUES: Mapping[str, float] = {
    "red": 0.0,
    "orange": 25.0,
    "yellow": 52.0,
    "green": 128.0,
    "blue": 226.0,
    "purple": 280.0,
}
"""Typical hue of each colour name [deg]."""

_WIDTH, _HEIGHT = 1280, 960
"""The size in which pictures are worked on; others are brought to it, whatever their aspect."""
_EYE_M = 1.35
"""Height of the camera over the bench [m]."""
_FOCAL_PX = 1296.0
_FLOOR_M = 0.003
_TRAY_HALF_M = (0.205, 0.172)
"""Half sides of the tray with half its distance to the totes [m]; parts beyond are not counted."""
_MARGIN_PX = 30
_LEAST_SATURATION = 95  # of 255; bench, totes and arms are grey
_LEAST_VALUE = 30
_LEAST_AREA_PX = 150
_RIM_PX = 5
"""So much of the ground around a part is looked at, to know it from the part."""
_BRIGHTER = 1.15
_BLUR_PX = 1.5
"""How far a JPEG smears colour, in pixels of the picture that was handed in (sigma)."""
_SIDE = 0.86
"""Light falls from above: the sides of a part are darker than this share of its top."""
_LEAST_FIT = 0.80
"""Least overlap (intersection over union) with the outline of a whole part; half-hidden parts are
no parts, since what they are and where their middle is cannot be told."""
_LONG = 1.4
"""A thing this much longer than wide is a bar."""
_ROUND = 0.89
"""Share of its smallest rectangle that a thing fills: pi/4 for a disc, 1 for a square."""
_WORDS = {
    "red": r"\bred\b|红",
    "orange": r"\borange\b|橙",
    "yellow": r"\byellow\b|黄",
    "green": r"\bgreen\b|绿",
    "blue": r"\bblue\b|蓝",
    "purple": r"\bpurple\b|紫",
    "cube": r"\b(cube|square|block)s?\b|方块|立方|正方",
    "cylinder": r"\b(cylinder|circle|disc)s?\b|圆",
    "bar": r"\b(bar|rectangle)s?\b|长方|长条",
    "small": r"\bsmall\b|小",
    "large": r"\b(large|big)\b|大",
}
_FINE = 4
"""Outlines are drawn to a sixteenth of a pixel (bits of OpenCV's ``shift``)."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One part as it is seen.

    Attributes:
        colour, shape, size: What it seems to be; names of ``shopfloor.types``.
        u, v: Middle of its top face [px] of the picture that was handed in.
        box: (left, top, right, bottom) around all that is seen of it [px].
    """

    colour: str
    shape: str
    size: str
    u: float
    v: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Thing:
    """One patch of colour in any picture, of which no size in metres is known.

    Attributes:
        colour: One of ``HUES``.
        shape: ``cylinder`` for what is round, ``bar`` for what is long, else ``cube``.
        u, v: Its middle [px].
        box: (left, top, right, bottom) around it [px].
        area: [px²].
    """

    colour: str
    shape: str
    u: float
    v: float
    box: tuple[float, float, float, float]
    area: int


def find(pixels: UInt8Array) -> list[Spot]:
    """Find the whole parts on the tray.

    Args:
        pixels: ``(H, W, 3)`` RGB of the sorting cell's ``overview`` camera in any size, resized
            but not cropped.

    Returns:
        What is seen, from left to right. Parts in totes are left out, and so are parts of which
        an arm hides more than a corner.
    """
    height, width = pixels.shape[:2]
    shrunk = width < _WIDTH
    work = cv2.resize(
        pixels, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC if shrunk else cv2.INTER_AREA
    )
    across, down = width / _WIDTH, height / _HEIGHT
    # What stands up to 4 cm high at the rim of the tray shows a little further out than the rim.
    half = [h * _FOCAL_PX / (_EYE_M - 0.05) + _MARGIN_PX for h in _TRAY_HALF_M]
    left, top = int(_WIDTH / 2 - half[0]), int(_HEIGHT / 2 - half[1])
    tray = np.asarray(work[top : _HEIGHT - top, left : _WIDTH - left], np.uint8)
    found = []
    for colour, mask, x, y in _patches(tray):
        near = (slice(max(y - _RIM_PX, 0), y + mask.shape[0] + _RIM_PX),
                slice(max(x - _RIM_PX, 0), x + mask.shape[1] + _RIM_PX))  # fmt: skip
        patch = np.zeros(tray.shape[:2], bool)
        patch[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
        face = _face(tray[near], patch[near])
        seen = _whole(face, left + near[1].start, top + near[0].start, _BLUR_PX * _WIDTH / width)
        if seen is None:
            continue
        (shape, size), u, v = seen
        box = (left + x, top + y, left + x + mask.shape[1], top + y + mask.shape[0])
        scaled = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        found.append(Spot(colour, shape, size, u * across, v * down, scaled))
    return sorted(found, key=lambda spot: (spot.u, spot.v))


def things(pixels: UInt8Array) -> list[Thing]:
    """Find plain coloured shapes anywhere in a picture, the largest first.

    Args:
        pixels: ``(H, W, 3)`` RGB of anything.
    """
    found = []
    for colour, mask, x, y in _patches(pixels):
        rows, columns = np.nonzero(mask)
        _, sides, _ = cv2.minAreaRect(np.column_stack([columns, rows]).astype(np.float32))
        long, short = max(sides) + 1, min(sides) + 1
        fill = len(rows) / (long * short)
        shape = "bar" if long > _LONG * short else "cylinder" if fill < _ROUND else "cube"
        u, v = x + float(columns.mean()) + 0.5, y + float(rows.mean()) + 0.5
        box = (float(x), float(y), float(x + mask.shape[1]), float(y + mask.shape[0]))
        found.append(Thing(colour, shape, u, v, box, len(rows)))
    return sorted(found, key=lambda thing: -thing.area)


def named(found: Sequence[Thing], words: str) -> list[Thing]:
    """Those that a label speaks of (``the small red cube``); all where it names nothing."""
    asked = {word for word, names in _WORDS.items() if re.search(names, words, re.IGNORECASE)}
    colours, shapes = asked & HUES.keys(), asked & {"cube", "cylinder", "bar"}
    fitting = [
        thing
        for thing in found
        if (not colours or thing.colour in colours) and (not shapes or thing.shape in shapes)
    ]
    if len(fitting) > 1 and "small" in asked:
        return fitting[-1:]
    return fitting[:1] if len(fitting) > 1 and "large" in asked else fitting


def _patches(pixels: UInt8Array) -> Iterator[tuple[str, BoolArray, int, int]]:
    """Patches of strong colour: its name, ``(h, w)`` mask, column and row of its corner [px]."""
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV_FULL)
    strong = (hsv[..., 1] > _LEAST_SATURATION) & (hsv[..., 2] > _LEAST_VALUE)
    nearest = _NEAREST_HUE[hsv[..., 0]]
    for index, colour in enumerate(HUES):
        mask = (strong & (nearest == index)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for label in range(1, count):
            x, y, w, h, area = (int(n) for n in stats[label])
            if area >= _LEAST_AREA_PX:
                yield colour, labels[y : y + h, x : x + w] == label, x, y


def _nearest_hues() -> np.ndarray:
    hue = np.arange(256)[:, None] * 360 / 256
    gap = np.abs(hue - np.array(list(HUES.values())))
    return np.asarray(np.argmin(np.minimum(gap, 360 - gap), axis=1))


_NEAREST_HUE = _nearest_hues()


def _face(pixels: UInt8Array, mask: BoolArray) -> BoolArray:
    """The top face of what a mask shows, in one piece.

    A JPEG keeps brightness sharp and smears colour, so neither is trusted alone: colour tells the
    part from the grey around it, half-way between the two, and brightness tells its top from its
    sides and from a brighter ground.
    """
    ycc = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2YCrCb).astype(np.float32)
    light, tint = ycc[..., 0], ycc[..., 1:]
    core = mask & (light > _SIDE * np.quantile(light[mask], 0.75))
    full, full_tint = float(np.median(light[core])), np.median(tint[core], axis=0)
    ground = ~mask
    grey = np.median(tint[ground], axis=0) if ground.any() else np.full(2, 128.0)
    axis = full_tint - grey
    coloured = (tint - grey) @ axis > 0.5 * float(axis @ axis)
    around = float(np.median(light[ground])) if ground.any() else full
    # Where the ground is brighter than the part, their edge lies half-way too.
    most = 0.5 * (full + around) if around > _BRIGHTER * full else np.inf
    inside = coloured & (light > _SIDE * full) & (light < most)
    closed = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    if count < 2:
        return inside
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _whole(
    face: BoolArray, left: int, top: int, blur: float
) -> tuple[tuple[str, str], float, float] | None:
    """Which part has this face, and the face's middle [px]; None where none has."""
    rows, columns = np.nonzero(face)
    if len(rows) < _LEAST_AREA_PX // 2:
        return None
    # OpenCV counts from the middle of the top-left pixel, the house from its corner.
    middle = (float(columns.mean()), float(rows.mean()))
    u, v = left + middle[0] + 0.5, top + middle[1] + 0.5
    _, (a, b), degrees = cv2.minAreaRect(np.column_stack([columns, rows]).astype(np.float32))
    yaw = np.radians(degrees) + (0.0 if a >= b else pi / 2)  # of the longer side
    fits = {
        name: _overlap(face, middle, part, float(yaw), blur) for name, part in FOOTPRINTS.items()
    }
    best = max(fits, key=lambda name: fits[name])
    scale = _FOCAL_PX / (_EYE_M - _FLOOR_M - FOOTPRINTS[best].height_m)
    away = abs(u - _WIDTH / 2) / scale, abs(v - _HEIGHT / 2) / scale
    if fits[best] < _LEAST_FIT or away[0] > _TRAY_HALF_M[0] or away[1] > _TRAY_HALF_M[1]:
        return None
    return best, u, v


def _overlap(
    face: BoolArray, middle: tuple[float, float], part: Footprint, yaw: float, blur: float
) -> float:
    """Intersection over union of a face with the outline that a part would have there."""
    scale = _FOCAL_PX / (_EYE_M - _FLOOR_M - part.height_m)
    # A border, so that what an outline has beyond the mask counts against it.
    rim = int(part.radius_m * scale) + 2
    canvas = np.zeros((face.shape[0] + 2 * rim, face.shape[1] + 2 * rim), np.float32)
    at = np.array(middle) + rim
    cv2.fillPoly(canvas, [_fine(at + scale * _corners(part, yaw))], 1, shift=_FINE)
    # Colour was blurred on its way, which rounds corners: round those of the outline as much.
    drawn = cv2.GaussianBlur(canvas, (0, 0), blur) > 0.5
    both = int(np.count_nonzero(drawn[rim:-rim, rim:-rim] & face))
    return both / (int(np.count_nonzero(drawn)) + int(np.count_nonzero(face)) - both)


def _corners(part: Footprint, yaw: float) -> FloatArray:
    """``(n, 2)`` outline of a part around its middle [m], its long side turned by ``yaw``."""
    if part.round:
        turn = np.linspace(0, 2 * pi, 24, endpoint=False)
        return np.asarray(part.radius_m * np.column_stack([np.cos(turn), np.sin(turn)]))
    x, y, _ = part.half_m
    square = np.array([[x, y], [-x, y], [-x, -y], [x, -y]])
    return np.asarray(square @ np.array([[cos(yaw), sin(yaw)], [-sin(yaw), cos(yaw)]]))


def _fine(points: FloatArray) -> np.ndarray:
    return np.asarray(np.round(points * 2**_FINE), np.int32)
