"""Rows of the evidence: repeated runs, statistics, and papers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["papers", "replicate", "statistics"]


def replicate(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Runs that were repeated."""
    yield "different runs", f"{result['runs']}, {result['lots']} lots"
    for verdict, what in (
        ("identical", "identical: every lot has the same log"),
        ("equivalent", "equivalent"),
        ("different", "different, and nobody planted it"),
        ("planted", "tampered with or cut by a test, which was named"),
        ("refused", "refused: what a test made up or broke cannot be repeated elsewhere"),
        ("failed", "replicate failed"),
    ):
        yield what, str(result["verdicts"].get(verdict, 0))


def statistics(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the statistics promise, and keep."""
    yield "how", "exact sums over every outcome; nothing is simulated"
    grid = f"{len(result['trials'])} numbers of trials up to {max(result['trials']):,}"
    for name, what in (("clopper_pearson", "Clopper-Pearson"), ("wilson", "Wilson")):
        one = result[name]
        at = f"n = {one['least_at']['n']}, truth {one['least_at']['truth']:g}"
        least, mean = 100 * one["least"], 100 * one["mean"]
        yield (
            f"coverage of {what}'s 95 % interval, {grid}, {result['truths']:,} truths",
            f"least {least:.2f} % ({at}), mean {mean:.2f} %",
        )
    watched = result["watched"]
    for name, what in (("anytime_misses", "anytime-valid sequence"), ("wilson_misses", "Wilson")):
        yield (
            f"{what}, looked at after every one of {watched['looks']:,} orders: ever misses",
            ", ".join(f"{100 * m:.2f} % at {t}" for t, m in watched[name].items()),
        )
    one = result["mcnemar"]
    yield (
        f"McNemar's exact test: false positives, at most (1 to {one['discordant']:,} discordant)",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    yield (
        f"the same, if somebody looked after each of {one['watched_looks']:,} discordant orders",
        f"{100 * one['watched_false_positive_rate']:.2f} %",
    )
    one = result["sequence"]
    yield (
        f"the sequence that may stop a comparison: false positives in {one['discordant']:,} looks",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    one = result["boschloo"]
    yield (
        f"Boschloo's test with {one['each']} orders each: false positives, at most",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    needed = result["orders_each_for_80_power"].items()
    yield (
        "different orders for each that 80 % power takes",
        ", ".join(f"{n} for {rates}" for rates, n in needed),
    )


def papers(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What it costs to know the papers."""
    yield (
        f"hashing {result['megabytes']:,} MB of weights as the gate does over a bare loop",
        f"{result['ratio']:.2f} ({result['gate_mb_s']:.0f} and {result['bare_mb_s']:.0f} MB/s)",
    )
    yield (
        "`shopfloor papers check`, interpreter included: wall, processor",
        f"{result['check_s']:.2f} s, {result['check_cpu_s']:.2f} s",
    )
    yield "asking all rules", f"{1000 * result['rules_s']:.1f} ms"
