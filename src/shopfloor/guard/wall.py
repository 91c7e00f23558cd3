"""The walls of trays and totes, as boxes that no moving part of a limb may enter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shopfloor.types import Box, Station

__all__ = ["walls"]

_THICK_M = 0.004
"""Walls are taken to be so thick: a limb that comes from outside is stopped a little late at a
thicker one, never early inside."""


def walls(stations: Iterable[Station]) -> tuple[Box, ...]:
    """Four walls of every station, from its floor to its rim."""
    boxes = []
    for station in stations:
        centre, half = np.array(station.center_m), np.array(station.size_m) / 2
        low, high = centre - half, centre + half
        low[2], high[2] = centre[2], centre[2] + station.size_m[2]
        for axis in (0, 1):
            for side in (-1, 1):
                a, b = low.copy(), high.copy()
                edge = centre[axis] + side * half[axis]
                a[axis], b[axis] = sorted((edge, edge + side * _THICK_M))
                boxes.append(Box(f"{station.name} wall {axis} {side:+d}", a, b))
    return tuple(boxes)
