"""The folder of a run: where everything about one shift lies, and who may write it.

    RUN/manifest.json       what the run depends on; written once, before the first tick
    RUN/episodes/000007/    one committed lot: episode.json, log.bin, truth.bin, CAMERA.mp4
    RUN/index.jsonl         one entry a line, in lot order; can be rebuilt from episodes/
    RUN/sessions.jsonl      one line for each process that worked on the run
    RUN/flight/             lots in progress
    RUN/interrupted/        what had happened in lots that were never finished; counts for nothing
    RUN/inputs/             copies of the files that the run was made from, if there were any
    RUN/lock                held by the one process that writes the run

What is promised. A committed lot is there as a whole after ``kill -9`` or a loss of power
at any moment, and nothing else is there. In order: every file of the lot is fsynced,
``episode.json`` is written and fsynced, the folder is fsynced, the folder is renamed from
``flight/`` to ``episodes/``, both of these are fsynced, and only then is the line appended
to the index and fsynced. Between commits a log is handed to the operating system at every
flush but not fsynced: the lot in progress survives the death of the process up to its last
flush, and may not survive a loss of power. The manifest and every file that is replaced
are written beside the old one, fsynced, renamed, and their folder fsynced.

Who may write. ``lock`` is held (flock) by the process that made or resumed the run, until
it dies by whatever means. Its workers, who ``join``, may fly and commit lots; only the
holder of the lock appends to the index. Workers hold ``flight/`` shared, so that a resume
notices those that outlived a killed parent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from shopfloor.errors import RunBusy, RunCorrupt, RunError, UsageError
from shopfloor.record.disk import sync_folder, write_atomic, writing
from shopfloor.record.entry import Entry, Manifest, Session
from shopfloor.record.episode import Episode
from shopfloor.record.flight import FLIGHT, Flight
from shopfloor.record.index import Index, iter_index, read_index
from shopfloor.record.interrupted import INTERRUPTED, Interrupted, set_apart
from shopfloor.record.lines import append_line, read_lines
from shopfloor.record.lock import Lock, held
from shopfloor.record.place import INDEX, MANIFEST, make, refuse_occupied, unmake
from shopfloor.record.shelf import EPISODES, Shelf

__all__ = ["Role", "RunFolder"]

_SESSIONS = "sessions.jsonl"
_LOCK = "lock"

_ORPHANS_S = 5.0
"""How long a resume waits for workers that outlived their killed parent [s]."""

_FLOWN = re.compile(r"\d{6,}-")
"""How the folder of a lot in flight is called; others may have put theirs beside."""

Role = Literal["reader", "worker", "writer"]


class RunFolder:
    """A run on the disk, opened by ``create``, ``open``, ``open_for_resume`` or ``join``.

    Attributes:
        path: The folder.
        manifest: What the run depends on.
        role: ``reader``, ``worker`` (may fly and commit lots) or ``writer`` (all of it).
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        manifest_sha256: str,
        *,
        role: Role = "reader",
        locks: Iterable[Lock] = (),
        index: Index | None = None,
    ) -> None:
        """Use one of the four ways to open a run."""
        self.path = path
        self.manifest = manifest
        self.role: Role = role
        self._manifest_sha256 = manifest_sha256
        self._shelf = Shelf(path, manifest_sha256, brain=manifest.brain)
        self._locks = list(locks)
        self._index = index

    @classmethod
    def create(
        cls, path: Path | str, manifest: Manifest, inputs: Mapping[str, bytes] | None = None
    ) -> Self:
        """Make a new run and hold its lock. The folder may exist if it is empty.

        Args:
            path: The folder.
            manifest: What the run depends on.
            inputs: Files it was made from, by their path in the folder, such as
                ``inputs/limits.toml``.

        Raises:
            RunExists: The folder holds a run.
            RunBusy: Another process is making a run there.
            RunUnwritable: The folder cannot be made or written; nothing is left behind.
            UsageError: The folder holds something else.
        """
        path = Path(path).absolute()
        data = json.dumps(manifest.to_json(), ensure_ascii=False, indent=1).encode() + b"\n"
        made: list[Path] = []
        lock: Lock | None = None
        try:
            with writing(path):
                if make(path, made):
                    sync_folder(path.parent)
                else:
                    refuse_occupied(path)
                lock = Lock.take(path / _LOCK, who="another process")
                refuse_occupied(path)  # again, now that nobody else can be making one
                made.append(path / _LOCK)
                for name in (EPISODES, FLIGHT):
                    make(path / name, made)
                for name, content in (inputs or {}).items():
                    for parent in reversed(Path(name).parents[:-1]):
                        make(path / parent, made)
                    made.append(path / name)
                    write_atomic(path / name, content)
                made += [path / INDEX, path / MANIFEST]
                index = Index(path / INDEX, {})
                # Last, because a folder with a manifest is a run.
                write_atomic(path / MANIFEST, data)
        except BaseException:
            unmake(made)
            if lock is not None:
                lock.release()
            raise
        digest = sha256(data).hexdigest()
        return cls(path, manifest, digest, role="writer", locks=[lock], index=index)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a run for reading, finished or not. Takes no lock and writes nothing.

        Raises:
            UsageError: There is no run.
            RunVersion: It was written by another format version.
            RunCorrupt: The manifest is not what was written.
        """
        path = Path(path).absolute()
        return cls(path, *_read_manifest(path))

    @classmethod
    def join(cls, path: Path | str) -> Self:
        """Open a run as a worker of the process that holds its lock.

        Raises:
            UsageError, RunVersion, RunCorrupt: As ``open``.
            RunBusy: The run is just being taken over by a resume.
            RunUnwritable: The folder cannot be written.
        """
        path = Path(path).absolute()
        manifest, digest = _read_manifest(path)
        lock = Lock.take(path / FLIGHT, who="a resume", shared=True)
        return cls(path, manifest, digest, role="worker", locks=[lock])

    @classmethod
    def open_for_resume(cls, path: Path | str) -> Self:
        """Take over a run that was killed or interrupted, or that is to be made longer.

        Every committed episode is checked file by file against its sums, those that were
        not indexed any more are adopted, the index is rebuilt, and leftovers of lots that
        were not committed are set apart. ``entries`` then says what need not be worked
        again. Nothing is removed or rewritten before all checks have passed.

        Raises:
            UsageError, RunVersion: As ``open``.
            RunBusy: Another process writes the run, or a worker of the killed one still does.
            RunCorrupt: An episode is damaged; the message names it and what to do.
            RunUnwritable: The folder cannot be written.
        """
        path = Path(path).absolute()
        manifest, digest = _read_manifest(path)
        lock = Lock.take(path / _LOCK, who="another process")
        try:
            orphans = "a worker of the process that was killed"
            with writing(path):  # a copy may lack folders that were empty
                for name in (EPISODES, FLIGHT):
                    (path / name).mkdir(exist_ok=True)
            Lock.take(path / FLIGHT, who=orphans, patience_s=_ORPHANS_S).release()
            shelf = Shelf(path, digest, brain=manifest.brain)
            committed: dict[int, Entry] = {}
            for lot in shelf.lots():
                episode = shelf.open(lot)
                episode.check_files()
                committed[lot] = episode.entry
            indexed: dict[int, Entry] = {}
            # A damaged index is no loss: all it says has just been read from the episodes.
            with suppress(RunCorrupt):
                indexed = read_index(path / INDEX, brain=manifest.brain)
            shelf.refuse_missing(indexed, committed)
            index = Index(path / INDEX, committed)
            for leftover in (path / FLIGHT).iterdir():
                set_apart(leftover)
            with writing(path):
                for temporary in path.glob(".*.tmp"):
                    temporary.unlink()
        except BaseException:
            lock.release()
            raise
        return cls(path, manifest, digest, role="writer", locks=[lock], index=index)

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries of all committed lots, in lot order.

        What is committed but not in the index (yet) is read from its episode.

        Raises:
            RunCorrupt: The index, or an episode that is not in it, is damaged, or an indexed
                episode is gone.
        """
        indexed = read_index(self.path / INDEX, brain=self.manifest.brain)
        lots = self._shelf.lots()
        self._shelf.refuse_missing(indexed, lots)
        return tuple(indexed[n] if n in indexed else self._shelf.open(n).entry for n in lots)

    def iter_entries(self) -> Iterator[Entry]:
        """Yield what ``entries`` returns, with one in memory at a time: for runs of any length.

        Raises:
            RunCorrupt: As ``entries``, when it comes to it; that an indexed episode is gone is
                noticed after the last indexed one was yielded. Lots that are out of order in the
                index, too.
        """
        count = 0
        for entry in iter_index(self.path / INDEX, brain=self.manifest.brain):
            yield entry
            count += 1
        for lot in self.lots_from(count):
            yield self._shelf.open(lot).entry

    def lots_from(self, count: int) -> list[int]:
        """Return the committed lots from ``count`` on, ascending; those below must be there.

        Raises:
            RunCorrupt: One of them is gone.
        """
        return self._shelf.beyond(count)

    def episode(self, lot: int) -> Episode:
        """Open a committed episode.

        Raises:
            UsageError: The lot is not committed.
            RunCorrupt: The episode is damaged.
        """
        if not self._shelf.folder(lot).is_dir():
            raise UsageError(
                f"{self.path} has no episode {lot}; {INDEX} lists the {len(self._shelf.lots())} "
                "that it has"
            )
        return self._shelf.open(lot)

    def sessions(self) -> tuple[Session, ...]:
        """Return the processes that worked on the run and ended properly.

        Raises:
            RunCorrupt: A line is not what was written.
        """
        try:
            return tuple(Session.from_json(line) for line in read_lines(self.path / _SESSIONS))
        except TypeError as error:
            raise RunCorrupt(
                f"{self.path / _SESSIONS} is not what was written ({error}); delete it: only the "
                "working times of the processes are lost"
            ) from error

    def busy(self) -> bool:
        """Whether a process on this machine works on the run: whether its lock is held."""
        return held(self.path / _LOCK)

    def orphaned(self) -> bool:
        """Whether workers of a process that died still finish the lots that they had begun."""
        return not self.busy() and held(self.path / FLIGHT, shared=True)

    def in_flight(self) -> tuple[Path, ...]:
        """Return the folders of lots in progress, or left over from a killed process."""
        place = self.path / FLIGHT  # a copy may lack a folder that was empty
        return tuple(sorted(place.iterdir())) if place.is_dir() else ()

    def interrupted(self) -> tuple[Interrupted, ...]:
        """Return what is left of lots that were never finished, by lot and then by age."""
        place = self.path / INTERRUPTED
        found = [path for path in place.glob("*") if path.is_dir() and _FLOWN.match(path.name)]
        return tuple(Interrupted(path) for path in sorted(found, key=_lot_and_age))

    def begin(self, lot: int) -> Flight:
        """Begin a lot, to be written into the flight's folder and then committed.

        Raises:
            RunBusy: The lot is committed already.
            RunUnwritable: Its folder cannot be made.
        """
        if self.role == "reader":
            raise self._wrong_role("create, open_for_resume or join")
        if self._shelf.folder(lot).exists():
            raise RunBusy(
                f"lot {lot} of {self.path} is committed already; begin one that is not in entries()"
            )
        return Flight(self.path, lot, self._manifest_sha256)

    def index(self, entry: Entry) -> None:
        """Append a committed lot to the index; lots may come in any order.

        The index is kept in lot order: an entry waits in memory until those before it are in.

        Raises:
            RunUnwritable: The index cannot be written; the lot stays committed.
            RunCorrupt: The lot is not committed.
        """
        if self._index is None:
            raise self._wrong_role("create or open_for_resume")
        if not self._shelf.folder(entry.lot).is_dir():
            raise RunCorrupt(
                f"lot {entry.lot} of {self.path} is to be indexed but its folder is not there; "
                "commit it first"
            )
        self._index.add(entry)

    def add_session(self, session: Session) -> None:
        """Append a line to ``sessions.jsonl``.

        Raises:
            RunUnwritable: It cannot be written.
        """
        if self.role != "writer":
            raise self._wrong_role("create or open_for_resume")
        append_line(self.path / _SESSIONS, asdict(session))

    def close(self) -> None:
        """Give the locks back; the run can still be read. May be called again."""
        self.role = "reader"
        self._index = None
        while self._locks:
            self._locks.pop().release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wrong_role(self, ways: str) -> RunError:
        return RunError(f"{self.path} is open as {self.role}, which may not write this; use {ways}")


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    """Return the manifest of a run and its SHA-256."""
    try:
        data = (path / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"no run here: {path} has no {MANIFEST}; name the folder that `shopfloor run --out "
            "FOLDER` made"
        ) from None
    except OSError as error:
        raise RunCorrupt(f"{path / MANIFEST} cannot be read: {error.strerror}") from error
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        value = error
    if not isinstance(value, dict):
        raise RunCorrupt(
            f"{path / MANIFEST} is not what was written; restore it from a copy. The episodes are "
            "untouched"
        )
    return Manifest.from_json(value), sha256(data).hexdigest()


def _lot_and_age(path: Path) -> tuple[str, float]:
    return path.name.partition("-")[0], path.stat().st_mtime
