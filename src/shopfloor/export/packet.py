"""The packets of a recorded video, handed on as they are: nothing is encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import RunCorrupt

__all__ = ["CODEC", "Packet", "packets"]

CODEC = "h264"
"""What runs are recorded in."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One picture of a video, compressed.

    Attributes:
        data: H.264 as an Annex B byte stream; a keyframe carries its SPS and PPS, so that a
            viewer can begin there.
        key: Whether it can be decoded without the pictures before it.
    """

    data: bytes
    key: bool


def packets(path: Path) -> tuple[Packet, ...]:
    """Return the pictures of a video in the order in which they are shown.

    Viewers that take packets one by one can't look ahead, so pictures must be stored in the
    order in which they are shown; that is how runs are recorded.

    Raises:
        RunCorrupt: The file is missing, is no H.264 video, or has its pictures in another order.
    """
    import av

    try:
        return tuple(_packets(path))
    except (OSError, av.FFmpegError, IndexError, ValueError) as error:
        raise RunCorrupt(
            f"{path} cannot be read as a video of a run: {error}; restore the episode from a copy, "
            "or leave it out with --only"
        ) from error


def _packets(path: Path) -> Iterator[Packet]:
    import av
    from av.bitstream import BitStreamFilterContext

    with av.open(path) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != CODEC:
            raise ValueError(f"it is {stream.codec_context.name}, not {CODEC}")
        to_annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        shown: int | None = None
        for packet in container.demux(stream):
            # The last packet of a container is empty and has no time; it flushes the filter.
            for part in to_annex_b.filter(packet if packet.size else None):
                if part.pts is None or (shown is not None and part.pts <= shown):
                    raise ValueError("its pictures are not stored in the order they are shown in")
                shown = part.pts
                yield Packet(bytes(part), part.is_keyframe)
