"""Whether a camera still stands where it stood when the lot began, by corners of what is fixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shopfloor.monitor.finding import Finding
from shopfloor.perception import pixel
from shopfloor.types import Action, CameraSpec, Frame, Observation, Station, UInt8Array

__all__ = ["Knocked"]

_CORNERS, _APART_PX = 80, 4.0
_RIM_PX = 7
_LEAST = 8
"""So many corners that move as one are needed to say anything."""
_AS_ONE_PX = 0.7
_MOST = 0.5
"""Arms hide rims and bring corners of their own: a camera takes most corners with it, as one."""
_MOVED_PX = 1.5
"""A picture whose corner is found so far from where it was has moved (7 mm on the table)."""
_IN_A_ROW = 3


class Knocked:
    """Finds corners of the lot's first picture again in each new one (Lucas and Kanade, 1981).

    Only corners along the taught rims of tray and totes are taken, which do not move. A camera that
    was moved before the lot began is not noticed by this.
    """

    def __init__(self, camera: CameraSpec) -> None:
        """Begin a lot."""
        self._name = camera.name
        self._first: UInt8Array | None = None
        self._corners: npt.NDArray[np.float32] | None = None
        self._last: Frame | None = None
        self._moved = 0
        self._reason = ""

    def look(self, observation: Observation, _sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick."""
        frame = observation.frames.get(self._name)
        if frame is not None and frame is not self._last:
            self._last = frame
            self._compare(frame, observation)
        if self._moved < _IN_A_ROW:
            return ()
        return [Finding("camera.moved", "sensor.fault", self._name, self._reason, lasting=True)]

    def _compare(self, frame: Frame, observation: Observation) -> None:
        grey = _grey(frame)
        if self._first is None:
            self._first = grey
            rims = _rims(frame, observation.stations.values())
            found: Any = cv2.goodFeaturesToTrack(grey, _CORNERS, 0.02, _APART_PX, mask=rims)
            self._corners = found
            return
        self._moved = self._moved + 1 if self._is_elsewhere(grey) else 0

    def _is_elsewhere(self, grey: UInt8Array) -> bool:
        if self._first is None or self._corners is None or len(self._corners) < _LEAST:
            return False
        nothing: Any = None
        there, status, _ = cv2.calcOpticalFlowPyrLK(self._first, grey, self._corners, nothing)
        seen = status.ravel() == 1
        if seen.sum() < _LEAST:
            return False
        before, after = self._corners[seen], there[seen]
        move, same = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=_AS_ONE_PX
        )
        if move is None or same.sum() < max(_LEAST, _MOST * len(self._corners)):
            return False
        # What the motion makes of the picture's edges is no measure: with noise it is guesswork.
        ways = np.linalg.norm((after - before).reshape(-1, 2), axis=1)
        moved = float(np.median(ways[same.ravel() == 1]))
        self._reason = (
            f"{int(same.sum())} of {len(self._corners)} corners of what is fixed are elsewhere, "
            f"together by {moved:.1f} pixels: calibrate the camera anew"
        )
        return moved > _MOVED_PX


def _rims(frame: Frame, stations: Iterable[Station]) -> UInt8Array:
    """``(H, W)`` mask of where the rims of taught fixtures show."""
    mask = np.zeros(frame.pixels.shape[:2], np.uint8)
    for station in stations:
        (x, y, z), (width, depth, wall) = station.center_m, station.size_m
        corners = [
            [x + a * width / 2, y + b * depth / 2, z + wall]
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        outline = np.rint(pixel(frame, np.array(corners))).astype(np.int32)
        cv2.polylines(mask, [outline], isClosed=True, color=255, thickness=_RIM_PX)
    return mask


def _grey(frame: Frame) -> UInt8Array:
    return np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
