"""``shopfloor report``: the report of a run, again."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("report", short_help="Write and show the report of a run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(run: Path, *, as_json: bool) -> None:
    """Write report.html and result.json of RUN again, and show the figures."""
    from rich.console import Console

    from shopfloor.report import run_summary, shift_table, write_report

    page = write_report(run)
    if as_json:
        click.echo((run / "result.json").read_text(encoding="utf-8").strip())
        return
    console = Console()
    console.print(shift_table(run_summary(run)))
    click.echo(f"\nreport  {page}")
