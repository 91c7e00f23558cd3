"""Which limb reaches what, and where two of them get into each other's way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopfloor.types import BrainContext, Station

__all__ = ["Reach"]

_APART_M = 0.25
"""Arms that come nearer than this will have to wait for each other."""
_SPOT_FREE_M = 0.075
"""What a spot must keep from any part so that a part can be set down and taken there [m]."""
_RIM_M = 0.05
_EDGE_M = 0.005
"""Kept from the edge of a workspace: a part is never exactly where it seems to be [m]."""
_ALONG = np.linspace(0.3, 1.0, 8)[:, None]

Place = tuple[float, float]
"""x and y in the world [m]."""


class Reach:
    """Plan view of the limbs, from the cell's taught geometry and its limits."""

    def __init__(self, context: BrainContext) -> None:
        """Read bases and workspaces."""
        self._limits = context.limits.limbs
        self._base = {n: limb.base_in_world[:2, 3] for n, limb in context.cell.body.limbs.items()}
        self.limbs = tuple(self._base)

    def of(self, limb: str, xy: Place) -> bool:
        """Whether a place lies in the limb's workspace."""
        box = self._limits[limb]
        at = np.array(xy)
        return bool(
            np.all(at >= box.workspace_lower_m[:2] + _EDGE_M)
            and np.all(at <= box.workspace_upper_m[:2] - _EDGE_M)
        )

    def crowding(
        self, limb: str, mine: Sequence[Place], other: str, theirs: Sequence[Place]
    ) -> float:
        """How far two arms come into each other's way at these places [m], on average.

        Seen from above an arm fills the line from its base to its tool.
        """
        total = 0.0
        for here in mine:
            a = self._base[limb] + _ALONG * (np.array(here) - self._base[limb])
            for there in theirs:
                b = self._base[other] + _ALONG * (np.array(there) - self._base[other])
                gap = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2).min())
                total += max(_APART_M - float(gap), 0.0)
        return total / (len(mine) * len(theirs))

    def shared_spot(
        self, giver: str, taker: str, near: Place, tray: Station, occupied: Sequence[Place]
    ) -> Place | None:
        """A free spot of the tray that both limbs reach, as near as can be, or None."""
        (cx, cy, _), (sx, sy, _) = tray.center_m, tray.size_m
        spots = [
            (float(x), float(y))
            for x in np.linspace(cx - sx / 2 + _RIM_M, cx + sx / 2 - _RIM_M, 15)
            for y in np.linspace(cy - sy / 2 + _RIM_M, cy + sy / 2 - _RIM_M, 12)
        ]
        free = [
            spot
            for spot in spots
            if self.of(giver, spot)
            and self.of(taker, spot)
            and all(np.hypot(spot[0] - x, spot[1] - y) > _SPOT_FREE_M for x, y in occupied)
        ]
        return min(free, key=lambda s: np.hypot(s[0] - near[0], s[1] - near[1]), default=None)
