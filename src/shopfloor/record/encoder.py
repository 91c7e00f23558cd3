"""Hands the pictures of a shift to a process that encodes them, and waits where it must."""

from __future__ import annotations

import errno
import mmap
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunError, SpecMismatch
from shopfloor.record.disk import unwritable, writing
from shopfloor.record.film import Stream

__all__ = ["VideoEncoder"]

_SLOTS = 48
_DEADLINE_S = 60.0


class VideoEncoder:
    """Encodes the pictures of a worker's lots in a process of its own.

    Frames are copied into a fixed number of slots of shared memory. When all are full, ``add``
    waits: recording may slow a shift down, but it never drops a picture. Should the worker die, the
    process makes the films whole with what they have and ends; should the process die, the lot ends
    with an error and the next lot gets a new one.

    It is a plain child, not one of ``multiprocessing``: workers are daemons, which may have none.

    Args:
        slots: Frames that may wait. A slot takes the largest picture, but only those slots ever use
            memory that were needed at once.
        deadline_s: Longest wait for the process [s].
    """

    def __init__(self, *, slots: int = _SLOTS, deadline_s: float = _DEADLINE_S) -> None:
        self._slots, self._deadline_s = slots, deadline_s
        self._streams: dict[str, Stream] = {}
        self._folder = Path()
        self._slot_bytes = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._memory: mmap.mmap | None = None
        self._said = msgpack.Unpacker(use_list=True)
        self._spare: list[int] = []
        self._error: tuple[str, int | None] | None = None
        self._counts: dict[str, int] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the encoder, or None before the first lot."""
        return self._process.pid if self._process is not None else None

    def start(self, folder: Path, streams: Mapping[str, Stream]) -> None:
        """Begin a lot whose videos go into ``folder``.

        Raises:
            RunError: The process cannot be started.
        """
        largest = max(
            (int(np.prod(s.shape)) * np.dtype(s.dtype).itemsize for s in streams.values()),
            default=1,
        )
        self._folder = folder
        if self._process is None or self._process.poll() is not None or largest > self._slot_bytes:
            self.close()
            self._hire(largest)
        self._streams = dict(streams)
        self._error = self._counts = None
        told = {
            name: [s.width, s.height, s.period_s.numerator, s.period_s.denominator, s.kind]
            for name, s in streams.items()
        }
        self._tell(["start", str(folder.absolute()), told])

    def add(self, camera: str, pixels: npt.NDArray[Any]) -> None:
        """Take one frame of a stream; its memory may be used again at once.

        Raises:
            SpecMismatch: The camera has another size than its stream, or has none.
            RunUnwritable: The video cannot be written.
            RunError: The encoder failed, or did not come round within its deadline.
        """
        stream = self._streams.get(camera)
        if stream is None or pixels.shape != stream.shape or pixels.dtype != stream.dtype:
            allowed = {n: f"{np.dtype(s.dtype)} {s.shape}" for n, s in self._streams.items()}
            raise SpecMismatch(
                f"camera {camera!r} gave a picture {pixels.dtype} {pixels.shape}; the cell's spec "
                f"allows {allowed}. Mend the cell"
            )
        until = time.monotonic() + self._deadline_s
        self._listen(0.0)  # a disk that is full is to be known at once
        while not self._spare:
            self._listen(until)
        # After the wait: an encoder that has failed goes on giving slots back.
        self._raise_failure()
        slot = self._spare.pop()
        start = slot * self._slot_bytes
        assert self._memory is not None  # noqa: S101 - there is a process, so there is memory
        target = np.frombuffer(self._memory, stream.dtype, pixels.size, start)
        np.copyto(target.reshape(stream.shape), pixels)
        self._tell(["frame", camera, slot])

    def finish(self) -> Mapping[str, int]:
        """Wait until the lot's videos are whole; return the frames in each that has any.

        Raises:
            RunUnwritable: A video cannot be written.
            RunError: The encoder failed, or did not come round within its deadline.
        """
        counts = self._end(keep=True)
        self._raise_failure()
        return counts

    def abandon(self) -> None:
        """Give the lot up; what is filmed stays beside its final place, and nothing is open.

        Raises:
            RunError: The encoder did not come round within its deadline.
        """
        if self._process is not None and self._process.poll() is None and self._counts is None:
            self._end(keep=False)

    def close(self) -> None:
        """End the process; an unfinished lot is given up."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(self._deadline_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()  # type: ignore[union-attr]
        memory, self._memory = self._memory, None
        if memory is not None:
            with suppress(BufferError):  # an error on its way up still holds a view
                memory.close()

    def _hire(self, slot_bytes: int) -> None:
        """Start the process; it is ready while the first slots are filled."""
        size = -(-slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        with writing(self._folder):
            fd = _shared(self._slots * size)
        package = str(Path(__file__).parents[2])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._memory = mmap.mmap(fd, self._slots * size)
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", "shopfloor.record.encoding", str(fd), str(self._slots),
                 str(size)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=(fd,),
                # Ctrl-C is for who films; the films end when the pipe does.
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )  # fmt: skip
        except OSError as error:
            raise RunError(
                f"the process that encodes videos cannot be started: {error}; free some memory, or "
                "record without video"
            ) from error
        finally:
            os.close(fd)
        self._slot_bytes = size
        self._said = msgpack.Unpacker(use_list=True)
        self._spare = list(
            range(self._slots - 1, -1, -1)
        )  # used from the end: few are ever touched

    def _end(self, *, keep: bool) -> dict[str, int]:
        self._tell(["end", keep])
        until = time.monotonic() + self._deadline_s
        while self._counts is None:
            self._listen(until)
        return self._counts

    def _tell(self, job: list[Any]) -> None:
        try:
            data = msgpack.packb(job)
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]  # type: ignore[union-attr]
        except OSError as error:
            raise self._died() from error

    def _listen(self, until: float) -> None:
        """Wait for the process to say something; until 0 hears only what was said already."""
        out = self._process.stdout.fileno()  # type: ignore[union-attr]
        if not select.select([out], [], [], max(until - time.monotonic(), 0.0))[0]:
            if not until:
                return
            self._process.kill()  # type: ignore[union-attr]  # what it says later would be taken for the next lot's
            raise RunError(
                f"the video encoder did not come round within {self._deadline_s:g} s; the disk of "
                f"{self._folder} may hang. Continue with --resume on a working one"
            )
        data = os.read(out, 65536)
        if not data:
            raise self._died()
        self._said.feed(data)
        for kind, *what in self._said:
            if kind == "free":
                self._spare.append(what[0])
            elif kind == "done":
                self._counts = what[0]
            else:
                self._error = self._error or (what[0], what[1])

    def _died(self) -> RunError:
        process = self._process
        code = process.wait(self._deadline_s) if process is not None else None
        self.close()
        return RunError(
            f"the process that encodes videos ended (code {code}); what it had filmed of the lot "
            f"is in {self._folder}. Continue with --resume, which works the lot again"
        )

    def _raise_failure(self) -> None:
        if self._error is None:
            return
        text, number = self._error
        if number in errno.errorcode:
            raise unwritable(self._folder, OSError(number, text))
        raise RunError(
            f"the video encoder failed in {self._folder}: {text}; record without video, or mend "
            "the installation of PyAV, and continue with --resume"
        )


def _shared(size: int) -> int:
    """A file descriptor of memory without a name: it goes with those who hold it.

    Raises:
        OSError: There is no room for it; a limit on the size of files holds here, too.
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("shopfloor frames")
    else:  # pragma: no cover - not on Linux
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        os.ftruncate(fd, size)
    except OSError:
        os.close(fd)
        raise
    return fd
