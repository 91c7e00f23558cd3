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

from shopfloor.cell.noise.draw import chance, gaussian
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
_TAPS = np.asarray(cv2.getGaussianKernel(5, _WINDOW_PX, cv2.CV_32F))
_KERNEL = _TAPS / np.sqrt(np.square(_TAPS).sum())
_EDGE_M = 0.01
"""Neighbours that differ by more lie on two surfaces."""
_STEEPEST = float(np.radians(82.0))
"""Nguyen, Izadi and Lovell measured up to there."""
_DARK = 60.0
"""Grey levels below which a surface gives the matcher less and less to hold on to."""
_GRAZING = (float(np.radians(60.0)), float(np.radians(80.0)))
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
    scale = np.float32(multiplier * DISPARITY_PX / (FOCAL_PX * BASELINE_M))
    return np.asarray(scale * np.square(z), np.float32)


def lateral_sigma(theta: Depth | float) -> Depth:
    """Return how far to the side a pixel may look [px]: 0.8 + 0.035 θ / (π/2 - θ).

    Nguyen, Izadi and Lovell, Modeling Kinect Sensor Noise for Improved 3D Reconstruction and
    Tracking, 3DIMPVT 2012. ``theta`` is the angle between surface normal and view [rad].
    """
    capped = np.minimum(theta, _STEEPEST)
    return np.asarray(0.8 + 0.035 * capped / (float(np.pi / 2) - capped), np.float32)


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
    measured = _sideways(z, theta, noise.multiplier, rng)
    measured += stereo_sigma(measured, noise.multiplier) * _correlated(z.shape, rng)
    flying = _float(z, measured, noise.flying, rng)
    np.maximum(measured, np.float32(1e-3), out=measured)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dropped = _lost(grey, theta, flying, noise.dropout, rng)
    measured[dropped] = 0.0
    spread = cv2.resize(measured, (width, height), interpolation=cv2.INTER_NEAREST)
    return Degraded(np.asarray(spread, np.float32), flying, dropped)


def _correlated(shape: tuple[int, ...], rng: np.random.Generator) -> Depth:
    """Noise of mean 0 and deviation 1 that neighbours share."""
    white = gaussian(rng, shape)
    return np.asarray(cv2.sepFilter2D(white, -1, _KERNEL, _KERNEL), np.float32)


def _sideways(z: Depth, theta: Depth, multiplier: float, rng: np.random.Generator) -> Depth:
    """Depth of where each pixel looks, which is a little to the side of where it should."""
    height, width = z.shape
    off = gaussian(rng, (2, height, width)) * (multiplier * lateral_sigma(theta))
    rows = np.rint(off[0], out=off[0]).astype(np.int32)
    columns = np.rint(off[1], out=off[1]).astype(np.int32)
    rows += np.arange(height, dtype=np.int32)[:, None]
    columns += np.arange(width, dtype=np.int32)
    np.clip(rows, 0, height - 1, out=rows)
    np.clip(columns, 0, width - 1, out=columns)
    rows *= width
    rows += columns
    return np.asarray(z.ravel().take(rows, mode="clip"))


def _float(z: Depth, measured: Depth, share: float, rng: np.random.Generator) -> Mask:
    """Let the share asked for of the picture float, all of it at depth edges; says which."""
    around = np.ones((3, 3), np.uint8)
    near, far = np.asarray(cv2.erode(z, around)), np.asarray(cv2.dilate(z, around))
    edge = far - near > _EDGE_M
    found = int(np.count_nonzero(edge))
    flying = edge & chance(rng, min(share * z.size / max(found, 1), 1.0), z.shape)
    rows, columns = np.nonzero(flying)
    low, high = near[rows, columns], far[rows, columns]
    measured[rows, columns] = low + rng.random(len(rows), np.float32) * (high - low)
    return np.asarray(flying)


def _lost(grey: Depth, theta: Depth, flying: Mask, share: float, rng: np.random.Generator) -> Mask:
    """Which pixels have no reading: the share asked for, likelier where dark or grazing.

    What floats was read, so it is not lost.
    """
    low, high = _GRAZING
    hard: Depth = np.maximum(1 - grey / _DARK, (theta - low) / (high - low))
    weight: Depth = np.asarray(1 + _LIKELIER * np.clip(hard, 0, 1), np.float32)
    weight[flying] = 0
    likely = np.minimum(share / float(weight.mean()) * weight, 1)
    if likely.max() == 1:  # what cannot be lost more than always is lost elsewhere
        likely = np.minimum(likely * (share / float(likely.mean())), 1)
    height, width = grey.shape
    coarse = rng.integers(0, 1 << 16, (-(-height // 2), -(-width // 2)), np.uint16)
    holes = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]), interpolation=0)
    return np.asarray(holes[:height, :width] < likely * (1 << 16))
