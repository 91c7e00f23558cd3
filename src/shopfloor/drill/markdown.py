"""The grid as a Markdown table, in a page that says where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shopfloor.errors import UsageError
from shopfloor.record.disk import write_atomic

__all__ = ["BEGIN", "END", "fill", "table"]

BEGIN, END = "<!-- grid: written by shopfloor drill --docs -->", "<!-- end of the grid -->"


def fill(page: Path, said: Mapping[str, Any]) -> None:
    """Write the grid between the two marks of a page.

    Raises:
        UsageError: The page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    head, mark, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise UsageError(f"{page} has no place for the grid; put {BEGIN!r} and {END!r} into it")
    write_atomic(page, f"{head}{BEGIN}\n\n{table(said)}\n{END}{tail}".encode())


def table(said: Mapping[str, Any]) -> str:
    """Return the grid of a ``drill.json``, and what is not in it."""
    return "".join(f"{line}\n" for line in _lines(said))


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{said['injections']:,} injections that took effect, sensor noise {said['noise']}, seed "
        f"{said['seed']}; {said['green']} of {len(said['rows'])} classes held, after "
        f"{said['unsafe']} injections a limit was left. Times are ticks of "
        f"{1000 * said['control_dt']:.0f} ms, p50 / p99 / most."
    )
    yield ""
    yield "| fault | D | S | R | L | to its name | to standing | orders failed |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in said["rows"]:
        cells = (_cell(row[name]) for name in ("detected", "safe", "recovered", "intact"))
        codes = ", ".join(f"{code} {count}" for code, count in row["codes"])
        idle = f" ({row['idle']} more took no effect)" if row["idle"] else ""
        yield (
            f"| `{row['fault']}`: {row['does']}{idle} | {' | '.join(cells)} | "
            f"{_times(row['detect_ticks'])} | {_times(row['stand_ticks'])} | {codes} |"
        )
    yield ""
    yield "Not in the grid:"
    yield ""
    for name in said["not_drilled"]:
        yield f"- `{name}`: built, and not drilled this time"
    for what, why in said["not_built"].items():
        yield f"- {what}: {why}"


def _cell(count: Mapping[str, Any] | None) -> str:
    if count is None:
        return "–"
    share = f"{count['k']}/{count['n']}"
    least = f"≥ {100 * count['at_least']:.0f} %"
    return f"{share}, {least}" if count["k"] == count["n"] else f"🔴 **{share}**, {least}"


def _times(times: Mapping[str, Any] | None) -> str:
    return "–" if times is None else f"{times['p50']:.0f} / {times['p99']:.0f} / {times['most']}"
