"""Between pixels and the world, through depth, intrinsics and the calibrated camera pose."""

from __future__ import annotations

import numpy as np

from shopfloor.errors import SpecMismatch
from shopfloor.types import FloatArray, Frame

__all__ = ["Window", "at_height", "cloud", "pixel", "window"]

Window = tuple[int, int, int, int]
"""Columns and rows of a part of a picture: (left, top, right, bottom), right and bottom beyond."""


def pixel(frame: Frame, points_in_world: FloatArray) -> FloatArray:
    """Project ``(n, 3)`` points in the world [m] to ``(n, 2)`` pixel coordinates (u, v) [px]."""
    pose, lens = frame.camera_in_world, frame.intrinsics
    seen = (points_in_world - pose[:3, 3]) @ pose[:3, :3]
    return np.stack(
        [
            lens.fx * seen[:, 0] / seen[:, 2] + lens.cx,
            lens.fy * seen[:, 1] / seen[:, 2] + lens.cy,
        ],
        axis=1,
    )


def window(frame: Frame, points_in_world: FloatArray) -> Window:
    """Smallest window of the picture that holds all of the ``(n, 3)`` points, cut at its rim."""
    uv = pixel(frame, points_in_world)
    height, width = frame.pixels.shape[:2]
    left, top = np.clip(np.floor(uv.min(axis=0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(uv.max(axis=0)), 0, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def cloud(frame: Frame, part: Window) -> FloatArray:
    """Deproject a window of an RGB-D frame.

    Returns:
        ``(h, w, 3)`` points in the world [m].

    Raises:
        SpecMismatch: The frame has no depth.
    """
    if frame.depth is None:
        raise SpecMismatch(f"a frame of camera {frame.camera!r} has no depth to deproject")
    left, top, right, bottom = part
    lens, pose = frame.intrinsics, frame.camera_in_world
    z = frame.depth[top:bottom, left:right]
    x = (np.arange(left, right, dtype=np.float32) + np.float32(0.5 - lens.cx)) / np.float32(lens.fx)
    y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - lens.cy)) / np.float32(lens.fy)
    rays = np.empty((*z.shape, 3), np.float32)
    rays[..., 0] = x
    rays[..., 1] = y[:, None]
    rays[..., 2] = 1.0
    rotated = rays @ pose[:3, :3].T.astype(np.float32)
    return np.asarray(z[..., None] * rotated + pose[:3, 3].astype(np.float32))


def at_height(frame: Frame, points: FloatArray, height_m: float) -> FloatArray:
    """Where the rays to ``(n, 3)`` points in the world pass a height: ``(n, 2)`` x and y [m]."""
    eye = frame.camera_in_world[:3, 3]
    share = (height_m - eye[2]) / (points[:, 2] - eye[2])
    return np.asarray(eye[:2] + share[:, None] * (points[:, :2] - eye[:2]))
