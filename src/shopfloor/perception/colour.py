"""Which pixels are coloured, and what the colour is called."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from shopfloor.types import UInt8Array

__all__ = ["COLOURS", "GREY", "colours"]

_HUES: Mapping[str, float] = {
    "red": 0.0,
    "orange": 25.0,
    "yellow": 52.0,
    "green": 128.0,
    "blue": 226.0,
    "purple": 280.0,
}
"""Typical hue of each colour name [deg]."""

COLOURS = tuple(_HUES)
"""Names by number."""
GREY = 255
"""Number of what has no colour: bench, totes and arms."""

_LEAST_SATURATION = 95  # of 255
_LEAST_VALUE = 30


def _nearest_hues() -> UInt8Array:
    hue = np.arange(256)[:, None] * 360 / 256
    gap = np.abs(hue - np.array(list(_HUES.values())))
    return np.asarray(np.argmin(np.minimum(gap, 360 - gap), axis=1), np.uint8)


_NEAREST_HUE = _nearest_hues()


def colours(pixels: UInt8Array) -> npt.NDArray[np.uint8]:
    """Name the colour of every pixel.

    Args:
        pixels: ``(H, W, 3)`` uint8 RGB.

    Returns:
        ``(H, W)`` places in ``COLOURS``, or ``GREY``.
    """
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV_FULL)
    coloured = (hsv[..., 1] > _LEAST_SATURATION) & (hsv[..., 2] > _LEAST_VALUE)
    return np.where(coloured, _NEAREST_HUE[hsv[..., 0]], np.uint8(GREY))
