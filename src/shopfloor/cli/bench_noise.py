"""``shopfloor bench noise``: what is left of the classical brain at each level of sensor noise."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from shopfloor.cli.bench import command, measured
from shopfloor.errors import UsageError

__all__ = ["command"]


@command.command("noise", short_help="The classical brain at each level of sensor noise.")
@click.option("--orders", type=int, default=100, show_default=True, help="How many for each level.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option(
    "--levels", default="1,2,3,4,5", show_default=True, help="Which; 0 is always worked, too."
)
@click.option("--brain", default="classical", show_default=True, help="Who decides.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option("--audit", is_flag=True, help="Have an independent reader look for limits left.")
@click.option(
    "--runs", type=click.Path(path_type=Path), help="Keep the runs here, or go on with them."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _noise(
    orders: int,
    seed: int,
    levels: str,
    brain: str,
    workers: int,
    *,
    audit: bool,
    runs: Path | None,
    out: Path | None,
) -> None:
    """Work the same orders at every level, each paired with the clean arm order by order.

    Good orders with Wilson's interval, units an hour, McNemar's exact test against level 0 alone
    and with Holm's correction over all levels, root causes, what the guard stopped, and the
    processor time that the noise itself takes for a frame.
    """
    from dataclasses import asdict, replace

    from rich.console import Console

    from shopfloor.evidence.slope import corrected, cost, slope
    from shopfloor.record.disk import write_atomic
    from shopfloor.shift.latency import Latency, usual

    chosen = _numbers(levels)
    plan = replace(
        measured(orders, seed, "bench", video=False),
        brain=brain,
        latency=Latency.parse(usual(brain)),
        workers=workers,
        audit=audit,
    )
    steps = []
    console = Console(stderr=True)
    with (
        console.status("starting") as status,
        TemporaryDirectory() if runs is None else nullcontext(str(runs)) as folder,
    ):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for step in slope(plan, chosen, Path(folder), status.update):
            steps.append(step)
            click.echo(json.dumps(step.to_json(), ensure_ascii=False), err=True)
        status.update("what the noise itself costs")
        itself = cost(chosen, seed)
    found = [step.to_json() for step in corrected(steps)]
    result = {"brain": brain, "orders": orders, "seed": seed, "steps": found, **asdict(itself)}
    text = json.dumps(result, ensure_ascii=False, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)


def _numbers(text: str) -> tuple[int, ...]:
    from shopfloor.cell.noise import LEVELS, noise_level

    first, last = LEVELS[0].number, LEVELS[-1].number
    try:
        return tuple(noise_level(int(word)).number for word in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--levels is {text!r}; give numbers from {first} to {last} with commas between, such "
            "as 1,2,3"
        ) from error
