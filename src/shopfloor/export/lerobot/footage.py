"""The recorded video of one camera in one episode, as packets that can be moved."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from shopfloor.export.lerobot.statistic import Shades

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

__all__ = ["CODECS", "Footage", "FootageError", "open_footage"]

CODECS = {
    "av1": ("libsvtav1", {"preset": "12", "crf": "30", "g": "2"}),
    "h264": ("libx264", {"preset": "veryfast", "crf": "23", "g": "2"}),
}
"""Encoder and options by ``--codec``; those of AV1 are the defaults of LeRobot's recorder."""

_SAMPLE_EVERY = 10


class FootageError(Exception):
    """The file is not what a recorder writes. Never leaves this package."""


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """An open video.

    Attributes:
        stream: As a template for the stream that the packets go to.
        packets: In the order of decoding.
        times: Presentation and decoding time of each packet, in frames from the first.
    """

    stream: VideoStream
    packets: tuple[VideoPacket, ...]
    times: tuple[tuple[int, int], ...]

    @property
    def parameters(self) -> bytes:
        """What a decoder must know before the first packet."""
        return self.stream.codec_context.extradata or b""

    @property
    def codec(self) -> str:
        """What the packets are (``h264``, ``av1``)."""
        return self.stream.codec_context.codec.canonical_name

    @property
    def size_bytes(self) -> int:
        """Size of all packets [bytes]."""
        return sum(packet.size for packet in self.packets)

    def shades(self) -> Shades:
        """Count the pixels of every tenth picture, the first included.

        No more is decoded than that takes: as every tenth recorded picture is a key frame, this
        is a tenth of the work of looking at all.
        """
        self.stream.codec_context.thread_count = 1
        shades, colours = Shades(), VideoReformatter()
        wanted = {
            packet.pts
            for packet, (pts, _) in zip(self.packets, self.times, strict=True)
            if pts % _SAMPLE_EVERY == 0
        }
        for packet in (*self._needed(wanted), None):
            for frame in self.stream.decode(packet):
                if frame.pts in wanted:
                    # Threads cost a small picture more than they save it.
                    shown = colours.reformat(frame, format="rgb24", threads=1)
                    shades.add(np.asarray(shown.to_ndarray(), np.uint8))
        return shades

    def _needed(self, wanted: set[int | None]) -> Iterator[VideoPacket]:
        """Yield the packets up to the last one that is wanted, of each group of pictures."""
        group: list[VideoPacket] = []
        for packet in self.packets:
            if packet.is_keyframe:
                group = []
            group.append(packet)
            if packet.pts in wanted:
                yield from group
                group = []


@contextmanager
def open_footage(
    path: Path, period_s: Fraction, *, frames: int, codec: str | None
) -> Iterator[Footage]:
    """Open a recorded video.

    Args:
        path: The file.
        period_s: Time from frame to frame [s].
        frames: How many pictures must be in it.
        codec: One of ``CODECS`` to encode it anew, in memory; None to take it as it is.

    Raises:
        FootageError: It is no video, or not of so many pictures evenly apart.
    """
    with _opened(str(path) if codec is None else _encoded(path, codec, period_s)) as container:
        stream = container.streams.video[0]
        packets = tuple(packet for packet in container.demux(stream) if packet.size)
        if len(packets) != frames:
            raise FootageError(f"it has {len(packets)} pictures, but {frames} were recorded")
        if not packets[0].is_keyframe:
            raise FootageError("it does not begin with a key frame")
        yield Footage(stream, packets, _times(packets, stream, period_s))


def _times(
    packets: tuple[VideoPacket, ...], stream: VideoStream, period_s: Fraction
) -> tuple[tuple[int, int], ...]:
    unit = Fraction(stream.time_base or 0) / period_s
    exact = [(_whole(packet.pts, unit), _whole(packet.dts, unit)) for packet in packets]
    start = min(pts for pts, _ in exact)
    if sorted(pts - start for pts, _ in exact) != list(range(len(packets))):
        raise FootageError(f"its pictures are not {float(period_s):g} s apart")
    return tuple((pts - start, dts - start) for pts, dts in exact)


def _whole(time: int | None, unit: Fraction) -> int:
    """Return a time in frames; a container's clock may have rounded it by a tick of its own."""
    if time is None:
        raise FootageError("a picture in it has no time")
    exact, scale = time * unit.numerator, unit.denominator
    nearest = (exact + scale // 2) // scale
    if abs(exact - nearest * scale) > unit.numerator:
        raise FootageError("its pictures are not evenly apart")
    return nearest


def _encoded(path: Path, codec: str, period_s: Fraction) -> io.BytesIO:
    """Return a video, encoded anew, as an mp4 in memory."""
    os.environ.setdefault("SVT_LOG", "1")  # only errors; it tells its settings every time
    name, options = CODECS[codec]
    target = io.BytesIO()
    with _opened(str(path)) as source, av.open(target, "w", format="mp4") as out:
        shown = source.streams.video[0]
        shown.codec_context.thread_count = 1
        stream = cast("VideoStream", out.add_stream(name, rate=1 / period_s, options=dict(options)))
        stream.width, stream.height = shown.width, shown.height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = period_s
        for number, frame in enumerate(source.decode(shown)):
            frame.pts, frame.time_base = number, period_s
            frame.pict_type = 0  # the new encoder chooses its own key frames
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    target.seek(0)
    return target


@contextmanager
def _opened(source: str | io.BytesIO) -> Iterator[InputContainer]:
    try:
        with av.open(source, "r") as container:
            if not container.streams.video:
                raise FootageError("there are no pictures in it")
            yield container
    except av.FFmpegError as error:
        raise FootageError(f"it cannot be read as a video ({error})") from error
