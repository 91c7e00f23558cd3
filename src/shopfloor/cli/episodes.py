"""``shopfloor episodes``: what became of each order of a run, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shopfloor.errors import RunUnwritable, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from shopfloor.record import RunFolder
    from shopfloor.report.story import Story

__all__ = ["command"]

_LIMIT = 50
"""Rows on the terminal unless asked otherwise: about one screen."""
_READABLE = 100
"""A story is never wider [cells]."""
_SORTS = ("lot", "seconds", "decisions", "picks", "guard", "code")


@click.command(
    "episodes",
    short_help="List the episodes of runs, and tell why one ended as it did.",
    epilog="""\b
Examples:
  shopfloor episodes runs/a                           every order, one line each
  shopfloor episodes runs/a --only failed --sort code what failed, by root cause
  shopfloor episodes runs/* --only 'code=grasp.*'     of several runs, with totals
  shopfloor episodes runs/a --sort seconds --limit 5  the five slowest
  shopfloor episodes runs/a --why 7                   the story of lot 7, and its pictures
  shopfloor episodes runs/a --json | jq '.episodes[] | select(.good | not) | .lot'

\b
Columns:
  code, began  root cause of a failure, and when it began
  units        good / all that the order was about
  picks        held / attempted
  guard        actions limited / stopped
  asked        how often the brain was asked""",
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--only", default="all", show_default=True, help="all, good, failed, code=CODE or code=PREFIX.*"
)
@click.option(
    "--sort",
    type=click.Choice(_SORTS),
    default="lot",
    show_default=True,
    help="As worked, or the worst first.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"Rows to show, 0 for all [default: {_LIMIT}; all with --json].",
)
@click.option("--why", type=click.IntRange(min=0), metavar="LOT", help="Tell the story of one lot.")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    help="With --why: where the picture goes [default: RUN/why-LOT.png; none with --json].",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="With --why: also write the story as one page, with pictures and videos.",
)
@click.option("--full", is_flag=True, help="With --why: every line, and every question in full.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead.")
def command(
    runs: tuple[Path, ...],
    *,
    only: str,
    sort: str,
    limit: int | None,
    why: int | None,
    sheet: Path | None,
    html: Path | None,
    full: bool,
    as_json: bool,
) -> None:
    """List the episodes of RUNS: outcome, root cause, time, units, picks, guard, questions.

    A run may still go on: what is committed is shown, and what is missing is said. Nothing in the
    run is changed.
    """
    if why is not None:
        _why(runs, why, sheet, html, full=full, as_json=as_json)
        return
    if sheet is not None or html is not None or full:
        raise click.UsageError("--sheet, --html and --full belong to --why LOT")

    from shopfloor.export import Only
    from shopfloor.report.browse import browse
    from shopfloor.report.register import register

    wanted = Only.parse(only)
    if as_json:
        _json(runs, wanted.matches, sort, limit or None)
        return
    limit = _LIMIT if limit is None else limit or None
    found = register(runs, wanted.matches, sort=sort, limit=limit)
    console, width = _console()
    console.print(browse(found, asked=only, width=width), highlight=False, markup=False)


def _console() -> tuple[Console, int | None]:
    """Return where to print, and its width; in a pipe no line is cut."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        return console, console.width
    return Console(width=1000), None


def _json(runs: tuple[Path, ...], matches: Any, sort: str, limit: int | None) -> None:
    """Print one object; of a long run in its own order one episode is in memory at a time."""
    from dataclasses import asdict

    from shopfloor.report.printable import json_text
    from shopfloor.report.register import register, rows

    streamed = sort == "lot" and limit is None
    found = register(runs, matches, sort=sort, limit=0 if streamed else limit)
    # All was read once, so that a damaged run ends this before anything is printed.
    listed = rows(runs, matches) if streamed else iter(found.rows)
    head = json_text({"runs": [asdict(run) for run in found.runs], "total": found.total.to_json()})
    click.echo(f'{head[:-1]}, "episodes": [', nl=False)
    for i, row in enumerate(listed):
        click.echo(f"{',' if i else ''}\n{json_text(row.to_json())}", nl=False)
    click.echo("]}")


def _why(
    runs: tuple[Path, ...],
    lot: int,
    sheet: Path | None,
    html: Path | None,
    *,
    full: bool,
    as_json: bool,
) -> None:
    """Tell one lot's story; files that were asked for are written before it is told."""
    from shopfloor.record import RunFolder
    from shopfloor.report.printable import json_text
    from shopfloor.report.screen import story_screen
    from shopfloor.report.tell import tell

    if len(runs) != 1:
        raise click.UsageError(f"--why tells of one run, and {len(runs)} are named; name one")
    run = RunFolder.open(runs[0])
    story = tell(run, lot)
    picture = _drawn(run, story, sheet) if sheet or html or not as_json else None
    if html is not None:
        from shopfloor.report.story_page import story_page

        _write(html, story_page(run, story, picture).encode(), "--html FILE.html")
    if sheet is not None and picture is not None:
        _write(sheet, picture, "--sheet FILE.png")
    if as_json:
        click.echo(json_text(story.to_json(), indent=1))
        return
    console, width = _console()
    console.width = min(width or _READABLE, _READABLE)
    console.print(story_screen(story, full=full), highlight=False, markup=False)
    click.echo()
    if html is not None:
        click.echo(f"page   {html}")
    if picture is None:
        click.echo("no sheet: the run was recorded without video (--no-video)")
        return
    try:
        if sheet is None:
            sheet = run.path / f"why-{lot:06d}.png"
            _write(sheet, picture, "--sheet FILE.png")
        click.echo(f"sheet  {sheet}")
    except UsageError as error:  # the story was asked for, and has been told
        click.echo(f"no sheet: {error}")


def _drawn(run: RunFolder, story: Story, path: Path | None) -> bytes | None:
    """Draw the contact sheet of a story; None where there is nothing to draw."""
    if path is not None and path.suffix.lower() != ".png":
        raise UsageError(
            f"--sheet is {str(path)!r}; the sheet is a PNG file: give a name with .png"
        )
    if story.pictures:
        from shopfloor.report.sheet import sheet

        return sheet(story, run.episode(story.entry.lot))
    if path is not None:
        raise UsageError(
            f"lot {story.entry.lot} of {run.path} was recorded without video (--no-video), so "
            "there is nothing to draw; leave --sheet out, and record the next run with video"
        )
    return None


def _write(path: Path, data: bytes, option: str) -> None:
    """Write a file as a whole or not at all."""
    from shopfloor.record.disk import write_atomic

    try:
        write_atomic(path, data)
    except RunUnwritable as error:
        cause = error.__cause__
        reason = cause.strerror if isinstance(cause, OSError) else str(error)
        raise UsageError(f"cannot write {path}: {reason}; name another with {option}") from error
