"""A line to another process: whole messages, bounded, and never a wait for the other side.

What is said goes out by a thread and what comes in is read by another, so that a peer that is
stopped, floods or is slow costs the loop nothing. A peer that does not read loses the line.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from queue import Empty, Full, Queue, SimpleQueue
from threading import Lock, Thread
from typing import TypeVar

from shopfloor.live.message import MOST_BYTES, Misread, packed, unpacked

__all__ = ["Link", "Lost", "pair"]

_HEAD = struct.Struct(">I")
_MOST_WAITING = 64
"""So many messages may wait on either side: more is no conversation but a flood."""

T = TypeVar("T")


class Lost(ConnectionError):
    """The other side is gone, does not read, or sent what is no message."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a line that only those who are handed one can use."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class Link:
    """One end of a line."""

    def __init__(self, end: socket.socket, *, most_bytes: int = MOST_BYTES) -> None:
        """Take over an end.

        Args:
            end: Of a pair.
            most_bytes: A longer message ends the line, and no more than twice as much waits.
        """
        self._most_bytes, self._waiting, self._count = most_bytes, 0, Lock()
        self._socket = end
        end.setblocking(True)
        self._out: Queue[bytes | None] = Queue(_MOST_WAITING)
        self._in: SimpleQueue[bytes | str] = SimpleQueue()
        self._lost: str | None = None
        for work, name in ((self._write, "link out"), (self._listen, "link in")):
            Thread(target=work, name=name, daemon=True).start()

    @property
    def lost(self) -> str | None:
        """Why the line is no more, or None; what came in before may still be heard."""
        return self._lost

    def say(self, message: object) -> None:
        """Send a message, or lose it with the line.

        Raises:
            Misread: It cannot be sent.
        """
        with suppress(Full):
            if self._lost is None:
                self._out.put_nowait(packed(message))
                return
        self._lost = self._lost or "the other side does not read"

    def hear(self, kind: type[T], within_s: float = 0.0) -> T | None:
        """Return the next message, or None where none has come.

        Args:
            kind: Class of the message that is due.
            within_s: Longest wait for it [s].

        Raises:
            Lost: None will come, or what came is none.
        """
        try:
            data = self._in.get(timeout=within_s) if within_s > 0 else self._in.get_nowait()
        except Empty:
            return None
        with self._count:
            self._waiting -= len(data)
        if isinstance(data, str):
            with self._count:
                self._waiting += len(data)
            self._in.put(data)  # for whoever asks again
            raise Lost(data)
        try:
            return unpacked(kind, data)
        except Misread as error:
            self.close()
            raise Lost(f"the other side sent no {kind.__name__}: {error}") from error

    def close(self) -> None:
        """Hang up."""
        self._lost = self._lost or "closed"
        with suppress(Full):
            self._out.put_nowait(None)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _write(self) -> None:
        while (data := self._out.get()) is not None:
            try:
                self._socket.sendall(_HEAD.pack(len(data)) + data)
            except OSError as error:
                self._lost = self._lost or f"the other side is gone ({error.strerror})"
                return

    def _listen(self) -> None:
        why = "the other side is gone"
        try:
            while True:
                (size,) = _HEAD.unpack(self._exactly(_HEAD.size))
                if size > self._most_bytes:
                    why = f"a message of {size:,} bytes; at most {self._most_bytes:,} are read"
                    break
                data = self._exactly(size)
                with self._count:
                    self._waiting += size
                    flood = self._waiting > 2 * self._most_bytes
                self._in.put(data)
                if flood or self._in.qsize() > _MOST_WAITING:
                    why = "more messages than anybody asked for"
                    break
        except (OSError, EOFError):
            pass
        self._lost = self._lost or why
        with self._count:
            self._waiting += len(self._lost)
        self._in.put(self._lost)
        with suppress(OSError):
            self._socket.close()

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(min(size - len(data), 1 << 20))
            if not part:
                raise EOFError
            data += part
        return bytes(data)
