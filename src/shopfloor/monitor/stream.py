"""Whether a camera's pictures come, in their order, and are new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopfloor.monitor.finding import Finding
from shopfloor.types import Action, CameraSpec, FloatArray, Frame, Observation

__all__ = ["Repeats", "Stream"]

_LATE_S = 0.14
"""A picture may come so much later than the next one was due [s]. The worst sensor noise (level 5)
delays by up to 0.10 s; 0.20 s is when it must be noticed."""
_AGAIN = 3
"""A stream that was out of order is trusted after so many pictures in their order."""
_MOVED_M = 0.03
"""A tool that has gone so far shows in a picture, which cannot be the same to the last bit [m]."""
_SAME = 3
"""So many equal pictures in a row are no chance: an arm may have been hidden for one."""


class Stream:
    """Age and order of one camera's frames, by their tick of capture and their number."""

    def __init__(self, camera: CameraSpec, control_dt: float) -> None:
        """Begin a lot; ticks are ``control_dt`` [s] long."""
        self._name, self._dt = camera.name, control_dt
        self._most = camera.period_ticks + round(_LATE_S / control_dt)
        self._newest = -1
        self._last: tuple[int, int] | None = None
        self._doubt = 0

    def look(self, observation: Observation, _sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong with the stream at this tick."""
        frame = observation.frames.get(self._name)
        if frame is None:
            return (
                [self._found("camera.age", "no picture has come yet")] if observation.tick else ()
            )
        self._order(frame)
        age = observation.tick - max(frame.captured_tick, 0)
        if age > self._most:
            return [
                self._found(
                    "camera.age",
                    f"the newest picture is {age * self._dt * 1000:.0f} ms old, and at most "
                    f"{self._most * self._dt * 1000:.0f} ms are allowed",
                )
            ]
        if self._doubt:
            reason = f"picture {frame.seq} of tick {frame.captured_tick} came out of its turn"
            return [self._found("camera.order", reason)]
        return ()

    def _order(self, frame: Frame) -> None:
        now = (frame.seq, frame.captured_tick)
        if now == self._last:
            return
        backward = frame.seq < self._newest or (
            # A new picture that was taken when the last one was has a stamp that stands still.
            self._last is not None and frame.captured_tick <= self._last[1]
        )
        self._last, self._newest = now, max(frame.seq, self._newest)
        self._doubt = _AGAIN if backward else max(self._doubt - 1, 0)

    def _found(self, detector: str, reason: str) -> Finding:
        return Finding(detector, "sensor.fault", self._name, reason)


class Repeats:
    """Whether pictures that claim to be new are one and the same while an arm moves before them."""

    def __init__(self, camera: CameraSpec) -> None:
        """Begin a lot."""
        self._name = camera.name
        self._last: Frame | None = None
        self._tools: FloatArray | None = None
        self._same = 0

    def look(self, observation: Observation, _sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick."""
        frame = observation.frames.get(self._name)
        if frame is None:
            return ()
        if self._last is None or frame.seq != self._last.seq:
            self._compare(frame, observation)
        if self._same < _SAME:
            return ()
        reason = f"the last {self._same + 1} pictures are one and the same while an arm moves"
        return [Finding("camera.repeat", "sensor.fault", self._name, reason)]

    def _compare(self, frame: Frame, observation: Observation) -> None:
        last, self._last = self._last, frame
        tools = np.stack([limb.tool_in_world[:3, 3] for limb in observation.limbs.values()])
        if last is None or self._tools is None:
            self._tools = tools
            return
        if not (last.pixels is frame.pixels or np.array_equal(last.pixels, frame.pixels)):
            self._same, self._tools = 0, tools
        elif np.linalg.norm(tools - self._tools, axis=1).max() > _MOVED_M:
            self._same, self._tools = self._same + 1, tools
