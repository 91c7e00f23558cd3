"""Whether the statistics keep what they promise: exact sums over every outcome, not simulations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.evidence.crossing import ever_rejected, ever_rejected_by_mcnemar, miscoverage
from shopfloor.evidence.paired import mcnemar
from shopfloor.evidence.power import orders_unpaired
from shopfloor.evidence.unpaired import boschloo
from shopfloor.report.interval import Interval, anytime, clopper_pearson, wilson

__all__ = ["Coverage", "boschloo_size", "coverage", "figures", "mcnemar_size"]

_TRIALS = (1, 2, 3, 5, 8, 10, 20, 29, 30, 50, 59, 100, 200, 299, 300, 500, 1000)
_GRID = 1999
_WATCHED = (0.5, 0.8, 0.9, 0.95, 0.99)
_LOOKS = 1000
_DISCORDANT = 2000
_ARM = 15


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often an interval holds the truth, over a grid of truths for one number of trials.

    Attributes:
        n: Trials.
        least, at: The least coverage on the grid, and the truth at which it is.
        mean: Mean coverage over the grid.
    """

    n: int
    least: float
    at: float
    mean: float


def coverage(
    interval: Callable[[int, int], Interval], n: int, truths: npt.NDArray[np.float64]
) -> Coverage:
    """Sum, for each truth, the binomial chances of all counts whose interval holds it.

    Args:
        interval: Of k successes in n trials.
        n: Trials.
        truths: ``(m,)`` success rates, between 0 and 1.
    """
    from scipy.stats import binom

    bounds = [interval(k, n) for k in range(n + 1)]
    lo = np.array([each.lo for each in bounds])[:, None]
    hi = np.array([each.hi for each in bounds])[:, None]
    chance = binom.pmf(np.arange(n + 1)[:, None], n, truths)
    covered = (chance * ((lo <= truths) & (truths <= hi))).sum(axis=0)
    worst = int(covered.argmin())
    return Coverage(n, float(covered[worst]), float(truths[worst]), float(covered.mean()))


def mcnemar_size(most: int, *, alpha: float = 0.05) -> float:
    """Return the greatest chance of a false positive, over 1 to ``most`` discordant orders.

    Given how many orders are discordant it is a binomial sum, and whatever share of all orders is
    discordant, the chance is a mean of these: so the greatest of them bounds it for every share.
    """
    from scipy.stats import binom

    worst = 0.0
    for d in range(1, most + 1):
        c = int(binom.ppf(alpha / 2, d, 0.5))
        while c >= 0 and mcnemar(c, d - c) > alpha:
            c -= 1
        worst = max(worst, 2.0 * float(binom.cdf(c, d, 0.5)) if c >= 0 else 0.0)
    return worst


def boschloo_size(n: int, truths: npt.NDArray[np.float64], *, alpha: float = 0.05) -> float:
    """Return the greatest chance of a false positive with ``n`` orders each, over common truths."""
    from scipy.stats import binom

    rejects = np.array(
        [[(boschloo(a, n, b, n) or 0.0) <= alpha for b in range(n + 1)] for a in range(n + 1)]
    )
    chance = binom.pmf(np.arange(n + 1)[:, None], n, truths)
    return float(np.einsum("at,ab,bt->t", chance, rejects.astype(float), chance).max())


def figures(say: Callable[[str], None]) -> dict[str, Any]:
    """Compute what ``docs/results`` says of the statistics; about half a minute.

    Args:
        say: Told what is being computed.
    """
    truths = np.arange(1, _GRID + 1) / (_GRID + 1)
    found: dict[str, Any] = {"exact": True, "trials": list(_TRIALS), "truths": _GRID}
    for name, interval in (("clopper_pearson", clopper_pearson), ("wilson", wilson)):
        say(f"coverage of {name}")
        every = [coverage(interval, n, truths) for n in _TRIALS]
        worst = min(every, key=lambda each: each.least)
        found[name] = {
            "least": worst.least,
            "least_at": {"n": worst.n, "truth": worst.at},
            "mean": float(np.mean([each.mean for each in every])),
            "by_n": {str(each.n): {"least": each.least, "mean": each.mean} for each in every},
        }
    say("intervals that are watched")
    found["watched"] = {
        "looks": _LOOKS,
        "anytime_misses": _misses(anytime, _WATCHED),
        "wilson_misses": _misses(wilson, _WATCHED),
    }
    say("false positives")
    found["mcnemar"] = {
        "discordant": _DISCORDANT,
        "false_positive_rate": mcnemar_size(_DISCORDANT),
        "watched_false_positive_rate": float(ever_rejected_by_mcnemar(0.5, _LOOKS)[-1]),
        "watched_looks": _LOOKS,
    }
    found["sequence"] = {
        "discordant": _DISCORDANT,
        "false_positive_rate": float(ever_rejected(0.5, _DISCORDANT)[-1]),
    }
    found["boschloo"] = {"each": _ARM, "false_positive_rate": boschloo_size(_ARM, truths)}
    found["orders_each_for_80_power"] = {
        f"{a:g} vs {b:g}": orders_unpaired(a, b) for a, b in ((0.5, 0.6), (0.8, 0.9), (0.9, 0.95))
    }
    return found


def _misses(interval: Callable[[int, int], Interval], truths: Sequence[float]) -> dict[str, float]:
    return {f"{truth:g}": float(miscoverage(interval, truth, _LOOKS)[-1]) for truth in truths}
