"""``shopfloor list``: what there is to choose from."""

from __future__ import annotations

from typing import Any, Literal, cast

import click

__all__ = ["command"]

_KINDS = ("cells", "bodies", "brains", "skills")


@click.command("list", short_help="List cells, bodies, brains or skills.")
@click.argument("kind", metavar="KIND", type=click.Choice(_KINDS))
@click.option(
    "--wide", is_flag=True, help="Of brains: every known model, and what is claimed of it."
)
def command(kind: str, *, wide: bool) -> None:
    """List all plugins of a KIND, our own and installed ones: cells, bodies, brains or skills."""
    from rich.console import Console
    from rich.table import Table

    from shopfloor import plugins

    if wide and kind != "brains":
        raise click.UsageError("--wide is for brains; give: shopfloor list brains --wide")

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "package", "what it is"):
        table.add_column(column, overflow="fold")
    for row in plugins.listing(cast("Literal['cells', 'bodies', 'brains', 'skills']", kind)):
        table.add_row(row.name, row.package, row.summary)
    Console().print(table)
    if wide:
        _models(Console())


def _models(console: Any) -> None:
    """Print every model family that is known, with what is claimed of it and how far that goes."""
    from rich.padding import Padding
    from rich.text import Text

    from shopfloor.brain.catalogue import rows

    console.print("\nknown models (--brain MODEL@URL or PROVIDER:MODEL; docs/brains.md)")
    for row in rows():
        facts = (
            row.developer,
            f"weights {row.weights}",
            "takes " + ", ".join(row.modalities),
            "runs on " + ", ".join(row.hardware),
        )
        console.print()
        console.print(Text.assemble((row.name, "bold"), "  ", "; ".join(facts)))
        lines = [f"licence: {row.licence}"]
        if row.claim is None:
            lines.append("claimed for robots: nothing that we know of")
        else:
            claim = row.claim
            lines.append(f"claimed for robots ({claim.grade}): {claim.text}")
            lines.append(f"source: {claim.source}, {claim.date}")
        console.print(Padding(Text("\n".join(lines)), (0, 0, 0, 4)))
