"""The append-only log of a lot: whole records, each with its length and checksum.

A file starts with a magic word and a version; then come records of

    [u32 length][u32 crc32 of the payload][payload: msgpack of (kind, body)]

in little-endian order. Nothing in a log is ever changed. A process that is killed leaves
at most one torn record at the end, and ``recover`` reads up to there. The last record of
a log that was ended properly is of the kind ``end``, so a log cut between two records
does not pass for a whole one.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from shopfloor.errors import RunCorrupt, RunUnwritable, RunVersion
from shopfloor.record.canonical import pack, unpack
from shopfloor.record.disk import write_all, writing

__all__ = ["LOG_FORMAT", "LogWriter", "Record", "Recovered", "read_log", "recover"]

LOG_FORMAT = 1
"""Version of the log; raised whenever an older reader would misread it."""

_MAGIC = b"shopfloorlog"
_HEADER = struct.Struct("<12sI")
_FRAME = struct.Struct("<II")
_SPILL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log.

    Attributes:
        kind: ``begin``, ``stations``, ``rows``, ``event``, ``exchange``, ``ruling``, ``malformed``,
            ``frame``, ``view``, ``outcome`` or ``end``.
        body: Plain values.
        payload: The bytes that the record was read from.
        offset: Where it starts in the file [bytes].
    """

    kind: str
    body: Any
    payload: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What is readable of a log that may have been cut short.

    Attributes:
        records: All whole records from the start.
        whole_bytes: Length of the file up to the last whole record [bytes].
        file_bytes: Length of the file [bytes].
        ended: Whether the log was ended properly.
    """

    records: tuple[Record, ...]
    whole_bytes: int
    file_bytes: int
    ended: bool


class LogWriter:
    """Appends records to a new log file, in memory until ``flush``.

    ``flush`` hands everything to the operating system, so it survives the death of this
    process; only an fsync, which the commit of the lot does once, survives a loss of power.

    Raises:
        RunUnwritable: From every method, and again from each later call: a log that has
            lost a record takes no more.
    """

    __slots__ = ("_buffer", "_failed", "_fd", "_path", "_written")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._buffer = bytearray(_HEADER.pack(_MAGIC, LOG_FORMAT))
        self._failed: RunUnwritable | None = None
        self._written = 0
        with writing(path):
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        try:
            self.flush()
        except RunUnwritable:
            self.close()
            raise

    def append(self, kind: str, body: Any) -> bytes:
        """Append a record of plain values and return its payload."""
        payload = pack((kind, body))
        self._buffer += _FRAME.pack(len(payload), zlib.crc32(payload))
        self._buffer += payload
        if len(self._buffer) > _SPILL_BYTES:
            self.flush()
        return payload

    def flush(self) -> None:
        """Hand all records to the operating system."""
        if self._failed is not None:
            raise RunUnwritable(str(self._failed)) from self._failed
        try:
            with writing(self._path):
                write_all(self._fd, self._buffer)
                # A deleted file takes writes happily, and nobody will ever read them.
                if os.fstat(self._fd).st_nlink == 0:
                    raise FileNotFoundError(2, "the file was deleted while it was written")
        except RunUnwritable as error:
            self._failed = error
            raise
        self._written += len(self._buffer)
        self._buffer.clear()

    def close(self) -> None:
        """Give the file back, without a flush. May be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _header(file: BinaryIO, path: Path) -> None:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:12] != _MAGIC:
        raise RunCorrupt(f"{path} is no log of shopfloor: byte 0 is not the start of one")
    version = _HEADER.unpack(head)[1]
    if version != LOG_FORMAT:
        raise RunVersion(
            f"{path} has log format {version}, this shopfloor reads {LOG_FORMAT}; open it with "
            "the version that wrote it"
        )


def _records(file: BinaryIO, path: Path, size: int) -> Iterator[Record]:
    offset = _HEADER.size
    while offset < size:
        frame = file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            raise RunCorrupt(f"{path} is cut off in the record at byte {offset}")
        length, checksum = _FRAME.unpack(frame)
        # Compared before it is read: a flipped bit in the length must not cost 4 GB.
        if length > size - offset - _FRAME.size:
            raise RunCorrupt(f"{path} is cut off in the record at byte {offset}")
        payload = file.read(length)
        if zlib.crc32(payload) != checksum:
            raise RunCorrupt(f"{path} is damaged: wrong checksum of the record at byte {offset}")
        value = unpack(payload, f"{path}, the record at byte {offset},")
        if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)):
            raise RunCorrupt(f"{path} is damaged: no record at byte {offset}")
        yield Record(value[0], value[1], payload, offset)
        offset += _FRAME.size + length


def read_log(path: Path) -> Iterator[Record]:
    """Read a log that was ended, record by record.

    Raises:
        RunCorrupt: The log is missing, damaged, cut off or was never ended; the message
            names the byte offset.
        RunVersion: The log has another format version.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            _header(file, path)
            last = None
            for record in _records(file, path, size):
                last = record.kind
                yield record
    except OSError as error:
        raise RunCorrupt(f"{path} cannot be read: {error.strerror}") from error
    if last != "end":
        raise RunCorrupt(f"{path} is cut off at byte {size}: the log was never ended")


def recover(path: Path) -> Recovered:
    """Read a log up to its last whole record, as after the death of its writer.

    Raises:
        RunCorrupt: The file is missing or is no log.
        RunVersion: The log has another format version.
    """
    records: list[Record] = []
    whole = _HEADER.size
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _HEADER.size:
                return Recovered((), 0, size, ended=False)
            _header(file, path)
            try:
                for record in _records(file, path, size):
                    records.append(record)
                    whole = record.offset + _FRAME.size + len(record.payload)
            except RunCorrupt:
                pass  # the torn record that this function exists for
    except OSError as error:
        raise RunCorrupt(f"{path} cannot be read: {error.strerror}") from error
    ended = bool(records) and records[-1].kind == "end" and whole == size
    return Recovered(tuple(records), whole, size, ended)
