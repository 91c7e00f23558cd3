"""The register of episodes on the terminal: one line an episode, as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from shlex import quote

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shopfloor.report import wording
from shopfloor.report.printable import printable, shortened
from shopfloor.report.register import Register, Row, RunState, Tally

__all__ = ["browse", "notes"]

_GAP = 2
_WORDS_LEAST = 16
"""Fewer cells of an instruction say nothing."""
_WORDS_MOST = 60
_CODES = 5


@dataclass(frozen=True, slots=True)
class _Column:
    """One column; ``worth`` decides which goes first where they do not all fit."""

    name: str
    worth: int
    cell: Callable[[Row], Text]
    sums: Callable[[Tally], str] = lambda _: ""
    right: bool = True


def browse(found: Register, *, asked: str, width: int | None = None) -> RenderableType:
    """Return the register for ``rich.console.Console.print``.

    Args:
        found: What to show.
        asked: Which episodes were asked for, as given to ``--only``.
        width: Cells of the terminal; None where lines may be as long as they are.
    """
    parts: list[RenderableType] = [*map(_title, found.runs)]
    parts += [Text(f"{line}.", style="bold yellow") for line in notes(found)]
    if found.rows:
        parts += ["", _table(found, width)]
    parts += [Text(line, style="bright_black") for line in ("", *_foot(found, asked)) if line]
    return Group(*parts)


def notes(found: Register) -> tuple[str, ...]:
    """Say of each run that is not whole what it lacks, and what to do."""
    return tuple(line for run in found.runs for line in _lacks(run, several=len(found.runs) > 1))


def _lacks(run: RunState, *, several: bool) -> Iterator[str]:
    name = f"{printable(run.name)}: " if several else ""
    if run.interrupted:
        yield (
            f"{name}what had happened in cut-off {_lots(run.interrupted)} is kept "
            "in interrupted/, and counts for nothing"
        )
    if run.whole:
        return
    of = f"{run.committed} of {run.asked}" if run.asked is not None else f"{run.committed}"
    how = {
        "interrupted": "; its last session was interrupted",
        "max-wall": "; its last session stopped when its wall time was up",
    }.get(run.ended or "", "")
    said = f"{name}the run is not whole: {of} orders have an episode{how}"
    if run.in_flight:
        age = "" if run.written_s is None else f", last written {wording.clock(run.written_s)} ago"
        said += f"; begun and not committed: {_lots(run.in_flight)} (still worked, or cut off{age})"
    yield said
    if run.missing:
        yield f"{name}without a record: {_lots(run.missing)}"
    path = printable(quote(wording.here(run.path)))
    yield f"{name}`shopfloor run --resume {path}` goes on, once nobody works on it"


def _lots(lots: tuple[int, ...]) -> str:
    name = "lot " if len(lots) == 1 else "lots "
    more = f" and {len(lots) - 8} more" if len(lots) > 8 else ""
    return name + ", ".join(map(str, lots[:8])) + more


def _title(run: RunState) -> Text:
    return Text.assemble(
        (printable(run.name), "bold"),
        f"  {printable(run.brain)} in {printable(run.cell)} on {printable(run.body)}",
        (f"  seed {run.seed}", "bright_black"),
        overflow="ellipsis",
        no_wrap=True,
    )


def _foot(found: Register, asked: str) -> Iterator[str]:
    total, shown = found.total, len(found.rows)
    committed = sum(run.committed for run in found.runs)
    if not committed:
        yield "No episode is committed yet."
        return
    if not total.episodes:
        yield f"None of the {committed:,} episodes is {asked!r}."
        return
    if asked == "all":
        chosen = f"{total.episodes:,} episode{'s' if total.episodes != 1 else ''}"
    else:
        chosen = f"{total.episodes:,} of {committed:,} episodes are {asked!r}"
    if shown < total.episodes:
        chosen += f", {shown:,} shown (--limit 0 shows all, --sort brings the worst to the top)"
    yield f"{chosen}: {total.good:,} good, {total.episodes - total.good:,} failed."
    if total.codes:
        listed = list(total.codes.items())
        words = ", ".join(f"{printable(code)} {count:,}" for code, count in listed[:_CODES])
        more = f" and {len(listed) - _CODES} more codes" if len(listed) > _CODES else ""
        yield f"Root causes: {words}{more}."
    first = next((row for row in found.rows if not row.good), found.rows[0] if shown else None)
    if first is not None:
        path = next(run.path for run in found.runs if run.name == first.run)
        where = printable(quote(wording.here(path)))
        yield f"What happened in one: shopfloor episodes {where} --why {first.lot}"


def _table(found: Register, width: int | None) -> Table:
    several = len(found.runs) > 1
    columns = [c for c in _COLUMNS if several or c.name not in {"run", "brain"}]
    cells = {c.name: [c.cell(row) for row in found.rows] for c in columns}
    sums = {c.name: c.sums(found.total) for c in columns}

    def wide(column: _Column) -> int:
        texts = (column.name, sums[column.name], *(text.plain for text in cells[column.name]))
        return max(map(cell_len, texts)) + _GAP

    for name in ("code", "began"):  # in a run without failures they say nothing
        if not found.total.codes:
            columns = [c for c in columns if c.name != name]
    widths = {column.name: wide(column) for column in columns}
    words = min(_WORDS_MOST, max((cell_len(row.instruction) for row in found.rows), default=0))
    if width is not None:
        least = min(words, _WORDS_LEAST)
        while sum(widths.values()) + least > width and len(columns) > 1:
            gone = min(columns, key=lambda column: column.worth)
            columns.remove(gone)
            del widths[gone.name]
        words = min(words, width - sum(widths.values()))
    table = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bright_black",
        show_footer=len(found.rows) > 1, footer_style="bright_black",
    )  # fmt: skip
    for column in columns:
        table.add_column(
            column.name, sums[column.name], no_wrap=True, overflow="ellipsis",
            justify="right" if column.right else "left",
        )  # fmt: skip
    shows_words = words >= min(_WORDS_LEAST, len("instruction"))
    if shows_words:
        table.add_column("instruction", no_wrap=True, overflow="ellipsis")
    for i, row in enumerate(found.rows):
        last = [Text(shortened(row.instruction, words))] if shows_words else []
        table.add_row(*(cells[column.name][i] for column in columns), *last)
    return table


def _pair(pair: tuple[int, int], *, of: str = "/") -> str:
    return f"{pair[0]:,}{of}{pair[1]:,}"


def _plain(text: object) -> Text:
    return Text(printable(str(text)))


def _outcome(row: Row) -> Text:
    return Text("good", style="green") if row.good else Text("failed", style="bold red")


def _short(pair: tuple[int, int]) -> Text:
    return Text(_pair(pair), style="" if pair[0] == pair[1] else "yellow")


def _guard(row: Row) -> Text:
    return Text(_pair(row.guard), style="red" if row.guard[1] else "")


_COLUMNS = (
    _Column("run", 10, lambda row: _plain(row.run), right=False),
    _Column("lot", 99, lambda row: _plain(row.lot), lambda _: "all"),
    _Column("outcome", 98, _outcome, lambda t: f"{t.good:,}/{t.episodes:,}", right=False),
    _Column("code", 97, lambda row: Text(printable(row.code or ""), style="red"), right=False),
    _Column(
        "began", 9, lambda row: _plain("" if row.code_s is None else wording.clock(row.code_s))
    ),
    _Column("length", 7, lambda row: _plain(wording.clock(row.seconds)),
            lambda t: wording.clock(t.seconds)),
    _Column("units", 8, lambda row: _short(row.units), lambda t: _pair(t.units)),
    _Column("picks", 6, lambda row: _short(row.picks), lambda t: _pair(t.picks)),
    _Column("guard", 5, _guard, lambda t: _pair(t.guard)),
    _Column("asked", 4, lambda row: _plain(row.decisions), lambda t: f"{t.decisions:,}"),
    _Column("lang", 2, lambda row: _plain(row.language), right=False),
    _Column("brain", 1, lambda row: Text(shortened(row.brain, 30)), right=False),
)  # fmt: skip
