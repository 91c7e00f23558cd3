"""A benchmark's result on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shopfloor.evidence import score_words as words
from shopfloor.evidence.beside import Beside
from shopfloor.evidence.score import Mark, Score
from shopfloor.evidence.verdict import p_words
from shopfloor.report import wording
from shopfloor.report.printable import printable

__all__ = ["score_table"]

_TONE = {"worse": "bold red", "better": "bold green"}


def score_table(score: Score, other: Beside | None = None) -> RenderableType:
    """Return the result for ``rich.console.Console.print``, with another brain beside it."""
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    table.add_column("", overflow="fold", min_width=10)
    for name in ("good", "95 %", "units/h", "lost", "won", "p, Holm"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("against the base", overflow="fold")
    for mark in score.marks:
        table.add_row(*_row(mark))
    first, *others = words.notes(score)
    parts: list[RenderableType] = [Text(f"{first}.", style="bright_black")]
    parts += [Text(f"{printable(line)}.", style="yellow") for line in others]
    parts += [
        "",
        Text(f"{printable(words.headline(score))}.", style="bold"),
        Text(printable(words.lede(score))),
        "",
        table,
        "",
        Text(words.resolves(score), style="bright_black"),
        Text(f"Suite {score.suite.title}.", style="bright_black"),
    ]
    if other is not None:
        parts += ["", _rivals(score, other)]
    return Group(*parts)


def _rivals(score: Score, other: Beside) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    table.add_column("beside", overflow="fold", min_width=10)
    for name in (score.brain, other.brain, "only first", "only second", "p, Holm"):
        table.add_column(printable(name), justify="right")
    table.add_column(f"{printable(score.brain)} is", overflow="fold")
    for each in other.rivals:
        c = each.counts
        table.add_row(
            Text(each.name, style="bold"),
            f"{c.both + c.only_a} of {c.n}",
            f"{c.both + c.only_b} of {c.n}",
            str(c.only_a),
            str(c.only_b),
            p_words(each.p_adjusted, bare=True),
            Text(each.decision, style=_TONE.get(each.decision, "")),
        )
    return table


def _row(mark: Mark) -> tuple[RenderableType, ...]:
    s, against = mark.summary, mark.against
    name = Text(mark.name, style="bold")
    figures = (f"{s.good.k} of {s.good.n}", wording.rate_interval(s.good), wording.number(s.uph, 0))
    if against is None:
        return (name, *figures, "", "", "", "")
    decision = Text(against.decision, style=_TONE.get(against.decision, ""))
    if against.more_orders is not None:
        decision.append(f", {against.more_orders:,} more orders needed", style="bright_black")
    if against.pace != "not resolved":
        decision.append(f", {against.pace} ({against.speed.ratio:.2f}×)")
    counts = against.counts
    p = p_words(against.p_adjusted, bare=True)
    return (name, *figures, str(counts.only_b), str(counts.only_a), p, decision)
