"""``index.jsonl``: one entry a line, in lot order; it can be rebuilt from the episodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import Entry
from shopfloor.record.lines import append_line, iter_lines, rewrite_lines

__all__ = ["Index", "iter_index", "read_index"]


def read_index(path: Path, *, brain: str) -> dict[int, Entry]:
    """Return the entries that an index holds, by lot; ``brain`` is that of the run.

    Raises:
        RunCorrupt: A line is not what was written.
    """
    return {entry.lot: entry for entry in _entries(path, brain)}


def iter_index(path: Path, *, brain: str) -> Iterator[Entry]:
    """Yield the entries that an index holds, with one in memory at a time.

    Raises:
        RunCorrupt: A line is not what was written, or the lots are not 0, 1, 2 and so on.
    """
    for lot, entry in enumerate(_entries(path, brain)):
        if entry.lot != lot:
            raise RunCorrupt(
                f"{path}, line {lot + 1}, is about lot {entry.lot}, and lot {lot} was due; delete "
                "the file and continue with --resume, which rebuilds it from the episodes"
            )
        yield entry


def _entries(path: Path, brain: str) -> Iterator[Entry]:
    return (Entry.from_json(line, brain=brain) for line in iter_lines(path))


class Index:
    """The index of a run as its one writer keeps it: always a stretch of lots from 0 on.

    An entry that comes before one of a lower lot waits in memory. Should the process die
    first, it is read from its episode.
    """

    __slots__ = ("_next", "_path", "_waiting")

    def __init__(self, path: Path, committed: Mapping[int, Entry]) -> None:
        """Rebuild the file from all committed entries.

        Raises:
            RunUnwritable: It cannot be written.
        """
        self._path = path
        self._next = next(n for n in range(len(committed) + 1) if n not in committed)
        self._waiting = {n: entry for n, entry in committed.items() if n > self._next}
        rewrite_lines(path, (committed[n].to_json() for n in range(self._next)))

    def add(self, entry: Entry) -> None:
        """Append an entry, and those that waited for it.

        Raises:
            RunUnwritable: The file cannot be written; a later ``add`` tries again.
        """
        if entry.lot >= self._next:
            self._waiting[entry.lot] = entry
        while (following := self._waiting.get(self._next)) is not None:
            append_line(self._path, following.to_json())
            del self._waiting[self._next]
            self._next += 1
