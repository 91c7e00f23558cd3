"""What a comparison comes to: each contestant's figures, and a verdict for every pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from shopfloor.evidence.contestant import Contestant
from shopfloor.evidence.match import Matched, match
from shopfloor.evidence.paired import Paired, mcnemar
from shopfloor.evidence.power import Discordance, orders_fixed, orders_watched
from shopfloor.evidence.ranking import Strength, bradley_terry
from shopfloor.evidence.several import holm
from shopfloor.evidence.survival import Survival, survival
from shopfloor.evidence.throughput import SpeedRatio, speed_ratio
from shopfloor.evidence.watched import watch
from shopfloor.record.entry import Entry
from shopfloor.report.interval import Interval, anytime, clopper_pearson
from shopfloor.report.summary import Summary, summarise

__all__ = ["ALPHA", "Comparison", "Pair", "Standing", "Verdict", "compare"]

ALPHA = 0.05
"""Chance of calling any difference real in a comparison where there is none."""

Verdict = Literal["a", "b", "not resolved"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One contestant on the common orders.

    Attributes:
        contestant: Who.
        summary: Every figure of the common orders alone.
        between: Productive time between orders that failed or needed an assist [h].
        strength: Bradley and Terry's, from the discordant orders of all pairs.
    """

    contestant: Contestant
    summary: Summary
    between: Survival
    strength: Strength

    @property
    def label(self) -> str:
        """Name in this comparison."""
        return self.contestant.label


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contestants on the same orders.

    Attributes:
        a, b: Their labels.
        counts: Their outcomes, order by order.
        p_value, p_adjusted: Of the test, alone and with Holm's correction over all pairs.
        verdict: Who is better, where that is resolved.
        share: 95 % interval of a's share of the discordant orders; None without one.
        orders_needed: Common orders for 80 % power if the truth is as it was seen here; None where
            it is resolved, where no difference was seen, or where nobody could wait for so many.
        more_orders: How many of these are not worked yet.
        speed: Throughput of a over that of b.
        identical: Whether the logs of all common orders are the same.
    """

    a: str
    b: str
    counts: Paired
    p_value: float
    p_adjusted: float
    verdict: Verdict
    share: Interval | None
    orders_needed: int | None
    more_orders: int | None
    speed: SpeedRatio
    identical: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs on the same orders.

    Attributes:
        matched: What they have in common.
        watched: Whether the verdicts hold however the comparison was stopped: the anytime-valid
            sequence instead of McNemar's test.
        standings: One for each contestant.
        pairs: One for each two of them.
    """

    matched: Matched
    watched: bool
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]

    @property
    def n(self) -> int:
        """Common orders."""
        return len(self.matched.orders)

    @property
    def resolved(self) -> bool:
        """Whether every pair has a winner."""
        return all(pair.verdict != "not resolved" for pair in self.pairs)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; unmeasured is null."""
        return {
            "simulation": True,
            "matched_orders": self.n,
            "method": "anytime-valid sequence" if self.watched else "exact McNemar",
            "correction": "Holm",
            "alpha": ALPHA,
            "contestants": [_standing_json(standing) for standing in self.standings],
            "pairs": [_pair_json(pair) for pair in self.pairs],
            "differs": {name: list(values) for name, values in self.matched.differs},
        }


def compare(contestants: Sequence[Contestant], *, watched: bool = False) -> Comparison:
    """Compare runs on the orders that they have in common.

    Args:
        contestants: At least two.
        watched: Whether somebody looked while they worked, and might have stopped. It is taken for
            true, too, where a run is unfinished or was bounded by hours: what had happened by then
            may have decided when it ended.

    Raises:
        UsageError, RunError: As ``match``; a run contradicts itself.
    """
    matched = match(contestants)
    watched = watched or not matched.fixed
    columns = [matched.entries(i) for i in range(len(contestants))]
    good = [[entry.good for entry in column] for column in columns]
    index = list(combinations(range(len(contestants)), 2))
    counts = [Paired.of(good[i], good[j]) for i, j in index]
    tests = [_test(good[i], good[j], watched=watched) for i, j in index]
    adjusted = holm([p for p, _ in tests])
    wins = np.zeros((len(contestants),) * 2)
    for (i, j), count in zip(index, counts, strict=True):
        wins[i, j], wins[j, i] = count.only_a, count.only_b
    level = ALPHA / len(index)
    pairs = []
    for (i, j), count, (p, a_ahead), p_adjusted in zip(index, counts, tests, adjusted, strict=True):
        resolved = p_adjusted <= ALPHA and a_ahead is not None
        needed = None if resolved else _needed(count, level, watched=watched)
        pairs.append(
            Pair(
                a=contestants[i].label,
                b=contestants[j].label,
                counts=count,
                p_value=p,
                p_adjusted=p_adjusted,
                verdict=("a" if a_ahead else "b") if resolved else "not resolved",
                share=_share(count, watched=watched),
                orders_needed=needed,
                more_orders=None if needed is None else max(needed - count.n, 1),
                speed=speed_ratio(
                    (contestants[i], columns[i]),
                    (contestants[j], columns[j]),
                    seed=contestants[0].manifest.seed,
                    confidence=1 - level,
                ),
                identical=all(
                    x.log_sha256 == y.log_sha256
                    for x, y in zip(columns[i], columns[j], strict=True)
                ),
            )
        )
    standings = tuple(
        _standing(contestant, column, strength)
        for contestant, column, strength in zip(
            contestants, columns, bradley_terry(wins), strict=True
        )
    )
    return Comparison(matched, watched, standings, tuple(pairs))


def _test(a: Sequence[bool], b: Sequence[bool], *, watched: bool) -> tuple[float, bool | None]:
    """Return the p-value, and whether a is ahead."""
    decided = [x for x, y in zip(a, b, strict=True) if x != y]
    if watched:
        seen = watch(decided)
        return seen.p_value, seen.favours_a
    only_a = sum(decided)
    only_b = len(decided) - only_a
    return mcnemar(only_a, only_b), None if only_a == only_b else only_a > only_b


def _share(counts: Paired, *, watched: bool) -> Interval | None:
    if not counts.discordant:
        return None
    return (anytime if watched else clopper_pearson)(counts.only_a, counts.discordant)


def _needed(counts: Paired, level: float, *, watched: bool) -> int | None:
    if counts.only_a == counts.only_b:
        return None
    ahead = max(counts.only_a, counts.only_b)
    truth = Discordance(counts.discordant / counts.n, ahead / counts.discordant)
    return (orders_watched if watched else orders_fixed)(truth, alpha=level)


def _standing(contestant: Contestant, entries: Sequence[Entry], strength: Strength) -> Standing:
    ordered = sorted(entries, key=lambda entry: entry.lot)
    dt = contestant.manifest.control_dt
    lengths, failed, hours = [], [], 0.0
    for entry in ordered:
        hours += sum(ticks for state, ticks in entry.segments if state == "PRD") * dt / 3600
        if not entry.good or entry.repair_ticks:
            lengths.append(hours)
            failed.append(True)
            hours = 0.0
    if hours:
        lengths.append(hours)
        failed.append(False)
    return Standing(
        contestant=contestant,
        summary=summarise(contestant.manifest, ordered, wall_s=None, ended=contestant.ended),
        between=survival(lengths, failed),
        strength=strength,
    )


def _standing_json(standing: Standing) -> dict[str, Any]:
    whole = standing.summary.to_json()
    kept = (
        "brain", "body", "cell", "latency", "limits", "seed", "orders", "good", "good_exact",
        "ever", "uph", "uph_interval", "cycle_s", "first_pass_yield", "failures", "assists",
        "mtbi_h",
    )  # fmt: skip
    between = standing.between
    return {
        "label": standing.label,
        "run": str(standing.contestant.path),
        "orders_of_the_run": len(standing.contestant.entries),
        **{name: whole[name] for name in kept},
        "median_h_to_interruption": between.median,
        "strength": asdict(standing.strength),
    }


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "verdict": pair.verdict,
        "orders": pair.counts.n,
        "both_good": pair.counts.both,
        "only_a_good": pair.counts.only_a,
        "only_b_good": pair.counts.only_b,
        "neither_good": pair.counts.neither,
        "difference": pair.counts.difference,
        "p_value": pair.p_value,
        "p_adjusted": pair.p_adjusted,
        "share_of_discordant": None if pair.share is None else asdict(pair.share),
        "orders_needed": pair.orders_needed,
        "more_orders_needed": pair.more_orders,
        "identical_logs": pair.identical,
        "throughput": {
            "ratio": pair.speed.ratio,
            "bounds": None if pair.speed.bounds is None else asdict(pair.speed.bounds),
            "confidence": pair.speed.confidence,
            "faster": pair.speed.faster,
        },
    }
