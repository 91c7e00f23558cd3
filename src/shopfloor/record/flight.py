"""One lot in progress: a folder under ``flight/`` until it is committed as a whole."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from shopfloor.errors import RunBusy, RunUnwritable
from shopfloor.record.disk import (
    sync_file,
    sync_folder,
    unwritable,
    write_all,
    writing,
)
from shopfloor.record.entry import Entry
from shopfloor.record.episode import EPISODE_FILE, FileSum, episode_bytes
from shopfloor.record.interrupted import set_apart
from shopfloor.record.shelf import EPISODES

__all__ = ["FLIGHT", "Flight"]

FLIGHT = "flight"


class Flight:
    """The folder of one lot, from its first tick to its commit.

    The folder's name is unique, so a worker that outlived its killed run cannot write into
    the lot of the run that came after.

    Attributes:
        lot: Index of the lot.
        path: Folder to write the lot's files into; moved by ``commit``.
    """

    __slots__ = ("_manifest_sha256", "_run", "lot", "path")

    def __init__(self, run: Path, lot: int, manifest_sha256: str) -> None:
        """Make the folder.

        Raises:
            RunUnwritable: It cannot be made.
        """
        self.lot = lot
        self._run = run
        self._manifest_sha256 = manifest_sha256
        self.path = run / FLIGHT / f"{lot:06d}-{os.getpid()}-{secrets.token_hex(3)}"
        with writing(self.path):
            self.path.mkdir()

    def commit(self, entry: Entry) -> None:
        """Make the lot part of the run, all of it or nothing.

        Every file is synced, then ``episode.json`` with their sums is written and synced,
        then the folder, then the folder is renamed to ``episodes/NNNNNN`` and both of its
        parents are synced. A crash before the rename leaves a leftover in ``flight/``; a
        crash after it leaves a whole episode, which the next resume adopts.

        Raises:
            RunUnwritable: The disk cannot take it; nothing is committed.
            RunBusy: Another process has committed this lot.
        """
        target = self._run / EPISODES / f"{self.lot:06d}"
        with writing(self.path):
            files: dict[str, FileSum] = {}
            for path in sorted(self.path.iterdir()):
                sync_file(path)
                files[path.name] = FileSum.of(path)
            path = self.path / EPISODE_FILE
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_all(fd, episode_bytes(entry, files, self._manifest_sha256))
                os.fsync(fd)
            finally:
                os.close(fd)
            sync_folder(self.path)
        try:
            self.path.rename(target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise RunBusy(
                    f"lot {self.lot} was committed by another process meanwhile: {target} exists; "
                    "end the other process that writes this run and continue with --resume"
                ) from error
            raise unwritable(target, error) from error
        self.path = target
        with writing(target):
            sync_folder(target.parent)
            sync_folder(self._run / FLIGHT)

    def abandon(self) -> None:
        """Set apart what was written of a lot that will not be committed."""
        if self.path.parent.name == FLIGHT:
            # A disk that cannot even rename keeps it where it is, until a resume does.
            with suppress(RunUnwritable):
                set_apart(self.path)
