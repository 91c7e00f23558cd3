"""Intervals for rates, for times between failures and for ratios.

Every rate of a report is ``k`` of ``n`` with an interval. Which one depends on the question:

* :func:`wilson` for a number of trials fixed beforehand, the headline;
* :func:`clopper_pearson` for a safety claim, because it never covers too little;
* :func:`anytime` for a rate that somebody watches and may stop at any moment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

__all__ = [
    "Interval",
    "Rate",
    "anytime",
    "bootstrap_ratio",
    "clopper_pearson",
    "mtbf_lower",
    "repair_bounds",
    "wilson",
    "zero_failures_needed",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval ``[lo, hi]``."""

    lo: float
    hi: float

    def __contains__(self, value: float) -> bool:
        return self.lo <= value <= self.hi


@dataclass(frozen=True, slots=True)
class Rate:
    """``k`` of ``n`` with its 95 % Wilson interval; None throughout when nothing was tried."""

    k: int
    n: int
    rate: float | None
    lo: float | None
    hi: float | None

    @classmethod
    def of(cls, k: int, n: int) -> Rate:
        """Make the rate of ``k`` successes in ``n`` trials."""
        if n == 0:
            _check_counts(k, n)
            return cls(k, n, None, None, None)
        bounds = wilson(k, n)
        return cls(k, n, k / n, bounds.lo, bounds.hi)


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"got k = {k} of n = {n}; counts must satisfy 0 <= k <= n")


def _alpha(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"got confidence {confidence}; it must lie between 0 and 1, as in 0.95")
    return 1.0 - confidence


def wilson(k: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's two-sided score interval without continuity correction.

    Formula: Wilson 1927; method 3 of Newcombe, Statistics in Medicine 17 (1998) 857-872.

    Args:
        k: Successes.
        n: Trials; ``(0, 1)`` is returned for none.
        confidence: Nominal coverage.
    """
    _check_counts(k, n)
    z = NormalDist().inv_cdf(1.0 - _alpha(confidence) / 2.0)
    if n == 0:
        return Interval(0.0, 1.0)
    share = k / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1.0 - share) / n + z * z / (4 * n * n))
    scale = 1.0 + z * z / n
    # The closed form is exactly 0 at k = 0 and 1 at k = n; rounding must not spoil that.
    lo = 0.0 if k == 0 else max(0.0, (centre - half) / scale)
    hi = 1.0 if k == n else min(1.0, (centre + half) / scale)
    return Interval(lo, hi)


def clopper_pearson(k: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact two-sided interval of Clopper and Pearson (Biometrika 26, 1934)."""
    from scipy.special import betaincinv

    _check_counts(k, n)
    tail = _alpha(confidence) / 2.0
    lo = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    hi = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return Interval(lo, hi)


def anytime(k: int, n: int, *, confidence: float = 0.95, prior: float = 0.5) -> Interval:
    """Return a confidence sequence's interval after ``n`` trials: valid at all n at once.

    The truth lies in the intervals of *all* n together with at least the stated
    probability, so one may look after every trial and stop whenever one likes. For a rate
    p, the ratio of a beta-binomial mixture to the binomial likelihood,

        M_n(p) = B(a + k, a + n - k) / B(a, a) / (p^k (1 - p)^(n - k)),

    is a nonnegative martingale that starts at 1; by Ville's inequality it ever reaches
    1 / alpha with probability at most alpha. The interval is {p : M_n(p) < 1 / alpha}.
    Pure Python and a few microseconds a bisection step, since a progress bar calls it.

    Args:
        k: Successes so far.
        n: Trials so far.
        confidence: Coverage of the whole sequence.
        prior: Both parameters ``a`` of the mixing beta; 0.5 is tight near 0 and 1.
    """
    _check_counts(k, n)
    alpha = _alpha(confidence)
    if n == 0:
        return Interval(0.0, 1.0)
    mixture = (
        math.lgamma(prior + k)
        + math.lgamma(prior + n - k)
        - math.lgamma(2 * prior + n)
        - 2 * math.lgamma(prior)
        + math.lgamma(2 * prior)
    )
    floor = mixture + math.log(alpha)

    def inside(p: float) -> bool:
        likelihood = (k * math.log(p) if k else 0.0) + ((n - k) * math.log1p(-p) if k < n else 0.0)
        return likelihood > floor

    def edge(outer: float, inner: float) -> float:
        """Bisect between a rate outside and one inside; the outer end keeps coverage."""
        for _ in range(60):
            middle = 0.5 * (outer + inner)
            if inside(middle):
                inner = middle
            else:
                outer = middle
        return outer

    share = k / n
    return Interval(0.0 if k == 0 else edge(0.0, share), 1.0 if k == n else edge(1.0, share))


def mtbf_lower(hours: float, failures: int, *, confidence: float = 0.95) -> float:
    """Return the one-sided lower bound of the mean time between failures [h].

    ``2 T / chi2(confidence, 2 r + 2)`` for r failures in a time T fixed beforehand and a
    constant failure rate (IEC 60605-4): 24 failure-free hours support only 8.0 h at 95 %.

    Args:
        hours: Time observed [h].
        failures: Failures in that time; 0 is the case that needs the bound most.
        confidence: Of the one-sided statement.
    """
    from scipy.special import gammaincinv

    if hours < 0 or failures < 0:
        raise ValueError(f"got {hours} h and {failures} failures; neither can be negative")
    _alpha(confidence)
    # chi2.ppf(q, 2 m) = 2 gammaincinv(m, q): scipy.stats would cost a second to import.
    return hours / float(gammaincinv(failures + 1, confidence))


def repair_bounds(seconds: float, repairs: int, *, confidence: float = 0.95) -> Interval:
    """Return the two-sided interval of the mean time to repair [s].

    ``2 T / chi2(1 - alpha / 2, 2 r)`` to ``2 T / chi2(alpha / 2, 2 r)`` for r repairs that took T
    together and have exponential times. Times that are spread less are covered more often.

    Args:
        seconds: Time of all repairs together [s].
        repairs: How many; at least 1.
        confidence: Nominal coverage.
    """
    from scipy.special import gammaincinv

    if seconds < 0 or repairs < 1:
        raise ValueError(f"got {seconds} s of {repairs} repairs; it takes a repair, and no less")
    tail = _alpha(confidence) / 2.0
    slow, fast = (float(gammaincinv(repairs, share)) for share in (tail, 1.0 - tail))
    return Interval(seconds / fast, seconds / slow)


def zero_failures_needed(rate: float, *, confidence: float = 0.95) -> int:
    """Return how many trials without a failure support a claim of at least ``rate``."""
    if not 0.0 < rate < 1.0:
        raise ValueError(f"got a claimed rate of {rate}; it must lie between 0 and 1, as in 0.99")
    return math.ceil(math.log(_alpha(confidence)) / math.log(rate))


def bootstrap_ratio(
    numerator: Sequence[float],
    denominator: Sequence[float],
    *,
    seed: int,
    draws: int = 2000,
    confidence: float = 0.95,
) -> Interval | None:
    """Return a percentile bootstrap interval of ``sum(numerator) / sum(denominator)``.

    Pairs are drawn together, so that a long lot keeps its many units.

    Args:
        numerator: ``(n,)`` for example good units by lot.
        denominator: ``(n,)`` for example hours by lot; positive.
        seed: Seed of the resampling.
        draws: Number of resamples.
        confidence: Nominal coverage.

    Returns:
        The interval, or None with fewer than two pairs: one lot says nothing about spread.
    """
    if len(numerator) != len(denominator):
        raise ValueError(
            f"got {len(numerator)} numerators and {len(denominator)} denominators; "
            "they must be pairs"
        )
    n = len(numerator)
    tail = _alpha(confidence) / 2.0
    if n < 2:
        return None
    top, bottom = np.asarray(numerator, float), np.asarray(denominator, float)
    rng = np.random.default_rng((seed, n, draws))
    ratios: list[float] = []
    rows = max(1, 250_000 // n)  # keeps memory flat for a month of lots
    while len(ratios) < draws:
        picks = rng.integers(0, n, size=(min(rows, draws - len(ratios)), n))
        ratios += (top[picks].sum(axis=1) / bottom[picks].sum(axis=1)).tolist()
    lo, hi = np.quantile(ratios, (tail, 1.0 - tail))
    return Interval(float(lo), float(hi))
