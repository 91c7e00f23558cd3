"""``shopfloor papers bom``: what a cell is made of, for others."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click

from shopfloor.cli.papers import command, read_papers

__all__ = ["command"]


@command.command("bom", short_help="Write the bill of materials (CycloneDX).")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default="bom.json", show_default=True)
@click.option(
    "--spec",
    type=click.Choice(["1.6", "1.7"]),
    default="1.6",
    show_default=True,
    help="Version of CycloneDX.",
)
@click.option(
    "--cards", type=click.Path(path_type=Path), help="Folder with more licence cards (TOML)."
)
def _bom(file: Path | None, out: Path, spec: str, cards: Path | None) -> None:
    """Write models, data, licences, hardware, packages and evidence of FILE as one bill.

    The bill is checked against the schema before it is written, and held against the elements of
    the G7's SBOM for AI. The default FILE is the example of the sorting cell.
    """
    papers = read_papers(file)
    from shopfloor.papers.bom import bill, write_bill
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.coverage import SOURCE, coverage
    from shopfloor.papers.environment import installed

    made = bill(
        papers, cards=catalogue(cards), environment=installed(), now=datetime.now(UTC), spec=spec
    )
    write_bill(made, out)
    click.echo(f"written  {out}: CycloneDX {spec}, {len(made['components'])} components")
    for cluster, elements in groupby(coverage(made), key=lambda each: each.cluster):
        asked = list(elements)
        lacking = [each.element for each in asked if not each.held]
        lacks = f"; not said: {', '.join(lacking)}" if lacking else ""
        click.echo(f"{cluster:26} {len(asked) - len(lacking)} of {len(asked)}{lacks}")
    click.echo(f"elements of {SOURCE}")
