"""What was checked, for a terminal and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shopfloor.papers.check import Checked
from shopfloor.papers.choose import Choice

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["check_json", "check_table", "choice_json", "choice_table"]

_STYLE = {"pass": "green", "fail": "bold red", "unknown": "yellow", "counsel": "magenta"}


def check_table(checked: Checked) -> Table:
    """One row a rule: the answer, why, from where, and what would change it."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=checked.said, title_justify="left", show_lines=True)
    for name in ("rule", "answer", "why, from where, and what would change it"):
        table.add_column(name, overflow="fold")
    for answer in checked.answers:
        why = Text(f"{answer.asks}\n", style="dim")
        why.append(answer.reason, style="default")
        why.append(f"\n{answer.source}; {answer.valid_from} to {answer.review_by}", style="dim")
        for line in answer.change:
            why.append(f"\n→ {line}", style="default")
        if answer.waiver:
            why.append(f"\nwaived: {answer.waiver}", style="default")
        table.add_row(answer.rule, Text(answer.verdict, style=_STYLE[answer.verdict]), why)
    return table


def choice_table(choices: Sequence[Choice]) -> Table:
    """One row a model: what each regime says, and the first reason against it."""
    from rich.table import Table
    from rich.text import Text

    regimes = list(dict.fromkeys(choice.regime for choice in choices))
    table = Table(title="What can be said without the files; a copy has its hashes checked, too")
    for name in ("model", *regimes, "first reason"):
        table.add_column(name, overflow="fold")
    for name in dict.fromkeys(choice.id for choice in choices):
        own = {choice.regime: choice for choice in choices if choice.id == name}
        first = next((c.reasons[0] for c in own.values() if c.reasons), "")
        cells = [Text(own[r].verdict, style=_STYLE[own[r].verdict]) for r in regimes]
        table.add_row(name, *cells, first)
    return table


def check_json(checked: Checked) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "verdict": checked.verdict,
        "said": checked.said,
        "said_zh": checked.said_zh,
        "date": checked.today.isoformat(),
        "rule_sets": [{"name": s.name, "dated": s.dated.isoformat()} for s in checked.sets],
        "rules": [asdict(answer) for answer in checked.answers],
    }


def choice_json(choices: Sequence[Choice]) -> dict[str, Any]:
    """The verdict of each model in each regime as plain values."""
    return {
        "models": [
            {"id": c.id, "regime": c.regime, "verdict": c.verdict, "reasons": list(c.reasons)}
            for c in choices
        ]
    }
