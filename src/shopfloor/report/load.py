"""Reads a run folder for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shopfloor.record.entry import Entry, Manifest, Session
from shopfloor.record.folder import RunFolder
from shopfloor.report.price import Prices
from shopfloor.report.summary import Summary, summarise

__all__ = ["Loaded", "load", "run_summary"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run as it lies on the disk; the arguments of ``summarise``.

    The manifest's notes say, too, what only came out at work.
    """

    path: Path
    manifest: Manifest
    entries: tuple[Entry, ...]
    wall_s: float | None
    ended: str | None


def load(folder: Path) -> Loaded:
    """Read a run; it may be unfinished or have no lot at all.

    Raises:
        RunError, UsageError: There is no run, or it is damaged.
    """
    run = RunFolder.open(folder)
    entries, sessions = run.entries(), run.sessions()
    # A process that was killed left no session; its lots are there, its wall time is not.
    told = bool(sessions) and sum(session.lots for session in sessions) >= len(entries)
    return Loaded(
        path=run.path,
        manifest=replace(run.manifest, notes=(*run.manifest.notes, *_at_work(sessions))),
        entries=entries,
        wall_s=sum(session.wall_s for session in sessions) if told else None,
        ended=sessions[-1].ended if sessions else None,
    )


def _at_work(sessions: Sequence[Session]) -> tuple[str, ...]:
    others = dict.fromkeys(name for session in sessions for name in session.others)
    if not others:
        return ()
    note = (
        "Lots were worked on other machines than the one that the manifest names, too "
        f"({'; '.join(others)}), where the last bits of a log may come out otherwise"
    )
    return (note,)


def run_summary(folder: Path, prices: Prices | None = None) -> Summary:
    """What the run in a folder came to; raises as :func:`load`."""
    run = load(folder)
    return summarise(run.manifest, run.entries, wall_s=run.wall_s, ended=run.ended, prices=prices)
