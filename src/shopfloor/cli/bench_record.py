"""``shopfloor bench recording | crash | record``: what the recorder costs, and what it survives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from shopfloor.cli.bench import command, measured

__all__ = ["command"]


@command.command("recording", short_help="What it costs to record: wall time and disk.")
@click.option("--orders", type=int, default=12, show_default=True, help="How many orders.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option("--depth", is_flag=True, help="Record depth, too.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _recording(orders: int, seed: int, *, depth: bool, out: Path | None) -> None:
    """Work each order twice, recorded to the disk and forgotten, by turns in one process.

    A simulated minute counts changeovers, as the shift's clock does; a worked minute does not.
    """
    from dataclasses import replace

    from rich.console import Console

    from shopfloor.record.disk import write_atomic
    from shopfloor.shift.cost import recording_cost

    plan = replace(measured(orders, seed, "bench", video=True), depth=depth)
    with Console(stderr=True).status("starting") as status:
        found = recording_cost(plan, lots=orders, say=status.update)
    text = json.dumps({"orders": orders, "seed": seed, **found.to_json()}, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)


@command.command("crash", short_help="Kill a shift again and again: nothing may be lost.")
@click.option("--kills", type=int, default=500, show_default=True, help="How often.")
@click.option("--orders", type=int, default=30, show_default=True, help="Length of each run.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Of shift and moments.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _crash(kills: int, orders: int, workers: int, seed: int, *, out: Path | None) -> None:
    """Send SIGKILL at random moments, resume, and hold what is left against a shift in peace.

    The orders are of one part, so that most kills follow a commit or two.

    After every kill: each committed lot is still there as it was, none counts twice, the ledger
    adds up, and what was interrupted holds the beginning of what happened, to the last bit. Takes
    about two seconds a kill. Exit code 1: something was lost, doubled or damaged.
    """
    from dataclasses import replace

    from rich.console import Console

    from shopfloor.record.disk import write_atomic
    from shopfloor.shift.crash import crash

    plan = replace(measured(orders, seed, "bench", video=True), workers=workers)
    with Console(stderr=True).status("starting") as status:
        found = crash(plan, kills=kills, seed=seed, say=status.update)
    text = json.dumps(
        {"orders": orders, "seed": seed, "workers": workers, **found.to_json()}, indent=2
    )
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if not found.clean:
        sys.exit(1)


@command.command("record", short_help="From pictures to a dataset, beside LeRobot's recorder.")
@click.option("--orders", type=int, default=4, show_default=True, help="How many to record.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Medians of so many.")
@click.option(
    "--beside",
    metavar="PYTHON",
    type=click.Path(path_type=Path),
    help="A Python that has LeRobot; `make results-record` makes one.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _record(orders: int, seed: int, rounds: int, *, beside: Path | None, out: Path | None) -> None:
    """Time the way from pictures in memory to a LeRobot dataset that can be trained on.

    Ours records a shift again (every tick, fsync, commit) and exports it, with H.264 copied and
    as AV1. With --beside, LeRobot's own recorder gets the same pictures and numbers, as it comes
    and with its streaming encoder. Both get the cores that this process has.
    """
    from rich.console import Console

    from shopfloor.body.bench import Bench
    from shopfloor.cell.sorting import SortingCell
    from shopfloor.record.disk import write_atomic
    from shopfloor.testing.recording import compare

    plan = measured(orders, seed, "bench", video=True)
    spec = SortingCell(Bench(), record_fps=plan.record_fps, render=False).spec
    with Console(stderr=True).status("starting") as status:
        result = compare(plan, spec, beside=beside, rounds=rounds, say=status.update)
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
