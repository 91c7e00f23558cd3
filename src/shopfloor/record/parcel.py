"""A lot that was worked in another run folder, on its way into the one that it belongs to.

A machine that does not share the run's disk works a lot in a run folder of its own. What it made of
the lot travels in pieces, so that a long lot takes no more memory than a short one, is held against
the sums that were taken where it was made, and is committed like any other lot.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import RunCorrupt, RunUnwritable
from shopfloor.record.disk import remove_folder, write_all, writing
from shopfloor.record.entry import Entry
from shopfloor.record.episode import EPISODE_FILE, Episode, FileSum
from shopfloor.record.folder import RunFolder
from shopfloor.record.interrupted import Interrupted

__all__ = ["PIECE_BYTES", "Fetch", "Parcel", "pack", "pack_interrupted", "receive"]

PIECE_BYTES = 4 << 20

Fetch = Callable[[str, int], bytes]
"""Gives the piece of a file (by name) that begins at an offset [bytes], at most PIECE_BYTES long;
empty at its end."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The files of one lot.

    Attributes:
        lot: Its index.
        entry: What became of it; None for a lot that was cut off.
        files: Sums of its files by name, taken where they were made.
    """

    lot: int
    entry: Entry | None
    files: Mapping[str, FileSum]


def pack(episode: Episode) -> Parcel:
    """Say what there is to fetch of a committed episode."""
    return Parcel(episode.entry.lot, episode.entry, dict(episode.files))


def pack_interrupted(left: Interrupted) -> Parcel:
    """Say what there is to fetch of a lot that was cut off."""
    files = {path.name: FileSum.of(path) for path in sorted(left.path.iterdir())}
    return Parcel(left.lot, None, files)


def receive(folder: RunFolder, parcel: Parcel, fetch: Fetch) -> None:
    """Make a lot from elsewhere part of the run, all of it or nothing.

    A lot that was cut off is set apart, as if it had been cut off here.

    Args:
        folder: The run, opened as writer or worker.
        parcel: What is to come.
        fetch: Where it comes from; whatever it raises ends it with nothing left.

    Raises:
        RunCorrupt: What came is not what was sent.
        RunBusy: The lot is committed already.
        RunUnwritable: The disk cannot take it.
    """
    flight = folder.begin(parcel.lot)
    under_way = flight.path
    try:
        for name, expected in parcel.files.items():
            _write(under_way, name, expected, fetch)
        if parcel.entry is not None:
            flight.commit(parcel.entry)
        else:
            flight.abandon()
    except BaseException:
        # Half of a copy is no account of what happened; once committed, the folder is elsewhere.
        with suppress(RunUnwritable):
            remove_folder(under_way)
        raise


def _write(folder: Path, name: str, expected: FileSum, fetch: Fetch) -> None:
    if Path(name).name != name or name in ("", "..", EPISODE_FILE):
        raise RunCorrupt(f"a file of a lot from elsewhere is called {name!r}; mend the worker")
    path = folder / name
    with writing(path):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        got = 0
        while got < expected.size:
            piece = fetch(name, got)
            if not piece:
                break
            with writing(path):
                write_all(fd, piece)
            got += len(piece)
    finally:
        os.close(fd)
    found = FileSum.of(path)
    if found != expected:
        raise RunCorrupt(
            f"{name} of a lot from elsewhere is not what was sent ({found.size} bytes of "
            f"{expected.size}, or other ones); what was committed is safe: go on with --resume"
        )
