"""Two brains on the same orders: McNemar's exact test.

An order that both got right, or both got wrong, says nothing about which is better. Only the orders
on which they differ do; without a difference each of these falls to either side like a fair coin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Paired", "mcnemar"]


@dataclass(frozen=True, slots=True)
class Paired:
    """How often two brains were good on the same orders.

    Attributes:
        both, neither: Orders on which they agree.
        only_a, only_b: Orders on which only one of them was good: the discordant ones.
    """

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, a: Sequence[bool], b: Sequence[bool]) -> Self:
        """Count the outcomes of the same orders in the same sequence."""
        pairs = list(zip(a, b, strict=True))
        return cls(
            both=sum(x and y for x, y in pairs),
            only_a=sum(x and not y for x, y in pairs),
            only_b=sum(y and not x for x, y in pairs),
            neither=sum(not x and not y for x, y in pairs),
        )

    @property
    def n(self) -> int:
        """Orders."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def discordant(self) -> int:
        """Orders on which they differ."""
        return self.only_a + self.only_b

    @property
    def difference(self) -> float | None:
        """Success of a minus success of b, from -1 to 1; None without orders."""
        return (self.only_a - self.only_b) / self.n if self.n else None


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Twice the smaller binomial tail with p = 1/2 over the discordant pairs, at most 1; Mosteller,
    Biometrics 8 (1952) 220-226. Computed in whole numbers, so it is exact for any count; 1 without
    a discordant pair.
    """
    if only_a < 0 or only_b < 0:
        raise ValueError(f"got {only_a} and {only_b} discordant pairs; neither can be negative")
    n, least = only_a + only_b, min(only_a, only_b)
    term = tail = 1
    for i in range(least):
        term = term * (n - i) // (i + 1)
        tail += term
    return min(1.0, _ratio(2 * tail, n))


def _ratio(tail: int, n: int) -> float:
    """Return ``tail / 2**n`` where neither may fit a float."""
    excess = max(tail.bit_length() - 64, 0)
    return math.ldexp(tail >> excess, excess - n)
