"""All kinds of defect, and the page that lists them."""

from __future__ import annotations

from shopfloor.check import episode, run
from shopfloor.check.finding import Code
from shopfloor.check.lerobot import CODES as LEROBOT

__all__ = ["CODES", "markdown"]

CODES: tuple[Code, ...] = (*LEROBOT, *run.CODES, *episode.CODES)
"""Every kind of defect that is looked for, by topic."""


def markdown(prefix: str) -> str:
    """Return a table of the codes that begin with ``prefix``, as Markdown."""
    lines = ["| code | | what is wrong | what to do |", "|---|---|---|---|"]
    for code in CODES:
        if code.name.startswith(prefix):
            kind = f"{code.severity}, repairable" if code.repairable else code.severity
            cells = (f"`{code.name}`", kind, code.means, code.step)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
