"""Pictures that arrive later than they were taken."""

from __future__ import annotations

from math import ceil

from shopfloor.cell.noise.draw import Draws
from shopfloor.cell.noise.level import Timing
from shopfloor.types import Frame

__all__ = ["Delivery"]


class Delivery:
    """The wire of one camera's stream: late and unsteady, but in order and without loss."""

    def __init__(self, timing: Timing, control_dt: float, draws: Draws) -> None:
        """Begin with nothing on the way; ticks are ``control_dt`` [s] long."""
        self._timing, self._dt, self._draws = timing, control_dt, draws
        self._coming: list[tuple[int, Frame]] = []
        self._last_due = -1
        self._last_seq = -1

    def awaits(self, frame: Frame) -> bool:
        """Whether this picture was not sent yet."""
        return frame.seq != self._last_seq

    def send(self, frame: Frame) -> None:
        """Take a picture into the wire."""
        self._last_seq = frame.seq
        if frame.captured_tick == 0:  # a lot begins when its first pictures have come
            due = 0
        else:
            jitter = self._draws.of(f"{frame.camera} wire", frame.captured_tick).uniform(-1, 1)
            late = self._timing.latency_ms + jitter * self._timing.jitter_ms
            due = frame.captured_tick + ceil(late / 1000 / self._dt - 1e-9)
        self._last_due = max(due, self._last_due + 1)
        self._coming.append((self._last_due, frame))

    def newest(self, tick: int) -> Frame | None:
        """Return what has arrived since the last time; None where nothing has."""
        arrived = None
        while self._coming and self._coming[0][0] <= tick:
            _, arrived = self._coming.pop(0)
        return arrived
