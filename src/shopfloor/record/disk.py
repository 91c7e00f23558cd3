"""The few calls that change the disk, so that every failure of one says the same thing.

Everything in this package writes through the functions here. They call ``os`` by
attribute, which is where the tests make a disk full or kill the process.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shopfloor.errors import RunUnwritable

__all__ = [
    "next_step",
    "remove_folder",
    "sync_file",
    "sync_folder",
    "unwritable",
    "write_all",
    "write_atomic",
    "writing",
]

_NEXT_STEP = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.EFBIG: "raise the file size limit (ulimit -f)",
    errno.EROFS: "mount it writable",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
    errno.ENOENT: "make the folder that it should be in",
    errno.ENOTDIR: "name a folder, not a file",
}


def next_step(error: OSError) -> str:
    """What to do about an error of the disk."""
    return _NEXT_STEP.get(error.errno or 0, "mend the disk")


def unwritable(path: Path, error: OSError) -> RunUnwritable:
    """Return the error to raise when writing ``path`` failed with ``error``."""
    reason = error.strerror or str(error)
    return RunUnwritable(
        f"cannot write {path}: {reason}; {next_step(error)}, or choose another --out; a run that "
        "was begun goes on with --resume. Nothing moves when nothing can be written"
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into ``RunUnwritable`` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of ``data``; a disk that fills up takes part of it first.

    Raises:
        OSError: The file cannot take it.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_file(path: Path) -> None:
    """Have the operating system put a file's content on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """Have the operating system put a folder's list of names on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file as a whole: after a crash there is the old one or the new one.

    Raises:
        RunUnwritable: The old file, if there was one, is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder and what is in it; one that is gone already is fine.

    Raises:
        RunUnwritable: It cannot be removed.
    """
    with writing(path), suppress(FileNotFoundError):
        shutil.rmtree(path)
