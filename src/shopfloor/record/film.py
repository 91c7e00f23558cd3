"""One video file while it is written: H.264 for pictures, lossless FFV1 for depth.

H.264 goes into a fragmented MP4 beside its final place, a fragment for each frame, and the encoder
holds none back: what a killed process has filmed can be watched up to the last frame. When the film
is whole its packets are put into a plain MP4, which every tool can seek in, and the fragments go.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

__all__ = ["PART", "Film", "Stream", "depth_m", "depth_pixels", "film_name"]

PART = ".part"
"""Ends the name of a film that is not whole yet."""

_KEY_EVERY = 10
# No frame waits for later ones, so packets come in the order of their frames, as Foxglove wants.
_H264 = {"preset": "veryfast", "crf": "25", "tune": "zerolatency", "bf": "0"}
_FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
_DEPTH_UNIT_M = 1e-4
"""Depth is kept in tenths of a millimetre, up to 6.5535 m; 0 stands for nothing measured."""
_MOST = 65535


@dataclass(frozen=True, slots=True)
class Stream:
    """The recorded stream of one camera.

    Attributes:
        width, height: Size [px].
        period_s: Time from frame to frame [s].
        kind: ``colour`` ``(H, W, 3)`` uint8 RGB, or ``depth`` ``(H, W)`` uint16.
    """

    width: int
    height: int
    period_s: Fraction
    kind: Literal["colour", "depth"] = "colour"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one frame."""
        size = (self.height, self.width)
        return (*size, 3) if self.kind == "colour" else size

    @property
    def dtype(self) -> npt.DTypeLike:
        """Type of one frame's numbers."""
        return np.uint8 if self.kind == "colour" else np.uint16


def film_name(camera: str, kind: str = "colour") -> str:
    """Return the name of a camera's file."""
    return f"{camera}.mp4" if kind == "colour" else f"{camera}.mkv"


def depth_pixels(depth_m: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return depth ``(H, W)`` [m] as it is kept: uint16, tenths of a millimetre.

    What is farther than 6.5535 m is kept as that; what is no number, or not in front, as 0.
    """
    tenths = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0, neginf=0.0) / _DEPTH_UNIT_M)
    kept: npt.NDArray[np.uint16] = np.clip(tenths, 0, _MOST).astype(np.uint16)
    return kept


def depth_m(pixels: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return what ``depth_pixels`` kept, ``(H, W)`` float32 [m]."""
    metres: npt.NDArray[np.float32] = pixels.astype(np.float32) * np.float32(_DEPTH_UNIT_M)
    return metres


class Film:
    """A video file that grows frame by frame.

    Raises:
        OSError: From every method; the file cannot be written.
    """

    def __init__(self, folder: Path, camera: str, stream: Stream) -> None:
        """Open it; two films of one camera in one folder are an error."""
        import av

        self._stream = stream
        self._colour = stream.kind == "colour"
        self._path = folder / film_name(camera, stream.kind)
        self._part = self._path.with_name(self._path.name + PART)
        # Unbuffered: a fragment that is written is the operating system's, whatever comes.
        self._file = self._part.open("xb", buffering=0)
        form, options = ("mp4", _FRAGMENTS) if self._colour else ("matroska", {})
        self._container: Any = av.open(self._file, "w", format=form, options=options)
        self._encoder = self._add_encoder()
        self.frames = self.packets = 0

    def _add_encoder(self) -> Any:
        stream = self._stream
        if self._colour:
            made = self._container.add_stream("libx264", rate=1 / stream.period_s, options=_H264)
            made.pix_fmt, made.gop_size = "yuv420p", _KEY_EVERY
        else:
            made = self._container.add_stream("ffv1", rate=1 / stream.period_s)
            made.pix_fmt = "gray16le"
        made.width, made.height = stream.width, stream.height
        made.codec_context.time_base = stream.period_s
        made.codec_context.thread_count = 1
        return made

    def add(self, pixels: npt.NDArray[Any]) -> None:
        """Append a frame of the stream's shape and type."""
        import av

        form = "rgb24" if self._colour else "gray16le"
        frame = av.VideoFrame.from_ndarray(pixels, format=form)
        frame.pts, frame.time_base = self.frames, self._stream.period_s
        self.frames += 1
        self._mux(frame)

    def finish(self) -> int:
        """Write what is pending and make the file whole; return the frames in it."""
        self._mux(None)
        self._container.close()
        self._file.close()
        if self._colour:
            _unfragment(self._part, self._path)
            self._part.unlink()
        else:
            self._part.rename(self._path)
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


def _unfragment(part: Path, path: Path) -> None:
    """Put the packets of a fragmented MP4 into a plain one; nothing is encoded again."""
    import av

    beside = path.with_name(path.name + ".tmp")
    try:
        with (
            av.open(part) as source,
            beside.open("xb") as file,
            av.open(file, "w", format="mp4") as whole,
        ):
            kept = source.streams.video[0]
            stream = whole.add_stream_from_template(kept)
            for packet in source.demux(kept):
                if packet.dts is not None:
                    packet.stream = stream
                    whole.mux(packet)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)  # a disk that is full has the fragments still
