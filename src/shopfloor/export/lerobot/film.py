"""The videos of one camera: the packets of all episodes, one behind the other.

A reader finds a frame by ``from_timestamp + frame_index / fps``, to a ten thousandth of a second.
So the packets of an episode are moved, unchanged, to where the one before ended, in units of the
frame period itself. Every episode begins with a key frame, and all episodes of a file share what
a decoder must know; where they do not, a new file is begun.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from shopfloor.export.lerobot.footage import Footage, FootageError, open_footage
from shopfloor.export.lerobot.place import Place, Sizes
from shopfloor.export.lerobot.statistic import Shades
from shopfloor.export.reading import Reading, corrupt

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

__all__ = ["VIDEOS", "Film", "Strip"]

VIDEOS = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"

_PACKET_OVERHEAD = 32
"""About what an mp4 needs to find a packet again [bytes]."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Where the frames of one episode lie.

    Attributes:
        place: The file.
        start_s, end_s: When the first frame begins and the last ends in it [s].
        shades: Counted from every tenth picture.
    """

    place: Place
    start_s: float
    end_s: float
    shades: Shades


class _File:
    """One video file that is being written."""

    def __init__(self, path: Path, footage: Footage, period_s: Fraction) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.parameters = footage.parameters
        self.frames = 0
        self.size_bytes = 0
        self._period_s = period_s
        # The index first, so that a reader far away need not fetch the end of the file.
        self._container: OutputContainer = av.open(
            str(path), "w", format="mp4", options={"movflags": "faststart"}
        )
        self._stream: VideoStream = self._container.add_stream_from_template(
            footage.stream, opaque=True
        )
        self._stream.time_base = period_s

    def append(self, footage: Footage) -> None:
        first = self.frames
        for packet, (pts, dts) in zip(footage.packets, footage.times, strict=True):
            self.size_bytes += packet.size + _PACKET_OVERHEAD
            packet.stream = self._stream
            packet.time_base = self._period_s
            packet.pts, packet.dts, packet.duration = first + pts, first + dts, 1
            self._container.mux(packet)
        self.frames += len(footage.packets)

    def close(self) -> None:
        self._container.close()


class Film:
    """The videos of one camera.

    Args:
        out: The dataset's folder.
        key: Name of the feature.
        period_s: Time from frame to frame [s].
        codec: ``av1`` or ``h264`` to encode anew, None to copy.
        sizes: When a new file is begun.

    Attributes:
        codec: What the packets are, once there are any (``h264``).
    """

    def __init__(
        self, out: Path, key: str, period_s: Fraction, *, codec: str | None, sizes: Sizes
    ) -> None:
        self._out, self._key, self._period_s = out, key, period_s
        self.codec = ""
        self._encode, self._sizes = codec, sizes
        self._place = Place()
        self._file: _File | None = None

    def add(self, reading: Reading, camera: str, frames: int) -> Strip:
        """Append the video of an episode, which must have so many frames.

        Raises:
            RunCorrupt: It is no video, or not of so many pictures evenly apart.
            OSError: The dataset cannot be written.
        """
        recorded = reading.episode.path / f"{camera}.mp4"
        try:
            with open_footage(
                recorded, self._period_s, frames=frames, codec=self._encode
            ) as footage:
                shades = footage.shades()
                with _writing():
                    file = self._room(footage)
                    first = file.frames
                    file.append(footage)
        except FootageError as error:
            raise corrupt(reading.chosen, f"{recorded.name}: {error}") from error
        start, end = first * self._period_s, (first + frames) * self._period_s
        return Strip(self._place, float(start), float(end), shades)

    def close(self) -> None:
        """Write the end of the file. May be called again."""
        file, self._file = self._file, None
        if file is not None:
            with _writing():
                file.close()

    def _room(self, footage: Footage) -> _File:
        """Return the file that the episode goes into: a new one where it does not fit."""
        if self._file is not None:
            size = self._file.size_bytes + footage.size_bytes
            if size <= self._sizes.video_bytes and footage.parameters == self._file.parameters:
                return self._file
            self.close()
            self._place = self._place.after(self._sizes)
        path = self._out / self._place.path(VIDEOS, video_key=self._key)
        self._file = _File(path, footage, self._period_s)
        self.codec = footage.codec
        return self._file


@contextmanager
def _writing() -> Iterator[None]:
    """Turn libav's errors of the disk into Python's."""
    try:
        yield
    except av.FFmpegError as error:
        if error.errno in errno.errorcode:
            raise OSError(error.errno, error.strerror) from error
        raise
