"""Rows of the guard and of live cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["fuzz", "loss"]


def fuzz(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Hostile commands."""
    yield "body, limits, seed", f"{result['body']}, {result['limits']}, {result['seed']}"
    yield "hostile commands", f"{result['commands']:,}"
    yield "ticks with a limit left, by an independent reader", f"**{result['breaches']}**"
    rules = sorted(result["rules"].items(), key=lambda rule: -rule[1])
    yield "decided by", ", ".join(f"{rule} {count:,}" for rule, count in rules)
    for what, margin in result["margin"].items():
        yield f"least margin: {what}", f"{margin:.4f}"
    guard = result["guard_ms"]
    yield "guard, CPU time a command, p50 / p99", f"{guard['p50']:.3f} / {guard['p99']:.3f} ms"
    yield "commands a second", f"{result['commands_per_s']:.0f}"
    for one in result["failing"]:
        yield f"failing: `{one['again']}`", f"{one['ticks']} ticks"


def loss(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A live cell that loses a process."""
    yield (
        "brain's deadline, watchdog's patience",
        (f"{result['deadline_s']:g} s, {result['patience_s']:g} s"),
    )
    for row in result["rows"]:
        if row["stood_s"] is None:
            yield f"`{row['way']}`", f"**never stood** in {row['n']}"
            continue
        middle, most = (1000 * seconds for seconds in row["stood_s"])
        told = [f"{row['stood']}/{row['n']}, median {middle:.0f} ms, most {most:.0f} ms"]
        told.append(f"{row['within']}/{row['n']} within {1000 * row['bound_s']:.0f} + 100 ms")
        if row["again"]:
            told.append(f"**moved again {row['again']}**")
        if row["starved"]:
            told.append(f"besides, {row['starved']} stopped before, starved")
        what = f"`{row['way']}`: joints measured to stand, since the {row['counted_from']}"
        yield what, "; ".join(told)
