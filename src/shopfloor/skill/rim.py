"""The walls that a straight way crosses, and how high the fingertips must be over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shopfloor.types import Station

__all__ = ["Rim", "rims"]

_LOW_M = 0.02
"""Walls up to here, such as the tray's, are crossed on the way up and down as they come [m]."""
_ASIDE_M = 0.045
"""How far a held part with a finger beside it reaches to the side of the fingertips [m]."""
_OVER_M = 0.020
"""How far the fingertips stay above a wall: what a part hangs below them, and some air [m]."""


@dataclass(frozen=True, slots=True)
class Rim:
    """A stretch of a way that must be passed no lower than a height.

    Attributes:
        begins_m, ends_m: Along the way, measured on the ground from its start [m].
        height_m: Of the tool centre point in the world [m].
    """

    begins_m: float
    ends_m: float
    height_m: float


def rims(
    stations: Iterable[Station], start: tuple[float, float], goal: tuple[float, float]
) -> tuple[Rim, ...]:
    """Find where the straight way from start to goal crosses the walls of stations.

    Args:
        stations: Fixtures with walls around them.
        start, goal: Ends of the way on the ground, in the world [m].
    """
    way = np.subtract(goal, start)
    far = float(np.hypot(*way))
    if far < 1e-9:
        return ()
    slope = np.where(np.abs(way) < 1e-12, 1e-12, way) / far
    found = []
    for station in stations:
        center, size = np.array(station.center_m), np.array(station.size_m)
        if size[2] <= _LOW_M:
            continue
        sides = (center[:2] - start + np.outer((-0.5, 0.5), size[:2])) / slope
        enters, leaves = float(sides.min(axis=0).max()), float(sides.max(axis=0).min())
        if enters >= leaves:
            continue  # it passes by
        height = float(center[2] + size[2]) + _OVER_M
        found += [
            Rim(max(at - _ASIDE_M, 0.0), min(at + _ASIDE_M, far), height)
            for at in (enters, leaves)
            if -1e-9 <= at <= far + 1e-9
        ]
    return tuple(found)
