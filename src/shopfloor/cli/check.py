"""``shopfloor check``: what is wrong with a run or a dataset, before somebody trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from shopfloor.check import Finding, Level, Report
    from shopfloor.check.repair import Repaired

__all__ = ["command"]


@click.command(
    "check",
    short_help="Find what is wrong with runs and LeRobot datasets.",
    epilog="""\b
Examples:
  shopfloor check runs/a                   a run of ours
  shopfloor check data/a data/b            LeRobot v3.0 datasets, whoever wrote them
  shopfloor check data/a --quick           tables only; no video is opened
  shopfloor check data/a --repair          mend what the data prove how to mend
  shopfloor check data/a --json | jq '.findings[].code'

\b
Exit code: 0 no errors (warnings are allowed), 1 errors, 2 nothing could be checked.""",
)
@click.argument(
    "folders", metavar="RUN|DATASET...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--quick", is_flag=True, help="Open no video; of a run, compare sums alone.")
@click.option("--deep", is_flag=True, help="Decode every picture as well.")
@click.option(
    "--repair",
    is_flag=True,
    help="Mend what can be proved; originals are kept in .shopfloor-backup.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    folders: tuple[Path, ...], *, quick: bool, deep: bool, repair: bool, as_json: bool
) -> int:
    """Check runs and LeRobot v3.0 datasets for all that a loader or a trainer trips over.

    Nothing is written without --repair. docs/check.md lists every code.
    """
    import json

    from rich.console import Console

    from shopfloor.check import check, recognise
    from shopfloor.check.repair import repair as mend
    from shopfloor.cli.counting import counted

    if quick and deep:
        raise click.UsageError("--quick and --deep contradict each other; give one of them")
    level: Level = "quick" if quick else "deep" if deep else "normal"
    for folder in folders:
        # A wrong name is told before an hour is spent on the right ones.
        recognise(folder)
    reports: list[Report] = []
    mended: list[Repaired] = []
    console = Console()
    for folder in folders:
        with counted("MB") as tell:
            report = check(folder, level=level, tell=tell)
            done: Repaired | None = None
            if repair:
                done = mend(report, tell=tell)
                mended.append(done)
                report = check(folder, level=level, tell=tell) if done.changes else report
        reports.append(report)
        if not as_json:
            _show(console, folder, report, done)
    if as_json:
        click.echo(json.dumps(_object(reports, mended, repair=repair)))
    return int(any(report.errors for report in reports))


def _object(reports: list[Report], mended: list[Repaired], *, repair: bool) -> dict[str, Any]:
    checked: dict[str, int] = {}
    for report in reports:
        for what, count in report.checked.items():
            checked[what] = checked.get(what, 0) + count
    findings = [
        {"folder": str(report.path), **finding.to_json()}
        for report in reports
        for finding in report.findings
    ]
    value = {
        "ok": not any(report.errors for report in reports),
        "findings": findings,
        "checked": checked,
        "folders": [
            {"path": str(r.path), "kind": r.kind, "level": r.level, "checked": dict(r.checked)}
            for r in reports
        ],
    }
    if repair:
        value["repaired"] = [done.to_json() for done in mended]
    return value


def _show(console: Console, folder: Path, report: Report, done: Repaired | None) -> None:
    from rich.text import Text

    what = {"run": "a run", "lerobot": "a LeRobot dataset"}[report.kind]
    sizes = ", ".join(f"{count:,} {name}" for name, count in report.checked.items() if count)
    console.print(Text(f"{folder}: {what}, {sizes or 'nothing readable'}"), soft_wrap=True)
    if done is not None:
        _show_repaired(console, done)
    for finding in report.findings:
        console.print(_told(finding))
    if report.findings:
        _show_steps(console, report)
    errors, count = len(report.errors), len(report.findings)
    verdict = f"{_many(errors, 'error')}, {_many(count - errors, 'warning')}" if count else "clean"
    console.print(Text(verdict, "bold"))


def _told(finding: Finding) -> Table:
    """One finding as a block: names stay whole, however narrow the terminal is."""
    from rich.table import Table
    from rich.text import Text

    block = Table.grid(padding=(0, 2, 0, 0))
    block.add_column(no_wrap=True, min_width=7)
    block.add_column(overflow="fold")
    style = "red" if finding.severity == "error" else "yellow"
    block.add_row(Text(finding.severity, style), Text(f"{finding.code}  {_plain(_where(finding))}"))
    block.add_row("", Text(f"got {_plain(finding.got)}"))
    block.add_row("", Text(f"allowed {_plain(finding.allowed)}"))
    return block


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _show_steps(console: Console, report: Report) -> None:
    """Say once for each code what to do."""
    from rich.text import Text

    for code, step in dict.fromkeys((f.code, f.step) for f in report.findings):
        console.print(Text(f"  {code}: {step}"), soft_wrap=True)
    if able := sum(finding.repairable for finding in report.findings):
        console.print(
            Text(f"  --repair mends {able} of these; originals are kept in .shopfloor-backup")
        )


def _show_repaired(console: Console, done: Repaired) -> None:
    from rich.text import Text

    for file, change in done.changes:
        console.print(Text(f"repaired {file}: {change}", "green"), soft_wrap=True)
    if done.changes:
        console.print(Text(f"the originals are in {done.backup}"), soft_wrap=True)
    else:
        console.print("nothing could be repaired")


def _plain(text: str) -> str:
    """Return text from a file as it can be shown: a dataset must not steer the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _where(finding: Finding) -> str:
    parts = [finding.file]
    if finding.what:
        parts.append(finding.what)
    if finding.episode is not None:
        parts.append(f"episode {finding.episode}")
    if finding.row is not None:
        parts.append(f"row {finding.row}")
    if finding.count > 1:
        parts.append(f"({finding.count:,} times)")
    return " ".join(parts)
