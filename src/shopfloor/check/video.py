"""What stands in a video file, by its packets alone: nothing is decoded."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopfloor.errors import RunCorrupt
from shopfloor.types import FloatArray

__all__ = ["VideoFacts", "decoded", "demux"]

_BOX = struct.Struct(">I4s")
_WIDE = struct.Struct(">I4sQ")


@dataclass(frozen=True, slots=True, eq=False)
class VideoFacts:
    """A video stream.

    Attributes:
        codec, pix_fmt: As FFmpeg names them (``h264``, ``av1``; ``yuv420p``).
        width, height: Size of the pictures [px].
        rate: Average frames a second by the file's head, or None where it does not say.
        times: When each picture is shown ``(n,)``, ascending [s].
    """

    codec: str
    pix_fmt: str
    width: int
    height: int
    rate: float | None
    times: FloatArray


def demux(path: Path) -> VideoFacts:
    """Read the packets of a video file.

    Raises:
        RunCorrupt: It is no video, or was cut off.
    """
    import av

    try:
        if path.suffix == ".mp4":
            _check_boxes(path)
        with av.open(path) as container:
            stream = container.streams.video[0]
            said = stream.frames
            tick_s = float(stream.time_base or 0)
            times = []
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    raise RunCorrupt(f"{path} is damaged: a packet at {packet.pos} is cut off")
                if packet.pts is not None and not packet.is_discard:
                    times.append(packet.pts * tick_s)
            context = stream.codec_context
            if context is None:
                raise RunCorrupt(f"{path} is damaged: it does not say how its pictures are coded")
            facts = VideoFacts(
                codec=context.codec.canonical_name,
                pix_fmt=str(context.pix_fmt),
                width=context.width,
                height=context.height,
                rate=float(stream.average_rate) if stream.average_rate else None,
                times=np.sort(np.asarray(times, dtype=np.float64)),
            )
    except (OSError, ValueError, IndexError, MemoryError, av.FFmpegError) as error:
        raise RunCorrupt(f"{path} cannot be read as a video: {error}") from error
    if said and len(times) < said:
        raise RunCorrupt(f"{path} is cut off: its head names {said} frames, it holds {len(times)}")
    return facts


def _check_boxes(path: Path) -> None:
    """Check that the outer boxes of an MP4 file end where the file ends.

    FFmpeg forgives a head whose end is cut off, and guesses.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        while place < size:
            file.seek(place)
            head = file.read(_WIDE.size)
            length, kind = _BOX.unpack_from(head.ljust(_WIDE.size, b"\0"))
            if place == 0 and kind != b"ftyp":
                return  # another container
            if length == 1:  # the length stands after the kind, in 64 bits
                length = _WIDE.unpack(head.ljust(_WIDE.size, b"\0"))[2]
            elif length == 0:  # up to the end
                return
            if length < _BOX.size or place + length > size:
                raise RunCorrupt(f"{path} is cut off in the part at byte {place}, of {size}")
            place += length


def decoded(path: Path) -> int:
    """Decode every picture of a video and return how many there are.

    Raises:
        RunCorrupt: One cannot be decoded.
    """
    import av

    count = 0
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            # Otherwise a damaged picture is quietly patched up with its neighbours.
            stream.codec_context.options = {"err_detect": "explode"}
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise RunCorrupt(f"{path}: picture {count} is damaged")
                count += 1
    except (OSError, ValueError, IndexError, MemoryError, av.FFmpegError) as error:
        raise RunCorrupt(f"{path}: picture {count} cannot be decoded: {error}") from error
    return count
