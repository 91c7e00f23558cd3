"""How big parts are, and whether two of them overlap."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, sin

from shopfloor.types import Part

__all__ = ["FOOTPRINTS", "Footprint", "corners", "footprint", "overlap"]

_CUBE_M = {"small": 0.025, "large": 0.040}
_BAR_M = {"small": (0.050, 0.022, 0.022), "large": (0.070, 0.032, 0.032)}


@dataclass(frozen=True, slots=True)
class Footprint:
    """The outline of a part as it lies on the tray.

    Attributes:
        half_m: Half sizes [m] along the part's own x (a bar's length), y and z.
        radius_m: Radius of the circle around the outline in the plane [m].
        height_m: Height above what it lies on [m].
        round: Whether the outline is a circle (a cylinder stands on its end).
    """

    half_m: tuple[float, float, float]
    radius_m: float
    height_m: float
    round: bool


def _make(shape: str, size: str) -> Footprint:
    if shape == "bar":
        length, width, height = _BAR_M[size]
    else:  # a cylinder's diameter and height are the side of the cube
        length = width = height = _CUBE_M[size]
    turned = shape == "cylinder"
    radius = length / 2 if turned else hypot(length, width) / 2
    return Footprint((length / 2, width / 2, height / 2), radius, height, turned)


FOOTPRINTS = {
    (shape, size): _make(shape, size)
    for shape in ("cube", "cylinder", "bar")
    for size in ("small", "large")
}
"""Outline by (shape, size)."""


def footprint(part: Part) -> Footprint:
    """Return the outline of a part: sides of 25 or 40 mm, bars 50x22x22 or 70x32x32 mm."""
    return FOOTPRINTS[part.shape, part.size]


def corners(part: Part) -> tuple[tuple[float, float], ...]:
    """Return the corners of the outline in the world [m]; of a cylinder's enclosing square."""
    half_x, half_y, _ = footprint(part).half_m
    yaw = 0.0 if footprint(part).round else part.yaw_rad
    c, s = cos(yaw), sin(yaw)
    return tuple(
        (part.x_m + c * x - s * y, part.y_m + s * x + c * y)
        for x, y in ((half_x, half_y), (-half_x, half_y), (-half_x, -half_y), (half_x, -half_y))
    )


def _apart_along(a: Part, b: Part, axis: tuple[float, float]) -> bool:
    def reach(part: Part) -> tuple[float, float]:
        if footprint(part).round:
            middle = part.x_m * axis[0] + part.y_m * axis[1]
            return middle - footprint(part).radius_m, middle + footprint(part).radius_m
        along = [x * axis[0] + y * axis[1] for x, y in corners(part)]
        return min(along), max(along)

    (a_low, a_high), (b_low, b_high) = reach(a), reach(b)
    return a_high <= b_low or b_high <= a_low


def overlap(a: Part, b: Part) -> bool:
    """Return whether two outlines share area (separating axis theorem)."""
    axes = [
        axis
        for part in (a, b)
        if not footprint(part).round
        for axis in (
            (cos(part.yaw_rad), sin(part.yaw_rad)),
            (-sin(part.yaw_rad), cos(part.yaw_rad)),
        )
    ]
    for disc, other in ((a, b), (b, a)):
        if footprint(disc).round:
            # A disc also needs the axis to the nearest corner (or centre) of the other.
            points = ((other.x_m, other.y_m),) if footprint(other).round else corners(other)
            dx, dy = min(((x - disc.x_m, y - disc.y_m) for x, y in points), key=lambda d: hypot(*d))
            length = hypot(dx, dy)
            if length > 0:
                axes.append((dx / length, dy / length))
    return not any(_apart_along(a, b, axis) for axis in axes)
