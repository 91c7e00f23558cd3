"""In which station a part is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopfloor.errors import SpecMismatch
from shopfloor.order.goal import TRAY
from shopfloor.types import FloatArray, Station

__all__ = ["Layout"]

_BELOW_M = 0.01
_OVER_WALL_M = 0.03
_LEAST_HEIGHT_M = 0.10  # parts may lie on each other where a wall is low, as on the tray
_SUNK_M = 0.003  # what lies on a rim is this little below its top at most


class Layout:
    """The inner boxes of all stations; a part is where its centre is, unless it lies on a rim.

    Attributes:
        totes: Names of the stations that are not the tray.
    """

    def __init__(self, stations: Mapping[str, Station]) -> None:
        """Take the stations from an observation.

        Raises:
            SpecMismatch: There is no tray.
        """
        if TRAY not in stations:
            raise SpecMismatch(
                f"the cell has stations {', '.join(stations) or 'none'}; judging a sorting order "
                f"needs {TRAY!r} and the totes"
            )
        self._names = tuple(stations)
        self.totes = tuple(name for name in stations if name != TRAY)
        center = np.array([station.center_m for station in stations.values()])
        size = np.array([station.size_m for station in stations.values()])
        self._lower = center - np.column_stack(
            [size[:, 0] / 2, size[:, 1] / 2, np.full(len(size), _BELOW_M)]
        )
        height = np.maximum(size[:, 2] + _OVER_WALL_M, _LEAST_HEIGHT_M)
        self._upper = center + np.column_stack([size[:, 0] / 2, size[:, 1] / 2, height])
        walled = np.array([name != TRAY for name in stations])
        self._rim = np.where(walled, center[:, 2] + size[:, 2] - _SUNK_M, np.inf)

    def locate(self, positions: FloatArray, reach: FloatArray) -> list[str | None]:
        """Return the station of each part, None for none.

        A part whose centre is inside a tote, but which is above the walls as a whole and reaches
        out over one, lies on the rim and not in the tote.

        Args:
            positions: ``(n, 3)`` in the world [m].
            reach: ``(n, 3)`` how far each part reaches from there along the world's axes [m], as
                from ``reach.reach``.
        """
        p, r = positions[:, None, :], reach[:, None, :]
        within = ((p >= self._lower) & (p <= self._upper)).all(axis=2)
        above = p[..., 2] - r[..., 2] >= self._rim
        lower, upper = self._lower[:, :2], self._upper[:, :2]
        out = ((p[..., :2] - r[..., :2] < lower) | (p[..., :2] + r[..., :2] > upper)).any(axis=2)
        within &= ~(above & out)
        first = within.argmax(axis=1)
        return [
            self._names[k] if inside else None
            for k, inside in zip(first.tolist(), within.any(axis=1).tolist(), strict=True)
        ]

    def outside(self, position: FloatArray) -> bool:
        """Return whether a point is above or below the floor of no station."""
        return not any(self.over(position, name) for name in self._names)

    def over(self, position: FloatArray, name: str | None) -> bool:
        """Return whether a point is above the floor of a station, however high."""
        if name not in self._names:
            return False
        k = self._names.index(name)
        xy = position[:2]
        return bool((xy >= self._lower[k, :2]).all() and (xy <= self._upper[k, :2]).all())
