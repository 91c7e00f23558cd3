"""``shopfloor bench v0``: a brain at a benchmark suite."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shopfloor.evidence.benchmark import Benchmark
    from shopfloor.evidence.beside import Published

__all__ = ["suite_command"]


def suite_command(name: str) -> click.Command:
    """Return the command that works a suite.

    Args:
        name: Of the suite, or of a file that holds one.
    """

    @click.command(
        name,
        short_help="A brain at the benchmark suite: a base, and what changes it.",
        epilog=f"""\b
Examples:
  shopfloor bench {name} --brain classical --quick
  shopfloor bench {name} --brain MODEL@URL --beside docs/results/v0-classical.json""",
    )
    @click.option("--brain", default="classical", show_default=True, help="Who is measured.")
    @click.option("--quick", is_flag=True, help="Fewer orders and conditions, in minutes.")
    @click.option(
        "--workers", type=int, default=2, show_default=True, help="Processes side by side."
    )
    @click.option(
        "--allow-unproven",
        is_flag=True,
        help="Let a model work that has not passed `shopfloor probe`; the page says so first.",
    )
    @click.option(
        "--beside",
        metavar="RESULT",
        type=click.Path(path_type=Path),
        help="Hold it against another brain's bench.json of the same suite, order by order.",
    )
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        help=f"Folder of the runs and the result [default: runs/bench-{_slug(name)}/BRAIN].",
    )
    @click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead."
    )
    def work(
        brain: str, workers: int, out: Path | None, beside: Path | None, **flags: bool
    ) -> None:
        """Work the suite's conditions, each a run of its own, and hold each against the base.

        Every condition has the same orders as the base and differs from it in one factor. The same
        command again goes on after a crash or Ctrl-C, and works nothing twice. Writes bench.html
        and bench.json into --out. All results are simulation results.
        """
        from shopfloor.evidence.benchmark import Benchmark
        from shopfloor.evidence.suite import load_suite

        suite = load_suite(name)
        extent = suite.extents["quick" if flags["quick"] else "full"]
        folder = out or _folder(suite.name, brain, quick=flags["quick"])
        bench = Benchmark(suite, extent, brain, folder, workers, flags["allow_unproven"])
        published = _published(beside, bench)
        if _worked(bench) == "interrupted":
            again = f"--out {shlex.quote(str(folder))}"
            click.echo(f"go on   give the same command again with {again}", err=True)
            sys.exit(130)
        _tell(bench, published, as_json=flags["as_json"])

    return work


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", Path(name).stem if name.endswith(".toml") else name)


def _folder(suite: str, brain: str, *, quick: bool) -> Path:
    within = f"bench-{_slug(suite)}{'-quick' if quick else ''}"
    return Path("runs") / within / (_slug(brain).strip("-.")[:80] or "brain")


def _published(path: Path | None, bench: Benchmark) -> Published | None:
    """Read what to hold it against, before anybody works for an hour."""
    from shopfloor.evidence.beside import Published

    return None if path is None else Published.read(path, bench.suite, bench.extent)


def _worked(bench: Benchmark) -> str:
    from shopfloor.cli.contest import Contest

    bench.open()
    with Contest(
        bench.names, bench.extent.orders, bench.out, stop="Ctrl-C stops; give it again to go on"
    ) as contest:
        return bench.run(contest.update)


def _tell(bench: Benchmark, published: Published | None, *, as_json: bool) -> None:
    from shopfloor.evidence.beside import beside
    from shopfloor.evidence.score_page import write

    score = bench.score()
    other = None if published is None else beside(score, published)
    page = write(bench.out, score, other)
    if as_json:
        click.echo((bench.out / "bench.json").read_text(encoding="utf-8").strip())
        return
    from rich.console import Console

    from shopfloor.evidence.score_table import score_table

    Console().print(score_table(score, other))
    click.echo(f"\npage    {page}")
