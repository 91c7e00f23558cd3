"""Where a body's limbs are for given joints: tool poses, spheres and distances.

A scene with nothing but the body is compiled once; only its kinematics ever run. It never
sees the cell, so it can't leak truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np
import numpy.typing as npt

from shopfloor.body.contract import Body
from shopfloor.types import Box, FloatArray

IntArray = npt.NDArray[np.int_]

__all__ = ["Geometry"]

_ONES = np.ones(3)
"""Sums rows of three: for so few numbers twice as fast as numpy's own sum."""


class Geometry:
    """Forward kinematics and clearances of one body."""

    def __init__(self, body: Body, boxes: Sequence[Box] = ()) -> None:
        """Compile the body, and ``boxes`` that stand around it."""
        scene = mujoco.MjSpec()
        scene.compiler.degree = False
        body.attach(scene)
        for box in boxes:
            scene.worldbody.add_geom(
                name=f"keep out {box.name}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=(box.lower_m + box.upper_m) / 2,
                size=(box.upper_m - box.lower_m) / 2,
            )
        self._model = model = scene.compile()
        self._data = mujoco.MjData(model)
        self._joints: dict[str, IntArray] = {}
        self._sites: dict[str, int] = {}
        self._geoms: dict[str, IntArray] = {}
        self._fingers: dict[str, IntArray] = {}
        self._jaws: dict[str, tuple[float, float]] = {}
        self._bound: dict[str, FloatArray] = {}
        self._balls: dict[str, tuple[FloatArray, FloatArray]] = {}
        for name, limb in body.models.items():
            self._joints[name] = np.array([model.joint(j).qposadr[0] for j in limb.joints])
            self._sites[name] = model.site(limb.tool_site).id
            bodies = [model.body(link).id for link in limb.link_bodies]
            solid = np.flatnonzero(np.isin(model.geom_bodyid, bodies) & (model.geom_contype != 0))
            self._geoms[name] = solid
            self._bound[name] = model.geom_rbound[solid].copy()
            self._balls[name] = _balls(model, solid)
            self._fingers[name] = np.array([model.joint(j).qposadr[0] for j in limb.jaw_joints])
            self._jaws[name] = limb.jaw_offset_m, limb.jaw_gain
            for jaw in limb.jaw_joints:  # fingers at their widest: the cautious shape
                self._data.qpos[model.joint(jaw).qposadr[0]] = model.joint(jaw).range[1]
        self._names = tuple(body.models)
        self.q_home = np.concatenate([limb.q_home for limb in body.spec.limbs.values()])
        self.boxes = tuple(model.geom(f"keep out {box.name}").id for box in boxes)
        self._all_joints = np.concatenate(list(self._joints.values()))
        self._all_sites = np.array(list(self._sites.values()))
        # For each pair of limbs: the sums of the bounding radii of all pairs of their geoms.
        self._sums = {
            (a, b): self._bound[a][:, None] + self._bound[b][None]
            for i, a in enumerate(self._names)
            for b in self._names[i + 1 :]
        }

    @property
    def model(self) -> mujoco.MjModel:
        """The body alone, and the boxes."""
        return self._model

    @property
    def data(self) -> mujoco.MjData:
        """The body as last placed."""
        return self._data

    @property
    def shapes(self) -> Mapping[str, IntArray]:
        """Indices of each limb's solid geoms."""
        return self._geoms

    def reach(self) -> FloatArray:
        """``(joints,)`` how far any point of a limb can be from each joint that moves it [m].

        No point of a limb moves further than the sum over its joints of reach times angle.
        """
        reach: dict[int, float] = {}
        m = self._model
        for body in range(m.nbody - 1, 0, -1):  # children come after their parents
            geoms = np.flatnonzero((m.geom_bodyid == body) & (m.geom_contype != 0))
            ends = np.linalg.norm(m.geom_pos[geoms], axis=1) + m.geom_rbound[geoms]
            sites = np.linalg.norm(m.site_pos[m.site_bodyid == body], axis=1)
            own = max(float(ends.max(initial=0.0)), float(sites.max(initial=0.0)))
            reach[body] = max(own, reach.get(body, 0.0))
            joints = range(m.body_jntadr[body], m.body_jntadr[body] + m.body_jntnum[body])
            slides = sum(
                float(np.abs(m.jnt_range[j]).max())
                for j in joints
                if m.jnt_type[j] == mujoco.mjtJoint.mjJNT_SLIDE
            )
            far = reach[body] + slides + float(np.linalg.norm(m.body_pos[body]))
            parent = int(m.body_parentid[body])
            reach[parent] = max(far, reach.get(parent, 0.0))
        bodies = {int(m.jnt_qposadr[j]): (int(m.jnt_bodyid[j]), j) for j in range(m.njnt)}
        return np.array(
            [
                reach[bodies[int(q)][0]] + float(np.linalg.norm(m.jnt_pos[bodies[int(q)][1]]))
                for q in self._all_joints
            ]
        )

    def place(self, targets: Mapping[str, FloatArray]) -> None:
        """Put limbs at joint positions ``(dof,)`` [rad]; the others stay."""
        for name, q in targets.items():
            self._data.qpos[self._joints[name]] = q
        mujoco.mj_kinematics(self._model, self._data)

    def place_all(self, q: FloatArray) -> None:
        """Put all limbs at joint positions, in a row in the body's order [rad]."""
        self._data.qpos[self._all_joints] = q
        mujoco.mj_kinematics(self._model, self._data)

    def open_jaws(self, jaw_m: Mapping[str, float]) -> None:
        """Open jaws as far [m] as they are, rather than to their widest."""
        for name, width in jaw_m.items():
            offset, gain = self._jaws[name]
            self._data.qpos[self._fingers[name]] = (width - offset) / gain

    def tool_positions(self) -> FloatArray:
        """``(limbs, 3)`` tool centre points in the world [m], as last placed."""
        return np.asarray(self._data.site_xpos[self._all_sites])

    def tool_pose(self, limb: str, q: FloatArray) -> FloatArray:
        """``(4, 4)`` tool pose in the world for ``(dof,)`` joints [rad]."""
        self.place({limb: q})
        pose = np.eye(4)
        site = self._sites[limb]
        pose[:3, :3] = self._data.site_xmat[site].reshape(3, 3)
        pose[:3, 3] = self._data.site_xpos[site]
        return pose

    def clearance(self, near_m: float) -> float:
        """Least distance between any two limbs [m], as last placed.

        Distances above ``near_m`` are reported as some value above it: bounding spheres
        settle those, and only close pairs are measured exactly.
        """
        return min(
            (self._pair(a, b, sums, near_m) for (a, b), sums in self._sums.items()), default=np.inf
        )

    def _pair(self, a: str, b: str, sums: FloatArray, near_m: float) -> float:
        ga, gb = self._geoms[a], self._geoms[b]
        x = self._data.geom_xpos
        gap = x[ga][:, None] - x[gb]
        rough = np.sqrt((gap * gap) @ _ONES) - sums
        least = float(rough.min())
        if least > near_m:
            return least
        exact = np.inf
        for i, j in np.argwhere(rough <= near_m):
            pair = int(ga[i]), int(gb[j])
            distance = mujoco.mj_geomDistance(
                self._model, self._data, *pair, near_m * 1.5 + 0.01, None
            )
            exact = min(exact, distance)
        return exact

    def spheres(self, limb: str, q: FloatArray) -> FloatArray:
        """Cover a limb by spheres along a path.

        Args:
            limb: Name of the limb.
            q: ``(n, dof)`` joint positions [rad].

        Returns:
            ``(n, k, 3)`` centres in the world [m]; radii are ``radii(limb)``.
        """
        local, owner = self._balls[limb][0], self._geoms[limb]
        geoms = owner[self._balls_owner(limb)]
        out = np.empty((len(q), len(local), 3))
        data = self._data
        for i, row in enumerate(q):
            self.place({limb: row})
            rot = data.geom_xmat[geoms].reshape(-1, 3, 3)
            out[i] = data.geom_xpos[geoms] + np.einsum("kij,kj->ki", rot, local)
        return out

    def radii(self, limb: str) -> FloatArray:
        """``(k,)`` radii of the limb's spheres [m]."""
        return self._balls[limb][1][:, 0]

    def _balls_owner(self, limb: str) -> IntArray:
        return self._balls[limb][1][:, 1].astype(int)


def _balls(model: mujoco.MjModel, geoms: IntArray) -> tuple[FloatArray, FloatArray]:
    """Cover each geom by spheres on its longest axis, no further apart than it is thick.

    Returns:
        ``(k, 3)`` centres in the geom's frame [m] and ``(k, 2)`` radius [m] and index of geom.
    """
    centres: list[FloatArray] = []
    rows: list[list[float]] = []
    for index, g in enumerate(geoms):
        if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE:
            thick, half = model.geom_size[g][:2]
            count = int(np.ceil(2 * half / thick)) + 1
            middle, axis, at = np.zeros(3), np.eye(3)[2], np.linspace(-half, half, count)
            reach = half / (count - 1)
        else:  # a slab of the box around the geom for each sphere
            middle, box = model.geom_aabb[g][:3], model.geom_aabb[g][3:]
            long = int(np.argmax(box))
            thick = float(np.hypot(*np.delete(box, long)))
            count = int(np.ceil(box[long] / thick))
            axis, reach = np.eye(3)[long], box[long] / count
            at = reach * (2 * np.arange(count) + 1 - count)
        # Halfway between two centres the surface lies ``thick`` off the axis, ``reach`` along it.
        radius = float(np.hypot(thick, reach))
        centres += [middle + s * axis for s in at]
        rows += [[radius, index]] * count
    return np.array(centres), np.array(rows)
