"""How success and throughput went over the shift: a moving window and the running whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shopfloor.record.entry import Entry, Manifest
from shopfloor.report.interval import anytime
from shopfloor.report.timeline import lot_times

__all__ = ["Trend", "success_trend", "uph_trend", "window_lots"]

_POINTS = 240
"""No more points than a screen can show."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure at the end of lots.

    Attributes:
        time_s: ``(n,)`` end of the lot on the shift's clock [s].
        window: ``(n,)`` the figure over the last few lots.
        whole: ``(n,)`` the figure over all lots so far.
        lo, hi: ``(n,)`` anytime-valid 95 % band of ``whole``; empty where there is none.
    """

    time_s: tuple[float, ...]
    window: tuple[float, ...]
    whole: tuple[float, ...]
    lo: tuple[float, ...] = ()
    hi: tuple[float, ...] = ()


def window_lots(lots: int) -> int:
    """Return the width of the moving window: a tenth of the shift, at least 5 lots."""
    return max(5, lots // 10)


def _shown(lots: int) -> list[int]:
    step = max(1, lots // _POINTS)
    return sorted({*range(step - 1, lots, step), lots - 1})


def _sums(values: Sequence[float]) -> list[float]:
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    return sums


def success_trend(manifest: Manifest, entries: Sequence[Entry]) -> Trend:
    """Return the share of good orders, with the band one may watch while it grows.

    Args:
        manifest: Of the run.
        entries: In lot order, at least one.
    """
    times = lot_times(manifest, entries)
    good = _sums([float(entry.good) for entry in entries])
    width = window_lots(len(entries))
    rows = []
    for i in _shown(len(entries)):
        first = max(0, i + 1 - width)
        band = anytime(round(good[i + 1]), i + 1)
        rows.append(
            (
                times[i].end * manifest.control_dt,
                (good[i + 1] - good[first]) / (i + 1 - first),
                good[i + 1] / (i + 1),
                band.lo,
                band.hi,
            )
        )
    return Trend(*zip(*rows, strict=True))


def uph_trend(manifest: Manifest, entries: Sequence[Entry]) -> Trend:
    """Return good units per hour of shift.

    Args:
        manifest: Of the run.
        entries: In lot order, at least one, each longer than 0 ticks.
    """
    times = lot_times(manifest, entries)
    dt = manifest.control_dt
    units = _sums([sum(unit.state == "good" for unit in entry.units) for entry in entries])
    width = window_lots(len(entries))
    rows = []
    for i in _shown(len(entries)):
        first = max(0, i + 1 - width)
        hours = (times[i].end - times[first].start) * dt / 3600
        rows.append(
            (
                times[i].end * dt,
                (units[i + 1] - units[first]) / hours,
                units[i + 1] / (times[i].end * dt / 3600),
            )
        )
    return Trend(*zip(*rows, strict=True))
