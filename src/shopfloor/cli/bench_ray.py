"""``shopfloor bench ray``: what a Ray cluster costs over processes of one machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from shopfloor.cli.bench import command, measured

__all__ = ["command"]


@command.command("ray", short_help="What a Ray cluster costs over processes, by turns.")
@click.option("--orders", type=int, default=300, show_default=True, help="Length of each shift.")
@click.option("--slots", type=int, default=2, show_default=True, help="Lots side by side.")
@click.option("--rounds", type=int, default=2, show_default=True, help="How often each way.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _ray(orders: int, slots: int, rounds: int, seed: int, *, out: Path | None) -> None:
    """Work the same shift with --workers N and with --workers ray*N by turns, on this machine.

    Both record everything, videos included; on Ray each lot is worked in a folder of its own,
    fetched, checked and committed again. Two wall times are compared: of the whole shift, start and
    end of the workers included, and from the first committed lot to the last. Needs the extra
    [ray]. Exit code 1: the logs are not the same.
    """
    from rich.console import Console

    from shopfloor.record.disk import write_atomic
    from shopfloor.report import log_sha256
    from shopfloor.shift.overhead import overhead

    plan = measured(orders, seed, "bench", video=True)
    with Console(stderr=True).status("starting") as status:
        found = overhead(
            plan,
            slots=slots,
            rounds=rounds,
            digest=lambda folder: log_sha256(folder.entries()) or "",
            say=status.update,
        ).to_json()
    text = json.dumps({"seed": seed, **found}, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if not found["same_log"]:
        sys.exit(1)
