"""Least, greatest, mean and deviation of a column that is too long for memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.types import FloatArray

__all__ = ["QUANTILES", "Histogram", "Moments"]

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
"""Quantiles that LeRobot normalises with, by name."""

_BINS = 5000


class Moments:
    """Running moments of rows ``(n, width)``; all attributes are ``(width,)``.

    Batches are joined as in Chan, Golub, LeVeque (1979), so that nothing cancels out.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.least: FloatArray = np.full(width, np.inf)
        self.greatest: FloatArray = np.full(width, -np.inf)
        self.mean: FloatArray = np.zeros(width)
        self._squares: FloatArray = np.zeros(width)

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Add rows ``(n, width)``; those that are not finite must be left out before."""
        if not len(rows):
            return
        rows = rows.astype(np.float64, copy=False)
        count, mean = len(rows), rows.mean(axis=0)
        apart, total = mean - self.mean, self.count + count
        self._squares += ((rows - mean) ** 2).sum(axis=0)
        self._squares += apart**2 * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total
        self.least = np.minimum(self.least, rows.min(axis=0))
        self.greatest = np.maximum(self.greatest, rows.max(axis=0))

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of the population."""
        deviation: FloatArray = np.sqrt(self._squares / max(self.count, 1))
        return deviation


class Histogram:
    """Quantiles of rows ``(n, width)`` whose bounds are known, to a 5000th of their range.

    Args:
        least, greatest: Bounds ``(width,)``.
    """

    def __init__(self, least: FloatArray, greatest: FloatArray) -> None:
        self._least = least
        self._greatest = greatest
        self._step = np.where(greatest > least, (greatest - least) / _BINS, 1.0)
        self._counts = np.zeros((len(least), _BINS), dtype=np.int64)

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Add rows ``(n, width)`` within the bounds."""
        places = ((rows.astype(np.float64) - self._least) / self._step).astype(np.int64)
        for column, place in enumerate(np.clip(places, 0, _BINS - 1).T):
            self._counts[column] += np.bincount(place, minlength=_BINS)

    def quantile(self, fraction: float) -> FloatArray:
        """Return a quantile ``(width,)``: the middle of the bin that it falls into."""
        sums = self._counts.cumsum(axis=1)
        due = fraction * sums[:, -1:]
        bins = np.minimum((sums < due).sum(axis=1), _BINS - 1)
        value: FloatArray = self._least + (bins + 0.5) * self._step
        return np.clip(value, self._least, self._greatest)
