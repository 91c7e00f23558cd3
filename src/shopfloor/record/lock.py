"""Who may write a run: file locks that go with the process that holds them."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Self

from shopfloor.errors import RunBusy
from shopfloor.record.disk import unwritable, writing

__all__ = ["Lock", "held"]

_POLL_S = 0.05


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)


def held(path: Path, *, shared: bool = False) -> bool:
    """Whether somebody holds a lock, looked at without writing anything.

    Args:
        path: File or folder; False where there is none, or where it cannot be read.
        shared: Whether those count, too, who hold it with others.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if shared else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    finally:
        os.close(fd)  # gives it back, too
    return False


class Lock:
    """A lock (flock) on a file or folder, held until ``release`` or the process's death.

    It is not inherited by spawned processes; a forked one would keep it alive.
    """

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, path: Path, *, who: str, shared: bool = False, patience_s: float = 0.0) -> Self:
        """Take the lock, and make the file if there is neither a file nor a folder.

        Args:
            path: File or folder to lock.
            who: Named in the error as the one who has it.
            shared: Whether others may hold it, too, if they share.
            patience_s: Wait so long for others [s].

        Raises:
            RunBusy: Somebody else has it.
            RunUnwritable: The file cannot be made.
        """
        # Whoever only looks (``held``) has it for microseconds, so everybody asks twice.
        give_up = time.monotonic() + max(patience_s, _POLL_S / 2)
        with writing(path):
            fd = _open(path)
        while True:
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    os.close(fd)
                    raise unwritable(path, error) from error
            else:
                with writing(path):
                    if path.exists() and os.path.samestat(path.stat(), os.fstat(fd)):
                        return cls(fd)
                    # It was removed before it was ours: a lock on nothing keeps nobody out.
                    os.close(fd)
                    fd = _open(path)
                continue
            if time.monotonic() >= give_up:
                os.close(fd)
                raise RunBusy(
                    f"{who} is writing the run {path.parent} (it holds {path.name}); wait until it "
                    "has ended, or end it. The lock goes with the process"
                )
            time.sleep(_POLL_S)

    def release(self) -> None:
        """Give the lock back. May be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
