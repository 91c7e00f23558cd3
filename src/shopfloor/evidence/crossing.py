"""Exact chances along a path of trials: what somebody who looks after every trial will ever see.

The number of successes so far is a Markov chain, so the chance that a path ever leaves a set of
allowed counts is a sum over counts, one trial after another; nothing is simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from shopfloor.evidence.paired import mcnemar
from shopfloor.evidence.watched import log_evidence
from shopfloor.report.interval import Interval

__all__ = ["ever_rejected", "ever_rejected_by_mcnemar", "miscoverage"]

_Between = tuple[int, int]
"""Least and most successes that are allowed after some number of trials."""


def _left(share: float, allowed: Iterator[_Between]) -> npt.NDArray[np.float64]:
    """Return ``(m,)`` chance of having left the allowed counts by trial 1, 2, ..., m.

    Args:
        share: Chance of success in each trial.
        allowed: For each trial, the counts that are allowed after it.
    """
    chance = np.ones(1)  # over counts from ``base`` on, of paths that never left
    base, gone = 0, 0.0
    found = []
    for lo, hi in allowed:
        after = np.zeros(len(chance) + 1)
        after[:-1] += chance * (1.0 - share)
        after[1:] += chance * share
        first = min(max(lo - base, 0), len(after))
        last = max(min(hi - base + 1, len(after)), first)
        gone += float(after[:first].sum() + after[last:].sum())
        chance, base = after[first:last], base + first
        found.append(gone)
    return np.array(found)


def miscoverage(
    interval: Callable[[int, int], Interval], share: float, most: int
) -> npt.NDArray[np.float64]:
    """Return ``(most,)`` chance that a watched interval has ever missed the truth.

    Entry n - 1 is the chance that after some trial up to the n-th the interval did not hold
    ``share``.

    Args:
        interval: Of k successes in n trials; its ends grow with k.
        share: The truth.
        most: How many trials.
    """

    def allowed() -> Iterator[_Between]:
        lo = hi = 0
        for n in range(1, most + 1):
            while lo <= n and interval(lo, n).hi < share:
                lo += 1
            hi = max(hi, lo - 1)
            while hi < n and interval(hi + 1, n).lo <= share:
                hi += 1
            while hi >= lo and interval(hi, n).lo > share:
                hi -= 1
            yield lo, hi

    return _left(share, allowed())


def _symmetric(rejects: Callable[[int, int], bool], most: int) -> Iterator[_Between]:
    """Yield, for n = 1, 2, ..., which counts a test of 1/2 does not reject."""
    lo = 0
    for n in range(1, most + 1):
        while lo > 0 and not rejects(lo - 1, n - lo + 1):
            lo -= 1
        while 2 * lo < n and rejects(lo, n - lo):
            lo += 1
        yield lo, n - lo


def ever_rejected(share: float, most: int, *, alpha: float = 0.05) -> npt.NDArray[np.float64]:
    """Return ``(most,)`` chance that the watched test has rejected by discordant order 1, 2, ....

    With a share of 1/2 this is its false-positive rate, otherwise its power.

    Args:
        share: Of the discordant orders that fall to the one brain.
        most: How many discordant orders.
        alpha: Level of the test.
    """
    bar = -math.log(alpha)
    return _left(share, _symmetric(lambda a, b: log_evidence(a, b) >= bar, most))


def ever_rejected_by_mcnemar(
    share: float, most: int, *, alpha: float = 0.05
) -> npt.NDArray[np.float64]:
    """Return the same for somebody who looks at McNemar's test after every order, and must not."""
    return _left(share, _symmetric(lambda a, b: mcnemar(a, b) <= alpha, most))
