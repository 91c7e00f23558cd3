"""Lots that were never finished: what had happened in them up to the last flush is kept.

A lot that was interrupted is worked again from its beginning, so it counts for nothing. But what a
robot did happened, and the last seconds before a crash are those that somebody will ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import RunCorrupt, RunVersion
from shopfloor.record.disk import remove_folder, sync_folder, writing
from shopfloor.record.log import Record, recover
from shopfloor.record.recording import LOG_FILE, Recording

__all__ = ["INTERRUPTED", "Interrupted", "set_apart"]

INTERRUPTED = "interrupted"
_PREPARED = {"begin", "stations"}
"""What is logged before anything happens."""


@dataclass(frozen=True, slots=True, eq=False)
class Interrupted(Recording):
    """A lot that was not finished, readable up to the last whole record of its log.

    Attributes:
        path: Its folder, or that of a lot in flight.
    """

    path: Path

    @property
    def lot(self) -> int:
        """Index of the lot; its folder's name begins with it."""
        return int(self.path.name.partition("-")[0])

    def _read(self, name: str) -> Iterator[Record]:
        return iter(recover(self.path / name).records)


def set_apart(flight: Path) -> None:
    """Move the folder of a lot in flight to ``interrupted/``; one in which nothing happened goes.

    Raises:
        RunUnwritable: It cannot be moved.
    """
    if not _happened(flight):
        remove_folder(flight)
        return
    place = flight.parent.parent / INTERRUPTED
    with writing(place):
        place.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # somebody else has set it apart
            flight.rename(place / flight.name)
        sync_folder(place)
        sync_folder(flight.parent)


def _happened(flight: Path) -> bool:
    """Whether a tick was logged; a log that cannot be read is kept for whoever can."""
    if not (flight / LOG_FILE).exists():
        return False
    try:
        found = recover(flight / LOG_FILE)
        unreadable = found.file_bytes > found.whole_bytes == 0
        return unreadable or any(record.kind not in _PREPARED for record in found.records)
    except (RunCorrupt, RunVersion):
        return True
