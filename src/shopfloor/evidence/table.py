"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shopfloor.evidence import verdict
from shopfloor.evidence.comparison import Comparison, Standing
from shopfloor.report import wording
from shopfloor.report.printable import printable

__all__ = ["comparison_table"]


def comparison_table(found: Comparison) -> RenderableType:
    """Return the comparison for ``rich.console.Console.print``."""
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    table.add_column("", overflow="fold", min_width=10)
    for name in ("good", "95 %", "units/h", "95 %", "cycle"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found.standings:
        s = each.summary
        table.add_row(
            Text(printable(each.label), style="bold"),
            f"{s.good.k} of {s.good.n}",
            wording.rate_interval(s.good),
            wording.number(s.uph, 0),
            "-" if s.uph_interval is None else wording.interval(s.uph_interval),
            wording.clock(s.cycle.p50),
        )
    first, *others = verdict.notes(found)
    parts: list[RenderableType] = [Text(f"{first}.", style="bright_black")]
    parts += [Text(f"{printable(line)}.", style="bold yellow") for line in others]
    parts += ["", Text(f"{printable(verdict.headline(found))}.", style="bold"), "", table]
    for each in found.standings:
        if codes := _codes(each):
            parts.append(Text(f"{printable(each.label)} failed: {codes}", style="bright_black"))
    parts.append("")
    for pair in found.pairs:
        words = verdict.said(pair, watched=found.watched, pairs=len(found.pairs))
        parts.append(Text(printable(words)))
        parts.append(Text(printable(verdict.speed_said(pair)), style="bright_black"))
    return Group(*parts)


def _codes(standing: Standing) -> str:
    return ", ".join(f"{code} {count}" for code, count in standing.summary.failures.items())
