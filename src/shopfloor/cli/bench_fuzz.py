"""``shopfloor bench fuzz``: hostile commands through the guard and the physics."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from shopfloor.cli.bench import command

__all__ = ["command"]


@command.command("fuzz", short_help="Hostile commands through the guard and the physics.")
@click.option("--commands", type=int, default=20_000, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything.")
@click.option("--body", default="bench", show_default=True, help="The robot in the cell.")
@click.option("--limits", default="fenced", show_default=True, help="Envelope, as in `run`.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option("--episode", type=int, help="Only this episode of the seed, such as a failing one.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _fuzz(
    commands: int,
    seed: int,
    body: str,
    limits: str,
    workers: int,
    *,
    episode: int | None,
    out: Path | None,
) -> None:
    """Send COMMANDS hostile commands and look for limits left, tick by tick.

    Limbs are moved at random, at full speed back and forth, round and round, into walls, floor and
    each other; some commands are not finite, misshapen, old or heard before. An independent reader
    looks at the simulator's state after every tick. No pictures are drawn. The guard's time is CPU
    time of its thread. Exit code 1: some limit was left; each failing episode is named with the
    command that runs it again.
    """
    import time

    from rich.console import Console

    from shopfloor.errors import UsageError
    from shopfloor.record.disk import write_atomic
    from shopfloor.testing.fuzz import EPISODE, fuzz

    if commands < 1:
        raise UsageError(f"{commands} commands say nothing; ask for 1 or more")
    episodes = [episode] if episode is not None else range(-(-commands // EPISODE))
    began = time.perf_counter()
    with Console(stderr=True).status("starting") as status:
        found = fuzz(
            body=body,
            limits=limits,
            seed=seed,
            episodes=episodes,
            workers=workers,
            say=lambda so_far: status.update(
                f"{so_far.commands:,} commands, {so_far.breaches} breaches"
            ),
        )
    wall_s = time.perf_counter() - began
    again = f"shopfloor bench fuzz --body {body} --limits {limits} --seed {seed} --episode"
    result = {
        "body": body,
        "limits": limits,
        "seed": seed,
        "workers": workers,
        **found.to_json(),
        "wall_s": wall_s,
        "commands_per_s": found.commands / wall_s,
    }
    for one in result["failing"]:
        one["again"] = f"{again} {one['episode']}"
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if found.breaches:
        sys.exit(1)
