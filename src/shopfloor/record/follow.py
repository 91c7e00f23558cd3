"""A run that is read again and again while it grows: only what is new is read."""

from __future__ import annotations

from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import Entry
from shopfloor.record.folder import RunFolder
from shopfloor.record.lines import lines_from
from shopfloor.record.place import INDEX
from shopfloor.record.shelf import EPISODES

__all__ = ["Follower"]

_State = tuple[int, int, int, int]
"""Inode, size and time [ns] of the index; when something was last put into ``episodes/`` [ns]."""


class Follower:
    """Reads the entries of a run, and remembers them. Not for several threads at once.

    Attributes:
        run: The run, open for reading.
    """

    def __init__(self, run: RunFolder) -> None:
        """Begin with nothing read."""
        self.run = run
        self._state: _State | None = None
        self._indexed: list[Entry] = []
        self._end = 0
        self._beyond: tuple[Entry, ...] = ()

    def state(self) -> _State:
        """Look whether something has changed: equal states have equal entries.

        Raises:
            RunCorrupt: The folder of the episodes is gone.
        """
        try:
            index = (self.run.path / INDEX).stat()
            kept = index.st_ino, index.st_size, index.st_mtime_ns
        except OSError:  # a run without a committed lot may have none
            kept = 0, 0, 0
        try:
            return *kept, (self.run.path / EPISODES).stat().st_mtime_ns
        except OSError as error:
            raise RunCorrupt(
                f"{self.run.path / EPISODES} cannot be read: {error.strerror}; restore it from a "
                "copy"
            ) from error

    def entries(self) -> tuple[Entry, ...]:
        """Return what ``RunFolder.entries`` returns.

        Raises:
            RunCorrupt: As that.
        """
        state = self.state()
        if state != self._state:
            if self._state is None or not _grown(self._state, state, self._end):
                self._indexed, self._end = [], 0
            self._state = None
            self._read()
            self._beyond = tuple(
                self.run.episode(lot).entry for lot in self.run.lots_from(len(self._indexed))
            )
            self._state = state
        return (*self._indexed, *self._beyond)

    def _read(self) -> None:
        path = self.run.path / INDEX
        for end, value in lines_from(path, self._end, first=len(self._indexed) + 1):
            entry = Entry.from_json(value, brain=self.run.manifest.brain)
            if entry.lot != len(self._indexed):
                raise RunCorrupt(
                    f"{path}, line {len(self._indexed) + 1}, is about lot {entry.lot}, and lot "
                    f"{len(self._indexed)} was due; delete the file and continue with --resume, "
                    "which rebuilds it from the episodes"
                )
            self._indexed.append(entry)
            self._end = end


def _grown(before: _State, now: _State, end: int) -> bool:
    """Whether an index is as it was up to ``end``; one that was replaced, cut or edited is not."""
    same_file, longer, untouched = now[0] == before[0], now[1] > end, now[2] == before[2]
    return same_file and (longer or (untouched and now[1] == end))
