"""``shopfloor replicate``: repeat a run, and say whether it is the same."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shopfloor.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shopfloor.evidence.repetition import Repetition
    from shopfloor.evidence.replica import Replica

__all__ = ["command"]

_STYLE = {"identical": "bold green", "equivalent": "bold yellow", "different": "bold red"}
_SHOWN = 12
"""Differences that are listed on the terminal; --json has all."""
_VERDICT = "verdict.json"


@click.command(
    "replicate",
    short_help="Repeat a run, and say whether it is the same.",
    epilog="""\b
Examples:
  shopfloor replicate runs/a                      repeat it into runs/a-replica
  shopfloor replicate runs/a --lots 3             a sample: its first three lots
  shopfloor replicate runs/a --ask-again          ask the model anew, and compare the figures
  shopfloor replicate runs/a --bundle a.zip       pack it for somebody else
  shopfloor replicate a.zip --out check           what somebody else does; needs no network

\b
Exit codes: 0 identical or equivalent, 1 different, 2 where nothing could be repeated.""",
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the replica; one that was begun is gone on with [default: RUN-replica].",
)
@click.option("--lots", type=int, help="Repeat the first so many lots only: a sample.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes side by side.")
@click.option(
    "--ask-again", is_flag=True, help="Ask a model anew instead of replaying its answers."
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Pack RUN into this file instead, to be repeated elsewhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    run: Path,
    *,
    out: Path | None,
    lots: int | None,
    workers: int,
    ask_again: bool,
    bundle: Path | None,
    as_json: bool,
) -> int:
    """Repeat RUN, a run's folder or its bundle, from its manifest alone.

    Says identical where every lot has the same log, equivalent where another machine or version
    explains why not and the figures agree within stated bounds, and different otherwise, with what
    differs and where first. A model's answers are replayed from the log: neither the model nor a
    network is needed. The original is only read.
    """
    from shopfloor.evidence.bundle import is_bundle, unpacked

    if bundle is not None:
        if out or lots or ask_again or workers != 1:
            raise UsageError("--bundle only packs the run; leave the other options out")
        return _pack(run, bundle, as_json=as_json)
    out = out or run.with_name(f"{run.stem if is_bundle(run) else run.name}-replica")
    with ExitStack() as stack:
        folder = stack.enter_context(unpacked(run, out)) if is_bundle(run) else run
        return _repeat(run, folder, out, lots, workers, ask_again=ask_again, as_json=as_json)


def _pack(run: Path, bundle: Path, *, as_json: bool) -> int:
    import json

    from shopfloor.evidence.bundle import pack_bundle

    count = pack_bundle(run, bundle)
    size = bundle.stat().st_size
    if as_json:
        click.echo(json.dumps({"bundle": str(bundle), "files": count, "bytes": size}))
    else:
        click.echo(f"bundle  {bundle}  ({count} files, {size / 1e6:.1f} MB)")
    return 0


def _repeat(
    run: Path,
    folder: Path,
    out: Path,
    lots: int | None,
    workers: int,
    *,
    ask_again: bool,
    as_json: bool,
) -> int:
    from rich.console import Console

    from shopfloor.cli.counting import counted
    from shopfloor.evidence.repetition import Repetition
    from shopfloor.report.printable import json_text

    with counted("MB") as tell:
        repetition = Repetition.of(
            folder, out, lots=lots, ask_again=ask_again, workers=workers, tell=tell
        )
    if _work(_through_gate(repetition)) == "interrupted":
        again = f"shopfloor replicate {shlex.quote(str(run))} --out {shlex.quote(str(out))}"
        click.echo(f"go on   {again}  (with the same options)", err=True)
        return 130
    replica = repetition.replica(name=str(run))
    _keep(replica, out, json_text(replica.to_json(), indent=1))
    if as_json:
        click.echo(json_text(replica.to_json()))
    else:
        Console().print(_screen(replica), highlight=False, markup=False)
    return int(replica.verdict == "different")


def _through_gate(repetition: Repetition) -> Repetition:
    """Check the papers of a model that is started; whoever is replayed is not made."""
    from dataclasses import replace

    from shopfloor.cli.gate import checked_again

    plan = repetition.plan
    if plan is None or repetition.way != "asked again":
        return repetition
    gated = checked_again(plan, repetition.original.manifest.papers, None)
    return replace(repetition, plan=gated)


def _work(repetition: Repetition) -> str:
    from shopfloor.cli.progress import Bar
    from shopfloor.report import write_report

    if repetition.plan is None:
        return "complete"
    with Bar(repetition.plan, repetition.out) as bar:
        ended = repetition.work(bar.update)
    write_report(repetition.out)
    return ended


def _keep(replica: Replica, out: Path, text: str) -> None:
    """Keep the verdict beside the replica that it is about."""
    from shopfloor.record.disk import write_atomic

    if replica.replica is not None:
        write_atomic(out / _VERDICT, f"{text}\n".encode())


def _screen(replica: Replica) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from shopfloor.report.printable import printable

    shown: list[RenderableType] = [
        Text.assemble((replica.headline, _STYLE[replica.verdict]), f"   {replica.original}"),
        Text(_how(replica), "bright_black"),
    ]
    shown += [Text(f"  {printable(reason)}") for reason in replica.reasons]
    if replica.divergence is not None:
        shown.append(Text(f"  first: {printable(str(replica.divergence))}"))
    if replica.agreement is not None and replica.unlike:
        shown += [Text(""), _figures(replica)]
    others = [each for each in replica.differences if each.kind != "log"]
    if others:
        shown += [Text(""), _differences(replica)]
    if replica.replica is not None:
        shown += [Text(""), Text(f"replica  {replica.replica}  ({_VERDICT}, report.html)")]
    return Group(*shown)


def _how(replica: Replica) -> str:
    brain = {
        "worked again": "the brain worked again",
        "replayed": "the brain's recorded answers stood in for it; it was not asked",
        "asked again": "the model was asked anew",
    }[replica.way]
    if replica.replica is None:
        return f"simulation; nothing was repeated of {replica.held} lots"
    sample = f"a sample of {replica.lots}" if replica.sample else f"all {replica.lots}"
    return f"simulation; {sample} of {replica.held} recorded lots; {brain}"


def _figures(replica: Replica) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    found = replica.agreement
    assert found is not None  # noqa: S101 - asked for only where there is one
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("figure", "original", "replica", "allowed", "", "bound"):
        table.add_column(column, justify="right" if column in ("original", "replica") else "left")
    for bound in found.bounds:
        allowed = "" if bound.lo is None else f"{_number(bound.lo)} to {_number(bound.hi)}"
        held = {True: "within", False: "OUT", None: "unmeasured"}[bound.held]
        figures = (_number(bound.was), _number(bound.now), allowed, held)
        table.add_row(bound.what, *figures, bound.why)
    lots = (
        f"good in both {found.both}, in the original only {found.only_original}, in the replica "
        f"only {found.only_replica}, in neither {found.neither}"
    )
    return Group(Text(f"orders: {lots}"), table)


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3g}"


def _differences(replica: Replica) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from shopfloor.report.printable import printable

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("kind", "differs", "original", "replica"):
        table.add_column(column, overflow="fold")
    others = [each for each in replica.differences if each.kind != "log"]
    for each in others[:_SHOWN]:
        table.add_row(each.kind, *(Text(printable(t)) for t in (each.what, each.was, each.now)))
    if len(others) > _SHOWN:
        table.add_row("", f"and {len(others) - _SHOWN} more (--json lists all)", "", "")
    return table
