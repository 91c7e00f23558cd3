"""Recorded camera streams as H.264, encoded beside the loop by one thread."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np

from shopfloor.errors import RunCorrupt, RunError, SpecMismatch
from shopfloor.record.disk import unwritable
from shopfloor.types import CellSpec, UInt8Array

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

__all__ = ["VIEWS", "FrameSink", "Stream", "VideoEncoder", "read_video", "streams", "video_name"]

VIEWS = ".views"
"""What is added to a camera's name for the pictures that were taken on request."""

_PRESET = "ultrafast"
_CRF = "23"
_KEY_EVERY = 10
_SMALLEST = 16
_BUFFERS = 48
_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Stream:
    """The recorded stream of one camera: size [px] and time from frame to frame [s]."""

    width: int
    height: int
    period_s: Fraction


def streams(spec: CellSpec) -> dict[str, Stream]:
    """Return the recorded streams of a cell by camera, and its views as ``CAMERA.views``.

    A view is a picture at native resolution that was taken for the brain. Views come whenever
    somebody looks, so their video shows one a second and their ticks stand in the log.

    Raises:
        SpecMismatch: A camera's pictures cannot be encoded.
    """
    tick_s = Fraction(spec.control_dt).limit_denominator(1_000_000)
    found = {}
    for name, camera in spec.cameras.items():
        if Path(video_name(name)).name != video_name(name):
            raise SpecMismatch(f"camera {name!r} cannot name a file; rename it in the cell")
        for what, lens, period_s in (
            (name, camera.stream, camera.period_ticks * tick_s),
            (f"{name}{VIEWS}", camera.native, Fraction(1)),
        ):
            if any(side % 2 or side < _SMALLEST for side in (lens.width, lens.height)):
                raise SpecMismatch(
                    f"camera {name!r} gives {lens.width} x {lens.height} pixels; a video has one "
                    f"colour for every 2 x 2, so both sides must be even and at least {_SMALLEST}. "
                    "Set the size of the camera's pictures in the cell"
                )
            found[what] = Stream(lens.width, lens.height, period_s)
    return found


def video_name(camera: str) -> str:
    """Return the name of a camera's video file."""
    return f"{camera}.mp4"


class FrameSink(Protocol):
    """Where a recorder hands the pixels of new frames, one lot at a time."""

    def start(self, folder: Path, streams: Mapping[str, Stream]) -> None:
        """Begin a lot whose videos go into ``folder``."""
        ...

    def add(self, camera: str, pixels: UInt8Array) -> None:
        """Take one frame ``(H, W, 3)``; its memory may be used again at once."""
        ...

    def finish(self) -> Mapping[str, int]:
        """Wait until the lot's videos are whole; return the frames in each camera's."""
        ...

    def abandon(self) -> None:
        """Give the lot up; its files are closed and may be removed."""
        ...

    def close(self) -> None:
        """Give back what the sink holds."""
        ...


class _Video:
    """One open video file."""

    def __init__(self, path: Path, stream: Stream) -> None:
        import av

        self._stream = stream
        self._file = path.open("xb")
        self._container: OutputContainer = av.open(self._file, "w", format="mp4")
        self._encoder = self._container.add_stream(
            "libx264", rate=1 / stream.period_s, options={"preset": _PRESET, "crf": _CRF}
        )
        self._encoder.width = stream.width
        self._encoder.height = stream.height
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.gop_size = _KEY_EVERY
        self._encoder.codec_context.time_base = stream.period_s
        self._encoder.codec_context.thread_count = 1
        self._frames = 0
        self.packets = 0

    def add(self, pixels: UInt8Array) -> None:
        import av

        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = self._frames
        frame.time_base = self._stream.period_s
        self._frames += 1
        self._mux(frame)

    def finish(self) -> int:
        """Write what is pending and the end of the file; return the frames in it."""
        self._mux(None)
        self._container.close()
        self._file.close()
        return self.packets

    def drop(self) -> None:
        """Close the file, whatever state it is in."""
        for part in (self._container, self._file):
            # On a full disk closing fails as well, but it closes.
            with suppress(Exception):
                part.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self._encoder.encode(frame):
            self._container.mux(packet)
            self.packets += 1


@dataclass(frozen=True, slots=True)
class _Start:
    folder: Path
    streams: Mapping[str, Stream]


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    camera: str
    pixels: UInt8Array


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    keep: bool
    counts: dict[str, int]
    done: threading.Event


class VideoEncoder:
    """Encodes the pictures of a worker's lots in a thread of that worker.

    Frames are copied into a fixed number of buffers. When all are full, ``add`` waits:
    recording may slow a shift down, but it never drops a picture.

    Why a thread and not a process: libav gives up Python's lock while it converts and
    encodes. Measured with two cameras of 224 x 224 and a loop that does little else, on one
    core both are equally fast (600 ticks in 0.6 to 0.8 s) and so are the ticks (mean 0.7 to
    0.9 ms, p99 5 to 6 ms, nearly all of it waiting for a free buffer); a second, idle core
    makes the process 10 to 40 % faster, but every worker would pay for its start, and
    workers that are daemons may have no children.

    Why ``ultrafast`` on one thread: 0.4 to 0.5 ms of processor time a picture, against 0.8 to
    1.0 ms with ``veryfast``, at the same quality (39 dB) and size on pictures of a tray.

    Args:
        buffers: Frames that may wait; 48 of 224 x 224 pixels are 7 MB.
        deadline_s: Longest wait for the encoder [s].
    """

    def __init__(self, *, buffers: int = _BUFFERS, deadline_s: float = _DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._jobs: SimpleQueue[_Start | _Picture | _End | None] = SimpleQueue()
        self._room = threading.Semaphore(buffers)
        self._spare: dict[tuple[int, ...], deque[UInt8Array]] = {}
        self._streams: Mapping[str, Stream] = {}
        self._folder = Path()
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def start(self, folder: Path, streams: Mapping[str, Stream]) -> None:
        """Begin a lot whose videos go into ``folder``."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="video encoder", daemon=True)
            self._thread.start()
        self._error = None
        self._folder = folder
        self._streams = dict(streams)
        self._spare = {(s.height, s.width, 3): deque() for s in streams.values()}
        self._jobs.put(_Start(folder, self._streams))

    def add(self, camera: str, pixels: UInt8Array) -> None:
        """Take one frame ``(H, W, 3)``; its memory may be used again at once.

        Raises:
            SpecMismatch: The camera has another size than its stream, or has none.
            RunUnwritable: The video cannot be written.
            RunError: The encoder failed, or did not come round within its deadline.
        """
        stream = self._streams.get(camera)
        shape = pixels.shape
        if stream is None or shape != (stream.height, stream.width, 3) or pixels.dtype != np.uint8:
            allowed = {n: f"({s.height}, {s.width}, 3)" for n, s in self._streams.items()}
            raise SpecMismatch(
                f"camera {camera!r} gave a picture {pixels.dtype} {shape}; the cell's spec allows "
                f"uint8 and {allowed}. Mend the cell"
            )
        if not self._room.acquire(timeout=self._deadline_s):
            raise self._stuck()
        # After the wait: a failed encoder goes on giving buffers back.
        self._raise_failure()
        spare = self._spare[shape]
        try:
            buffer = spare.pop()
        except IndexError:
            buffer = np.empty(shape, np.uint8)
        np.copyto(buffer, pixels)
        self._jobs.put(_Picture(camera, buffer))

    def finish(self) -> Mapping[str, int]:
        """Wait until the lot's videos are whole; return the frames in each camera's.

        Raises:
            RunUnwritable: A video cannot be written.
            RunError: The encoder failed, or did not come round within its deadline.
        """
        counts = self._end(keep=True)
        self._raise_failure()
        return counts

    def abandon(self) -> None:
        """Give the lot up; its files are closed and may be removed.

        Raises:
            RunError: The encoder did not come round within its deadline.
        """
        if self._thread is not None:
            self._end(keep=False)

    def close(self) -> None:
        """End the thread; an unfinished lot is given up."""
        if (thread := self._thread) is not None:
            self.abandon()
            self._jobs.put(None)
            thread.join(self._deadline_s)
            self._thread = None

    def _end(self, *, keep: bool) -> dict[str, int]:
        end = _End(keep, {}, threading.Event())
        self._jobs.put(end)
        if not end.done.wait(self._deadline_s):
            raise self._stuck()
        return end.counts

    def _stuck(self) -> RunError:
        return RunError(
            f"the video encoder did not come round within {self._deadline_s:g} s; the disk of "
            f"{self._folder} may hang. Continue with --resume on a working one"
        )

    def _raise_failure(self) -> None:
        if (error := self._error) is None:
            return
        if isinstance(error, OSError) and error.errno in errno.errorcode:
            raise unwritable(self._folder, error) from error
        raise RunError(
            f"the video encoder failed in {self._folder}: {type(error).__name__}: {error}; record "
            "without video, or mend the installation of PyAV, and continue with --resume"
        ) from error

    def _work(self) -> None:
        videos: dict[str, _Video] = {}
        start = _Start(Path(), {})
        while (job := self._jobs.get()) is not None:
            try:
                if isinstance(job, _End):
                    self._close_videos(videos, job)
                elif self._error is not None:
                    pass  # the lot is lost; add and finish say so
                elif isinstance(job, _Start):
                    start = job
                else:
                    if job.camera not in videos:  # a camera may never be looked through
                        path = start.folder / video_name(job.camera)
                        videos[job.camera] = _Video(path, start.streams[job.camera])
                    videos[job.camera].add(job.pixels)
            except Exception as error:  # noqa: BLE001 - raised again where the loop is
                self._error = error
            finally:
                if isinstance(job, _Picture):
                    self._spare[job.pixels.shape].append(job.pixels)
                    self._room.release()
                elif isinstance(job, _End):
                    job.done.set()

    def _close_videos(self, videos: dict[str, _Video], end: _End) -> None:
        keep = end.keep and self._error is None
        while videos:
            camera, video = videos.popitem()
            try:
                if keep:
                    end.counts[camera] = video.finish()
            except Exception as error:  # noqa: BLE001 - the other videos are to be closed, too
                self._error = self._error or error
            finally:
                video.drop()


def read_video(path: Path) -> Iterator[UInt8Array]:
    """Yield the pictures of a video, ``(H, W, 3)`` uint8 RGB.

    Raises:
        RunCorrupt: The file is missing, or no video.
    """
    import av

    try:
        with av.open(path) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    except (OSError, av.FFmpegError, IndexError) as error:
        raise RunCorrupt(f"{path} cannot be read as a video: {error}") from error
