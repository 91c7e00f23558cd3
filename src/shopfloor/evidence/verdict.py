"""What a comparison means, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from shopfloor.evidence.comparison import ALPHA, Comparison, Pair
from shopfloor.evidence.match import Matched
from shopfloor.report.interval import anytime
from shopfloor.report.wording import SIMULATION, percent

__all__ = ["headline", "method", "notes", "p_words", "said", "speed_said"]

_VARIED = {"brain", "body", "cell", "language", "latency", "limits", "noise", "faults", "cameras"}
_BEHIND_A_NAME = (
    "model of the cell",
    "model of the body",
    "values of the limits",
    "values of the noise",
)
_SAME_HOUSE = {"versions", "commit", "renderer", "processor", "tick", "changeover"}


def p_words(p: float, *, bare: bool = False) -> str:
    """Write a p-value as far as it means anything."""
    shown = "<\u00a00.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"
    return shown if bare else f"p\u00a0{shown}" if p < 0.0001 else f"p\u00a0=\u00a0{shown}"


def _orders(n: int) -> str:
    return f"{n:,} order" if n == 1 else f"{n:,} orders"


def _all(n: int) -> str:
    return "the one order" if n == 1 else f"all {n:,} orders"


def headline(found: Comparison) -> str:
    """Say in one sentence what came of it."""
    resolved = [pair for pair in found.pairs if pair.verdict != "not resolved"]
    if len(found.pairs) == 1:
        pair = found.pairs[0]
        if not resolved:
            return "Not resolved: these orders do not tell which is better"
        return f"{_winner(pair)} is better than {_loser(pair)}"
    if not resolved:
        return f"Not resolved: no two of the {len(found.standings)} can be told apart yet"
    best = [
        each.label
        for each in found.standings
        if sum(_winner(pair) == each.label for pair in resolved) == len(found.standings) - 1
    ]
    if best:
        return f"{best[0]} is better than each of the others"
    return f"{len(resolved)} of {len(found.pairs)} pairs are resolved"


def _winner(pair: Pair) -> str:
    return pair.a if pair.verdict == "a" else pair.b


def _loser(pair: Pair) -> str:
    return pair.b if pair.verdict == "a" else pair.a


def said(pair: Pair, *, watched: bool, pairs: int) -> str:
    """Say what the verdict on a pair means, and what would be needed where there is none."""
    counts = pair.counts
    test = "the anytime-valid sequence" if watched else "McNemar's exact test"
    adjusted = f"{p_words(pair.p_adjusted)}{' after Holm' if pairs > 1 else ''}"
    if not counts.discordant:
        same = "did exactly the same, tick by tick," if pair.identical else "ended the same way"
        # With no difference in n orders, a share s of differing ones with (1 - s)^n < 5 % is out.
        most = anytime(0, counts.n).hi if watched else 1 - ALPHA ** (1 / counts.n)
        return (
            f"Not resolved. Both {same} in {_all(counts.n)}. That they differ in more than "
            f"{percent(most)} of all such orders can be ruled out (95\u00a0%); how many more "
            "orders would show a difference cannot be told from none."
        )
    differ = (
        f"They differ in {counts.discordant} of {_orders(counts.n)}: {pair.a} alone was good in "
        f"{counts.only_a}, {pair.b} alone in {counts.only_b}"
    )
    if pair.verdict != "not resolved":
        return f"{_winner(pair)} is better than {_loser(pair)}. {differ} ({test}, {adjusted})."
    return f"Not resolved. {differ} ({test}, {adjusted}). {_more(pair, watched=watched)}"


def _more(pair: Pair, *, watched: bool) -> str:
    if pair.counts.only_a == pair.counts.only_b:
        return "They are level, so how many orders would show a difference cannot be told."
    if pair.more_orders is None or pair.orders_needed is None:
        return (
            "If the truth is as it was seen here, no number of orders worth waiting for shows it."
        )
    chance = (
        f"{pair.orders_needed:,} in all would resolve it with that chance, most likely earlier"
        if watched
        else f"{pair.orders_needed:,} planned beforehand would resolve it with that chance"
    )
    return (
        f"{pair.more_orders:,} more orders needed for 80\u00a0% power: if the truth is as it was "
        f"seen here, {chance}."
    )


def speed_said(pair: Pair) -> str:
    """Say who delivers more good units per hour, and how sure that is."""
    speed = pair.speed
    if speed.ratio is None:
        return f"Throughput: not measured, {pair.b} delivered no good unit."
    change = f"{pair.a} delivers {speed.ratio:.2f} times the good units per hour of {pair.b}"
    if speed.bounds is None:
        return f"{change}; too little was worked for an interval."
    lo, hi = speed.bounds.lo, speed.bounds.hi
    sure = f"{100 * speed.confidence:.3g}\u00a0% interval {lo:.2f} to {hi:.2f}"
    verdict = {"a": "faster", "b": "slower", None: "not resolved"}[speed.faster]
    return f"{change} ({sure}, bootstrap over orders): {verdict}."


def method(found: Comparison) -> str:
    """Say how it was decided, and why so."""
    several = (
        f" Over {len(found.pairs)} pairs, Holm's correction keeps the chance of any wrong verdict "
        f"at {percent(ALPHA, 0)}."
        if len(found.pairs) > 1
        else ""
    )
    if found.watched:
        return (
            "Decided by an anytime-valid sequence: a Beta(1/2, 1/2) mixture against a fair coin "
            "over the orders on which two contestants differ, in the sequence of the orders "
            "(Ville 1939, Robbins 1970). Its verdict holds whenever somebody looked and however "
            "the work was stopped; with McNemar's test it would not." + several
        )
    return (
        "Decided by McNemar's exact test on the orders on which two contestants differ; their "
        "number was fixed beforehand. To go on until it says yes would be wrong: "
        "--until-resolved does that properly." + several
    )


def notes(found: Comparison) -> tuple[str, ...]:
    """Say what must be known first, the simulation before all else."""
    return (SIMULATION.rstrip("."), *_notes(found))


def _notes(found: Comparison) -> Iterator[str]:
    matched = found.matched
    differs = dict(matched.differs)
    varied = [name for name in differs if name in _VARIED]
    if not matched.whole or matched.by_content:
        how = ", by what each order is" if matched.by_content else ""
        of = ", ".join(f"{each.label} has {len(each.entries)}" for each in matched.contestants)
        yield (
            f"Matched on {_orders(found.n)} that all have in common{how} ({of}); every figure is "
            "of these alone"
        )
    if matched.dropped:
        yield (
            f"{_orders(matched.dropped)} beyond a gap in an unfinished run left out: which of them "
            "are there may depend on how they ended"
        )
    yield from _confounded(found, varied)
    if "cell" in differs:
        yield f"The cells are not the same: {' / '.join(differs['cell'])}"
    named = {"cell", "body", "limits", "noise"} & set(varied)
    if hidden := [n for n in _BEHIND_A_NAME if n in differs and not named]:
        yield f"What goes by one name is not the same in all runs: {', '.join(hidden)}"
    if house := [name for name in differs if name in _SAME_HOUSE]:
        yield f"The runs were not made alike ({', '.join(house)}); see the foot of the page"
    for each in matched.contestants:
        yield from (f"{each.label}: {note.rstrip('.')}" for note in each.manifest.notes)
    yield from _stood_in(matched)
    for each in matched.contestants:
        if not each.fixed:
            yield f"{each.label}: {_unfinished(each.ended, len(each.entries))}"
    alike = [pair for pair in found.pairs if pair.identical]
    if alike:
        yield "The same in every tick: " + "; ".join(f"{pair.a} and {pair.b}" for pair in alike)


def _stood_in(matched: Matched) -> Iterator[str]:
    """Say whose figures are not of one brain alone."""
    for each in matched.contestants:
        brain = each.manifest.brain
        if others := [e.worked_by for e in each.entries if e.worked_by != brain]:
            yield (
                f"{each.label}: {brain} was lost, and {' and '.join(sorted(set(others)))} decided "
                f"in {len(others)} of {_orders(len(each.entries))}; its figures are of both "
                "together"
            )


def _confounded(found: Comparison, varied: Sequence[str]) -> Iterator[str]:
    """Warn where two contestants differ in more than one thing that may matter."""
    values = [dict(found.matched.differs)[name] for name in varied]
    for i, j in combinations(range(len(found.standings)), 2):
        apart = [name for name, each in zip(varied, values, strict=True) if each[i] != each[j]]
        if len(apart) > 1:
            who = "The runs differ" if len(found.standings) == 2 else "Some of the runs differ"
            yield (
                f"{who} in more than one thing ({' and '.join(apart)}), and a difference between "
                "such runs cannot be put down to one of them"
            )
            return


def _unfinished(ended: str | None, n: int) -> str:
    how = {
        "paused": "stopped when there was enough to decide",
        "interrupted": "was interrupted",
        "max-wall": "stopped when its wall time was up",
        "complete": "was not of a number of orders fixed beforehand",
    }.get(ended or "", "was cut off or still goes on")
    return f"the run {how}, with {_orders(n)}; the verdicts allow for that"
