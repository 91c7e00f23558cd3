"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shopfloor.evidence import verdict
from shopfloor.evidence.comparison import Comparison
from shopfloor.report import wording
from shopfloor.report.printable import printable

__all__ = ["comparison_table"]


def comparison_table(found: Comparison) -> RenderableType:
    """Return the comparison for ``rich.console.Console.print``."""
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    table.add_column("")
    for name in ("orders good", "95 %", "good units/h", "95 % ", "cycle p50"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("fails most", overflow="fold")
    for each in found.standings:
        s = each.summary
        codes = ", ".join(f"{code} {count}" for code, count in list(s.failures.items())[:2])
        table.add_row(
            Text(printable(each.label), style="bold"),
            f"{s.good.k} of {s.good.n}",
            wording.rate_interval(s.good),
            wording.number(s.uph, 0),
            wording.interval(s.uph_interval),
            wording.clock(s.cycle.p50),
            codes or "-",
        )
    first, *others = verdict.notes(found)
    parts: list[RenderableType] = [Text(f"{first}.", style="bright_black")]
    parts += [Text(f"{printable(line)}.", style="bold yellow") for line in others]
    parts += ["", Text(f"{printable(verdict.headline(found))}.", style="bold"), "", table, ""]
    for pair in found.pairs:
        words = verdict.said(pair, watched=found.watched, pairs=len(found.pairs))
        parts.append(Text(printable(words)))
        parts.append(Text(printable(verdict.speed_said(pair)), style="bright_black"))
    return Group(*parts)
