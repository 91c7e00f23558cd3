"""What a colour camera and its wire do to a picture, in the order in which it happens."""

from __future__ import annotations

import cv2
import numpy as np

from shopfloor.cell.noise.draw import gaussian
from shopfloor.cell.noise.level import PictureNoise
from shopfloor.errors import RenderError
from shopfloor.types import UInt8Array

__all__ = ["WHITE_BALANCE", "degrade_picture", "exposed"]

WHITE_BALANCE = 0.15
"""Red and blue are off by up to this share of the exposure error, in stops; ours, for want of a
figure that holds for every camera."""


def degrade_picture(
    pixels: UInt8Array, noise: PictureNoise, rng: np.random.Generator, *, blur_px: float
) -> UInt8Array:
    """Take a picture as a worse camera would have taken it.

    Light first, then what moves while the shutter is open, then the sensor, then the wire:
    exposure and white balance, motion blur, Gaussian noise, JPEG.

    Args:
        pixels: ``(H, W, 3)`` uint8 RGB; not changed.
        noise: The level's parameters.
        rng: Of this picture.
        blur_px: Length of the motion blur in pixels of this picture.
    """
    ev = rng.uniform(-1, 1) * noise.exposure_ev
    red, blue = rng.uniform(-1, 1, 2) * WHITE_BALANCE * noise.exposure_ev
    angle = rng.uniform(0, np.pi)
    out = exposed(pixels, (ev + red, ev, ev + blue))
    if blur_px > 0:
        out = np.asarray(cv2.filter2D(out, -1, _line(blur_px, angle)), np.uint8)
    if noise.sigma > 0:
        grain = gaussian(rng, out.shape)
        grain *= np.float32(noise.sigma)
        out = np.asarray(cv2.add(out, grain, dtype=cv2.CV_8U), np.uint8)
    return out if noise.jpeg_quality is None else _compressed(out, noise.jpeg_quality)


def exposed(pixels: UInt8Array, stops: tuple[float, float, float]) -> UInt8Array:
    """Change the exposure of red, green and blue, in linear light.

    The pixels are sRGB (IEC 61966-2-1); a stop doubles the light, and what exceeds white is lost.
    """
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    more = np.minimum(light[:, None] * np.exp2(stops), 1.0)
    back = np.where(more <= 0.0031308, more * 12.92, 1.055 * more ** (1 / 2.4) - 0.055)
    table = np.rint(255 * back).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table[None]), np.uint8)


def _line(length: float, angle: float) -> np.ndarray:
    """Kernel of a straight motion of ``length`` [px], anti-aliased, of sum 1."""
    half = int(np.ceil(length / 2))
    size, fine = 2 * half + 1, 8
    steps = np.linspace(-length / 2, length / 2, max(int(length * fine), 2))
    x, y = steps * np.cos(angle) + half, steps * np.sin(angle) + half
    kernel = np.zeros((size + 1, size + 1), np.float32)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - left, y - top
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = np.abs(1 - dx - right) * np.abs(1 - dy - down)
        np.add.at(kernel, (top + dy, left + dx), weight)
    return np.asarray(kernel[:size, :size] / kernel[:size, :size].sum())


def _compressed(pixels: UInt8Array, quality: int) -> UInt8Array:
    """What is left of a picture after JPEG at a quality from 1 to 100."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise RenderError("OpenCV could not compress a picture as JPEG; reinstall opencv")
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.asarray(cv2.cvtColor(back, cv2.COLOR_BGR2RGB), np.uint8)
