"""Whether one run is faster than another on the same orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopfloor.evidence.contestant import Contestant
from shopfloor.record.entry import Entry
from shopfloor.report.interval import Interval
from shopfloor.report.timeline import lot_times

__all__ = ["SpeedRatio", "speed_ratio"]

_DRAWS = 4000
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpeedRatio:
    """Good units per hour of a over those of b.

    Attributes:
        ratio: On the common orders; None where b delivered nothing.
        bounds: Percentile bootstrap over the common orders, drawn together so that a hard order is
            hard for both; None with fewer than two orders, or where b may have delivered nothing.
        confidence: Nominal coverage of the bounds.
    """

    ratio: float | None
    bounds: Interval | None
    confidence: float

    @property
    def faster(self) -> str | None:
        """Return ``a`` or ``b`` where the bounds leave no doubt, else None."""
        if self.bounds is None or self.bounds.lo <= 1.0 <= self.bounds.hi:
            return None
        return "a" if self.bounds.lo > 1.0 else "b"


def speed_ratio(
    a: tuple[Contestant, Sequence[Entry]],
    b: tuple[Contestant, Sequence[Entry]],
    *,
    seed: int,
    confidence: float = 0.95,
) -> SpeedRatio:
    """Compare the throughput of two contestants on their common orders, in the same sequence."""
    units, hours = (
        np.asarray(columns, float)
        for columns in zip(_units_and_hours(*a), _units_and_hours(*b), strict=True)
    )
    uph = _per_hour(units.sum(axis=1), hours.sum(axis=1))
    n = units.shape[1]
    if not uph[1] > 0:
        return SpeedRatio(None, None, confidence)
    ratio = float(uph[0] / uph[1])
    if n < 2:
        return SpeedRatio(ratio, None, confidence)
    rng = np.random.default_rng((seed, n, _DRAWS))
    drawn: list[float] = []
    rows = max(1, 250_000 // n)
    while len(drawn) < _DRAWS:
        picks = rng.integers(0, n, size=(min(rows, _DRAWS - len(drawn)), n))
        top, bottom = _per_hour(units[:, picks].sum(axis=2), hours[:, picks].sum(axis=2))
        if not (bottom > 0).all():
            return SpeedRatio(ratio, None, confidence)
        drawn += (top / bottom).tolist()
    tail = (1.0 - confidence) / 2.0
    lo, hi = np.quantile(drawn, (tail, 1.0 - tail))
    return SpeedRatio(ratio, Interval(float(lo), float(hi)), confidence)


def _units_and_hours(
    contestant: Contestant, entries: Sequence[Entry]
) -> tuple[list[float], list[float]]:
    manifest = contestant.manifest
    hours = [time.ticks * manifest.control_dt / 3600 for time in lot_times(manifest, entries)]
    return [float(sum(unit.state == "good" for unit in entry.units)) for entry in entries], hours


def _per_hour(units: _Floats, hours: _Floats) -> _Floats:
    """Return units per hour; 0 where no time passed."""
    rate = np.zeros_like(units)
    np.divide(units, hours, out=rate, where=hours > 0)
    return rate
