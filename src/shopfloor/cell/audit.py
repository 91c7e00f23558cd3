"""An independent reading of the simulator's state against the envelope.

Shares nothing with the guard: it looks at where joints, tools and links really are, how fast they
really move and how hard they really touch, in the model that the physics ran in, after the fact.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from shopfloor.cell.sorting import CONTROL_DT, SortingCell
from shopfloor.types import FloatArray, Limits

IntArray = npt.NDArray[np.int_]

__all__ = ["Audit"]

_JOINTS_APART = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Limb:
    q: IntArray
    v: IntArray
    site: int
    geoms: IntArray
    moving: IntArray


class Audit:
    """Counts the ticks on which some limit was left.

    Attributes:
        breaches: Ticks with at least one.
        worst: For each kind of limit that was left, by how much at most.
        most: For each kind of limit, by how much it was left at most; below 0, what was left of it.
        ticks: How many were looked at.
    """

    def __init__(self, cell: SortingCell, limits: Limits) -> None:
        """Watch a cell; ``look`` after each of its ticks."""
        self._cell, self._limits = cell, limits
        self.breaches = self.ticks = 0
        self.worst: dict[str, float] = {}
        self.most: dict[str, float] = {}
        self._model: mujoco.MjModel | None = None

    def look(self) -> None:
        """Read the state now; a new lot is noticed by its new model."""
        model, data = self._cell.model, self._cell.data
        if model is not self._model:
            self._begin(model)
        over: dict[str, float] = {}
        velocity = np.empty(6)
        for name, part in self._limbs.items():
            limit = self._limits.limbs[name]
            here = data.qpos[part.q]
            over[f"{name} joint position [rad]"] = float(
                np.maximum(limit.q_lower - here, here - limit.q_upper).max()
            )
            speeds = np.abs(data.qvel[part.v]) - limit.qd_max
            over[f"{name} joint speed [rad/s]"] = float(speeds.max())
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_SITE, part.site, velocity, 0)
            speed = float(np.linalg.norm(velocity[3:]))
            over[f"{name} tool speed [m/s]"] = speed - self._limits.tool_speed_m_s
            at = data.site_xpos[part.site]
            over[f"{name} workspace [m]"] = float(
                np.maximum(limit.workspace_lower_m - at, at - limit.workspace_upper_m).max()
            )
            over[f"{name} contact beyond its time [s]"] = self._pressed(name)
        over["limb distance [m]"] = self._limits.limb_distance_m - self._least(self._pairs)
        over["self distance [m]"] = self._limits.self_distance_m - self._least(self._own)
        for box in self._limits.keep_out:
            over[f"keep out {box.name} [m]"] = self._inside(box.lower_m, box.upper_m)
        self.ticks += 1
        left = {what: by for what, by in over.items() if by > 0}
        if left:
            self.breaches += 1
        for what, by in over.items():
            self.most[what] = max(by, self.most.get(what, -np.inf))
        for what, by in left.items():
            self.worst[what] = max(by, self.worst.get(what, 0.0))

    def _begin(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._limbs = {}
        self._since = dict.fromkeys(self._cell.body.models, 0)
        own: list[tuple[int, int]] = []
        for name, limb in self._cell.body.models.items():
            joints = [model.joint(j) for j in limb.joints]
            links = [model.body(b).id for b in limb.link_bodies]
            solid = np.flatnonzero(np.isin(model.geom_bodyid, links) & (model.geom_contype != 0))
            turned = {int(g): _turned(model, int(g), joints) for g in solid}
            own += [
                (a, b) for a in turned for b in turned if turned[b] - turned[a] >= _JOINTS_APART
            ]
            self._limbs[name] = _Limb(
                np.array([j.qposadr[0] for j in joints]),
                np.array([j.dofadr[0] for j in joints]),
                model.site(limb.tool_site).id,
                solid,
                np.array([g for g in solid if turned[int(g)]]),
            )
        shapes = [limb.geoms for limb in self._limbs.values()]
        self._pairs = np.array(
            [
                (a, b)
                for i, first in enumerate(shapes)
                for second in shapes[i + 1 :]
                for a in first
                for b in second
            ]
        ).reshape(-1, 2)
        # Shapes of one limb that are too near at the start are too generous, not too near.
        near = self._limits.self_distance_m
        self._own = np.array(
            [
                (a, b)
                for a, b in own
                if mujoco.mj_geomDistance(model, self._cell.data, a, b, 2 * near, None) > near
            ]
        ).reshape(-1, 2)

    def _pressed(self, name: str) -> float:
        """For how much longer than allowed the contact force has been too large [s]."""
        limb, data = self._limbs[name], self._cell.data
        total, force = np.zeros(3), np.empty(6)
        for i, contact in enumerate(data.contact[: data.ncon]):
            sign = int(np.isin(contact.geom2, limb.moving)) - int(
                np.isin(contact.geom1, limb.moving)
            )
            if sign:
                mujoco.mj_contactForce(self._model, data, i, force)
                total += sign * (contact.frame.reshape(3, 3).T @ force[:3])
        hard = float(np.linalg.norm(total)) > self._limits.contact_force_n
        self._since[name] = self._since[name] + 1 if hard else 0
        return float(self._since[name] * CONTROL_DT - self._limits.contact_release_s)

    def _least(self, pairs: IntArray) -> float:
        """Least distance of some pairs of shapes [m]; exact where it matters."""
        model, data = self._cell.model, self._cell.data
        near = 2 * self._limits.limb_distance_m
        first, second = pairs.T
        rough = np.linalg.norm(data.geom_xpos[first] - data.geom_xpos[second], axis=1)
        rough -= model.geom_rbound[first] + model.geom_rbound[second]
        least = float(rough.min(initial=np.inf))
        if least >= near:
            return least
        close = pairs[rough < near]
        return float(
            min(mujoco.mj_geomDistance(model, data, int(a), int(b), near, None) for a, b in close)
        )

    def _inside(self, lower: FloatArray, upper: FloatArray) -> float:
        """How deep a moving part of some limb is in a box [m]; below 0 outside."""
        model, data = self._cell.model, self._cell.data
        deepest = -np.inf
        for limb in self._limbs.values():
            for geom in limb.moving:
                deepest = max(deepest, _depth(model, data, int(geom), lower, upper))
        return deepest


def _turned(model: mujoco.MjModel, geom: int, joints: list[mujoco.MjsJoint]) -> int:
    """How many of a limb's joints move a geom."""
    movers = {int(j.bodyid[0]) for j in joints}
    body, count = int(model.geom_bodyid[geom]), 0
    while body:
        count += body in movers
        body = int(model.body_parentid[body])
    return count


def _depth(
    model: mujoco.MjModel, data: mujoco.MjData, geom: int, lower: FloatArray, upper: FloatArray
) -> float:
    """How deep a geom's box, which is around all of it, reaches into a straight box [m].

    Boxes are compared along the world's axes and the geom's own: more than the true depth by
    nothing where they meet face to face, and above 0 only where they really overlap.
    """
    rot = data.geom_xmat[geom].reshape(3, 3)
    size = model.geom_size[geom]
    kind = model.geom_type[geom]
    centre = data.geom_xpos[geom]
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        extent = np.abs(rot[:, 2]) * size[1] + size[0]
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        extent = np.full(3, size[0])
    elif kind == mujoco.mjtGeom.mjGEOM_BOX:
        extent = np.abs(rot) @ size
    else:
        extent = np.abs(rot) @ model.geom_aabb[geom][3:]
        centre = centre + rot @ model.geom_aabb[geom][:3]
    gap = np.maximum(lower - (centre + extent), (centre - extent) - upper)
    return float(-gap.max())
