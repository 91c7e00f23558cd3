"""``shopfloor bench``: what shopfloor itself costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.group("bench", short_help="Measure shopfloor itself.")
def command() -> None:
    """Measure shopfloor itself; every figure is a ratio taken in one run."""


@command.command("sim", short_help="Speed of the simulation, against a bare loop.")
@click.option("--orders", type=int, default=10, show_default=True, help="How many orders.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option("--body", default="bench", show_default=True, help="The robot in the cell.")
@click.option("--no-pair", is_flag=True, help="Leave out two processes side by side.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def _sim(
    orders: int, seed: int, body: str, *, no_pair: bool, out: Path | None, as_json: bool
) -> None:
    """Time a shift against a bare loop of the same physics and pictures.

    The run does everything but encode video; the bare loop steps the same physics with the
    recorded commands and draws the same pictures, and must end in the same state. Real-time
    factors are those of the run with video encoding and everything on the disk. Pin it
    to one core (taskset -c 0, with --no-pair) for figures per core.
    """
    from rich.console import Console
    from rich.table import Table

    from shopfloor.cli.rivals import rivals
    from shopfloor.record.disk import write_atomic
    from shopfloor.shift import Latency, Plan
    from shopfloor.shift.speed import measure

    errors = Console(stderr=True)
    plan = Plan(
        cell="sorting",
        body=body,
        brain="classical",
        seed=seed,
        orders=orders,
        hours=None,
        order_file=None,
        latency=Latency.parse("fixed:40"),
        limits="fenced",
        record_fps=10.0,
        video=True,
        audit=False,
        workers=1,
    )
    with errors.status("starting") as status:
        speed = measure(plan, lots=orders, pair=not no_pair, progress=status.update)
        status.update("other simulators, where they are installed")
        result: dict[str, Any] = {**speed.to_json(), "others": rivals()}
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    if as_json:
        click.echo(text)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in result.items():
        if isinstance(value, float):
            table.add_row(name, f"{value:.3f}")
        elif not isinstance(value, dict):
            table.add_row(name, "not measured" if value is None else str(value))
    for name, value in result["others"].items():
        table.add_row(name, value if isinstance(value, str) else f"{value:.2f} ms a step")
    Console().print(table)
