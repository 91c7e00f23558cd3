"""``shopfloor bench shift``: how long a whole shift takes, with its report."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shopfloor.cli.bench import command, measured
from shopfloor.errors import UsageError

__all__ = ["command"]


@command.command("shift", short_help="Wall time of a whole shift, worked and reported.")
@click.option("--hours", type=float, default=8.0, show_default=True, help="Length of the shift.")
@click.option("--workers", type=int, default=2, show_default=True, help="Processes side by side.")
@click.option("--seed", type=int, default=1000, show_default=True, help="Seed of the shift.")
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    default=Path("runs/bench-shift"),
    show_default=True,
    help="Where the run stays to be looked at; one that is there is gone on with.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the figures to a JSON file too."
)
def _shift(hours: float, workers: int, seed: int, run: Path, *, out: Path | None) -> None:
    """Work a shift of so many hours, two cameras recorded at 10 Hz, and write its report.

    Both are timed: from the start of the first worker to the last frame on the disk, and from
    there to the finished page. The figures hold the shift's own, too.
    """
    import time
    from dataclasses import replace

    from shopfloor.cli.progress import Bar
    from shopfloor.record import RunFolder
    from shopfloor.record.disk import write_atomic
    from shopfloor.report import run_summary, write_report
    from shopfloor.shift import run_shift

    plan = replace(
        measured(1, seed, "bench", video=True), orders=None, hours=hours, workers=workers
    )
    with Bar(plan, run) as bar:
        ended = run_shift(plan, run, resume=(run / "manifest.json").exists(), progress=bar.update)
    if ended != "complete":
        raise UsageError(
            f"the shift ended as {ended}, and half a shift is no measurement; give the same "
            f"command again to go on with {run}"
        )
    began = time.perf_counter()
    page = write_report(run)
    report_s = time.perf_counter() - began
    summary = run_summary(run)
    with RunFolder.open(run) as folder:
        frames = sum(count for entry in folder.entries() for count in entry.frames.values())
        sessions = folder.sessions()
    if {session.workers for session in sessions} != {workers}:
        raise UsageError(
            f"{run} was worked by {' and '.join(str(s.workers) for s in sessions)} workers, and "
            f"not by {workers}; choose another --run"
        )
    result = {
        "hours": hours,
        "workers": workers,
        "minutes": None if summary.wall_s is None else (summary.wall_s + report_s) / 60,
        "report_s": report_s,
        "report_bytes": page.stat().st_size,
        "sessions": len(sessions),
        "frames": frames,
        "shift": summary.to_json(),
    }
    text = json.dumps(result, indent=2)
    if out is not None:
        write_atomic(out, text.encode() + b"\n")
    click.echo(text)
