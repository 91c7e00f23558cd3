"""Where every random draw of an order comes from."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from shopfloor.errors import OrderError

__all__ = ["lot_seed", "rng"]


def _sequence(seed: int, index: int, purpose: str) -> np.random.SeedSequence:
    if seed < 0 or index < 0:
        raise OrderError(
            f"seed {seed} and lot index {index} were asked for; both must be 0 or greater"
        )
    # A fixed hash, because hash() of a string differs from one process to the next.
    word = int.from_bytes(sha256(purpose.encode()).digest()[:8], "big")
    return np.random.SeedSequence([seed, index, word])


def rng(seed: int, index: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose in one lot; the same in every process.

    Args:
        seed: Seed of the shift, 0 or greater.
        index: Index of the lot in the shift, 0 or greater.
        purpose: What the numbers are for (``parts``); purposes do not share a stream.

    Raises:
        OrderError: A negative seed or index.
    """
    return np.random.default_rng(_sequence(seed, index, purpose))


def lot_seed(seed: int, index: int) -> int:
    """Return the seed of one lot: below 2**53, so that JSON readers keep it exactly."""
    high, low = _sequence(seed, index, "lot").generate_state(2)
    return (int(high) & 0x1FFFFF) << 32 | int(low)
