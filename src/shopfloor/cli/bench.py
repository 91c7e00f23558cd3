"""``shopfloor bench``: benchmark suites for brains, and what shopfloor itself costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shopfloor.errors import UnknownName

if TYPE_CHECKING:
    from shopfloor.shift import Plan

__all__ = ["command", "measured"]


_DISCORDANT = 0.02
_MOST_WRONG = 0.05 + 1e-9


class _Bench(click.Group):
    """Knows what measures shopfloor itself, and every suite that measures a brain."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from shopfloor.evidence.catalogue import suites

        return [*suites(), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from shopfloor.evidence.catalogue import suites

        if (found := super().get_command(ctx, cmd_name)) is not None:
            return found
        if cmd_name in suites() or cmd_name.endswith(".toml"):
            from shopfloor.cli.bench_suite import suite_command

            return suite_command(cmd_name)
        raise UnknownName("benchmark suite or measurement", cmd_name, self.list_commands(ctx))


@click.group("bench", cls=_Bench, short_help="A brain's figures on a suite; speed of shopfloor.")
def command() -> None:
    """Work a benchmark suite (v0, or your own FILE.toml), or measure shopfloor itself.

    Figures of shopfloor itself are ratios taken in one run.
    """


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
    from shopfloor.shift.speed import measure

    errors = Console(stderr=True)
    plan = measured(orders, seed, body, video=True)
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


@command.command("repeat", short_help="The same shift in five ways must give the same log.")
@click.option("--orders", type=int, default=6, show_default=True, help="How many orders.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _repeat(orders: int, seed: int, *, out: Path | None) -> None:
    """Work a shift once, again, on two workers, and killed and resumed with one and with two.

    Exit code 1 if the log_sha256 of any two ways differ.
    """
    from rich.console import Console  # --help must not load the simulator

    from shopfloor.record.disk import write_atomic
    from shopfloor.report import log_sha256
    from shopfloor.shift.repeat import repeat

    plan = measured(orders, seed, "bench", video=True)
    with Console(stderr=True).status("starting") as status:
        found = repeat(
            plan,
            kill_after=max(orders // 2, 1),
            digest=lambda folder: log_sha256(folder.entries()) or "",
            say=status.update,
        )
    same = len(set(found.values())) == 1
    text = json.dumps({"same": same, "orders": orders, "seed": seed, "log_sha256": found}, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if not same:
        sys.exit(1)


@command.command("start", short_help="How long the import and the help take.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _start(*, out: Path | None) -> None:
    """Time `import shopfloor` and `shopfloor --help`, best of ten, interpreter included."""
    import subprocess
    import time

    from shopfloor.record.disk import write_atomic

    def best(command_line: list[str]) -> float:
        walls = []
        for _ in range(10):
            began = time.perf_counter()
            subprocess.run(command_line, check=True, capture_output=True)  # noqa: S603 - ours
            walls.append(time.perf_counter() - began)
        return min(walls)

    python = sys.executable
    result = {
        "import_s": best([python, "-c", "import shopfloor"]),
        "help_s": best([python, "-c", "from shopfloor.cli import main; main(['--help'])"]),
    }
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)


@command.command("path", short_help="Whether the path to a chat model changes its decisions.")
@click.option("--orders", type=int, default=60, show_default=True, help="How many for each.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _path(orders: int, seed: int, workers: int, *, out: Path | None) -> None:
    """Pair a stand-in behind HTTP with the same decisions in process, for every convention.

    The stand-in sees what a model would see, RGB and text, and answers in the numbers and the form
    of each convention after it has passed the probe. It proves the path, not any model. Also
    times the adapter alone on two 224² pictures. Exit code 1: more than 2 % of some convention's
    orders ended differently.
    """
    from dataclasses import replace

    from rich.console import Console

    from shopfloor.record.disk import write_atomic
    from shopfloor.testing.path import overhead_ms, pair

    plan = replace(measured(orders, seed, "bench", video=False), workers=workers)
    found = []
    with Console(stderr=True).status("starting") as status:
        overhead = overhead_ms()
        for pairing in pair(plan, status.update):
            found.append(pairing.to_json())
            click.echo(json.dumps(found[-1], ensure_ascii=False), err=True)
    text = json.dumps({"overhead": overhead, "pairings": found}, ensure_ascii=False, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    if any(one["discordance"] > _DISCORDANT or not one["both"] for one in found):
        sys.exit(1)


@command.command("export", short_help="How fast runs are written for the viewers.")
@click.option(
    "--to", "formats", multiple=True, default=("mcap", "rerun"), show_default=True, help="Formats."
)
@click.option("--orders", type=int, default=6, show_default=True, help="How many orders.")
@click.option("--seed", type=int, default=3, show_default=True, help="Seed of the shift.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="The best counts.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _export(
    formats: tuple[str, ...], orders: int, seed: int, *, rounds: int, out: Path | None
) -> None:
    """Work a shift with pictures, then time its export to each format.

    Timed are whole exports: reading the run, kinematics of the robot at every tick, everything
    that a viewer shows, and the files on the disk. An image is one compressed picture of a camera.
    """
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from shopfloor.export import choose
    from shopfloor.export.speed import measure
    from shopfloor.record.disk import write_atomic
    from shopfloor.shift import run_shift

    with Console(stderr=True).status("working a shift") as status, TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        plan = measured(orders, seed, "bench", video=True)
        run_shift(plan, run, resume=False, progress=lambda _: None)
        chosen = choose([run])
        found = [measure(to, chosen, rounds=rounds, say=status.update) for to in formats]
    result = {
        "orders": orders,
        "seed": seed,
        "ticks": sum(each.entry.ticks for each in chosen),
        "formats": [speed.to_json() for speed in found],
    }
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)


@command.command("planned", short_help="Freeze the planned time per unit from reference runs.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the file too [default: only show it]."
)
def _planned(results: tuple[Path, ...], *, out: Path | None) -> None:
    """Read the productive time per unit from RESULTS (result.json of whole runs) and write TOML."""
    from shopfloor.record.disk import write_atomic
    from shopfloor.shift.planned import measured

    lines = ["# Written by `shopfloor bench planned`; simulation results, never typed by hand."]
    for path in results:
        lines += ["", "[[reference]]"]
        found = measured(json.loads(path.read_text(encoding="utf-8")))
        lines += [f"{name} = {json.dumps(value)}" for name, value in found.items()]
    text = "\n".join(lines) + "\n"
    if out is not None:
        write_atomic(out, text.encode())
    click.echo(text, nl=False)


@command.command("statistics", short_help="Whether the statistics keep what they promise.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _statistics(*, out: Path | None) -> None:
    """Sum over every outcome how often intervals miss and tests are wrong; nothing is simulated.

    Coverage of Clopper-Pearson and Wilson over a grid; the anytime-valid sequence watched after
    every one of 1,000 orders, with Wilson's beside it; false positives of McNemar's exact test, of
    the sequence that may stop a comparison early, and of Boschloo's. Exit code 1: something that
    promises at most 5 % does not keep it.
    """
    from rich.console import Console

    from shopfloor.evidence.proof import figures
    from shopfloor.record.disk import write_atomic

    with Console(stderr=True).status("starting") as status:
        found = figures(status.update)
    text = json.dumps(found, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
    promised = (
        1 - found["clopper_pearson"]["least"],
        *found["watched"]["anytime_misses"].values(),
        *(found[name]["false_positive_rate"] for name in ("mcnemar", "sequence", "boschloo")),
    )
    if max(promised) > _MOST_WRONG:
        sys.exit(1)


@command.command("page", short_help="Write the page of measured results from their JSON files.")
@click.argument("folder", type=click.Path(path_type=Path))
def _page(folder: Path) -> None:
    """Write README.md into FOLDER from the JSON files that the other commands left there."""
    from shopfloor.cli.results import page
    from shopfloor.record.disk import write_atomic

    write_atomic(folder / "README.md", page(folder).encode())
    click.echo(folder / "README.md")


def measured(orders: int, seed: int, body: str, *, video: bool) -> Plan:
    """The shift that is measured: classical brain, fenced limits, streams at 10 Hz."""
    from shopfloor.shift import Latency, Plan

    return Plan(
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
        video=video,
        audit=False,
        workers=1,
    )
