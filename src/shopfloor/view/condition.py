"""What a run is doing: worked on, at its end, stopped, or left by a process that died."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shopfloor.record import RunFolder, Session

__all__ = ["Condition", "Doing", "condition"]

Doing = Literal["running", "finished", "stopped", "cut off"]
"""``cut off``: its last process never said how it ended, and none holds the run now."""

_FLOWN = re.compile(r"(\d{6,})-")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a run is doing.

    Attributes:
        doing: In a word.
        ended: What the last process said when it ended, such as ``max-wall``, or None.
        in_flight: Lots that were begun and are not committed.
        interrupted: Lots of which is kept what had happened before they were cut off.
        written_s: Seconds since one of those in flight was last written to, or None.
        wall_s: Wall time of all processes together [s]; None where one has not said it.
        orphaned: Whether workers that outlived their process still finish their lots.
    """

    doing: Doing
    ended: str | None
    in_flight: tuple[int, ...]
    interrupted: tuple[int, ...]
    written_s: float | None
    wall_s: float | None
    orphaned: bool

    @property
    def changing(self) -> bool:
        """Whether it may be another in a moment."""
        return self.doing == "running" or self.orphaned


def condition(run: RunFolder, lots: int) -> Condition:
    """Look at a run.

    Who is alive is told by the run's lock, which goes with the process that holds it, and not by
    the age of a file: a brain may think for minutes.

    Args:
        run: The run.
        lots: How many it has committed.

    Raises:
        RunCorrupt: A file is not what was written.
    """
    busy = run.busy()  # first: who ends meanwhile has then written its session
    sessions = run.sessions()
    told = bool(sessions) and sum(session.lots for session in sessions) >= lots
    try:
        flights = run.in_flight()
    except OSError:
        flights = ()
    begun = [int(found[1]) for path in flights if (found := _FLOWN.match(path.name))]
    written = [moment for path in flights for moment in _written(path)]
    return Condition(
        doing=_doing(sessions, busy=busy, told=told, left=bool(begun)),
        ended=sessions[-1].ended if told else None,
        in_flight=tuple(sorted(set(begun))),
        interrupted=tuple(sorted({left.lot for left in run.interrupted()})),
        written_s=max(0.0, time.time() - max(written)) if written else None,
        wall_s=sum(session.wall_s for session in sessions) if told and not busy else None,
        orphaned=not busy and run.orphaned(),
    )


def _doing(sessions: tuple[Session, ...], *, busy: bool, told: bool, left: bool) -> Doing:
    if busy:
        return "running"
    if not told or left:  # who ends properly leaves nothing in flight
        return "cut off"
    return "finished" if sessions[-1].ended == "complete" else "stopped"


def _written(flight: Path) -> Iterator[float]:
    """Look when what is being written was; it may be committed meanwhile."""
    with suppress(OSError):
        yield flight.stat().st_mtime
        for path in flight.iterdir():
            yield path.stat().st_mtime
