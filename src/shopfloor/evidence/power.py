"""How many orders it takes to see a difference, and with what chance it is seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from shopfloor.evidence.crossing import ever_rejected

__all__ = [
    "Discordance",
    "mcnemar_power",
    "orders_fixed",
    "orders_unpaired",
    "orders_watched",
    "watched_power",
]

_MOST_DISCORDANT = 4096
"""Beyond so many discordant orders nobody waits for an answer."""
_MOST_ORDERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Discordance:
    """A difference between two brains on the same orders.

    Attributes:
        rate: Share of the orders on which they differ, above 0 and at most 1.
        share: Share of these that the better one wins, above 1/2 and at most 1.
    """

    rate: float
    share: float

    def __post_init__(self) -> None:
        """Refuse what is no difference."""
        if not (0 < self.rate <= 1 and 0.5 < self.share <= 1):
            raise ValueError(
                f"got a rate of {self.rate} and a share of {self.share}; a difference has a rate "
                "above 0 and a share above 1/2"
            )


def mcnemar_power(n: int, truth: Discordance, *, alpha: float = 0.05) -> float:
    """Return the exact power of McNemar's exact test on ``n`` common orders.

    A sum over how many of them are discordant and what share of these falls to either side; only
    counts whose chance is beyond 1e-12 are left out.
    """
    from scipy.stats import binom

    least, most = (int(x) for x in binom.ppf((1e-12, 1 - 1e-12), n, truth.rate))
    d = np.arange(max(least, 1), max(most, 1) + 1)
    # The greatest c of which both tails together are at most alpha: P(X <= c) <= alpha / 2.
    c = binom.ppf(alpha / 2, d, 0.5)
    c = np.where(binom.cdf(c, d, 0.5) <= alpha / 2, c, c - 1)
    rejects = binom.cdf(c, d, truth.share) + binom.sf(d - c - 1, d, truth.share)
    return float((binom.pmf(d, n, truth.rate) * np.where(c >= 0, rejects, 0.0)).sum())


def watched_power(n: int, truth: Discordance, *, alpha: float = 0.05) -> float:
    """Return the exact chance that the watched test rejects within ``n`` common orders.

    Counts as not rejected what would need more than 4,096 discordant orders.
    """
    from scipy.stats import binom

    most = min(n, _MOST_DISCORDANT)
    rejected = _rejected(truth.share, most, alpha)
    chance = binom.pmf(np.arange(1, most + 1), n, truth.rate)
    beyond = float(binom.sf(most, n, truth.rate)) * float(rejected[-1])
    return float(chance @ rejected) + beyond


@cache
def _steps(share: float, alpha: float, most: int) -> npt.NDArray[np.float64]:
    return ever_rejected(share, most, alpha=alpha)


def _rejected(share: float, most: int, alpha: float) -> npt.NDArray[np.float64]:
    """Return the first ``most`` chances; computed in powers of two, and kept."""
    return _steps(share, alpha, 1 << max(most - 1, 1).bit_length())[:most]


def orders_fixed(truth: Discordance, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Return how many common orders McNemar's exact test needs; None beyond two million."""
    return _least(lambda n: mcnemar_power(n, truth, alpha=alpha), power)


def orders_watched(truth: Discordance, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Return how many common orders the watched test needs at most.

    None where more than 4,096 of them would have to be discordant.
    """
    if _rejected(truth.share, _MOST_DISCORDANT, alpha)[-1] < power:
        return None
    return _least(lambda n: watched_power(n, truth, alpha=alpha), power)


def _least(chance: Callable[[int], float], power: float) -> int | None:
    """Return the least n from which on the chance is at least ``power``, up to its small teeth.

    An exact test's power rises in teeth with n; the search takes it for rising.
    """
    high = 8
    while chance(high) < power:
        high *= 2
        if high > _MOST_ORDERS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if chance(middle) < power:
            low = middle
        else:
            high = middle
    return high


def orders_unpaired(
    rate_a: float, rate_b: float, *, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Return how many orders *each* brain needs where their orders are not the same.

    The textbook formula for two proportions, pooled under the null hypothesis and without
    continuity correction (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions,
    3rd ed. 2003, formula 4.14): 388 for 50 against 60 %.

    Args:
        rate_a, rate_b: The success rates to be told apart.
        power: Chance to see the difference.
        alpha: Level of the two-sided test.
    """
    if not (0 <= rate_a <= 1 and 0 <= rate_b <= 1) or rate_a == rate_b:
        raise ValueError(f"got rates {rate_a} and {rate_b}; two different rates from 0 to 1 differ")
    z_alpha = NormalDist().inv_cdf(1 - alpha / 2)
    z_beta = NormalDist().inv_cdf(power)
    mean = (rate_a + rate_b) / 2
    apart = math.sqrt(rate_a * (1 - rate_a) + rate_b * (1 - rate_b))
    root = z_alpha * math.sqrt(2 * mean * (1 - mean)) + z_beta * apart
    return math.ceil((root / (rate_a - rate_b)) ** 2)
