"""Two brains on different orders: Boschloo's exact test."""

from __future__ import annotations

__all__ = ["boschloo"]


def boschloo(k_a: int, n_a: int, k_b: int, n_b: int) -> float | None:
    """Return the two-sided p-value of Boschloo's exact unconditional test.

    More powerful than Fisher's at the same guarantee; Boschloo, Statistica Neerlandica 24 (1970)
    1-35. Two-sided is twice the smaller one-sided p-value, at most 1, as in SciPy.

    Args:
        k_a, n_a: Good orders of one brain, and all of them.
        k_b, n_b: The same of the other one.

    Returns:
        The p-value; None where one of them has no order.
    """
    for k, n in ((k_a, n_a), (k_b, n_b)):
        if not 0 <= k <= n:
            raise ValueError(f"got k = {k} of n = {n}; counts must satisfy 0 <= k <= n")
    if not n_a or not n_b:
        return None
    if k_a + k_b in (0, n_a + n_b):  # SciPy's own optimiser is not needed: no table says less
        return 1.0
    from scipy.stats import boschloo_exact

    return min(1.0, float(boschloo_exact([[k_a, k_b], [n_a - k_a, n_b - k_b]]).pvalue))
