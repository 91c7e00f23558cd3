r"""Two brains on the same orders, watched while they work: a test that may be looked at any time.

A fixed-size test that is looked at again and again finds a difference sooner or later, also where
there is none. This one does not. After D discordant orders, K of them for brain a, it bets on every
share q of these at once, weighted by a Beta(1/2, 1/2):

    M = 2^D  Integral q^K (1 - q)^(D - K) dBeta(q) = 2^D B(K + 1/2, D - K + 1/2) / B(1/2, 1/2).

While the truth is 1/2, M is a nonnegative martingale that starts at 1, so that it ever reaches
1 / alpha with a probability of at most alpha (Ville 1939; Robbins, Annals of Mathematical
Statistics 41 (1970) 1397-1409; as an e-process: Ramdas et al., Statistical Science 38 (2023)
576-601). ``1 / max M`` is therefore a p-value at whatever moment somebody stops. It is the test
that belongs to ``report.interval.anytime``: it rejects exactly when 1/2 has left that interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Watched", "log_evidence", "watch"]


@dataclass(frozen=True, slots=True)
class Watched:
    """What the sequence came to.

    Attributes:
        p_value: ``1 / max M``, at most 1; valid however the watching ended.
        favours_a: Whether a was ahead when M was greatest; None while neither was ever ahead.
    """

    p_value: float
    favours_a: bool | None


def log_evidence(only_a: int, only_b: int) -> float:
    """Return the logarithm of M after so many discordant orders for either side."""
    if only_a < 0 or only_b < 0:
        raise ValueError(f"got {only_a} and {only_b} discordant pairs; neither can be negative")
    n = only_a + only_b
    return (
        n * math.log(2.0)
        + (math.lgamma(only_a + 0.5) + math.lgamma(only_b + 0.5))
        - math.lgamma(n + 1)
        - math.log(math.pi)  # B(1/2, 1/2)
    )


def watch(wins: Iterable[bool]) -> Watched:
    """Follow the discordant orders in the sequence in which they are looked at.

    Args:
        wins: For each discordant order, whether a was the one that was good.
    """
    counts = [0, 0]
    most, favours_a = 0.0, None
    for a_won in wins:
        counts[not a_won] += 1
        if (now := log_evidence(*counts)) > most:
            most, favours_a = now, counts[0] > counts[1]
    return Watched(math.exp(-most), favours_a)
