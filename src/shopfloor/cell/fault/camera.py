"""What can befall the stream and the views of one camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from shopfloor.cell.fault.plan import Injection
from shopfloor.errors import SensorLost
from shopfloor.types import Frame

__all__ = ["CameraFaults"]

Took = Callable[[Injection], None]
"""Told of a fault that has just made a difference."""

_NEAR_M = 0.12
"""What hangs before a lens hangs so far from it [m]."""


class CameraFaults:
    """One camera's stream and views with the faults that are in force.

    Args of all methods: ``active`` holds this camera's injections that are in force at ``tick``.
    """

    def __init__(self, control_dt: float, took: Took) -> None:
        """Begin a lot; ticks are ``control_dt`` [s] long."""
        self._dt, self._took = control_dt, took
        self._last: Frame | None = None  # newest of the stream, as it was taken
        self._given: Frame | None = None  # as it was given
        self._view: Frame | None = None
        self._late: list[tuple[int, Frame]] = []
        self._kept: Frame | None = None
        self._stuck: dict[Injection, Frame] = {}
        self._rng: dict[Injection, np.random.Generator] = {}

    def stream(self, frame: Frame, active: Sequence[Injection], tick: int) -> Frame:
        """Return what arrives of the stream at a tick whose newest frame is ``frame``."""
        new = self._last is None or frame.seq != self._last.seq
        if self._given is None:  # a lot begins when its first pictures have come
            self._last = self._given = frame
            return frame
        for due, late in self._late[:]:
            if tick >= due:
                self._late.remove((due, late))
                self._given = late
        if new:
            out = self._through(frame, active, tick)
            self._given = self._given if out is None else out
            self._last = frame
        return self._given

    def view(self, take: Callable[[], Frame], active: Sequence[Injection]) -> Frame:
        """Return a native-resolution picture.

        Raises:
            SensorLost: The camera gives none.
        """
        for one in active:
            match one.kind.name:
                case "camera.off":
                    self._lose(one)
                case "camera.freeze":
                    if self._view is None:
                        self._lose(one)
                    else:
                        self._took(one)
                        return self._view
                case "camera.drop" if self._draws(one).random() < one.amount:
                    self._lose(one)
        frame = take()
        for one in active:
            if one.kind.name == "camera.stale":
                frame = replace(frame, captured_tick=min(one.begin, frame.captured_tick))
                self._took(one)
            elif one.kind.name == "camera.repeat" and self._view is not None:
                frame = replace(frame, pixels=self._view.pixels, depth=self._view.depth)
                self._took(one)
            else:
                frame = self._spoilt(frame, one)
        if not active:
            self._view = frame
        return frame

    def _lose(self, one: Injection) -> None:
        self._took(one)
        raise SensorLost(f"camera {one.target!r} gives no picture; see to its power and its cable")

    def _through(self, frame: Frame, active: Sequence[Injection], tick: int) -> Frame | None:
        """A new frame after its faults, or None where it does not arrive now."""
        for one in active:
            if self._kept_back(frame, one, tick):
                return None
            match one.kind.name:
                case "camera.stale":
                    self._took(one)
                    frame = replace(frame, captured_tick=min(one.begin, frame.captured_tick))
                case "camera.repeat":
                    old = self._stuck.setdefault(one, frame)
                    if (old.pixels != frame.pixels).any():
                        self._took(one)
                    frame = replace(frame, pixels=old.pixels, depth=old.depth)
                case _:
                    frame = self._spoilt(frame, one)
        if not any(one.kind.name == "camera.reorder" for one in active):
            self._kept = None
        return frame

    def _kept_back(self, frame: Frame, one: Injection, tick: int) -> bool:
        """Whether a frame does not arrive at this tick; it may arrive later."""
        match one.kind.name:
            case "camera.off" | "camera.freeze":
                pass
            case "camera.drop":
                if self._draws(one).random() >= one.amount:
                    return False
            case "camera.delay":
                self._late.append((tick + round(one.amount / self._dt), frame))
            case "camera.reorder":
                if self._kept is not None:
                    self._late.append((tick + 1, self._kept))
                    self._kept = None
                    return False
                self._kept = frame
            case _:
                return False
        self._took(one)
        return True

    def _draws(self, one: Injection) -> np.random.Generator:
        if one not in self._rng:
            self._rng[one] = np.random.default_rng(one.seed)
        return self._rng[one]

    def _spoilt(self, frame: Frame, one: Injection) -> Frame:
        """A frame of which less can be seen."""
        height, width = frame.pixels.shape[:2]
        depth = frame.depth
        match one.kind.name:
            case "camera.blur":
                # In pixels of a 1280 wide picture: a smaller one is blurred by as much of it.
                sigma = one.amount * width / 1280
                blurred = cv2.GaussianBlur(frame.pixels, (0, 0), max(sigma, 0.3))
                pixels = np.asarray(blurred, np.uint8)
            case "camera.exposure":
                pixels = np.clip(frame.pixels * 2.0**one.amount, 0, 255).astype(np.uint8)
            case "camera.occlusion":
                pixels = frame.pixels.copy()
                rows = max(round(one.amount * height), 1)
                pixels[:rows] = 25
                if depth is not None:
                    depth = depth.copy()
                    depth[:rows] = _NEAR_M
            case "camera.holes":
                if depth is None:
                    return frame
                rng = np.random.default_rng([one.seed, frame.captured_tick])
                coarse = rng.random((max(height // 16, 1), max(width // 16, 1))).astype(np.float32)
                holes = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
                pixels = frame.pixels
                depth = np.where(holes < one.amount, np.float32(np.nan), depth)
            case _:
                return frame
        self._took(one)
        return replace(frame, pixels=pixels, depth=depth)
