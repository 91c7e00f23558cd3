"""How far two runs of the same lots agree, held against bounds that are stated with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shopfloor.record import Entry, Manifest
from shopfloor.report import wilson
from shopfloor.report.summary import summarise

__all__ = ["CYCLE_SHARE", "SIGNIFICANCE", "Agreement", "Bound", "agreement"]

SIGNIFICANCE = 0.05
"""Two runs whose unlike lots are less probable than this, were they alike, are not alike."""

CYCLE_SHARE = 0.10
"""The median cycle time, and the rate of good units, may change by this share at least."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure of both runs, and where the replica's must lie.

    Attributes:
        what: Name of the figure.
        was, now: In the original and in the replica; None where unmeasured.
        lo, hi: Bounds of ``now``; None where the figure is unmeasured.
        why: Where the bounds come from.
    """

    what: str
    was: float | None
    now: float | None
    lo: float | None
    hi: float | None
    why: str

    @property
    def held(self) -> bool | None:
        """Whether the replica's figure lies within; None where it is unmeasured in both."""
        if self.was is None and self.now is None:
            return None
        if self.now is None or self.lo is None or self.hi is None:
            return False
        return self.lo <= self.now <= self.hi


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two runs of the same lots.

    Attributes:
        lots: How many were compared.
        both, only_original, only_replica, neither: In how many of them the order was good.
        p_value: Exact McNemar, two-sided: how probable lots so unlike are, were both runs alike.
        bounds: The figures that must agree.
    """

    lots: int
    both: int
    only_original: int
    only_replica: int
    neither: int
    p_value: float
    bounds: tuple[Bound, ...]

    @property
    def held(self) -> bool:
        """Whether every bound holds; a figure that is unmeasured in both runs breaks none."""
        return all(bound.held is not False for bound in self.bounds)

    @property
    def broken(self) -> tuple[Bound, ...]:
        """Bounds that do not hold."""
        return tuple(bound for bound in self.bounds if bound.held is False)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {
            "held": self.held,
            "bounds": [asdict(bound) | {"held": bound.held} for bound in self.bounds],
        }


def agreement(manifest: Manifest, was: Sequence[Entry], now: Sequence[Entry]) -> Agreement:
    """Compare the entries of two runs, lot by lot in the same order.

    Args:
        manifest: Of the original.
        was: Entries of the original, at least one.
        now: Entries of the replica, of the same lots.

    Raises:
        RunCorrupt: The entries contradict themselves.
    """
    pairs = [(a.good, b.good) for a, b in zip(was, now, strict=True)]
    only_original, only_replica = pairs.count((True, False)), pairs.count((False, True))
    before, after = (summarise(manifest, side, wall_s=None, ended=None) for side in (was, now))
    n = len(pairs)
    good = wilson(before.good.k, n)
    p_value = _mcnemar(only_original, only_replica)
    bounds = (
        Bound(
            "good orders",
            before.good.rate,
            after.good.rate,
            good.lo,
            good.hi,
            "95 % Wilson interval of the original",
        ),
        Bound(
            "unlike orders, p",
            1.0,
            p_value,
            SIGNIFICANCE,
            1.0,
            "exact McNemar on the same lots",
        ),
        _share("median cycle time [s]", before.cycle.p50, after.cycle.p50),
        _share(
            "good units per hour",
            before.uph,
            after.uph,
            (before.uph_interval.lo, before.uph_interval.hi) if before.uph_interval else None,
        ),
    )
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    return Agreement(n, both, only_original, only_replica, neither, p_value, bounds)


def _share(
    what: str, was: float | None, now: float | None, interval: tuple[float, float] | None = None
) -> Bound:
    """Bound a figure by a share of it, or by its interval where that is wider."""
    share = f"±{100 * CYCLE_SHARE:.0f} % of the original"
    if was is None:
        return Bound(what, was, now, None, None, share)
    lo, hi = was * (1 - CYCLE_SHARE), was * (1 + CYCLE_SHARE)
    if interval is not None:
        lo, hi = min(lo, interval[0]), max(hi, interval[1])
        share += ", or its 95 % bootstrap interval over lots where that is wider"
    return Bound(what, was, now, lo, hi, share)


def _mcnemar(only_original: int, only_replica: int) -> float:
    """Exact two-sided p-value of McNemar's test; 1 where no lot is unlike."""
    unlike = only_original + only_replica
    if not unlike:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_original, unlike).pvalue)
