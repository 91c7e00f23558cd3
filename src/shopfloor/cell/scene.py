"""The sorting cell as a MuJoCo scene: table, tray, totes, parts, light, cameras.

Everything that varies comes from the generator that is handed in; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import mujoco
import numpy as np

from shopfloor.body.contract import Body
from shopfloor.order.part import footprint
from shopfloor.types import FloatArray, Lot, Part, Station

__all__ = ["COLOUR_RGB", "TIMESTEP_S", "TOTE_SLOTS", "TRAY", "build", "stations"]

TIMESTEP_S = 0.002
"""Physics substep [s]. At twice this the shift runs a quarter faster, but parts that lie on parts
never come to rest."""

TRAY = Station("tray", (0.0, 0.0, 0.003), (0.38, 0.32, 0.006))
"""Where the parts lie at the start."""

_TOTE_SIZE = (0.20, 0.22, 0.07)
TOTE_SLOTS = (
    (0.0, 0.295, 0.003),
    (0.0, -0.295, 0.003),
    (-0.30, -0.295, 0.003),
    (0.30, 0.295, 0.003),
)
"""Floor centres of the tote places in the world [m]; a lot with n totes uses the first n. Both
arms reach the first two, only one arm each of the others."""

COLOUR_RGB: Mapping[str, tuple[float, float, float]] = {
    "red": (0.80, 0.08, 0.08),
    "orange": (0.95, 0.42, 0.04),
    "yellow": (0.92, 0.80, 0.08),
    "green": (0.10, 0.55, 0.16),
    "blue": (0.08, 0.24, 0.75),
    "purple": (0.45, 0.14, 0.62),
}

_WORLD = {"contype": 1, "conaffinity": 7}
_GHOST = {"contype": 0, "conaffinity": 0}
_DENSITY = 900.0  # [kg/m3], a printed plastic
_WALL = 0.004


def stations(totes: Sequence[str]) -> dict[str, Station]:
    """Taught fixtures for totes named in the order of their slots, and the tray."""
    placed = {
        name: Station(name, slot, _TOTE_SIZE) for name, slot in zip(totes, TOTE_SLOTS, strict=False)
    }
    return {**placed, "tray": TRAY}


def build(
    body: Body, lot: Lot, cameras: Mapping[str, tuple[FloatArray, float]], rng: np.random.Generator
) -> mujoco.MjSpec:
    """Set up one lot.

    Args:
        body: Stands at its own place.
        lot: Parts and totes.
        cameras: Pose ``(4, 4)`` in the world (OpenCV axes) and vertical field of view [rad].
        rng: Draws light, textures and shades.
    """
    scene = mujoco.MjSpec()
    scene.compiler.degree = False
    scene.option.timestep = TIMESTEP_S
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    scene.option.impratio = 5.0
    scene.option.iterations = 30
    # Quality for software GL, on purpose: no shadow map, no multisampling, few facets, one light.
    scene.visual.quality.shadowsize = 0
    scene.visual.quality.offsamples = 0
    scene.visual.quality.numslices = 16
    scene.visual.quality.numstacks = 8
    scene.visual.quality.numquads = 1
    scene.visual.global_.offwidth = 1280
    scene.visual.global_.offheight = 960
    scene.visual.map.znear = 0.1
    scene.visual.map.zfar = 4.0
    scene.stat.extent = 1.0
    scene.stat.center = [0, 0, 0.2]
    _light(scene, rng)
    _table(scene, rng)
    _wall(scene, rng)
    _bin(scene, TRAY, _grey(rng, 0.42, 0.50), 0.006)
    for name, station in stations(lot.totes).items():
        if name != "tray":
            _bin(scene, station, _grey(rng, 0.62, 0.74), _WALL)
            _label(scene, station)
    body.attach(scene)
    for part in lot.parts:
        _part(scene, part, rng)
    for name, (pose, fovy) in cameras.items():
        scene.worldbody.add_camera(
            name=name,
            pos=pose[:3, 3],
            quat=_quat(pose[:3, :3] @ np.diag([1.0, -1.0, -1.0])),  # MuJoCo looks along -z
            fovy=np.degrees(fovy),
        )
    return scene


def _quat(rotation: FloatArray) -> FloatArray:
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(rotation).ravel())
    return quat


def _grey(rng: np.random.Generator, low: float, high: float) -> list[float]:
    level = rng.uniform(low, high)
    return [*(level + rng.uniform(-0.015, 0.015, 3)), 1.0]


def _light(scene: mujoco.MjSpec, rng: np.random.Generator) -> None:
    warmth = rng.uniform(-0.04, 0.04)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    scene.visual.headlight.ambient = [0.0] * 3
    scene.visual.headlight.diffuse = [0.0] * 3
    scene.visual.headlight.specular = [0.0] * 3
    angle = rng.uniform(0, 2 * np.pi)
    scene.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=[0.6 * np.cos(angle), 0.6 * np.sin(angle), -1.0],
        diffuse=rng.uniform(0.55, 0.75) * tint,
        ambient=rng.uniform(0.32, 0.42) * tint,
        specular=[0.1] * 3,
        castshadow=False,
    )


def _table(scene: mujoco.MjSpec, rng: np.random.Generator) -> None:
    # A worn bench top: broad stains and fine grain around a grey, so that no two lots look alike.
    coarse = cv2.resize(rng.normal(0, 7, (9, 9)).astype(np.float32), (256, 256), interpolation=2)
    level = rng.uniform(150, 190) + coarse + rng.normal(0, 3, (256, 256))
    tint = rng.uniform(0.97, 1.03, 3)
    picture = np.clip(level[..., None] * tint, 0, 255).astype(np.uint8)
    _texture(scene, "table", picture)
    scene.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[1.0, 0.65, 0.02],
        pos=[0, 0, -0.02],
        material="table",
        **_WORLD,
    )


def _wall(scene: mujoco.MjSpec, rng: np.random.Generator) -> None:
    """The wall of the hall behind the bench, for cameras that look past it."""
    scene.worldbody.add_geom(
        name="wall",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[2.2, 0.02, 1.2],
        pos=[0, 1.4, 0.2],
        rgba=_grey(rng, 0.60, 0.78),
        **_GHOST,
    )


def _texture(scene: mujoco.MjSpec, name: str, picture: np.ndarray) -> None:
    height, width, channels = picture.shape
    texture = scene.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=width,
        height=height,
        nchannel=channels,
    )
    texture.data = picture.tobytes()
    material = scene.add_material(name=name)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    material.specular = 0.1


def _bin(scene: mujoco.MjSpec, station: Station, rgba: list[float], wall: float) -> None:
    """An open box: a floor and four walls around the station's inner size."""
    cx, cy, cz = station.center_m
    sx, sy, sz = (s / 2 for s in station.size_m)
    shade = [0.92 * c for c in rgba[:3]] + [1.0]
    boxes = [
        ((cx, cy, cz / 2), (sx, sy, cz / 2), shade),
        ((cx - sx - wall / 2, cy, cz + sz), (wall / 2, sy + wall, sz), rgba),
        ((cx + sx + wall / 2, cy, cz + sz), (wall / 2, sy + wall, sz), rgba),
        ((cx, cy - sy - wall / 2, cz + sz), (sx, wall / 2, sz), rgba),
        ((cx, cy + sy + wall / 2, cz + sz), (sx, wall / 2, sz), rgba),
    ]
    for i, (pos, size, colour) in enumerate(boxes):
        scene.worldbody.add_geom(
            name=f"{station.name}/{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=pos,
            size=size,
            rgba=colour,
            **_WORLD,
        )


def _label(scene: mujoco.MjSpec, station: Station) -> None:
    """A plate with the tote's letter on the bench beside it."""
    plate = np.full((96, 96, 3), 245, np.uint8)
    cv2.rectangle(plate, (3, 3), (92, 92), (30, 30, 30), 3)
    (width, height), _ = cv2.getTextSize(station.name, cv2.FONT_HERSHEY_DUPLEX, 2.6, 5)
    cv2.putText(
        plate,
        station.name,
        ((96 - width) // 2, (96 + height) // 2),
        cv2.FONT_HERSHEY_DUPLEX,
        2.6,
        (20, 20, 20),
        5,
        cv2.LINE_AA,
    )
    _texture(scene, f"label {station.name}", plate)
    cx, cy, _ = station.center_m
    side = 1.0 if cy > 0 else -1.0
    scene.worldbody.add_geom(
        name=f"label {station.name}",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        # Far enough out that the tote's wall doesn't hide it from above.
        pos=[cx, cy + side * (station.size_m[1] / 2 + 0.058), 0.001],
        size=[0.028, 0.028, 0.001],
        material=f"label {station.name}",
        **_GHOST,
    )


def _part(scene: mujoco.MjSpec, part: Part, rng: np.random.Generator) -> None:
    hx, hy, hz = footprint(part).half_m
    body = scene.worldbody.add_body(
        name=f"part {part.id}",
        pos=[part.x_m, part.y_m, TRAY.center_m[2] + hz],
        quat=[np.cos(part.yaw_rad / 2), 0, 0, np.sin(part.yaw_rad / 2)],
    )
    body.add_freejoint()
    shade = np.clip(np.array(COLOUR_RGB[part.colour]) * rng.uniform(0.92, 1.08), 0, 1)
    round_ = part.shape == "cylinder"
    body.add_geom(
        name=f"part {part.id}",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER if round_ else mujoco.mjtGeom.mjGEOM_BOX,
        size=[hx, hz, 0] if round_ else [hx, hy, hz],
        density=_DENSITY,
        rgba=[*shade, 1.0],
        condim=4,
        friction=[0.7, 0.02, 0.001],
        solref=[0.004, 1.0],
        **_WORLD,
    )
