"""``shopfloor report``: the report of a run, again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shopfloor.errors import RunUnwritable

__all__ = ["command"]


@click.command("report", short_help="Write and show the report of a run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--cost",
    type=click.Path(path_type=Path),
    help="Inputs of the cost that you know better, FILE.toml (docs/metrics.md).",
)
@click.option(
    "--papers",
    type=click.Path(path_type=Path),
    help="Papers of the cell, whose hardware prices are your robot's (docs/papers.md).",
)
@click.option("--robot-price", type=float, help="Your robot's price [USD], beside the pair.")
@click.option("--wage", type=float, help="What an hour of an operator costs [USD].")
@click.option("--gpu-price", type=float, help="What an hour of the model's GPU costs [USD].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    run: Path,
    *,
    cost: Path | None,
    papers: Path | None,
    robot_price: float | None,
    wage: float | None,
    gpu_price: float | None,
    as_json: bool,
) -> None:
    """Write report.html and result.json of RUN again, and show the figures."""
    from rich.console import Console

    from shopfloor.report import run_summary, shift_table, write_report
    from shopfloor.report.price import Prices

    prices = Prices.default()
    if cost is not None:
        prices = prices.read(cost)
    if papers is not None:
        from shopfloor.cli.papers import read_papers
        from shopfloor.papers.hardware import price_of

        total = price_of(read_papers(papers), str(papers))
        prices = prices.given("robot_price_usd", total, f"all hardware of {papers.name}")
    for name, value, flag in (
        ("robot_price_usd", robot_price, "--robot-price"),
        ("wage_usd_per_h", wage, "--wage"),
        ("gpu_usd_per_h", gpu_price, "--gpu-price"),
    ):
        if value is not None:
            prices = prices.given(name, value, f"given with {flag}")
    summary = run_summary(run, prices)
    try:
        page = str(write_report(run, prices))
    except RunUnwritable as error:  # its figures can be shown all the same
        page = f"not written: {str(error).partition(';')[0]}; copy the run to where it can be"
    if as_json:
        click.echo(json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False, indent=2))
        return
    Console().print(shift_table(summary))
    click.echo(f"\nreport  {page}")
