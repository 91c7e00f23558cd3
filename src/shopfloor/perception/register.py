"""Corrects where a camera is believed to be by fixtures whose places are taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from shopfloor.perception.colour import GREY, colours
from shopfloor.perception.deproject import pixel
from shopfloor.types import FloatArray, Frame, Station

__all__ = ["registered"]

_WORTH_M = 0.0015
"""Corrections that move nothing on the tray by more than this are not made."""
_MARGIN_M = 0.040
"""Floors are looked at so far from their walls: these hide some, and the pose may be off."""
_PITCH_M = 0.0035
_LEAST_FLOOR = 300
"""Samples of floors that a correction needs."""
_SEARCH_M = 0.016
"""How far from where it should be a rim is looked for."""
_STEP_M = 0.0005
_STEPS = np.arange(-_SEARCH_M, _SEARCH_M + 1e-9, _STEP_M)
_SEGMENTS, _LINES = 10, 9
_SIDE = 8
"""Samples on each side of a step, 4 mm."""
_LEAST_STEP = 4.0
"""Grey levels that a step must have."""
_AGREE_M = 0.003
"""Stretches of a rim that fit worse are something else, such as an arm in front of it."""


def registered(frame: Frame, stations: Mapping[str, Station]) -> Frame:
    """Return a frame with the camera's pose corrected, or the frame itself if that is good enough.

    The floors of all stations, as depth shows them, tell height and tilt; the rim of the tray,
    as the picture shows it, tells the place and the turn about the vertical. A camera's pose is
    known by calibration, and fixtures by touching them with a robot, which is ten times better.
    """
    if frame.depth is None or "tray" not in stations:
        return frame
    return _registered(frame, tuple(stations.values()), stations["tray"])


@lru_cache(maxsize=4)  # a view is looked at once for every part that is picked from it
def _registered(frame: Frame, stations: tuple[Station, ...], tray: Station) -> Frame:
    level = _level(frame, stations)
    found, best = frame, 0
    for pose in (_turned(frame.camera_in_world, level, np.array(tray.center_m)),
                 _turned(frame.camera_in_world, level, frame.camera_in_world[:3, 3])):  # fmt: skip
        moved, agree = _aligned(replace(frame, camera_in_world=pose), tray)
        if agree > best:
            found, best = replace(frame, camera_in_world=moved), agree
    moved = _corners(tray) - _through(frame, found, _corners(tray))
    return found if np.abs(moved).max() > _WORTH_M else frame


def _corners(tray: Station) -> FloatArray:
    (cx, cy, cz), (sx, sy, _) = tray.center_m, tray.size_m
    return np.array([[cx + a * sx / 2, cy + b * sy / 2, cz] for a in (-1, 1) for b in (-1, 1)])


def _through(one: Frame, other: Frame, points: FloatArray) -> FloatArray:
    """Where the other frame's pose puts what the first one's sees at these points."""
    back = other.camera_in_world @ np.linalg.inv(one.camera_in_world)
    return np.asarray(points @ back[:3, :3].T + back[:3, 3])


def _turned(pose: FloatArray, level: FloatArray, about: FloatArray) -> FloatArray:
    """The pose, turned about a point until floors are level, and raised to their height.

    Whether the camera is turned or shifted is not told by floors: turned about itself it sees the
    tray elsewhere, turned about the tray where it was.
    """
    turn, _ = cv2.Rodrigues(np.array([level[0], level[1], 0.0]))
    out = pose.copy()
    out[:3, :3] = turn @ pose[:3, :3]
    out[:3, 3] = about + turn @ (pose[:3, 3] - about)
    away = about - pose[:3, 3]
    out[2, 3] += level[2] + level[0] * away[1] - level[1] * away[0]
    return out


def _level(frame: Frame, stations: tuple[Station, ...]) -> FloatArray:
    """``(3,)`` turn about x and y through the camera [rad] and rise [m] that level all floors."""
    pose, depth = frame.camera_in_world, frame.depth
    places = np.concatenate([_floor(station) for station in stations])
    uv = np.floor(pixel(frame, places)).astype(int)
    height, width = frame.pixels.shape[:2]
    inside = ((uv >= 0) & (uv < (width, height))).all(axis=1)
    places, (columns, rows) = places[inside], uv[inside].T
    none = np.zeros(3)
    if len(places) < _LEAST_FLOOR or depth is None:
        return none
    blurred = cv2.GaussianBlur(frame.pixels, (3, 3), 0)
    z = depth[rows, columns].astype(float)
    plain = (z > 0) & (colours(np.asarray(blurred, np.uint8)[rows, columns][None])[0] == GREY)
    lens = frame.intrinsics
    rays = np.column_stack(
        [(columns + 0.5 - lens.cx) / lens.fx, (rows + 0.5 - lens.cy) / lens.fy, np.ones(len(rows))]
    )
    away = (z[:, None] * rays) @ pose[:3, :3].T  # from the camera, in the world's axes
    high = pose[2, 3] + away[:, 2] - places[:, 2]
    # A small turn w about the camera lifts a point at d by (w x d)_z = w_x d_y - w_y d_x.
    lever = np.column_stack([away[:, 1], -away[:, 0], np.ones(len(away))])
    keep, w = plain, none
    for _ in range(4):
        if keep.sum() < _LEAST_FLOOR:
            return none
        w = np.linalg.lstsq(lever[keep], -high[keep], rcond=None)[0]
        left = high + lever @ w
        middle = np.median(left[keep])
        spread = 1.4826 * np.median(np.abs(left[keep] - middle))
        keep = plain & (np.abs(left - middle) < 3 * spread + 0.002)
    return np.asarray(w)


def _floor(station: Station) -> FloatArray:
    """``(n, 3)`` places on the floor of a station, clear of its walls."""
    (cx, cy, cz), (sx, sy, _) = station.center_m, station.size_m
    half = max(sx / 2 - _MARGIN_M, 0.0), max(sy / 2 - _MARGIN_M, 0.0)
    xs, ys = (np.arange(-h, h + 1e-9, _PITCH_M) for h in half)
    x, y = np.meshgrid(cx + xs, cy + ys)
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, cz)])


def _aligned(frame: Frame, tray: Station) -> tuple[FloatArray, int]:
    """The pose, shifted and turned about the vertical until the tray's rim is where it is.

    Also says how many stretches of the rim agree; 0 where too few do.
    """
    middle, normal = _stretches(tray)
    off, strong = _edges(_profiles(frame, tray, middle, normal), _STEPS)
    # An edge at p moved by (t + turn x p) shows along its normal; walls stand out by g everywhere.
    cross = -middle[:, 1] * normal[:, 0] + middle[:, 0] * normal[:, 1]
    design = np.column_stack([normal, cross, np.ones(len(normal))])
    keep, x, left = strong, np.zeros(4), off
    for _ in range(5):
        sides = {tuple(n) for n in normal[keep]}
        if len(sides) < 4 or keep.sum() < 2 * _SEGMENTS:
            return frame.camera_in_world, 0
        x = np.linalg.lstsq(design[keep], off[keep], rcond=None)[0]
        left = off - design @ x
        typical = 1.4826 * np.median(np.abs(left[keep]))
        keep = strong & (np.abs(left) < max(2.5 * typical, 0.0008))
    if np.abs(left[keep]).max() > _AGREE_M:
        return frame.camera_in_world, 0
    # The rim is seen moved by (t, turn): take that off.
    centre, (c, s) = np.array(tray.center_m[:2]), (np.cos(-x[2]), np.sin(-x[2]))
    back = np.eye(4)
    back[:2, :2] = [[c, -s], [s, c]]
    back[:2, 3] = centre - back[:2, :2] @ (centre + x[:2])
    return np.asarray(back @ frame.camera_in_world), int(keep.sum())


def _stretches(tray: Station) -> tuple[FloatArray, FloatArray]:
    """Middles of stretches of the rim, seen from the tray's centre [m], and their outward normals.

    Both are ``(n, 2)``.
    """
    half = np.array(tray.size_m[:2]) / 2
    middles, normals = [], []
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            for along in np.linspace(-0.85, 0.85, _SEGMENTS) * half[1 - axis]:
                at, normal = np.empty(2), np.zeros(2)
                at[axis], at[1 - axis], normal[axis] = side * half[axis], along, side
                middles.append(at)
                normals.append(normal)
    return np.array(middles), np.array(normals)


def _profiles(frame: Frame, tray: Station, middle: FloatArray, normal: FloatArray) -> FloatArray:
    """``(n, steps)`` grey levels across each stretch of the rim, the median of some lines."""
    spread = np.linspace(-0.08, 0.08, _LINES) * min(tray.size_m[:2])
    places = (
        middle[:, None, None]
        + _STEPS[None, None, :, None] * normal[:, None, None]
        + spread[None, :, None, None] * normal[:, None, None, ::-1]
    )
    flat = places.reshape(-1, 2) + np.array(tray.center_m[:2])
    height = tray.center_m[2] + tray.size_m[2]
    uv = pixel(frame, np.column_stack([flat, np.full(len(flat), height)])) - 0.5
    u, v = (column[None].astype(np.float32) for column in uv.T)
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
    seen = cv2.remap(grey, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.median(seen.reshape(places.shape[:3]).astype(float), axis=1))


def _edges(profile: FloatArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where each profile has its largest step [m], and whether that stands out.

    A step is the difference between what lies on either side over ``_SIDE`` samples: a dark line,
    such as the foot of a wall, is none.
    """
    total = np.cumsum(np.pad(profile, ((0, 0), (1, 0))), axis=1)
    mean = (total[:, _SIDE:] - total[:, :-_SIDE]) / _SIDE
    rise = np.abs(mean[:, _SIDE:] - mean[:, :-_SIDE])
    best = np.clip(rise.argmax(axis=1), 1, rise.shape[1] - 2)
    rows = np.arange(len(best))
    before, at, after = rise[rows, best - 1], rise[rows, best], rise[rows, best + 1]
    bend = np.minimum(before - 2 * at + after, -1e-9)
    found = np.interp(best + 0.5 * (before - after) / bend, np.arange(len(steps)), steps)
    return found + (_SIDE - 0.5) * _STEP_M, at > _LEAST_STEP
