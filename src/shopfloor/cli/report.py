"""``shopfloor report``: the report of a run, again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shopfloor.errors import RunUnwritable

__all__ = ["command"]


@click.command("report", short_help="Write and show the report of a run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(run: Path, *, as_json: bool) -> None:
    """Write report.html and result.json of RUN again, and show the figures."""
    from rich.console import Console

    from shopfloor.report import run_summary, shift_table, write_report

    summary = run_summary(run)
    try:
        page = str(write_report(run))
    except RunUnwritable as error:  # its figures can be shown all the same
        page = f"not written: {str(error).partition(';')[0]}; copy the run to where it can be"
    if as_json:
        click.echo(json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False, indent=2))
        return
    Console().print(shift_table(summary))
    click.echo(f"\nreport  {page}")
