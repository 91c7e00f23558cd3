"""A file of JSON lines that grows at its end and may be torn there by a crash."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shopfloor.errors import RunCorrupt
from shopfloor.record.disk import write_all, write_atomic, writing

__all__ = ["append_line", "read_lines", "rewrite_lines"]

_CHECK = "crc32"


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _line(value: Mapping[str, Any]) -> bytes:
    """Return the line of a value: the value, and as its last key the checksum of the rest."""
    return (_text({**value, _CHECK: zlib.crc32(_text(value).encode())}) + "\n").encode()


def _whole(fd: int) -> int:
    """Return the length of the file up to the end of its last whole line [bytes]."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - 65536)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append one line and sync the file. A torn line at the end is cut off first.

    Raises:
        RunUnwritable: The line cannot be written; what a reader sees is as before.
    """
    with writing(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            end = _whole(fd)
            os.ftruncate(fd, end)
            os.lseek(fd, end, os.SEEK_SET)
            write_all(fd, _line(value))
            os.fsync(fd)
        finally:
            os.close(fd)


def rewrite_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Replace the file as a whole, if its content would change.

    Raises:
        RunUnwritable: It cannot be written.
    """
    data = b"".join(_line(value) for value in values)
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass  # missing or unreadable: written below
    write_atomic(path, data)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the values of the whole lines; a torn line at the end was never written.

    Raises:
        RunCorrupt: A whole line is not what was written; the message names it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunCorrupt(f"{path} cannot be read: {error.strerror}") from error
    values: list[dict[str, Any]] = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].split(b"\n")[:-1], start=1):
        try:
            value = json.loads(line)
            said = value.pop(_CHECK)
            whole = said == zlib.crc32(_text(value).encode())
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            whole = False
            value = {}
        if not whole:
            raise RunCorrupt(
                f"{path}, line {number}, is not what was written; restore the file from a copy, or "
                "delete it and continue with --resume, which rebuilds an index from the episodes"
            )
        values.append(value)
    return values
