"""The process that encodes videos: ``python -m shopfloor.record.encoding FD SLOTS BYTES``.

Frames lie in shared memory (FD, SLOTS frames of at most BYTES); what is to be done with them comes
on stdin as msgpack, what became of it goes back on stdout. When stdin ends, by whatever death of
the one who filmed, every film is made whole with what it has.

    in    ["start", folder, {camera: [width, height, period numerator, denominator, kind]}]
          ["frame", camera, slot]
          ["end", keep]
    out   ["free", slot]                the slot may be written again
          ["failed", text, errno]       once for a lot; its other frames are passed over
          ["done", {camera: frames}]
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from shopfloor.record.film import Film, Stream

__all__ = ["main"]


class _Studio:
    """The films of one lot at a time."""

    def __init__(self, memory: mmap.mmap, slot_bytes: int) -> None:
        self._memory, self._slot_bytes = memory, slot_bytes
        self._folder, self._streams = Path(), {}  # type: ignore[var-annotated]
        self._films: dict[str, Film] = {}
        self._failed = False

    def do(self, job: list[Any]) -> Iterator[list[Any]]:
        """Do one job; what fails fails the lot, never the process."""
        try:
            if job[0] == "end":
                yield ["done", self._end() if job[1] and not self._failed else {}]
            elif job[0] == "start":
                self._failed, self._folder = False, Path(job[1])
                self._streams = {name: _stream(*given) for name, given in job[2].items()}
            elif not self._failed:
                self._frame(job[1], job[2])
        except Exception as error:  # noqa: BLE001 - raised again where the shift is
            self._failed = True
            yield ["failed", *_said(error)]
            if job[0] == "end":
                yield ["done", {}]
        finally:
            if job[0] == "end":
                self.drop()
        if job[0] == "frame":
            yield ["free", job[2]]

    def finish_all(self) -> None:
        """Make whole what there is, each film by itself."""
        for film in self._films.values():
            with suppress(Exception):
                film.finish()
        self.drop()

    def drop(self) -> None:
        """Close what is open."""
        while self._films:
            self._films.popitem()[1].drop()

    def _frame(self, camera: str, slot: int) -> None:
        stream = self._streams[camera]
        if camera not in self._films:  # a camera may never be looked through
            self._films[camera] = Film(self._folder, camera, stream)
        count = int(np.prod(stream.shape))
        start = slot * self._slot_bytes
        pixels = np.frombuffer(self._memory, stream.dtype, count, start).reshape(stream.shape)
        self._films[camera].add(pixels)

    def _end(self) -> dict[str, int]:
        return {camera: film.finish() for camera, film in self._films.items()}


def _said(error: Exception) -> tuple[str, int | None]:
    """What went wrong, and the number of the operating system's error if it is one."""
    if isinstance(error, OSError) and error.errno and error.strerror:
        return error.strerror, error.errno
    return f"{type(error).__name__}: {error}", None


def _stream(width: int, height: int, over: int, under: int, kind: Any) -> Stream:
    return Stream(width, height, Fraction(over, under), kind)


def main(fd: int, slots: int, slot_bytes: int) -> None:
    """Encode until stdin ends."""
    with mmap.mmap(fd, slots * slot_bytes) as memory:
        studio = _Studio(memory, slot_bytes)
        jobs = msgpack.Unpacker(use_list=True)
        try:
            while data := os.read(0, 65536):
                jobs.feed(data)
                for job in jobs:
                    for said in studio.do(job):
                        os.write(1, msgpack.packb(said))
        except BrokenPipeError:
            pass  # nobody listens any more: as if stdin had ended
        studio.finish_all()
        del studio


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
