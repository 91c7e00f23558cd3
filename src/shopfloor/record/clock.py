"""The virtual clock of a shift: lots and planned windows, laid end to end in whole ticks.

The shift asks it when a lot may begin, and the report where everything lay; both get the same
answer, whatever the number of workers, because lots are laid in their order and never in the order
in which they were worked.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass

from shopfloor.record.calendar import DAY_S, Window
from shopfloor.record.entry import Entry, Manifest

__all__ = ["Clock", "Pause", "lot_ticks", "whole_ticks"]


@dataclass(frozen=True, slots=True)
class Pause:
    """A planned window as it was taken: late if a lot was still in progress, never shorter."""

    window: Window
    start: int
    ticks: int


def whole_ticks(seconds: float, control_dt: float) -> int:
    """Return seconds in whole ticks, rounded up as all charged time is."""
    return math.ceil(round(seconds / control_dt, 6))


def lot_ticks(manifest: Manifest, entry: Entry) -> int:
    """Return what a lot costs the shift: its changeover, its own ticks and its repair."""
    changeover = whole_ticks(manifest.changeover_s, manifest.control_dt)
    return changeover + entry.ticks + entry.repair_ticks


class Clock:
    """Time of a shift, from tick 0.

    A lot in progress, with its changeover and its repair, is finished before a window begins. The
    window then takes its whole length: a late break is no shorter one. A window that is due while
    another is taken follows it at once.

    Attributes:
        now: Ticks since the start of the shift.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Start the shift of a manifest."""
        self._dt = manifest.control_dt
        self._windows = manifest.calendar.windows
        self._taken = 0
        hours = manifest.hours
        # Where the shift is over, no window begins any more.
        self._over = None if hours is None else hours * 3600
        self.now = 0

    def __copy__(self) -> Clock:
        other = object.__new__(Clock)
        other.__dict__ |= self.__dict__
        return other

    def ahead(self) -> Clock:
        """Return a clock to try out what comes next."""
        return copy(self)

    @property
    def now_s(self) -> float:
        """Seconds since the start of the shift."""
        return self.now * self._dt

    @property
    def over(self) -> bool:
        """Whether the hours of the shift are up; never of a shift by orders."""
        return self._over is not None and self.now_s >= self._over

    def pauses(self) -> tuple[Pause, ...]:
        """Take every window that is due, and return them."""
        found = []
        while self._windows and not self.over:
            day, index = divmod(self._taken, len(self._windows))
            window = self._windows[index]
            if whole_ticks(day * DAY_S + window.at_s, self._dt) > self.now:
                break
            found.append(Pause(window, self.now, whole_ticks(window.length_s, self._dt)))
            self._taken += 1
            self.now += found[-1].ticks
        return tuple(found)

    def work(self, ticks: int) -> int:
        """Spend ticks on a lot and return the tick at which it began."""
        start = self.now
        self.now += ticks
        return start
