"""What a benchmark's figures mean, in words."""

from __future__ import annotations

from collections.abc import Iterator

from shopfloor.cell.noise.level import LEVELS
from shopfloor.evidence.score import Against, Mark, Score
from shopfloor.evidence.verdict import p_words
from shopfloor.report import wording
from shopfloor.report.wording import SIMULATION, percent

__all__ = ["headline", "lede", "method", "notes", "points", "resolves", "said", "shown"]

_LATENCY = {"none": "no thinking time: the world waits"}
_SETTING = {"language": {"en": "orders in English", "zh": "orders in Chinese",
                         "mixed": "orders in English and Chinese"}}  # fmt: skip


def shown(factor: str | None, level: str | None) -> str:
    """Say what a level of a factor is."""
    if factor is None or level is None:
        return "the base"
    if factor == "latency":
        ms = level.partition(":")[2]
        return f"{float(ms):,g} ms a decision" if ms else _LATENCY.get(level, level)
    if factor == "noise":
        return f"sensor noise {level} of {LEVELS[-1].number}"
    return _SETTING.get(factor, {}).get(level, f"{level} {factor}")


def headline(score: Score) -> str:
    """Say the one figure."""
    good = score.base.summary.good
    return f"{score.brain}: {percent(good.rate)} of {good.n} orders good"


def lede(score: Score) -> str:
    """Say what stands beside the one figure."""
    summary = score.base.summary
    worse = [mark for mark, held in score.varied if held.decision == "worse"]
    better = [mark for mark, held in score.varied if held.decision == "better"]
    uph = wording.number(summary.uph, 0)
    parts = [
        (
            f"95\u00a0% interval {wording.rate_interval(summary.good)}; {uph} good units per hour "
            f"({wording.interval(summary.uph_interval)}), on the suite's base"
        )
    ]
    for word, marks in (("Worse", worse), ("Better", better)):
        if marks:
            names = ", ".join(shown(m.condition.factor, m.condition.level) for m in marks)
            parts.append(f"{word} with {names}")
    if not worse and not better:
        parts.append("No condition is called worse or better")
    for pace in ("slower", "faster"):
        moved = [(mark, held) for mark, held in score.varied if held.pace == pace]
        if moved:
            names = ", ".join(
                f"{shown(mark.condition.factor, mark.condition.level)} ({held.speed.ratio:.2f}×)"
                for mark, held in moved
            )
            parts.append(f"{pace.capitalize()} with {names}")
    return ". ".join(parts) + "."


def notes(score: Score) -> tuple[str, ...]:
    """Say what must be known first, the simulation before all else."""
    return (SIMULATION.rstrip("."), *_notes(score))


def _notes(score: Score) -> Iterator[str]:
    suite, extent = score.suite, score.extent
    if extent.name == "quick":
        yield (
            f"A quick look: {extent.orders} orders for each of {len(extent.conditions)} conditions "
            f"instead of {suite.extents['full'].orders} for each of "
            f"{len(suite.extents['full'].conditions)}; it is not the benchmark's result"
        )
    if not suite.frozen:
        yield (
            f"Suite {suite.title} is not frozen yet; its figures compare only with figures of the "
            "same hash"
        )
    latency = score.base.run.manifest.latency
    if latency != "measured":
        yield (
            f"Every decision is charged {latency.removeprefix('fixed:')} ms on the clock, whatever "
            "it really took, unless a condition says otherwise: what is measured is what is "
            "decided, and what waiting costs is a factor of its own"
            if latency.startswith("fixed:")
            else "The world was paused while the brain was thinking"
        )
    left = [(mark.name, n) for mark in score.marks if (n := mark.summary.breaches)]
    if left:
        where = ", ".join(f"{name}: {n}" for name, n in left)
        yield (
            f"An independent reader saw a limit left on {sum(n for _, n in left)} ticks of "
            f"{1000 * score.base.run.manifest.control_dt:g} ms ({where})"
        )
    ours = dict.fromkeys(note.rstrip(".") for note in score.base.run.manifest.notes)
    yield from ours
    if len(score.machines) > 1:
        yield f"Worked on {len(score.machines)} machines: {'; '.join(score.machines)}"


def resolves(score: Score) -> str:
    """Say what so many orders can show, and what they cannot."""
    suite, extent = score.suite, score.extent
    effect = extent.effect
    return (
        f"{extent.orders} orders for each condition, the same ones throughout: where a condition "
        f"costs {percent(effect.lost, 0)} of all orders and wins {percent(effect.won, 0)} that the "
        f"base failed, this finds it with a chance of {percent(effect.reached, 0)}, at the level "
        f"{suite.level_of(extent):.4f} that Holm's correction leaves for the first of "
        f"{len(extent.conditions) - 1} conditions. Smaller differences most likely stay not "
        "resolved."
    )


def method(score: Score) -> str:
    """Say how it was decided, and how often that is wrong, for each family of calls apart."""
    alpha, varied = score.suite.alpha, len(score.varied)
    wrong, each = points(alpha), points(1 - score.suite.level_of(score.extent))
    return (
        "Each condition is held against the base order by order; their number was fixed "
        "beforehand. Worse and better: McNemar's exact test, and Holm's correction over all "
        f"{varied} keeps the chance of any wrong call at {wrong}. Slower and faster: a seeded "
        f"bootstrap over the orders, with intervals of {each} for each of {varied} (Bonferroni), "
        f"which keeps the chance of any wrong call at {wrong}, too, as nearly as a bootstrap keeps "
        "what it says. These are two families: that any call at all is wrong has a chance of up to "
        f"{points(min(1.0, 2 * alpha))}. Intervals of rates are Wilson's."
    )


def points(share: float) -> str:
    """Say a share that somebody chose, with no more digits than it has: ``5 %``, ``99.38 %``."""
    return f"{round(100 * share, 2):g}\u00a0%"


def said(mark: Mark, against: Against) -> str:
    """Say what a condition is against the base: in orders, and in throughput."""
    return f"{_outcomes_said(mark, against)} {_pace_said(against)}"


def _pace_said(against: Against) -> str:
    speed = against.speed
    if speed.ratio is None:
        return "Throughput: not measured, the base delivered no good unit."
    if speed.bounds is None:
        return (
            f"{speed.ratio:.2f} times the base's good units per hour; too little for an interval."
        )
    between = f"{speed.bounds.lo:.2f} to {speed.bounds.hi:.2f}"
    return f"{speed.ratio:.2f} times the base's good units per hour ({between}): {against.pace}."


def _outcomes_said(mark: Mark, against: Against) -> str:
    counts, name = against.counts, shown(mark.condition.factor, mark.condition.level)
    if not counts.discordant:
        most = 1 - 0.05 ** (1 / counts.n)
        return (
            f"{name}: not resolved. Every order ended as in the base; that more than "
            f"{percent(most)} of all such orders end otherwise can be ruled out (95\u00a0%)."
        )
    differ = (
        f"lost {counts.only_b} of the {counts.n} orders and won {counts.only_a} "
        f"({p_words(against.p_adjusted)} after Holm)"
    )
    if against.decision != "not resolved":
        return f"{name}: {against.decision} than the base; {differ}."
    more = (
        f" {against.more_orders:,} more orders needed for 80\u00a0% power, if the truth is as it "
        "was seen here."
        if against.more_orders is not None
        else " How many more orders would show a difference cannot be told."
    )
    return f"{name}: not resolved; {differ}.{more}"
