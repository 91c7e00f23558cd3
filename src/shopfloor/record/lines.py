"""A file of JSON lines that grows at its end and may be torn there by a crash."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from shopfloor.errors import RunCorrupt
from shopfloor.record.disk import write_all, write_atomic, writing

__all__ = ["append_line", "iter_lines", "lines_from", "read_lines", "rewrite_lines"]

_CHECK = "crc32"
_MARK = f',"{_CHECK}":'.encode()


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
    return list(iter_lines(path))


def iter_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what ``read_lines`` returns, with one line in memory at a time.

    Raises:
        RunCorrupt: When it comes to a whole line that is not what was written.
    """
    return (value for _, value in lines_from(path, 0, first=1))


def lines_from(path: Path, start: int, *, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the whole lines from an offset on: where each ends [bytes], and its value.

    Args:
        path: The file.
        start: Where a line begins [bytes].
        first: Number of that line, for messages.

    Raises:
        RunCorrupt: When it comes to a whole line that is not what was written.
    """
    end = start
    try:
        with path.open("rb") as file:
            file.seek(start)
            for number, line in enumerate(file, start=first):
                if line.endswith(b"\n"):
                    end += len(line)
                    yield end, _value(line, f"{path}, line {number},")
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunCorrupt(f"{path} cannot be read: {error.strerror}") from error


def _value(line: bytes, where: str) -> dict[str, Any]:
    """Return the value of a line, its checksum checked."""
    # The sum is taken from the bytes as they stand: to write the value anew takes twice as long.
    head, _, said = line.rpartition(_MARK)
    value: Any = None
    if said == b"%d}\n" % zlib.crc32(b"}", zlib.crc32(head)):
        with suppress(ValueError, RecursionError):
            value = json.loads(line)
    if not isinstance(value, dict):
        raise RunCorrupt(
            f"{where} is not what was written; restore the file from a copy; an index is "
            "rebuilt from the episodes by `shopfloor check RUN --repair`, or by --resume"
        )
    del value[_CHECK]
    return value
