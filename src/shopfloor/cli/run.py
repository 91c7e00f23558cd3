"""``shopfloor run``: work a shift and report on it."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from shopfloor.cli.workers import workers_option
from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from shopfloor.papers.dsse import Signer
    from shopfloor.shift import Plan

__all__ = ["command"]

_DEFAULT_ORDERS = 30
_FREE_ON_RESUME = {
    "resume", "workers", "max_wall", "as_json", "keep_going", "waiver_key", "papers_key",
}  # fmt: skip


@click.command(
    "run",
    short_help="Work a shift in a cell and report on it.",
    epilog="""\b
Examples:
  shopfloor run                                   30 orders by the classical brain
  shopfloor run sorting --hours 8 --workers 2     a full shift
  shopfloor run --order-file my.jsonl             exactly your orders
  shopfloor run --brain qwen2.5-vl-7b@http://localhost:8000/v1
                                                  a model, after `shopfloor probe`
  shopfloor run --resume runs/20261122-101500     go on after a crash or Ctrl-C""",
)
@click.argument("cell", default="sorting")
@click.option("--brain", default="classical", show_default=True, help="Who decides.")
@click.option("--body", default="bench", show_default=True, help="The robot in the cell.")
@click.option("--orders", type=int, help="Length of the shift in orders [default: 30].")
@click.option("--hours", type=float, help="Length of the shift in hours of the virtual clock.")
@click.option(
    "--order-file",
    type=click.Path(path_type=Path),
    help="Carry out the orders of a JSONL file (docs/orders.md).",
)
@click.option(
    "--language", default="mixed", show_default=True,
    help="What generated orders are told in: mixed, en or zh; the trays are the same.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything.")
@click.option(
    "--latency",
    help="What thinking costs on the clock: measured, fixed:MS, or none (pauses the world) "
    "[default: fixed:40 for built-in brains, measured for models].",
)
@workers_option
@click.option(
    "--record-fps", type=float, default=10.0, show_default=True, help="Rate of the streams [Hz]."
)
@click.option("--no-video", is_flag=True, help="Log the frames' hashes but encode no video.")
@click.option(
    "--record-depth", is_flag=True, help="Record the streams' depth, too (0.1 mm, lossless; large)."
)
@click.option(
    "--limits",
    default="fenced",
    show_default=True,
    help="Envelope: fenced (1 m/s), collaborative (250 mm/s), or a FILE.toml.",
)
@click.option(
    "--calendar",
    default="none",
    show_default=True,
    help="Breaks and planned maintenance: none, two-breaks, or a FILE.toml (docs/metrics.md).",
)
@click.option(
    "--planned-cycle",
    help="Planned seconds per unit, which effectiveness and OEE are measured against, or none "
    "[default: the reference of the cell].",
)
@click.option(
    "--noise",
    type=int,
    default=0,
    show_default=True,
    help="Sensor noise between cell and brain, from 0 (none) to 5 (docs/noise.md).",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    help="Put a fault into the cell, such as camera.freeze@12s+3s or gripper.slip~40/h; may be "
    "given several times, and as a FILE.toml (docs/robustness.md).",
)
@click.option("--audit", is_flag=True, help="Have an independent reader look for limits left.")
@click.option(
    "--allow-unproven",
    is_flag=True,
    help="Let a model work that has not passed `shopfloor probe`; the report says so first.",
)
@click.option(
    "--cameras",
    help="Cameras that a model is shown, such as overview,front [default: overview].",
)
@click.option(
    "--papers",
    multiple=True,
    metavar="FILE|enforce",
    help="Papers of the brain (docs/papers.md); enforce refuses what does not pass. May be given "
    "twice [default: the example's, stamped and not enforced].",
)
@click.option(
    "--regime", default="eu,us,cn", show_default=True, help="Rules that the papers are held to."
)
@click.option(
    "--waiver-key",
    type=click.Path(path_type=Path),
    help="Public key (PEM) of who may answer for a rule; without it no waiver counts.",
)
@click.option(
    "--brain-deadline",
    type=float,
    default=60.0,
    show_default=True,
    help="A decision that takes more seconds has failed, and with it the order.",
)
@click.option(
    "--fallback",
    help="Who works while a model is lost, such as classical; the model is asked for again "
    "(docs/live.md) [default: nobody, the shift ends].",
)
@click.option(
    "--keep-going",
    is_flag=True,
    help="Do not end the shift when the brain is lost 3 times in a row.",
)
@click.option(
    "--papers-key",
    type=click.Path(path_type=Path),
    help="Private key on P-256 (PEM) that signs the papers' verdict beside the run.",
)
@click.option("--max-wall", type=float, help="Begin no new lot after so many seconds of wall time.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder [default: runs/DATE-TIME]."
)
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Go on with this run; nothing counts twice."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Work a shift in CELL, write everything down, and report on it.

    The shift is simulated: two arms, cameras and parts with real contact physics, on a virtual
    clock that charges the brain for its thinking. The run folder holds the manifest, a log and a
    video of every order, and the report as a web page.
    """
    from shopfloor.cli.gate import checked, checked_again
    from shopfloor.cli.progress import Bar
    from shopfloor.record import RunFolder
    from shopfloor.report import run_summary, shift_table, write_report
    from shopfloor.shift import plan_of, run_shift
    from shopfloor.shift.roster import LOST_LOTS

    signer = _signer(options["papers_key"])
    resume: Path | None = options["resume"]
    if resume is not None:
        given = [
            name
            for name in options
            if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
            and name not in _FREE_ON_RESUME
        ]
        if given:
            raise UsageError(
                f"--{given[0].replace('_', '-')} cannot be given with --resume: the run goes on as "
                "it was begun (only --workers, --max-wall, --keep-going, --waiver-key, "
                "--papers-key and --json are free)"
            )
        out = resume
        plan = plan_of(
            resume,
            workers=options["workers"],
            max_wall_s=options["max_wall"],
            keep_going=options["keep_going"],
        )
        with RunFolder.open(resume) as folder:
            kept = folder.manifest.papers
        plan = checked_again(plan, kept, options["waiver_key"])
    else:
        out = options["out"] or _fresh()
        plan = checked(
            _plan(options),
            file=_papers_file(options["papers"]),
            enforce="enforce" in options["papers"],
            regimes=options["regime"],
            key=options["waiver_key"],
        )
        kept = plan.papers
    with Bar(plan, out) as bar:
        ended = run_shift(plan, out, resume=resume is not None, progress=bar.update)
    page = write_report(out)
    if signer is not None:
        from shopfloor.papers.verdict import sign_verdict

        sign_verdict(out, signer)
    as_json: bool = options["as_json"]
    if as_json:
        click.echo((out / "result.json").read_text(encoding="utf-8").strip())
    else:
        from rich.console import Console

        console = Console()
        console.print(shift_table(run_summary(out)))
        click.echo(f"\npapers  {plan.papers.said}")
        if kept.said != plan.papers.said:
            # A manifest is written once; what is true today is said today.
            click.echo(f"        the report keeps what was said at the start: {kept.said}")
        click.echo(f"report  {page}")
    if ended == "lost":
        click.echo(
            f"shopfloor: {plan.brain} was lost in {LOST_LOTS} orders in a row, so the shift ended; "
            "see why with `shopfloor episodes --why`, and go on when it answers again, or give "
            "--keep-going to insist",
            err=True,
        )
    if ended != "complete":
        # With --json stdout holds one object and nothing else.
        click.echo(f"go on   shopfloor run --resume {shlex.quote(str(out))}", err=as_json)
    if ended == "interrupted":
        sys.exit(130)
    if ended == "lost":
        sys.exit(2)


def _plan(options: dict[str, Any]) -> Plan:
    from shopfloor.shift import Latency, Plan
    from shopfloor.shift.latency import usual
    from shopfloor.shift.planned import planned_of

    orders = options["orders"]
    order_file: Path | None = options["order_file"]
    if orders is None and options["hours"] is None and order_file is None:
        orders = _DEFAULT_ORDERS
    return Plan(
        cell=options["cell"],
        body=options["body"],
        brain=options["brain"],
        seed=options["seed"],
        orders=orders,
        hours=options["hours"],
        order_file=order_file,
        language=options["language"],
        latency=Latency.parse(options["latency"] or usual(options["brain"])),
        limits=options["limits"],
        record_fps=options["record_fps"],
        video=not options["no_video"],
        depth=options["record_depth"],
        audit=options["audit"],
        allow_unproven=options["allow_unproven"],
        cameras=tuple(filter(None, (options["cameras"] or "").split(","))),
        calendar=options["calendar"],
        planned_cycle=planned_of(
            options["planned_cycle"],
            cell=options["cell"],
            body=options["body"],
            limits=options["limits"],
        ),
        workers=options["workers"],
        max_wall_s=options["max_wall"],
        noise=options["noise"],
        faults=_faults(options["faults"]),
        brain_deadline_s=options["brain_deadline"],
        fallback=options["fallback"],
        keep_going=options["keep_going"],
    )


def _faults(given: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        return ()
    from shopfloor.cell.fault.plan import read

    return read(given)


def _papers_file(given: tuple[str, ...]) -> Path | None:
    named = [Path(each) for each in given if each != "enforce"]
    if len(named) > 1:
        raise UsageError(
            f"--papers names {named[0]} and {named[1]}; one file holds a cell's papers"
        )
    return named[0] if named else None


def _signer(key: Path | None) -> Signer | None:
    """Read the key before anything is run that it is to sign for."""
    if key is None:
        return None
    from shopfloor.papers.dsse import Signer

    return Signer.read(key)


def _fresh() -> Path:
    """A run folder that is not there yet."""
    runs = Path("runs")
    name = datetime.now().strftime("%Y%m%d-%H%M%S")  # noqa: DTZ005 - a name for a person here
    path, again = runs / name, 1
    while path.exists():
        again += 1
        path = runs / f"{name}-{again}"
    return path
