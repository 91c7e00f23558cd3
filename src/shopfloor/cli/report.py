"""``shopfloor report``: the report of a run, again."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("report", short_help="Write and show the report of a run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--cost",
    type=click.Path(path_type=Path),
    help="Inputs of the cost that you know better, FILE.toml (docs/metrics.md).",
)
@click.option("--robot-price", type=float, help="Your robot's price [USD], beside the pair.")
@click.option("--wage", type=float, help="What an hour of an operator costs [USD].")
@click.option("--gpu-price", type=float, help="What an hour of the model's GPU costs [USD].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    run: Path,
    *,
    cost: Path | None,
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
    for name, value, flag in (
        ("robot_price_usd", robot_price, "--robot-price"),
        ("wage_usd_per_h", wage, "--wage"),
        ("gpu_usd_per_h", gpu_price, "--gpu-price"),
    ):
        if value is not None:
            prices = prices.given(name, value, f"given with {flag}")
    page = write_report(run, prices)
    if as_json:
        click.echo((run / "result.json").read_text(encoding="utf-8").strip())
        return
    console = Console()
    console.print(shift_table(run_summary(run, prices)))
    click.echo(f"\nreport  {page}")
