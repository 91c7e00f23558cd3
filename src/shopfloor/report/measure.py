"""The composite figures of a summary: the ledger, cycle times, times between events, repairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopfloor.report.interval import mtbf_lower, repair_bounds

__all__ = ["LEDGER", "CycleTime", "MeanTime", "RepairTime", "Units"]

LEDGER = ("good", "scrap", "wip", "quarantine")
"""Where a unit can be; each is in exactly one place."""


@dataclass(frozen=True, slots=True)
class Units:
    """The ledger: ``entered`` = good + scrap + wip + quarantine. Bystanders are not in it."""

    entered: int
    good: int
    scrap: int
    wip: int
    quarantine: int

    def to_json(self) -> dict[str, int]:
        """Return plain JSON values; ``entered`` is called ``in`` there."""
        return {"in": self.entered, **{name: getattr(self, name) for name in LEDGER}}


@dataclass(frozen=True, slots=True)
class CycleTime:
    """Percentiles of ``n`` cycle times [s], linearly interpolated; None without any."""

    n: int
    p50: float | None
    p90: float | None
    p99: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> CycleTime:
        """Take the percentiles of the given cycle times [s]."""
        if not seconds:
            return cls(0, None, None, None)
        p50, p90, p99 = (float(value) for value in np.percentile(seconds, (50, 90, 99)))
        return cls(len(seconds), p50, p90, p99)


@dataclass(frozen=True, slots=True)
class MeanTime:
    """Mean productive time between events [h].

    Attributes:
        events: How many there were.
        hours: Productive time observed [h].
        estimate: ``hours / events``; None without an event or without productive time.
        lo: One-sided 95 % lower bound; it exists without any event too, and is the only
            thing that may be claimed then. None without productive time.
    """

    events: int
    hours: float
    estimate: float | None
    lo: float | None

    @classmethod
    def of(cls, hours: float, events: int) -> MeanTime:
        """Make the mean time from productive hours and a number of events."""
        if hours <= 0:
            return cls(events, hours, None, None)
        return cls(events, hours, hours / events if events else None, mtbf_lower(hours, events))


@dataclass(frozen=True, slots=True)
class RepairTime:
    """Mean time to repair [s].

    Attributes:
        repairs: How many there were.
        seconds: Down time of all of them together [s].
        estimate: ``seconds / repairs``, or None without a repair.
        lo, hi: Two-sided 95 % bounds for repair times that are exponential, which is wide for
            times that are spread less; None without a repair.
    """

    repairs: int
    seconds: float
    estimate: float | None
    lo: float | None
    hi: float | None

    @classmethod
    def of(cls, seconds: float, repairs: int) -> RepairTime:
        """Make the mean time of a number of repairs and the seconds they took together."""
        if not repairs:
            return cls(0, seconds, None, None, None)
        bounds = repair_bounds(seconds, repairs)
        return cls(repairs, seconds, seconds / repairs, bounds.lo, bounds.hi)
