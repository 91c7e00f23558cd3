"""``shopfloor compare``: which of several is better, on the same orders."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from shopfloor.cli.workers import workers_option
from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from shopfloor.evidence.comparison import Comparison
    from shopfloor.shift import Plan

__all__ = ["command"]

_DEFAULT_ORDERS = 30
_BOTH_WAYS = {"runs", "out", "as_json"}
_ONE = {
    "brains": "brain",
    "bodies": "body",
    "languages": "language",
    "latencies": "latency",
    "noises": "noise",
}
"""What options that can be given several times are called."""


@click.command(
    "compare",
    short_help="Which of several is better, on the same orders.",
    epilog="""\b
Examples:
  shopfloor compare --brain classical --brain stand-in --orders 100 --workers 2
  shopfloor compare --brain classical --latency fixed:40 --latency fixed:400
  shopfloor compare --brain classical --noise 0 --noise 2 --noise 4
  shopfloor compare --brain classical --language en --language zh
  shopfloor compare --brain A@URL --brain B@URL --orders 500 --until-resolved
  shopfloor compare runs/monday runs/tuesday          runs that are there already

\b
Give the same --out again to go on after a crash or Ctrl-C; nothing counts twice.
A pair that the orders do not tell apart is "not resolved", with how many more would.""",
)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--cell", default="sorting", show_default=True, help="Where they work.")
@click.option("--brain", "brains", multiple=True, help="Who decides; give it once for each.")
@click.option(
    "--body", "bodies", multiple=True, default=("bench",), show_default=True,
    help="The robot; several make variants.",
)  # fmt: skip
@click.option(
    "--language", "languages", multiple=True, default=("mixed",), show_default=True,
    help="What orders are told in: mixed, en or zh; several make variants on the same trays.",
)  # fmt: skip
@click.option(
    "--latency", "latencies", multiple=True,
    help="What thinking costs on the clock, as in shopfloor run; several make variants.",
)  # fmt: skip
@click.option(
    "--noise", "noises", type=int, multiple=True, default=(0,), show_default=True,
    help="Sensor noise, from 0 to 5 as in shopfloor run; several make variants.",
)  # fmt: skip
@click.option("--orders", type=int, help="Orders for each [default: 30].")
@click.option(
    "--order-file",
    type=click.Path(path_type=Path),
    help="Let each carry out the orders of a JSONL file (docs/orders.md).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything.")
@click.option(
    "--limits", default="fenced", show_default=True, help="Envelope, as in shopfloor run."
)
@workers_option
@click.option("--video", is_flag=True, help="Record videos, too.")
@click.option(
    "--allow-unproven",
    is_flag=True,
    help="Let models work that have not passed `shopfloor probe`; the page says so first.",
)
@click.option(
    "--until-resolved",
    is_flag=True,
    help="Look after 10, 15, 22, ... orders and stop as soon as every pair is decided, by a "
    "sequence that may be watched; --orders is the most.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the comparison [default: runs/compare-DATE-TIME].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
@click.pass_context
def command(ctx: click.Context, /, runs: tuple[Path, ...], **options: Any) -> None:
    """Compare brains, bodies, languages, latencies or noises on the same orders, order by order.

    Either works each --brain on each --body in each --language with each --latency and --noise, or
    takes RUNS that exist. Writes compare.html and compare.json into --out. All results are
    simulation results.
    """
    out: Path = options["out"] or _fresh()
    if runs:
        given = [
            name
            for name in options
            if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
            and name not in _BOTH_WAYS
        ]
        if given:
            name = _ONE.get(given[0], given[0].replace("_", "-"))
            raise UsageError(
                f"--{name} cannot be given with runs: they are as they were worked (only --out and "
                "--json can)"
            )
        _tell(_existing(runs, out), out, as_json=options["as_json"])
        return
    ended = _race(_plans(options), out, until_resolved=options["until_resolved"],
                  as_json=options["as_json"])  # fmt: skip
    if ended == "interrupted":
        sys.exit(130)


def _existing(runs: tuple[Path, ...], out: Path) -> Comparison:
    from shopfloor.evidence.comparison import compare
    from shopfloor.evidence.contestant import contestants

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder with --out")
    return compare(contestants(runs))


def _plans(options: dict[str, Any]) -> tuple[Plan, ...]:
    """Every brain on every body and so on; a name given twice is worked twice."""
    from shopfloor import plugins
    from shopfloor.shift import Latency, Plan
    from shopfloor.shift.latency import usual

    brains, bodies, latencies = options["brains"], options["bodies"], options["latencies"]
    languages, noises = options["languages"], options["noises"]
    if not brains:
        raise UsageError(
            "nothing to compare: name run folders, or --brain A --brain B (shopfloor list brains)"
        )
    # All names are looked up before anybody works for an hour.
    plugins.factory("cells", options["cell"])
    for kind, names in (("brains", brains), ("bodies", bodies)):
        for name in names:
            plugins.factory(kind, name)  # type: ignore[arg-type]
    orders, order_file = options["orders"], options["order_file"]
    plans = tuple(
        Plan(
            cell=options["cell"],
            body=body,
            brain=brain,
            seed=options["seed"],
            orders=_DEFAULT_ORDERS if orders is None and order_file is None else orders,
            hours=None,
            order_file=order_file,
            language=language,
            latency=Latency.parse(latency or usual(brain)),
            limits=options["limits"],
            record_fps=10.0,
            video=options["video"],
            audit=False,
            workers=options["workers"],
            allow_unproven=options["allow_unproven"],
            noise=noise,
        )
        for brain, body, language, latency, noise in product(
            brains, bodies, languages, latencies or (None,), noises
        )
    )
    if len(plans) < 2:
        raise UsageError(
            f"got one variant ({brains[0]}); a comparison needs two or more: give another --brain, "
            "--body, --language, --latency or --noise"
        )
    return plans


def _race(plans: tuple[Plan, ...], out: Path, *, until_resolved: bool, as_json: bool) -> str:
    from shopfloor.cli.contest import Contest
    from shopfloor.evidence.race import Race

    race = Race(plans, out, until_resolved)
    race.open()
    total = race.total()
    with Contest(race.labels, total, out) as contest:
        ended = race.run(contest.update, contest.round)
    found: Comparison | None
    try:
        found = race.result()
    except UsageError as nothing:  # interrupted before everybody had an order
        if ended != "interrupted":
            raise
        found = None
        click.echo(f"shopfloor: nothing to compare yet: {nothing}", err=True)
    if found is not None:
        _tell(found, out, as_json=as_json)
    if ended == "interrupted":
        click.echo(f"go on   give the same command again with --out {shlex.quote(str(out))}",
                   err=True)  # fmt: skip
    return ended


def _tell(found: Comparison, out: Path, *, as_json: bool) -> None:
    from shopfloor.evidence.page import write
    from shopfloor.evidence.table import comparison_table
    from shopfloor.record.disk import writing

    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    page = write(out, found)
    if as_json:
        click.echo((out / "compare.json").read_text(encoding="utf-8").strip())
        return
    from rich.console import Console

    Console().print(comparison_table(found))
    click.echo(f"\npage    {page}")


def _fresh() -> Path:
    """A folder that is not there yet."""
    name = datetime.now().strftime("compare-%Y%m%d-%H%M%S")  # noqa: DTZ005 - for a person here
    path, again = Path("runs") / name, 1
    while path.exists():
        again += 1
        path = Path("runs") / f"{name}-{again}"
    return path
