"""What a stereo depth camera does to a picture of distances.

The noise belongs to the depth sensor, whose pixels are coarser than those of the native picture: it
is made on a grid of the sensor's own focal length and spread to the picture as a registered depth
image is, pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from shopfloor.cell.noise.level import DepthNoise
from shopfloor.types import UInt8Array

__all__ = [
    "BASELINE_M",
    "DISPARITY_PX",
    "FOCAL_PX",
    "Degraded",
    "degrade_depth",
    "incidence",
    "lateral_sigma",
    "stereo_sigma",
]

DISPARITY_PX = 0.08
FOCAL_PX = 424.0
BASELINE_M = 0.05
"""Error of the disparity, focal length and baseline of the stereo model: 3.8 mm at 1 m."""

_WINDOW_PX = 0.8
"""Standard deviation of the Gaussian by which neighbours share their noise [px of the sensor]: a
matching window sees them all."""
_EDGE_M = 0.01
"""Neighbours that differ by more lie on two surfaces."""
_STEEPEST = np.radians(82.0)
"""Nguyen, Izadi and Lovell measured up to there."""
_DARK = 60.0
"""Grey levels below which a surface gives the matcher less and less to hold on to."""
_GRAZING = np.radians((60.0, 80.0))
_LIKELIER = 12.0
"""How much likelier a reading is lost on a black or a grazing surface than elsewhere."""

Depth = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Degraded:
    """A depth picture with its faults, and where they are.

    Attributes:
        depth: ``(H, W)`` float32 [m]; 0 where nothing was measured.
        flying, dropped: ``(h, w)`` on the sensor's grid: what floats, what is missing.
    """

    depth: Depth
    flying: Mask
    dropped: Mask


def stereo_sigma(z: Depth | float, multiplier: float = 1.0) -> Depth:
    """Return the standard deviation of a stereo camera's depth [m], z² σ_d / (f B).

    From z = f B / d by linear propagation of the disparity's error; see Szeliski, Computer Vision,
    2nd ed., section 12.4.
    """
    return np.asarray(
        multiplier * DISPARITY_PX / (FOCAL_PX * BASELINE_M) * np.square(z), np.float32
    )


def lateral_sigma(theta: Depth | float) -> Depth:
    """Return how far to the side a pixel may look [px]: 0.8 + 0.035 θ / (π/2 - θ).

    Nguyen, Izadi and Lovell, Modeling Kinect Sensor Noise for Improved 3D Reconstruction and
    Tracking, 3DIMPVT 2012. ``theta`` is the angle between surface normal and view [rad].
    """
    capped = np.minimum(theta, _STEEPEST)
    return np.asarray(0.8 + 0.035 * capped / (np.pi / 2 - capped), np.float32)


def incidence(z: Depth, focal_px: float) -> Depth:
    """Return the angle between surface normal and optical axis [rad], from the slope of depth."""
    across = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    slope = cv2.magnitude(across, down) * np.float32(focal_px) / z
    return np.asarray(np.arctan(slope), np.float32)


def degrade_depth(
    depth: Depth,
    pixels: UInt8Array,
    noise: DepthNoise,
    rng: np.random.Generator,
    *,
    focal_px: float,
) -> Degraded:
    """Measure a depth picture as a worse camera would have.

    Args:
        depth: ``(H, W)`` float32 distance along the optical axis [m]; not changed.
        pixels: ``(H, W, 3)`` uint8 RGB of the same picture: dark surfaces lose more.
        noise: The level's parameters.
        rng: Of this picture.
        focal_px: Focal length of this picture [px].
    """
    height, width = depth.shape
    coarser = max(focal_px / FOCAL_PX, 1.0)
    size = max(round(width / coarser), 1), max(round(height / coarser), 1)
    z = np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST), np.float32)
    theta = incidence(z, focal_px / coarser)
    seen = _sideways(z, theta, noise.multiplier, rng)
    measured = seen + stereo_sigma(seen, noise.multiplier) * _correlated(z.shape, rng)
    flying = _floating(z, noise.flying, rng)
    if flying.any():
        near, far = _range(z)
        share = rng.random(int(flying.sum()), np.float32)
        measured[flying] = near[flying] + share * (far - near)[flying]
    np.maximum(measured, np.float32(1e-3), out=measured)
    grey = cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST).mean(axis=2)
    dropped = _lost(grey, theta, noise.dropout, rng)
    measured[dropped] = 0.0
    spread = cv2.resize(measured, (width, height), interpolation=cv2.INTER_NEAREST)
    return Degraded(np.asarray(spread, np.float32), flying, dropped)


def _correlated(shape: tuple[int, ...], rng: np.random.Generator) -> Depth:
    """Noise of mean 0 and deviation 1 that neighbours share."""
    kernel = np.asarray(cv2.getGaussianKernel(5, _WINDOW_PX, cv2.CV_32F))
    kernel = kernel / np.sqrt(np.square(kernel).sum())
    white = rng.standard_normal(shape, np.float32)
    return np.asarray(cv2.sepFilter2D(white, -1, kernel, kernel), np.float32)


def _sideways(z: Depth, theta: Depth, multiplier: float, rng: np.random.Generator) -> Depth:
    """Depth of where each pixel looks, which is a little to the side of where it should."""
    sigma = multiplier * lateral_sigma(theta)
    height, width = z.shape
    off = rng.standard_normal((2, height, width), np.float32) * sigma
    rows = np.rint(np.arange(height, dtype=np.float32)[:, None] + off[0]).astype(np.int32)
    columns = np.rint(np.arange(width, dtype=np.float32) + off[1]).astype(np.int32)
    np.clip(rows, 0, height - 1, out=rows)
    np.clip(columns, 0, width - 1, out=columns)
    return np.asarray(z[rows, columns])


def _range(z: Depth) -> tuple[Depth, Depth]:
    """Nearest and farthest surface around each pixel [m]."""
    around = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(z, around)), np.asarray(cv2.dilate(z, around))


def _floating(z: Depth, share: float, rng: np.random.Generator) -> Mask:
    """Which pixels float: the share asked for of the whole picture, all of them at depth edges."""
    near, far = _range(z)
    edge = far - near > _EDGE_M
    found = np.count_nonzero(edge)
    if not found or share <= 0:
        return np.zeros(z.shape, bool)
    return np.asarray(edge & (rng.random(z.shape, np.float32) < share * z.size / found))


def _lost(grey: Depth, theta: Depth, share: float, rng: np.random.Generator) -> Mask:
    """Which pixels have no reading: the share asked for, likelier where dark or grazing."""
    dark = np.clip(1 - grey / _DARK, 0, 1)
    low, high = _GRAZING
    grazing = np.clip((theta - low) / (high - low), 0, 1)
    weight = 1 + _LIKELIER * np.maximum(dark, grazing)
    chance = share * weight / weight.mean()
    for _ in range(3):  # what cannot be lost more than always is lost elsewhere
        missing = share - np.minimum(chance, 1).mean()
        chance *= 1 + missing / share if share > 0 else 1
    height, width = grey.shape
    coarse = rng.random((-(-height // 2), -(-width // 2)), np.float32)  # holes, not dust
    field = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[:height, :width]
    return np.asarray(field < chance)
