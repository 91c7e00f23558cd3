"""Inverse kinematics along a path, for any arm whose model MuJoCo can load.

Each pose is solved by ``mink`` from where the two poses before it lead, so a path stays on one
branch, and on a path with poses some millimetres apart one step of the solver is enough.
"""

from __future__ import annotations

import math

import mink
import mujoco
import numpy as np

from shopfloor.body.contract import LimbModel
from shopfloor.errors import Unreachable
from shopfloor.types import FloatArray

__all__ = ["PathInverse"]

_GOOD = (2e-6, 2e-5)
"""Where the solver stops: position [m] and angle [rad]. Far below what a part needs, because a
planner differentiates the path twice: 1 mm of jitter at 50 Hz would look like 2.5 m/s²."""
_ALLOWED = (1e-3, math.radians(0.5))
"""What a pose may be off before it counts as unreachable."""
_STOP = 0.002
"""What every joint keeps from its stops [rad]: limits that are stated for a cell lie a little
inside the mechanical range."""
_STEPS = 25
_DAMPING = 1e-8
_FLIP_RAD = 1.5
"""Largest change of a joint between two poses; more is another branch, not a motion."""


class PathInverse:
    """Solves paths for one limb of a compiled model."""

    def __init__(self, model: mujoco.MjModel, limb: LimbModel) -> None:
        """Prepare for a limb; the other joints of the model stay where they are."""
        self._model = model
        self._address = np.array([model.joint(j).qposadr[0] for j in limb.joints])
        ranges = np.array([model.joint(j).range for j in limb.joints])
        self._lower, self._upper = ranges[:, 0] + _STOP, ranges[:, 1] - _STOP
        self._configuration = mink.Configuration(model)
        self._task = mink.FrameTask(
            limb.tool_site, "site", position_cost=1.0, orientation_cost=0.3, lm_damping=1e-6
        )
        self._limits = [mink.ConfigurationLimit(model, min_distance_from_limits=_STOP)]

    def solve(self, tool_in_world: FloatArray, seed: FloatArray) -> FloatArray:
        """Find joint positions for a path.

        Args:
            tool_in_world: ``(n, 4, 4)`` poses of the tool centre point.
            seed: ``(dof,)`` joint positions [rad] near those of the first pose.

        Returns:
            ``(n, dof)`` joint positions [rad], each near the one before.

        Raises:
            Unreachable: A pose cannot be met within 1 mm and 0.5 degrees.
        """
        full = self._model.qpos0.copy()
        out = np.empty((len(tool_in_world), len(self._address)))
        for i, pose in enumerate(tool_in_world):
            guess = seed if i == 0 else out[i - 1] if i == 1 else 2 * out[i - 1] - out[i - 2]
            full[self._address] = np.clip(guess, self._lower, self._upper)
            self._configuration.update(full)
            self._meet(pose, i, len(tool_in_world))
            out[i] = self._configuration.q[self._address]
        change = np.abs(np.diff(out, axis=0))
        if len(out) > 1 and change.max() > _FLIP_RAD:
            raise Unreachable(
                f"joint {int(change.max(axis=0).argmax()) + 1} would have to flip by "
                f"{np.degrees(change.max()):.0f} degrees on the way"
            )
        return out

    def _meet(self, pose: FloatArray, index: int, count: int) -> None:
        """Move the configuration to where the tool is at a pose."""
        configuration, task = self._configuration, self._task
        task.set_target(mink.SE3.from_matrix(pose))
        off, turned = nearest = self._error()
        for _ in range(_STEPS):
            if off < _GOOD[0] and turned < _GOOD[1]:
                return
            try:
                velocity = mink.solve_ik(
                    configuration, [task], 1.0, "daqp", damping=_DAMPING, limits=self._limits
                )
            except mink.MinkError:  # no step inside the joint range leads on
                break
            configuration.integrate_inplace(velocity, 1.0)
            off, turned = self._error()
            nearest = min(nearest, (off, turned))
        if off > _ALLOWED[0] or turned > _ALLOWED[1]:
            x, y, z = pose[:3, 3]
            raise Unreachable(
                f"the tool cannot be at ({x:.3f}, {y:.3f}, {z:.3f}) m that way round (pose "
                f"{index + 1} of {count}); it stays {nearest[0] * 1000:.1f} mm and "
                f"{np.degrees(nearest[1]):.1f} degrees off"
            )

    def _error(self) -> tuple[float, float]:
        error = self._task.compute_error(self._configuration)
        return math.sqrt(error[:3] @ error[:3]), math.sqrt(error[3:] @ error[3:])
