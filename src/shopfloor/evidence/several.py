"""Several questions at once: Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values adjusted by Holm's step-down method, in the order given.

    Whoever rejects where the adjusted value is at most alpha makes any false rejection at all with
    a probability of at most alpha, however the questions hang together; Holm, Scandinavian Journal
    of Statistics 6 (1979) 65-70.
    """
    if bad := [p for p in p_values if not 0.0 <= p <= 1.0]:
        raise ValueError(f"got the p-value {bad[0]}; it must lie between 0 and 1")
    m = len(p_values)
    adjusted = [1.0] * m
    highest = 0.0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = highest
    return tuple(adjusted)
