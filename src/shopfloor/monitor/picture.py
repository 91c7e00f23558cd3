"""Whether anything can be made out in a camera's pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopfloor.monitor.finding import Finding
from shopfloor.types import Action, CameraSpec, Frame, Observation

__all__ = ["Visible"]

_DARK, _BRIGHT = 25.0, 240.0
"""Mean of a picture that shows nothing (of 255). A scene of the cell lies near 130; the worst
sensor noise (1.5 EV) makes it 75 to 205."""
_NO_DEPTH = 0.25
"""Share of pixels without depth; the worst sensor noise loses 0.12."""
_NEAR_M, _NEAR_SHARE = 0.25, 0.08
"""No part of the cell comes so near to a lens."""


class Visible:
    """Exposure, depth and what hangs before the lens, of each new frame."""

    def __init__(self, camera: CameraSpec) -> None:
        """Begin a lot."""
        self._name = camera.name
        self._last: Frame | None = None
        self._wrong: str | None = None

    def look(self, observation: Observation, _sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick."""
        frame = observation.frames.get(self._name)
        if frame is None:
            return ()
        if frame is not self._last:
            self._last, self._wrong = frame, _wrong(frame)
        if self._wrong is None:
            return ()
        return [Finding("camera.visible", "sensor.fault", self._name, self._wrong)]


def _wrong(frame: Frame) -> str | None:
    level = float(frame.pixels[::4, ::4].mean())
    if not _DARK <= level <= _BRIGHT:
        return f"the picture is all {'dark' if level < _DARK else 'white'}: its mean is {level:.0f}"
    if frame.depth is None:
        return None
    depth = frame.depth[::4, ::4]
    known = np.isfinite(depth) & (depth > 0)
    if (share := 1 - float(known.mean())) > _NO_DEPTH:
        return f"{share:.0%} of the picture have no depth"
    near = float((depth[known] < _NEAR_M).mean())
    if near > _NEAR_SHARE:
        return f"something hangs before the lens: {near:.0%} of the picture are nearer than 0.25 m"
    return None
