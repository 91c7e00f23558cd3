"""The grid for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shopfloor.drill.grid import Count, Row, Times

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["grid_table"]


def grid_table(rows: Sequence[Row]) -> Table:
    """Return the grid; what missed a letter is red."""
    from rich.table import Table

    green = sum(row.green for row in rows)
    table = Table(
        title=f"{green} of {len(rows)} classes held; simulation, no real robot moved",
        title_justify="left",
        caption="D named in time, S no limit left, R recovered by itself, L log and ledger whole; "
        "ticks from the effect, p50/p99/most",
        caption_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("fault", no_wrap=True)
    for name in ("D", "S", "R", "L", "to its name", "to standing", "failed"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.fault,
            *(_cell(count) for count in (row.detected, row.safe, row.recovered, row.intact)),
            _times(row.detect_ticks),
            _times(row.stand_ticks),
            ", ".join(f"{code} {count}" for code, count in row.codes) or "",
        )
    return table


def _cell(count: Count | None) -> str:
    if count is None:
        return "–"
    style = "green" if count.all else "bold white on red"
    return f"[{style}]{count.k}/{count.n}[/]"


def _times(times: Times | None) -> str:
    return "–" if times is None else f"{times.p50:.0f}/{times.p99:.0f}/{times.most}"
