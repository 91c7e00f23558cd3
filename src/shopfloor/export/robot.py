"""The body of a run, to be shown: the shapes of its links, and where they are at every tick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from shopfloor import plugins
from shopfloor.record import Manifest
from shopfloor.types import FloatArray

if TYPE_CHECKING:
    from shopfloor.body.contract import Body

__all__ = ["Kind", "Link", "Poses", "Robot", "Shape", "quats_of", "robot_of", "z_axis"]

Kind = Literal["box", "capsule", "cylinder", "ellipsoid", "mesh"]

_DETAIL_M = 0.004
"""Detail of a mesh that is kept: it goes into every file, and a screen shows no more."""
_HIDDEN_GROUP = 3
"""MuJoCo shows the groups 0 to 2; models put what only collides into the others."""

Faces = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One solid of a link.

    Attributes:
        kind: What it is.
        half_m: ``(3,)`` half sizes [m]; of a capsule and a cylinder radius, radius and half of
            the length between the ends of its axis, which is z.
        position_m: ``(3,)`` of its middle in the link [m].
        quat: ``(4,)`` its orientation in the link (w, x, y, z).
        rgba: Red, green, blue and opacity, 0 to 1.
        vertices, faces: Of a mesh: ``(n, 3)`` [m] and ``(m, 3)`` indices of corners.
    """

    kind: Kind
    half_m: FloatArray
    position_m: FloatArray
    quat: FloatArray
    rgba: tuple[float, float, float, float]
    vertices: FloatArray | None = None
    faces: Faces | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A rigid part of the body: its name in the body's model, such as ``left/link1``."""

    name: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Where something is at each of n ticks, in the world.

    Attributes:
        position_m: ``(n, k, 3)`` [m].
        quat: ``(n, k, 4)`` (w, x, y, z).
    """

    position_m: FloatArray
    quat: FloatArray


class Robot:
    """A body, compiled alone: only its kinematics ever run."""

    def __init__(self, body: Body) -> None:
        import mujoco

        scene = mujoco.MjSpec()
        scene.compiler.degree = False
        body.attach(scene)
        self._model = model = scene.compile()
        self._data = mujoco.MjData(model)
        self._bodies = [i for i in range(model.nbody) if i or model.body_geomnum[0]]
        self.links = tuple(
            Link(model.body(i).name or f"body{i}", _shapes(model, i)) for i in self._bodies
        )
        self._limbs = {
            name: (
                np.array([model.joint(joint).qposadr[0] for joint in limb.joints]),
                np.array([model.joint(joint).qposadr[0] for joint in limb.jaw_joints]),
                limb.jaw_offset_m,
                limb.jaw_gain,
                int(model.site(limb.tool_site).id),
            )
            for name, limb in body.models.items()
        }

    def fits(self, limbs: Mapping[str, int]) -> bool:
        """Whether it has exactly these limbs, with so many joints each."""
        return limbs == {name: len(places[0]) for name, places in self._limbs.items()}

    def poses(self, ticks: npt.NDArray[Any], what: str = "q") -> tuple[Poses, dict[str, Poses]]:
        """Return where all links, and each limb's tool, are at every tick.

        Args:
            ticks: Rows of the log.
            what: Which column to follow: ``q`` for what was measured, ``requested`` or
                ``applied``. Where it has no numbers, neither have the poses.
        """
        import mujoco

        model, data = self._model, self._data
        jaw = "jaw_m" if what == "q" else f"{what}_jaw_m"
        rows = np.tile(model.qpos0, (len(ticks), 1))
        for name, (joints, fingers, offset_m, gain, _) in self._limbs.items():
            rows[:, joints] = ticks[f"{name}.{what}"]
            rows[:, fingers] = ((ticks[f"{name}.{jaw}"] - offset_m) / gain)[:, None]
        sites = [places[-1] for places in self._limbs.values()]
        at, turn = np.full((2, len(ticks), model.nbody, 4), np.nan)
        tool_at, tool_turn = np.full((2, len(ticks), model.nsite, 9), np.nan)
        for k in np.flatnonzero(np.isfinite(rows).all(axis=1)):
            data.qpos[:] = rows[k]
            mujoco.mj_kinematics(model, data)
            at[k, :, :3], turn[k] = data.xpos, data.xquat
            tool_at[k, :, :3], tool_turn[k] = data.site_xpos, data.site_xmat
        tools = {
            name: Poses(tool_at[:, [site], :3], quats_of(tool_turn[:, [site]].reshape(-1, 1, 3, 3)))
            for name, site in zip(self._limbs, sites, strict=True)
        }
        return Poses(at[:, self._bodies, :3], turn[:, self._bodies]), tools


def robot_of(manifest: Manifest, limbs: Mapping[str, int]) -> tuple[Robot | None, str | None]:
    """Build the body of a run where that can be done here.

    Args:
        manifest: Of the run.
        limbs: Joints of each limb in its log.

    Returns:
        The body, or None; and what a reader must know about that, if anything.
    """
    try:
        body = plugins.factory("bodies", manifest.body)()
        robot = Robot(body)
        sha256 = body.spec.sha256
    except Exception as error:  # noqa: BLE001 - bodies are plugins; the rest can still be shown
        return None, (
            f"the body {manifest.body!r} cannot be built here ({error}); of the robot only the "
            "bases of its limbs are shown, for the log holds joints and no poses"
        )
    if not robot.fits(limbs):
        return None, (
            f"the body {manifest.body!r} of this installation has other limbs than the run; of the "
            "robot only the bases of its limbs are shown"
        )
    if sha256 != manifest.sha256.get("body"):
        return robot, (
            f"the body {manifest.body!r} of this installation is not the one that the run was "
            "recorded with; shapes and poses of links may differ from what was"
        )
    return robot, None


def z_axis(quat: FloatArray) -> FloatArray:
    """Return ``(3,)`` the z axis of a frame whose orientation is ``(4,)`` (w, x, y, z)."""
    w, x, y, z = quat
    return np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])


def quats_of(rotation: FloatArray) -> FloatArray:
    """Return ``(..., 4)`` orientations (w, x, y, z) of ``(..., 3, 3)`` rotations; NaN for NaN."""
    from scipy.spatial.transform import Rotation

    out = np.full((*rotation.shape[:-2], 4), np.nan)
    known = np.isfinite(rotation).all(axis=(-2, -1))
    if known.any():
        out[known] = Rotation.from_matrix(rotation[known]).as_quat(scalar_first=True)
    return out


def _shapes(model: Any, body: int) -> tuple[Shape, ...]:
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    found = (_shape(model, geom) for geom in range(first, first + count))
    return tuple(shape for shape in found if shape is not None)


def _shape(model: Any, geom: int) -> Shape | None:
    import mujoco

    kinds: dict[int, Kind] = {
        mujoco.mjtGeom.mjGEOM_BOX.value: "box",
        mujoco.mjtGeom.mjGEOM_CAPSULE.value: "capsule",
        mujoco.mjtGeom.mjGEOM_CYLINDER.value: "cylinder",
        mujoco.mjtGeom.mjGEOM_ELLIPSOID.value: "ellipsoid",
        mujoco.mjtGeom.mjGEOM_SPHERE.value: "ellipsoid",
        mujoco.mjtGeom.mjGEOM_MESH.value: "mesh",
    }
    kind = kinds.get(int(model.geom_type[geom]))
    material = int(model.geom_matid[geom])
    rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
    if kind is None or model.geom_group[geom] >= _HIDDEN_GROUP or rgba[3] == 0:
        return None
    size = model.geom_size[geom].astype(float)
    half = {
        "capsule": size[[0, 0, 1]],
        "cylinder": size[[0, 0, 1]],
        "ellipsoid": size if size[1] else size[[0, 0, 0]],  # a sphere has one radius
    }.get(kind, size)
    vertices, faces = _mesh(model, geom) if kind == "mesh" else (None, None)
    red, green, blue, opacity = map(float, rgba)
    return Shape(
        kind=kind,
        half_m=half,
        position_m=model.geom_pos[geom].astype(float),
        quat=model.geom_quat[geom].astype(float),
        rgba=(red, green, blue, opacity),
        vertices=vertices,
        faces=faces,
    )


def _mesh(model: Any, geom: int) -> tuple[FloatArray, Faces]:
    """Return a mesh in the frame of its geom, with as much detail as a screen shows."""
    from shopfloor.body.mesh import Shell, cluster

    mesh = int(model.geom_dataid[geom])
    start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    vertices = model.mesh_vert[start : start + count].astype(float)
    start, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    shell = cluster(Shell(vertices, model.mesh_face[start : start + count]), _DETAIL_M)
    return shell.vertices, shell.faces
