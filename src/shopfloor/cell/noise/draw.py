"""Where every draw of noise comes from: its lot, its sensor, its tick, and nothing before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopfloor.order.seed import rng

__all__ = ["Draws"]


@dataclass(frozen=True, slots=True)
class Draws:
    """The generators of one lot."""

    seed: int
    lot: int

    def of(self, what: str, tick: int = 0) -> np.random.Generator:
        """Return the generator of one sensor at one tick; the same however often it was asked."""
        return rng(self.seed, self.lot, f"noise of {what} at {tick}")
