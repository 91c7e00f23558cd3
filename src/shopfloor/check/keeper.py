"""Replaces files of a folder one by one, each as a whole, and keeps every original."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from shopfloor.errors import RunBusy, RunUnwritable
from shopfloor.record.disk import sync_file, sync_folder
from shopfloor.record.lock import Lock

__all__ = ["BACKUP", "Keeper", "Snapshot", "snapshot", "writers"]

BACKUP = ".shopfloor-backup"
"""Where the originals go, below the folder that is repaired."""

Snapshot = Mapping[str, tuple[int, int]]
"""Size [bytes] and time of the last change [ns] of each file, by its path below a folder."""


def snapshot(root: Path) -> Snapshot:
    """Return what the files of a folder look like from outside; backups are left out."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != BACKUP]
        for name in names:
            path = Path(folder) / name
            with suppress(OSError):  # one that is gone again: whoever compares will see it
                seen = path.stat()
                found[path.relative_to(root).as_posix()] = (seen.st_size, seen.st_mtime_ns)
    return found


def writers(root: Path) -> list[str]:
    """Return what processes have open for writing below a folder, as ``PID: FILE``.

    Only Linux can be asked, and only about processes of one's own user.
    """
    inside = f"{root.resolve()}{os.sep}"
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                with suppress(OSError, ValueError, IndexError):
                    target = str(link.readlink())
                    if not target.startswith(inside):
                        continue
                    said = (process / "fdinfo" / link.name).read_text("ascii")
                    flags = int(said.split("flags:")[1].split()[0], 8)
                    if flags & os.O_ACCMODE != os.O_RDONLY:
                        found.append(f"{process.name}: {target}")
    return found


class Keeper:
    """Replaces files below a folder; a context in which nobody else may repair it.

    Args:
        root: The folder.
        seen: What it looked like when it was checked; a file that has changed since is left alone.

    Raises:
        RunBusy: Another process writes or repairs the folder, or it has changed.
    """

    def __init__(self, root: Path, seen: Snapshot) -> None:
        self._root = root
        self._seen = dict(seen)
        self._lock: Lock | None = None
        self.backup = root / BACKUP / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.changes: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        try:
            self._lock = Lock.take(self._root, who="another repair")
        except RunBusy:
            raise RunBusy(
                f"another process repairs {self._root}; wait until it has ended"
            ) from None
        try:
            self._refuse_others()
        except BaseException:
            self._lock.release()
            raise
        number = 1
        while self.backup.exists():
            number += 1
            self.backup = self.backup.with_name(f"{self.backup.name.partition('-')[0]}-{number}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()

    def _refuse_others(self) -> None:
        if others := writers(self._root):
            raise RunBusy(
                f"{self._root} is being written (process {others[0]}); nothing was repaired. Wait "
                "until it has ended, or end it"
            )
        now = snapshot(self._root)
        if now != self._seen:
            changed = min(set(now.items()) ^ set(self._seen.items()))[0]
            raise RunBusy(
                f"{changed} has changed since {self._root} was checked, so somebody writes it; "
                "nothing more was repaired. Check again when it has ended"
            )

    def replace(self, file: str, change: str, write: Callable[[Path], None]) -> None:
        """Replace a file: written beside it, synced, the original kept, renamed.

        Args:
            file: Its path below the folder; it need not exist.
            change: What is done, for people.
            write: Writes the new content to the path that it is given.

        Raises:
            RunBusy: Somebody else has written meanwhile.
            RunUnwritable: The disk cannot take it; the original is untouched.
        """
        path = self._root / file
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with self._writing(path):
            try:
                write(temporary)
                sync_file(temporary)
                self._refuse_others_but(temporary)
                self.keep(file)
                temporary.replace(path)
                sync_folder(path.parent)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            seen = path.stat()
        self._seen[file] = (seen.st_size, seen.st_mtime_ns)
        self.changes.append((file, change))

    def keep(self, file: str) -> None:
        """Keep the original of a file or folder; one that does not exist needs none.

        Raises:
            RunUnwritable: The disk cannot take it.
        """
        path, target = self._root / file, self.backup / file
        if not path.exists() or target.exists():
            return
        with self._writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target)
                return
            try:
                # What is renamed over it leaves the old content to this name.
                target.hardlink_to(path.resolve())
            except OSError:
                shutil.copy2(path, target)
            sync_folder(target.parent)

    def _refuse_others_but(self, temporary: Path) -> None:
        mine = temporary.relative_to(self._root).as_posix()
        seen = temporary.stat()
        self._seen[mine] = (seen.st_size, seen.st_mtime_ns)
        try:
            self._refuse_others()
        finally:
            del self._seen[mine]

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunUnwritable(
                f"cannot repair {path}: {error.strerror or error}; free some space there or make "
                "it writable. The original is untouched"
            ) from error
