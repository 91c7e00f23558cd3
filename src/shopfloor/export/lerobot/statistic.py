"""Statistics of features: of an episode, and of all of them without all of them in memory.

Least, greatest, mean and spread of episodes add up exactly. Quantiles do not: LeRobot averages
those of the episodes, which is another thing; here a second look at the written data counts its
values into bins between the least and the greatest, so that a quantile of the dataset is right
to a 4096th of that range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["QUANTILES", "STATISTICS", "Bins", "Moments", "Shades", "Statistics", "of_rows"]

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
STATISTICS = ("min", "max", "mean", "std", "count", *QUANTILES)

Floats = npt.NDArray[np.float64]
Statistics = Mapping[str, npt.NDArray[np.generic]]
"""By name, ``(d,)`` of a vector or ``(3, 1, 1)`` of pictures; ``count`` is ``(1,)``."""

_BINS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What can be added up over episodes.

    Attributes:
        count: Rows.
        least, greatest, mean, squares: ``(d,)``; squares are summed about the mean.
    """

    count: int
    least: Floats
    greatest: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        """Return those of ``(n, d)`` rows, n at least 1."""
        mean = rows.mean(axis=0)
        squares = ((rows - mean) ** 2).sum(axis=0)
        return cls(len(rows), rows.min(axis=0), rows.max(axis=0), mean, squares)

    def __add__(self, other: Moments) -> Moments:
        count = self.count + other.count
        apart = other.mean - self.mean
        return Moments(  # Chan, Golub, LeVeque 1979
            count,
            np.minimum(self.least, other.least),
            np.maximum(self.greatest, other.greatest),
            self.mean + apart * other.count / count,
            self.squares + other.squares + apart**2 * self.count * other.count / count,
        )

    def statistics(self, quantiles: Mapping[str, Floats]) -> Statistics:
        """Return all statistics, given the quantiles."""
        return {
            "min": self.least,
            "max": self.greatest,
            "mean": self.mean,
            "std": np.sqrt(self.squares / self.count),
            "count": np.array([self.count]),
            **quantiles,
        }


def of_rows(rows: Floats) -> Statistics:
    """Return the statistics of ``(n, d)`` rows, n at least 1."""
    found = np.quantile(rows, list(QUANTILES.values()), axis=0)
    return Moments.of(rows).statistics(dict(zip(QUANTILES, found, strict=True)))


class Bins:
    """Counts the values of a feature, whose range is known, for its quantiles."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        span = moments.greatest - moments.least
        self._scale = np.divide(_BINS - 1, span, out=np.zeros_like(span), where=span > 0)
        self._counts = np.zeros((len(span), _BINS), np.int64)
        self._sums = np.zeros((len(span), _BINS))

    def add(self, rows: Floats) -> None:
        """Count ``(n, d)`` rows."""
        width = len(self._scale)
        places = ((rows - self._moments.least) * self._scale + 0.5).astype(np.int64)
        places = (np.clip(places, 0, _BINS - 1) + np.arange(width) * _BINS).reshape(-1)
        size, shape = width * _BINS, (width, _BINS)
        self._counts += np.bincount(places, minlength=size).reshape(shape)
        self._sums += np.bincount(places, rows.reshape(-1), minlength=size).reshape(shape)

    def statistics(self) -> Statistics:
        """Return all statistics of what was counted."""
        return self._moments.statistics(_quantiles(self._counts, self._sums))


@dataclass(slots=True, eq=False)
class Shades:
    """How often each value of a pixel occurs; statistics of pictures follow from it exactly.

    Attributes:
        counts: ``(3, 256)`` by channel, red first.
        pictures: How many were counted.
    """

    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((3, 256), np.int64))
    pictures: int = 0

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Count a picture ``(H, W, 3)``."""
        import cv2

        for channel in range(3):
            counts = cv2.calcHist([pixels], [channel], None, [256], [0, 256])
            self.counts[channel] += counts.reshape(-1).astype(np.int64)
        self.pictures += 1

    def include(self, other: Shades) -> None:
        """Count what another has counted."""
        self.counts += other.counts
        self.pictures += other.pictures

    def statistics(self) -> Statistics:
        """Return the statistics, pixels in [0, 1], each ``(3, 1, 1)``; ``count`` is pictures."""
        values = np.arange(256) / 255
        total = self.counts.sum(axis=1)
        mean = self.counts @ values / total
        spread = (self.counts * (values - mean[:, None]) ** 2).sum(axis=1) / total
        seen = self.counts > 0
        found = {
            "min": values[seen.argmax(axis=1)],
            "max": values[255 - seen[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(spread),
            **_quantiles(self.counts, self.counts * values),
        }
        shaped = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, "count": np.array([self.pictures])}


def _quantiles(counts: npt.NDArray[np.int64], sums: Floats) -> dict[str, Floats]:
    """Return quantiles ``(d,)`` from values counted in ``(d, bins)``.

    A value is taken to be the mean of those in its bin: exact where a bin holds one value, as of
    pixels and of yes and no. Between two values it is as far as NumPy's default goes.
    """
    below = counts.cumsum(axis=1)
    rows = np.arange(len(counts))

    def ranked(rank: Floats) -> Floats:
        place = (below <= rank[:, None]).sum(axis=1)
        value: Floats = sums[rows, place] / counts[rows, place]
        return value

    found = {}
    last = below[:, -1] - 1
    for name, share in QUANTILES.items():
        rank = share * last
        lower = np.floor(rank)
        start = ranked(lower)
        found[name] = start + (rank - lower) * (ranked(np.minimum(lower + 1, last)) - start)
    return found
