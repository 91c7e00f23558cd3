"""``shopfloor list``: what there is to choose from."""

from __future__ import annotations

from typing import Literal, cast

import click

__all__ = ["command"]

_KINDS = ("cells", "bodies", "brains", "skills")


@click.command("list", short_help="List cells, bodies, brains or skills.")
@click.argument("kind", metavar="KIND", type=click.Choice(_KINDS))
def command(kind: str) -> None:
    """List all plugins of a KIND, our own and installed ones: cells, bodies, brains or skills."""
    from rich.console import Console
    from rich.table import Table

    from shopfloor import plugins

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "package", "what it is"):
        table.add_column(column, overflow="fold")
    for row in plugins.listing(cast("Literal['cells', 'bodies', 'brains', 'skills']", kind)):
        table.add_row(row.name, row.package, row.summary)
    Console().print(table)
