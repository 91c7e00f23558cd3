"""``shopfloor drill``: put every fault in, many times over, and show what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from shopfloor.drill import Row

__all__ = ["command"]

_QUICK, _USUAL, _MOST = 3, 30, 100_000


@click.command(
    "drill",
    short_help="Put every fault into the cell, and show the grid of what came of it.",
    epilog="""\b
Examples:
  shopfloor drill --quick                         every class 3 times
  shopfloor drill --n 299 --workers 2             enough to support 1 % at 95 %
  shopfloor drill --only camera.freeze --n 20     one class""",
)
@click.option("--quick", is_flag=True, help="Every class 3 times.")
@click.option("--n", type=int, help="Injections of each class that took effect [default: 30].")
@click.option("--only", multiple=True, help="Drill this fault; may be given several times.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything.")
@click.option("--noise", type=int, default=0, show_default=True, help="Sensor noise beneath.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/drill"),
    show_default=True,
    help="Folder of runs and grid; a drill that is there is gone on with.",
)
@click.option(
    "--docs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Write the grid into this Markdown file, too, between its two marks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    *,
    quick: bool,
    n: int | None,
    only: tuple[str, ...],
    seed: int,
    noise: int,
    workers: int,
    out: Path,
    docs: Path | None,
    as_json: bool,
) -> None:
    """Drill the house: short orders by the classical brain, each with one fault.

    Only faults that took effect are counted. Whether the cell stayed safe is read from the
    simulator's state by a reader that shares nothing with the guard. What was not finished goes on
    where it stopped when the same command is given again.
    """
    if quick and n is not None:
        raise UsageError("give --quick or --n, not both")
    count = _QUICK if quick else _USUAL if n is None else n
    if not 1 <= count <= _MOST:
        raise UsageError(f"--n is {n}; it must be from 1 to {_MOST}")

    import json

    from shopfloor.cell.sorting import CONTROL_DT
    from shopfloor.drill import ROUTINES, Drill, drill, grid, routine, write_grid
    from shopfloor.drill.markdown import fill
    from shopfloor.drill.page import result

    chosen = [routine(name) for name in only] or list(ROUTINES.values())
    asked = Drill(out, count, seed, workers, noise)
    rows: list[Row] = []
    began = time.monotonic()
    said: dict[str, Any] = {}
    page = out
    for place, one in enumerate(chosen):

        def say(done: int, of: int, one: object = one, place: int = place) -> None:
            share = (place + done / max(of, 1)) / len(chosen)
            left = (time.monotonic() - began) * (1 / share - 1) if share else None
            ends = "" if left is None else f", {left / 60:.0f} min left"
            name = getattr(one, "name", "")
            click.echo(f"{place + 1}/{len(chosen)} {name}  {done}/{of}{ends}", err=True)

        rows.append(grid(one, drill(asked, one, say)))
        # Whoever stops here has the grid so far, and what is missing in it.
        missing = tuple(later.name for later in chosen[place + 1 :])
        said = result(rows, missing, n=count, seed=seed, noise=noise, control_dt=CONTROL_DT)
        page = write_grid(out, rows, said)
    if docs is not None:
        fill(docs, said)
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from shopfloor.drill.table import grid_table

    Console().print(grid_table(rows))
    click.echo(f"\ngrid  {page}")
