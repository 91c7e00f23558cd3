"""``shopfloor bench loss``: how long a live cell moves on after a process of it is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from shopfloor.cli.bench import command
from shopfloor.errors import UsageError

__all__ = ["command"]


@command.command("loss", short_help="How long a live cell moves on after a process is lost.")
@click.option("--each", type=int, default=20, show_default=True, help="Trials of each way.")
@click.option(
    "--way", "names", multiple=True, help="Only this one, such as brain.kill; repeatable."
)
@click.option(
    "--deadline", type=float, default=0.5, show_default=True, help="Of the brain's decisions [s]."
)
@click.option("--patience", type=float, default=0.2, show_default=True, help="Of the watchdog [s].")
@click.option("--seed", type=int, default=1000, show_default=True, help="Of lots and moments.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _loss(
    each: int,
    names: tuple[str, ...],
    deadline: float,
    patience: float,
    seed: int,
    out: Path | None,
) -> None:
    """Kill, stop or hang the brain, the control loop and the watchdog of a live cell, by turns.

    The cell is simulated, on the clock of the wall; its motion is measured by its joint speeds. A
    trial takes some five seconds. Exit code 1: something did not stand, or moved again.
    """
    from rich.console import Console

    from shopfloor.record.disk import write_atomic
    from shopfloor.shift.loss import WAYS, measure
    from shopfloor.shift.supervise import LoopSetting

    known = {way.name: way for way in WAYS}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--way is {unknown[0]!r}; allowed: {', '.join(known)}")
    if each < 1:
        raise UsageError(f"--each is {each}; it must be 1 or more")
    for option, seconds in (("--deadline", deadline), ("--patience", patience)):
        if not 0.02 <= seconds <= 60:
            raise UsageError(f"{option} is {seconds:g}; it must be from 0.02 to 60 seconds")
    asked = LoopSetting(
        folder="",
        cell="sorting",
        body="bench",
        limits="fenced",
        module="shopfloor.testing.mover",
        brain="Mover",
        seed=seed,
        deadline_s=deadline,
        patience_s=patience,
    )
    with Console(stderr=True).status("starting") as status:
        ways = [known[name] for name in names] or WAYS
        found = measure(asked, each=each, ways=ways, say=status.update)
    figures = {
        "simulation": True,
        "each": each,
        "seed": seed,
        "deadline_s": deadline,
        "patience_s": patience,
        "rows": [one.to_json() for one in found],
    }
    text = json.dumps(figures, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if any(one.stood < one.n or one.again for one in found):
        sys.exit(1)
