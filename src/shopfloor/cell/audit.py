"""An independent reading of the simulator's state against the envelope.

Shares nothing with the guard: it looks at where joints, tools and links really are and how fast
they really move, in the model that the physics ran in, after the fact.
"""

from __future__ import annotations

import mujoco
import numpy as np

from shopfloor.cell.sorting import SortingCell
from shopfloor.types import Limits

__all__ = ["Audit"]


class Audit:
    """Counts the ticks on which some limit was left.

    Attributes:
        breaches: Ticks with at least one.
        worst: For each kind of limit that was left, by how much at most.
    """

    def __init__(self, cell: SortingCell, limits: Limits) -> None:
        """Watch a cell; ``look`` after each of its ticks."""
        self._cell, self._limits = cell, limits
        self.breaches = 0
        self.worst: dict[str, float] = {}
        self._model: mujoco.MjModel | None = None

    def look(self) -> None:
        """Read the state now; a new lot is noticed by its new model."""
        model, data = self._cell.model, self._cell.data
        if model is not self._model:
            self._begin(model)
        over: dict[str, float] = {}
        velocity = np.empty(6)
        for name, (q, v, site, _) in self._limbs.items():
            limit = self._limits.limbs[name]
            here = data.qpos[q]
            over[f"{name} joint position [rad]"] = float(
                np.maximum(limit.q_lower - here, here - limit.q_upper).max()
            )
            over[f"{name} joint speed [rad/s]"] = float((np.abs(data.qvel[v]) - limit.qd_max).max())
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_SITE, site, velocity, 0)
            speed = float(np.linalg.norm(velocity[3:]))
            over[f"{name} tool speed [m/s]"] = speed - self._limits.tool_speed_m_s
            at = data.site_xpos[site]
            over[f"{name} workspace [m]"] = float(
                np.maximum(limit.workspace_lower_m - at, at - limit.workspace_upper_m).max()
            )
        over["limb distance [m]"] = self._limits.limb_distance_m - self._distance()
        left = {what: by for what, by in over.items() if by > 0}
        if left:
            self.breaches += 1
            for what, by in left.items():
                self.worst[what] = max(by, self.worst.get(what, 0.0))

    def _begin(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._limbs = {}
        for name, limb in self._cell.body.models.items():
            joints = [model.joint(j) for j in limb.joints]
            links = [model.body(b).id for b in limb.link_bodies]
            self._limbs[name] = (
                np.array([j.qposadr[0] for j in joints]),
                np.array([j.dofadr[0] for j in joints]),
                model.site(limb.tool_site).id,
                np.flatnonzero(np.isin(model.geom_bodyid, links) & (model.geom_contype != 0)),
            )

    def _distance(self) -> float:
        """Least distance between two limbs [m]; exact where it matters."""
        model, data = self._cell.model, self._cell.data
        near = 2 * self._limits.limb_distance_m
        least = np.inf
        geoms = [limb[3] for limb in self._limbs.values()]
        for i, first in enumerate(geoms):
            for second in geoms[i + 1 :]:
                centres = data.geom_xpos[first][:, None] - data.geom_xpos[second][None]
                rough = (
                    np.linalg.norm(centres, axis=2)
                    - model.geom_rbound[first][:, None]
                    - model.geom_rbound[second][None]
                )
                for a, b in np.argwhere(rough < near):
                    pair = int(first[a]), int(second[b])
                    least = min(least, mujoco.mj_geomDistance(model, data, *pair, near, None))
        return float(least)
