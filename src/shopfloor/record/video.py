"""Which videos a cell's cameras make, who takes their frames, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt, SpecMismatch
from shopfloor.record.film import PART, Stream, depth_m, film_name
from shopfloor.types import CellSpec, UInt8Array

__all__ = ["DEPTH", "VIEWS", "FrameSink", "read_depth", "read_video", "streams"]

VIEWS = ".views"
"""What is added to a camera's name for the pictures that were taken on request."""

_SMALLEST = 16


DEPTH = ".depth"
"""What is added to a camera's name for the depth of its stream."""


def streams(spec: CellSpec, *, depth: bool = False) -> dict[str, Stream]:
    """Return the recorded streams of a cell by camera, and its views as ``CAMERA.views``.

    A view is a picture at native resolution that was taken for the brain. Views come whenever
    somebody looks, so their video shows one a second and their ticks stand in the log. With
    ``depth`` there is ``CAMERA.depth``, too.

    Raises:
        SpecMismatch: A camera's pictures cannot be encoded.
    """
    tick_s = Fraction(spec.control_dt).limit_denominator(1_000_000)
    found = {}
    for name, camera in spec.cameras.items():
        if Path(film_name(name)).name != film_name(name):
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
        if depth:
            plain = found[name]
            found[f"{name}{DEPTH}"] = Stream(plain.width, plain.height, plain.period_s, "depth")
    return found


class FrameSink(Protocol):
    """Where a recorder hands the pixels of new frames, one lot at a time."""

    def start(self, folder: Path, streams: Mapping[str, Stream]) -> None:
        """Begin a lot whose videos go into ``folder``."""
        ...

    def add(self, camera: str, pixels: npt.NDArray[Any]) -> None:
        """Take one frame of a stream; its memory may be used again at once."""
        ...

    def finish(self) -> Mapping[str, int]:
        """Wait until the lot's videos are whole; return the frames in each that has any."""
        ...

    def abandon(self) -> None:
        """Give the lot up; its files are closed and may be removed."""
        ...

    def close(self) -> None:
        """Give back what the sink holds."""
        ...


def read_video(path: Path) -> Iterator[UInt8Array]:
    """Yield the pictures of a video, ``(H, W, 3)`` uint8 RGB.

    Of a film that was never finished (``PATH.part``) what is whole is read.

    Raises:
        RunCorrupt: The file is missing, or no video.
    """
    for frame in _frames(path, "rgb24"):
        yield np.asarray(frame, dtype=np.uint8)


def read_depth(path: Path) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the depth of a stream, ``(H, W)`` float32 [m], in steps of 0.1 mm; 0 is nothing.

    Raises:
        RunCorrupt: The file is missing, or no video.
    """
    for frame in _frames(path, "gray16le"):
        yield depth_m(np.asarray(frame, dtype=np.uint16))


def _frames(path: Path, form: str) -> Iterator[npt.NDArray[Any]]:
    import av

    part = path.with_name(path.name + PART)
    cut_short = not path.exists() and part.exists()
    try:
        with av.open(part if cut_short else path) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format=form)
    except (OSError, av.FFmpegError, IndexError) as error:
        if not cut_short:
            raise RunCorrupt(f"{path} cannot be read as a video: {error}") from error
