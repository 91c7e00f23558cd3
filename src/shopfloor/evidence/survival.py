"""Time between failures: what share of stretches lasts how long, and what may be claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from warnings import catch_warnings, simplefilter

import numpy as np

from shopfloor.report.interval import mtbf_lower

__all__ = ["Survival", "survival"]


@dataclass(frozen=True, slots=True)
class Survival:
    """Kaplan and Meier's estimate of time to a failure, with the exponential bound.

    Attributes:
        failures, stretches: Stretches that ended in a failure, and all of them.
        time: ``(m,)`` lengths at which a stretch failed, ascending, in the unit of the input.
        surviving: ``(m,)`` share that lasts longer than that.
        lo, hi: ``(m,)`` its 95 % interval (log-log); NaN where it is not defined.
        median: Length that half of them reach; None where fewer failed: it was not measured.
        total: All the time observed.
        mean_lower: One-sided 95 % lower bound of the mean time between failures, for a constant
            failure rate; None without any time.
    """

    failures: int
    stretches: int
    time: tuple[float, ...]
    surviving: tuple[float, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]
    median: float | None
    total: float
    mean_lower: float | None


def survival(lengths: Sequence[float], failed: Sequence[bool]) -> Survival:
    """Estimate how long it takes until something fails.

    Kaplan and Meier, Journal of the American Statistical Association 53 (1958) 457-481, as in
    ``scipy.stats.ecdf``; a stretch that ended without a failure counts as long as it lasted.

    Args:
        lengths: ``(n,)`` how long each stretch lasted; not negative.
        failed: ``(n,)`` whether it ended in a failure.
    """
    if len(lengths) != len(failed):
        raise ValueError(f"got {len(lengths)} lengths and {len(failed)} endings; they are pairs")
    if any(not 0 <= length < float("inf") for length in lengths):
        raise ValueError("a stretch has a negative or infinite length; each must be 0 or more")
    total, failures = float(sum(lengths)), sum(map(bool, failed))
    bound = mtbf_lower(total, failures) if total else None
    if not failures:
        return Survival(0, len(lengths), (), (), (), (), None, total, bound)
    from scipy.stats import CensoredData, ecdf

    ended = np.asarray(failed, bool)
    values = np.asarray(lengths, float)
    estimate = ecdf(CensoredData(uncensored=values[ended], right=values[~ended])).sf
    with np.errstate(divide="ignore", invalid="ignore"), catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # no bound where all or none are left: NaN says it
        band = estimate.confidence_interval(method="log-log")
    at = np.isin(estimate.quantiles, values[ended])
    time, share = estimate.quantiles[at], estimate.probabilities[at]
    half = np.flatnonzero(share <= 0.5 + 1e-12)
    return Survival(
        failures=failures,
        stretches=len(lengths),
        time=tuple(time.tolist()),
        surviving=tuple(share.tolist()),
        lo=tuple(band.low.probabilities[at].tolist()),
        hi=tuple(band.high.probabilities[at].tolist()),
        median=float(time[half[0]]) if half.size else None,
        total=total,
        mean_lower=bound,
    )
