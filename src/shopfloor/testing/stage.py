"""A made-up tray for trying brains and skills without a simulator.

Pictures are cast ray by ray from the parts' own shapes, so they are exact and need no GL;
limbs are where they were last told to be, and a jaw closes on a part or on nothing. There is no
physics, and a part does not move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.cell.camera import intrinsics, look_at
from shopfloor.cell.scene import COLOUR_RGB, stations
from shopfloor.order.part import footprint
from shopfloor.types import (
    CameraSpec,
    CellSpec,
    FloatArray,
    Frame,
    Goal,
    Intrinsics,
    LimbState,
    Lot,
    Observation,
    Order,
    Part,
    People,
    Rule,
    Select,
    Station,
    UInt8Array,
)

__all__ = ["STAGE_LOT", "Stage", "paint"]

_DT = 0.02
_TABLE_RGB = (165.0, 163.0, 160.0)
_FIELD = 2 * np.arctan(0.5 / 1.35)
_EYES = {
    "overview": ((0.0, 0.0, 1.35), (0.0, 0.0, 0.0), _FIELD),
    "front": ((0.0, -1.05, 0.72), (0.0, 0.02, 0.08), np.radians(42.0)),
}
_FLOOR_M = 0.003
_FAR_M = 100.0
_GRASP_M = 0.012
"""A jaw whose tip is this near to the middle of a part closes on it."""

STAGE_LOT = Lot(
    index=0,
    seed=7,
    parts=(
        Part("p0", "red", "cube", "large", -0.12, 0.06, 0.3),
        Part("p1", "red", "cylinder", "small", -0.09, -0.08, 0.0),
        Part("p2", "blue", "bar", "large", 0.03, 0.08, 1.1),
        Part("p3", "green", "cube", "small", 0.13, -0.05, -0.4),
        Part("p4", "yellow", "bar", "small", 0.02, -0.09, 2.2),
    ),
    totes=("A", "B"),
    orders=(
        Order(
            id="stage-0",
            instruction="Put all red parts into tote A.",
            language="en",
            goal=Goal((Rule(Select(colour="red"), "A"), Rule(Select(), None))),
            time_limit_s=120.0,
        ),
    ),
)
"""Five parts, two totes and one order."""


class Stage:
    """Observations of a body at a tray, as a cell would give them.

    Attributes:
        spec: The made-up cell.
        lot: What lies on the tray.
    """

    def __init__(self, body: Body, lot: Lot = STAGE_LOT) -> None:
        """Set the stage for a body."""
        self.lot = lot
        self._geometry = Geometry(body)
        self._stations = stations(lot.totes)
        cameras = {}
        for name, (eye, at, field) in _EYES.items():
            cameras[name] = CameraSpec(
                name=name,
                stream=intrinsics(224, 224, field),
                native=intrinsics(1280, 960, field),
                period_ticks=5,
                camera_in_world=look_at(eye, at),
            )
        self.spec = CellSpec("stage", "0" * 64, body.spec, cameras, _DT, changeover_s=10.0)
        self._drawn: dict[tuple[str, bool], tuple[UInt8Array, npt.NDArray[np.float32]]] = {}
        self._state: dict[str, tuple[FloatArray, FloatArray, float]] = {}
        self._held: dict[str, float] = {}
        self.home()

    def home(self) -> None:
        """Put all limbs back to their homes, jaws shut."""
        for name, limb in self.spec.body.limbs.items():
            self._state[name] = limb.q_home.copy(), np.zeros(limb.dof), 0.0
        self._held.clear()

    def hold_part(self, limb: str, width_m: float) -> None:
        """Put something of a width [m] into a limb's jaw."""
        q, qd, _ = self._state[limb]
        self._state[limb] = q, qd, width_m
        self._held[limb] = width_m

    def put(self, limb: str, q: FloatArray) -> None:
        """Let a limb stand at ``(dof,)`` joints [rad], as if it had always been there."""
        self._state[limb] = q.copy(), np.zeros(len(q)), self._state[limb][2]

    def move(self, limb: str, q: FloatArray, jaw_m: float | None) -> None:
        """Move a limb to ``(dof,)`` joints [rad] within a tick; its jaw opens or closes at once."""
        before, _, opening = self._state[limb]
        if jaw_m is not None:
            width = self._held.get(limb) or self._within(limb, q, opening)
            opening = max(jaw_m, width)
            self._held[limb] = width if jaw_m <= width else 0.0
        self._state[limb] = q.copy(), (q - before) / _DT, opening

    def _within(self, limb: str, q: FloatArray, opening: float) -> float:
        """Width of the part between the fingers there [m]; 0 without one."""
        pose = self._geometry.tool_pose(limb, q)
        for part in self.lot.parts:
            half_x, half_y, half_z = footprint(part).half_m
            away = float(np.hypot(pose[0, 3] - part.x_m, pose[1, 3] - part.y_m))
            if away > _GRASP_M or pose[2, 3] > _FLOOR_M + 2 * half_z:
                continue
            if footprint(part).round:
                return 2 * half_x
            turn = np.arctan2(pose[1, 0], pose[0, 0]) - part.yaw_rad
            width = 2 * (half_x * abs(np.cos(turn)) + half_y * abs(np.sin(turn)))
            return float(min(width, opening))
        return 0.0

    def observation(self, tick: int, *, views: Mapping[str, Frame] | None = None) -> Observation:
        """What a cell would tell at a tick; ``views`` are handed on as they are."""
        limbs = {}
        for name, (q, qd, opening) in self._state.items():
            pose = self._geometry.tool_pose(name, q)
            limbs[name] = LimbState(q.copy(), qd.copy(), pose, opening, np.zeros(6), q.copy())
        frames = {name: self.frame(name, tick // 5 * 5, native=False) for name in self.spec.cameras}
        stations = dict(self._stations)
        return Observation(tick, limbs, frames, dict(views or {}), stations, People())

    def frame(self, camera: str, tick: int, *, native: bool) -> Frame:
        """A picture of the stage without its limbs."""
        spec = self.spec.cameras[camera]
        lens = spec.native if native else spec.stream
        if (camera, native) not in self._drawn:
            # A copy for each stage: whoever is tried on it may scribble.
            pose = tuple(map(tuple, spec.camera_in_world.tolist()))
            pixels, depth = _painted(lens, pose, self.lot.parts, tuple(self._stations.values()))
            self._drawn[camera, native] = pixels.copy(), depth.copy()
        pixels, depth = self._drawn[camera, native]
        seq = tick if native else tick // spec.period_ticks
        return Frame(camera, pixels, depth, seq, tick, lens, spec.camera_in_world)

    def order(self, **changes: object) -> Order:
        """The stage's order as a brain gets it: without its goal."""
        return replace(self.lot.orders[0], **{"goal": Goal(()), **changes})  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _painted(
    lens: Intrinsics,
    pose: tuple[tuple[float, ...], ...],
    parts: tuple[Part, ...],
    floors: tuple[Station, ...],
) -> tuple[UInt8Array, npt.NDArray[np.float32]]:
    return paint(lens, np.array(pose), parts, floors)


def paint(
    lens: Intrinsics,
    camera_in_world: FloatArray,
    parts: Sequence[Part],
    floors: Sequence[Station] = (),
) -> tuple[UInt8Array, npt.NDArray[np.float32]]:
    """Cast a picture of parts that stand on a table.

    Args:
        lens: Of the picture.
        camera_in_world: ``(4, 4)`` pose, OpenCV axes.
        parts: Stand 3 mm above the table top, the plane z = 0.
        floors: Painted flat, a little darker than the table.

    Returns:
        ``(H, W, 3)`` uint8 RGB and ``(H, W)`` float32 distance along the optical axis [m].
    """
    u, v = np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5
    rays = np.ones((lens.height, lens.width, 3))
    rays[..., 0], rays[..., 1] = (u - lens.cx) / lens.fx, ((v - lens.cy) / lens.fy)[:, None]
    rays = rays @ camera_in_world[:3, :3].T
    eye = camera_in_world[:3, 3]
    falls = np.where(rays[..., 2] < -1e-6, rays[..., 2], np.nan)
    depth = np.nan_to_num(-eye[2] / falls, nan=_FAR_M)
    rgb = np.empty((lens.height, lens.width, 3))
    rgb[:] = _TABLE_RGB
    for floor in floors:
        x, y, z = floor.center_m
        box = [x, y, z], [s / 2 for s in floor.size_m[:2]] + [0.0]
        at = _window(lens, camera_in_world, *map(np.array, box))
        reach = (z - eye[2]) / falls[at]
        foot = np.abs(eye + reach[..., None] * rays[at] - floor.center_m)
        inside = (foot[..., 0] < floor.size_m[0] / 2) & (foot[..., 1] < floor.size_m[1] / 2)
        depth[at][inside] = reach[inside]
        rgb[at][inside] *= 0.72
    for part in parts:
        outline = footprint(part)
        half = np.array([outline.radius_m] * 2 + [outline.half_m[2]])
        middle = np.array([part.x_m, part.y_m, _FLOOR_M + half[2]])
        at = _window(lens, camera_in_world, middle, half)
        near, lit = _hit(part, eye, rays[at])
        seen = near < depth[at]
        depth[at][seen] = near[seen]
        rgb[at][seen] = 255 * np.array(COLOUR_RGB[part.colour]) * lit[seen, None]
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8), depth.astype(np.float32)


def _window(
    lens: Intrinsics, camera_in_world: FloatArray, middle: FloatArray, half: FloatArray
) -> tuple[slice, slice]:
    """Rows and columns of a picture that can show a box of the world; all if it is too near."""
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    seen = (middle + signs * half - camera_in_world[:3, 3]) @ camera_in_world[:3, :3]
    if seen[:, 2].min() < 1e-3:
        return slice(0, lens.height), slice(0, lens.width)
    columns = lens.fx * seen[:, 0] / seen[:, 2] + lens.cx
    rows = lens.fy * seen[:, 1] / seen[:, 2] + lens.cy
    return (
        slice(max(int(rows.min()) - 1, 0), max(int(rows.max()) + 2, 0)),
        slice(max(int(columns.min()) - 1, 0), max(int(columns.max()) + 2, 0)),
    )


def _hit(part: Part, eye: FloatArray, rays: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance along each ray to a part (infinite where missed), and how light its face is."""
    outline = footprint(part)
    half = np.array(outline.half_m)
    c, s = np.cos(part.yaw_rad), np.sin(part.yaw_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    start = (eye - (part.x_m, part.y_m, _FLOOR_M + half[2])) @ turn
    way = rays @ turn
    way = np.where(np.abs(way) < 1e-12, 1e-12, way)
    low, high = (-half - start) / way, (half - start) / way
    enters, leaves = np.minimum(low, high), np.maximum(low, high)
    if outline.round:
        a = way[..., 0] ** 2 + way[..., 1] ** 2
        b = way[..., 0] * start[0] + way[..., 1] * start[1]
        root = b * b - a * (start[0] ** 2 + start[1] ** 2 - half[0] ** 2)
        wide = np.sqrt(np.maximum(root, 0.0))
        missed = root < 0
        enters[..., 0] = enters[..., 1] = np.where(missed, np.inf, (-b - wide) / a)
        leaves[..., 0] = leaves[..., 1] = np.where(missed, -np.inf, (-b + wide) / a)
    near = enters.max(axis=-1)
    top = enters.argmax(axis=-1) == 2
    hit = (near < leaves.min(axis=-1)) & (near > 0)
    return np.where(hit, near, np.inf), np.where(top, 1.0, 0.7)
