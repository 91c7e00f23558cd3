"""``shopfloor bench papers``: what it costs to know the papers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shopfloor.cli.bench import command

__all__ = ["command"]


@command.command("papers", short_help="What it costs to ask the rules and hash the weights.")
@click.option("--megabytes", type=int, default=512, show_default=True, help="To hash, in 4 files.")
@click.option("--rounds", type=int, default=5, show_default=True, help="Medians of so many.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _papers(megabytes: int, rounds: int, *, out: Path | None) -> None:
    """Hash the same files by turns as the gate does and with a bare loop of hashlib; ask the rules.

    The files are made for it, random and in a temporary folder, and are in the page cache for both.
    """
    from shopfloor.papers.bench import measure
    from shopfloor.record.disk import write_atomic

    text = json.dumps(measure(megabytes, rounds).to_json(), indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
