"""Where every draw of noise comes from: its lot, its sensor, its tick, and nothing before it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from shopfloor.order.seed import rng

__all__ = ["Draws", "chance", "gaussian"]

_STEPS = 1 << 16


def _quantiles() -> npt.NDArray[np.float32]:
    half = [NormalDist().inv_cdf((i + 0.5) / _STEPS) for i in range(_STEPS // 2)]
    return np.array([*half, *(-value for value in reversed(half))], np.float32)


_QUANTILES = _quantiles()


@dataclass(frozen=True, slots=True)
class Draws:
    """The generators of one lot."""

    seed: int
    lot: int

    def of(self, what: str, tick: int = 0) -> np.random.Generator:
        """Return the generator of one sensor at one tick; the same however often it was asked."""
        return rng(self.seed, self.lot, f"noise of {what} at {tick}")


def gaussian(generator: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw from the normal distribution, in 65,536 steps out to 4.3 deviations.

    Looking the numbers up takes a fifth of the time that drawing them from a continuum does, and
    what is made of them is rounded more coarsely.
    """
    steps = generator.integers(0, _STEPS, shape, np.uint16)
    return _QUANTILES.take(steps, mode="clip")  # none can be out of range, so none is looked at


def chance(
    generator: np.random.Generator, of: npt.NDArray[np.float32] | float, shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Draw whether something happens, with a chance from 0 to 1 each, in the same steps."""
    return np.asarray(generator.integers(0, _STEPS, shape, np.uint16) < np.multiply(of, _STEPS))
