"""Who is best of several, from pairwise outcomes: Bradley and Terry's model."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["Strength", "bradley_terry"]

_STEPS = 200
_PRIOR = 0.5
"""Half a win and half a loss against a contestant of average strength, where it is needed."""


@dataclass(frozen=True, slots=True)
class Strength:
    """One contestant's strength on the logarithmic scale, whose mean over all is 0.

    A contestant that is ahead of another by s wins a decided pair with probability
    1 / (1 + exp(-s)).

    Attributes:
        value: Estimate; None where nothing links all contestants: it was not measured.
        lo, hi: 95 % Wald interval. An end is None where the data do not bound it: somebody, or some
            group, has won (or lost) every decided pair with the rest.
        bounded: False where ``value`` needed a prior of half a win and half a loss for each.
    """

    value: float | None
    lo: float | None
    hi: float | None
    bounded: bool


def bradley_terry(wins: npt.ArrayLike, *, confidence: float = 0.95) -> tuple[Strength, ...]:
    """Estimate the strengths of contestants.

    Bradley and Terry, Biometrika 39 (1952) 324-345, by Newton's method. The estimate is finite if
    and only if every contestant can be reached from every other along wins (Ford, American
    Mathematical Monthly 64 (1957) 28-33); where it is not, see ``Strength``.

    Args:
        wins: ``(m, m)`` how often the contestant of the row won against that of the column, in
            decided pairs only.
        confidence: Nominal coverage of the intervals.
    """
    table = np.array(wins, float)
    m = len(table)
    if table.shape != (m, m) or (table < 0).any() or np.diag(table).any():
        raise ValueError("wins must be a square table of counts with 0 on its diagonal")
    reach = _reachable(table > 0)
    linked = _reachable((table + table.T) > 0)
    if m < 2 or not linked.all():
        return (Strength(None, None, None, bounded=False),) * m
    bounded = bool(reach.all())
    values, covariance = _fit(table, 0.0 if bounded else _PRIOR)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * np.sqrt(np.diag(covariance))
    found = []
    for i in range(m):
        # Those from whom i is reached lost to nobody else: unless they are all, nothing holds
        # them from above. The same from below.
        held_above, held_below = bool(reach[:, i].all()), bool(reach[i].all())
        found.append(
            Strength(
                value=float(values[i]),
                lo=float(values[i] - half[i]) if held_below or bounded else None,
                hi=float(values[i] + half[i]) if held_above or bounded else None,
                bounded=bounded,
            )
        )
    return tuple(found)


def _reachable(edges: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return ``(m, m)`` who is reached from whom; everybody reaches itself."""
    reach = edges | np.eye(len(edges), dtype=bool)
    for k in range(len(edges)):
        reach |= reach[:, [k]] & reach[[k]]
    return reach


def _fit(
    wins: npt.NDArray[np.float64], prior: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return strengths ``(m,)`` with mean 0, and their covariance ``(m, m)``."""
    m = len(wins)
    games = wins + wins.T
    middle = np.eye(m) - 1.0 / m
    values = np.zeros(m)
    information = np.zeros((m, m))
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(values[None, :] - values[:, None]))
        alone = 1.0 / (1.0 + np.exp(-values))
        slope = (wins - games * chance).sum(axis=1) + prior * (1.0 - 2.0 * alone)
        weight = games * chance * (1.0 - chance)
        own = 2.0 * prior * alone * (1.0 - alone)
        information = np.diag(weight.sum(axis=1) + own) - weight
        step = np.linalg.pinv(information, hermitian=True) @ slope
        values = values + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    covariance = middle @ np.linalg.pinv(information, hermitian=True) @ middle
    return values - values.mean(), covariance
