"""What a brain comes to at a benchmark suite: each condition, held against the base in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shopfloor.evidence.contestant import Contestant
from shopfloor.evidence.match import match
from shopfloor.evidence.paired import Paired, mcnemar
from shopfloor.evidence.power import Discordance, orders_fixed
from shopfloor.evidence.several import holm
from shopfloor.evidence.suite import Condition, Extent, Suite
from shopfloor.evidence.throughput import SpeedRatio, speed_ratio
from shopfloor.record.entry import Entry
from shopfloor.report.summary import Summary, summarise

__all__ = ["Against", "Decision", "Mark", "Pace", "Score", "decision", "score"]

Decision = Literal["worse", "better", "not resolved"]
Pace = Literal["slower", "faster", "not resolved"]


@dataclass(frozen=True, slots=True)
class Against:
    """A condition against the base, on the same orders.

    Attributes:
        counts: Outcomes order by order; ``a`` is the condition and ``b`` the base.
        p_value, p_adjusted: Of McNemar's exact test, alone and with Holm's correction over all
            conditions.
        decision: Whether the condition is worse or better than the base.
        orders_needed: Orders for 80 % power if the truth is as it was seen here; None where it is
            resolved, where no difference was seen, or where nobody could wait for so many.
        more_orders: How many of these are not worked yet.
        speed: Throughput of the condition over that of the base; its bounds hold for all
            conditions together.
    """

    counts: Paired
    p_value: float
    p_adjusted: float
    decision: Decision
    orders_needed: int | None
    more_orders: int | None
    speed: SpeedRatio

    @property
    def pace(self) -> Pace:
        """Whether the condition is slower or faster than the base."""
        return {"a": "faster", "b": "slower", None: "not resolved"}[self.speed.faster]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Mark:
    """One condition.

    Attributes:
        condition: Which.
        run: The run that was worked under it.
        summary: Every figure of that run.
        against: What it is against the base; None for the base itself.
    """

    condition: Condition
    run: Contestant
    summary: Summary
    against: Against | None

    @property
    def name(self) -> str:
        """Of the condition."""
        return self.condition.name

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Of the run, in lot order."""
        return tuple(sorted(self.run.entries, key=lambda entry: entry.lot))


@dataclass(frozen=True, slots=True)
class Score:
    """A brain at a suite.

    Attributes:
        suite, extent: What was worked.
        brain: Who worked it.
        marks: One for each condition, the base first.
    """

    suite: Suite
    extent: Extent
    brain: str
    marks: tuple[Mark, ...]

    @property
    def base(self) -> Mark:
        """The base."""
        return self.marks[0]

    @property
    def varied(self) -> tuple[tuple[Mark, Against], ...]:
        """Every other condition, with what it is against the base."""
        return tuple((mark, mark.against) for mark in self.marks if mark.against is not None)

    @property
    def machines(self) -> tuple[str, ...]:
        """Processor and renderer of each machine that worked on it."""
        manifests = [mark.run.manifest for mark in self.marks]
        return tuple(sorted({f"{each.cpu}, drawn by {each.renderer}" for each in manifests}))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; unmeasured is null."""
        suite, extent, manifest = self.suite, self.extent, self.base.run.manifest
        return {
            "simulation": True,
            "suite": {
                "name": suite.name,
                "version": suite.version,
                "sha256": suite.sha256,
                "frozen": suite.frozen,
                "seed": suite.seed,
            },
            "extent": extent.name,
            "orders": extent.orders,
            "resolves": {
                "test": "exact McNemar",
                "correction": "Holm",
                "alpha": suite.alpha,
                "level": suite.level_of(extent),
                "lost": extent.effect.lost,
                "won": extent.effect.won,
                "power": extent.effect.reached,
            },
            "brain": self.brain,
            "brain_identity": dict(manifest.brain_identity),
            "notes": list(dict.fromkeys(n for mark in self.marks for n in mark.run.manifest.notes)),
            "versions": dict(manifest.versions),
            "commit": manifest.git_commit,
            "machines": list(self.machines),
            "conditions": [_mark_json(mark) for mark in self.marks],
        }


def score(suite: Suite, extent: Extent, brain: str, runs: Sequence[Contestant]) -> Score:
    """Hold every condition against the base.

    Args:
        suite, extent: What was worked.
        brain: Who worked it.
        runs: A whole run for each condition of the extent, the base first.
    """
    base, level = runs[0], suite.level_of(extent)
    paired = []
    for run in runs[1:]:
        rows = match([run, base]).orders
        paired.append(Paired.of([row[0].good for row in rows], [row[1].good for row in rows]))
    tests = [mcnemar(counts.only_a, counts.only_b) for counts in paired]
    against: list[Against | None] = [None]
    for run, counts, p, adjusted in zip(runs[1:], paired, tests, holm(tests), strict=True):
        needed = None if adjusted <= suite.alpha else _needed(counts, level)
        against.append(
            Against(
                counts=counts,
                p_value=p,
                p_adjusted=adjusted,
                decision=decision(counts, adjusted, suite.alpha),
                orders_needed=needed,
                more_orders=None if needed is None else max(needed - counts.n, 1),
                speed=speed_ratio(
                    (run, run.entries), (base, base.entries), seed=suite.seed, confidence=1 - level
                ),
            )
        )
    marks = tuple(
        Mark(
            condition=condition,
            run=run,
            summary=summarise(run.manifest, run.entries, wall_s=None, ended=run.ended),
            against=held,
        )
        for condition, run, held in zip(extent.conditions, runs, against, strict=True)
    )
    return Score(suite, extent, brain, marks)


def decision(counts: Paired, p_adjusted: float, alpha: float) -> Decision:
    """Return whether ``a`` is worse or better than ``b``."""
    if p_adjusted > alpha or counts.only_a == counts.only_b:
        return "not resolved"
    return "better" if counts.only_a > counts.only_b else "worse"


def _needed(counts: Paired, level: float) -> int | None:
    if counts.only_a == counts.only_b:
        return None
    most = max(counts.only_a, counts.only_b)
    truth = Discordance(counts.discordant / counts.n, most / counts.discordant)
    return orders_fixed(truth, alpha=level)


def _mark_json(mark: Mark) -> dict[str, Any]:
    whole = mark.summary.to_json()
    kept = (
        "good", "uph", "uph_interval", "cycle_s", "failures", "assists", "breaches", "decisions",
    )  # fmt: skip
    return {
        "name": mark.name,
        "factor": mark.condition.factor,
        "level": mark.condition.level,
        "settings": {name: str(value) for name, value in mark.condition.settings.items()},
        **{name: whole[name] for name in kept},
        "outcomes": "".join("1" if entry.good else "0" for entry in mark.entries),
        "models": dict(mark.run.manifest.sha256),
        "log_sha256": mark.summary.log_sha256,
        "against_base": None if mark.against is None else _against_json(mark.against),
    }


def _against_json(against: Against) -> dict[str, Any]:
    counts, speed = against.counts, against.speed
    return {
        "decision": against.decision,
        "lost": counts.only_b,
        "won": counts.only_a,
        "both_good": counts.both,
        "neither_good": counts.neither,
        "difference": counts.difference,
        "p_value": against.p_value,
        "p_adjusted": against.p_adjusted,
        "orders_needed": against.orders_needed,
        "more_orders_needed": against.more_orders,
        "throughput": {
            "decision": against.pace,
            "ratio": speed.ratio,
            "bounds": None if speed.bounds is None else asdict(speed.bounds),
            "confidence": speed.confidence,
        },
    }
