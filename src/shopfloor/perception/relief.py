"""What stands how high in a part of a picture, steadied where the camera is noisy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from shopfloor.perception.colour import GREY, colours
from shopfloor.perception.deproject import Window, cloud
from shopfloor.types import FloatArray, Frame, UInt8Array

__all__ = ["Relief", "depth_noise", "point", "relief"]

_LAG_M = 0.018
"""Pixels so far apart share no noise."""
_STRIDE = 3
_STEADY_M = 1e-3
"""Depth with less noise is taken as it is."""
_SMOOTH_M = 0.010
"""Farthest that depth is averaged over, one deviation of a Gaussian."""
_EDGE_M = 0.005
"""Depth so near to where the colour changes may belong to what is beside it."""
_BLUR = 1.1e-3
"""Pictures are blurred by so many focal lengths, where depth is noisy: about a millimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """A window of an RGB-D picture.

    Attributes:
        points: ``(h, w, 3)`` points in the world [m].
        pixels: ``(h, w, 3)`` uint8 RGB.
        colours: ``(h, w)`` places in ``colour.COLOURS``, or ``GREY``.
        noise_m: Standard deviation of the camera's depth [m]; 0 where it is steady.
    """

    points: FloatArray
    pixels: UInt8Array
    colours: npt.NDArray[np.uint8]
    noise_m: float

    @property
    def noisy(self) -> bool:
        """Whether a single pixel's depth cannot tell a top face from a side."""
        return self.noise_m > 0


@lru_cache(maxsize=4)
def depth_noise(frame: Frame) -> float:
    """Estimate the standard deviation of a frame's depth [m]; 0 if it is next to nothing.

    From second differences, which vanish on planes however they lie; the median of their size
    does not heed edges. For a normal variable the median of |x| is 0.6745 deviations, and
    a - 2b + c of three independent ones has √6 times the deviation of each.
    """
    depth = frame.depth
    if depth is None:
        return 0.0
    measured = depth[::_STRIDE, ::_STRIDE]
    lag = max(round(_LAG_M * _pixels_a_metre(frame) / _STRIDE), 1)
    a, b, c = measured[:, : -2 * lag], measured[:, lag:-lag], measured[:, 2 * lag :]
    there = (a > 0) & (b > 0) & (c > 0)
    if not there.any():
        return 0.0
    bend = np.abs(a - 2 * b + c)[there]
    sigma = float(np.median(bend)) / (0.6745 * np.sqrt(6))
    return sigma if sigma > _STEADY_M else 0.0


@lru_cache(maxsize=4)
def _pixels_a_metre(frame: Frame) -> float:
    """How many pixels a metre of what is seen takes, as a rule [px/m]."""
    if frame.depth is None:
        return frame.intrinsics.fx
    typical = float(np.median(frame.depth[::_STRIDE, ::_STRIDE]))
    return frame.intrinsics.fx / max(typical, 1e-3)


def relief(frame: Frame, part: Window) -> Relief:
    """Look at a window of an RGB-D frame.

    Where depth is noisy it is averaged with that of neighbours of the same colour, and holes are
    filled from them: a part keeps its edge, and what stands beside it its own height.

    Raises:
        SpecMismatch: The frame has no depth.
    """
    left, top, right, bottom = part
    noise = depth_noise(frame)
    if noise == 0 or frame.depth is None:
        pixels = frame.pixels[top:bottom, left:right]
        return Relief(cloud(frame, part), pixels, colours(pixels), 0.0)
    scale = _pixels_a_metre(frame)
    sigma = max(min(noise, _SMOOTH_M) * scale, 0.5)
    margin = int(np.ceil(3 * sigma))
    height, width = frame.depth.shape
    x0, y0 = max(left - margin, 0), max(top - margin, 0)
    x1, y1 = min(right + margin, width), min(bottom + margin, height)
    blur = max(_BLUR * frame.intrinsics.fx, 0.6)
    pixels = np.asarray(cv2.GaussianBlur(frame.pixels[y0:y1, x0:x1], (0, 0), blur), np.uint8)
    named = colours(pixels)
    depth = _averaged(frame.depth[y0:y1, x0:x1], named, sigma, max(round(_EDGE_M * scale), 1))
    whole = frame.depth.copy()
    whole[y0:y1, x0:x1] = depth
    inner = slice(top - y0, bottom - y0), slice(left - x0, right - x0)
    return Relief(cloud(replace(frame, depth=whole), part), pixels[inner], named[inner], noise)


def _averaged(
    depth: npt.NDArray[np.float32], named: npt.NDArray[np.uint8], sigma: float, edge: int
) -> npt.NDArray[np.float32]:
    """Average depth over neighbours of the same colour that are not right at its edge."""
    out = depth.copy()
    around = np.ones((2 * edge + 1, 2 * edge + 1), np.uint8)
    for name in np.unique(named):
        mask = named == name
        inner = cv2.erode(mask.astype(np.uint8), around, borderValue=1)
        counted = ((inner > 0) & (depth > 0)).astype(np.float32)
        share = cv2.GaussianBlur(counted, (0, 0), sigma)
        mean = cv2.GaussianBlur(counted * depth, (0, 0), sigma) / np.maximum(share, 1e-6)
        known = mask & (share > 0.02)
        out[known] = mean[known]
        lost = mask & ~known
        if lost.any():  # too small to have an inside: take what was read
            read = depth[lost & (depth > 0)]
            rest = float(np.median(read)) if read.size else float(np.median(depth))
            out[lost] = rest if name != GREY else np.where(depth[lost] > 0, depth[lost], rest)
    return out


def point(frame: Frame, u: float, v: float) -> FloatArray:
    """``(3,)`` point in the world [m] that is seen at pixel (u, v)."""
    height, width = frame.pixels.shape[:2]
    left, top = min(max(int(u), 0), width - 1), min(max(int(v), 0), height - 1)
    return np.asarray(relief(frame, (left, top, left + 1, top + 1)).points[0, 0])
