"""One limb in a compiled model: what its servos are told, and what its sensors say."""

from __future__ import annotations

import mujoco
import numpy as np

from shopfloor.body.contract import LimbModel
from shopfloor.errors import SpecMismatch
from shopfloor.types import FloatArray, LimbSpec, LimbState

__all__ = ["LimbDriver"]

_JAW_RATE = 0.40
"""Speed at which a jaw's opening follows its command [m/s]; a fast electric gripper."""
_FOLLOWED_RAD = 0.02
"""A joint this close to its target is where it was sent."""


class LimbDriver:
    """Drives and reads one limb of a simulated body."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        spec: LimbSpec,
        names: LimbModel,
        control_dt: float,
    ) -> None:
        """Find the limb in the model and put it at its home, jaw closed."""
        self._data = data
        joints = [model.joint(j) for j in names.joints]
        servo = np.array([model.actuator(a).id for a in names.actuators])
        self._q = _run(np.array([j.qposadr[0] for j in joints]))
        self._v = _run(np.array([j.dofadr[0] for j in joints]))
        self._servo = _run(servo)
        # A position servo lags by kv/kp times the speed: lead the target by as much.
        kp, kv = model.actuator_gainprm[servo, 0], -model.actuator_biasprm[servo, 2]
        self._lead = kv / kp / control_dt
        self._offset, self._gain = names.jaw_offset_m, names.jaw_gain
        first, second = (int(model.joint(j).qposadr[0]) for j in names.jaw_joints)
        self._fingers = first, second
        self._jaw_servos = _run(np.array([model.actuator(a).id for a in names.jaw_actuators]))
        self._most = control_dt * _JAW_RATE
        self._site = model.site(names.tool_site).id
        start = model.sensor(names.force_sensor).adr[0]
        if model.sensor(names.torque_sensor).adr[0] != start + 3:
            raise SpecMismatch(f"{spec.name!r}: its torque sensor must follow its force sensor")
        self._wrench = slice(start, start + 6)
        self._wrist = model.sensor(names.force_sensor).objid[0]
        self._link = model.site_bodyid[self._wrist]
        self._weight_n = float(model.body_subtreemass[self._link] * model.opt.gravity[2])
        data.qpos[self._q] = data.ctrl[self._servo] = spec.q_home
        self._sent = spec.q_home.copy()
        self.jaw_m = 0.0
        """Commanded opening of the jaw, at the speed of its drive [m]."""

    def drive(self, rows: FloatArray, rise: FloatArray, target: FloatArray, jaw_m: float) -> None:
        """Fill in what the limb's servos are told during one tick.

        Args:
            rows: ``(substeps, actuators)`` of the whole body; only the limb's columns are written.
            rise: ``(substeps, 1)`` share of the tick that has passed at each substep.
            target: ``(dof,)`` joint targets at the end of the tick [rad].
            jaw_m: Jaw opening asked for [m].
        """
        change = target - self._sent
        rows[:, self._servo] = self._sent + self._lead * change + rise * change
        self._sent = target
        self.jaw_m += min(max(jaw_m - self.jaw_m, -self._most), self._most)
        rows[:, self._jaw_servos] = (self.jaw_m - self._offset) / self._gain

    def hold(self) -> FloatArray:
        """``(dof,)`` targets that keep the joints where they are [rad].

        As long as a joint is where it was last sent, that target is kept: a servo that is told
        to stay where it happens to be has no stiffness and drifts. A joint that was held
        back or pushed away stays where it is, and is not pulled back.
        """
        here = self._data.qpos[self._q]
        return np.where(np.abs(here - self._sent) < _FOLLOWED_RAD, self._sent, here)

    @property
    def speed(self) -> float:
        """Fastest joint [rad/s]."""
        return float(np.abs(self._data.qvel[self._v]).max())

    @property
    def opening_m(self) -> float:
        """Measured opening of the jaw [m]."""
        first, second = self._fingers
        qpos = self._data.qpos
        return float(self._offset + self._gain * 0.5 * (qpos[first] + qpos[second]))

    def read(self) -> LimbState:
        """Read the sensors."""
        data = self._data
        pose = np.zeros((4, 4))
        pose[:3, :3] = data.site_xmat[self._site].reshape(3, 3)
        pose[:3, 3] = data.site_xpos[self._site]
        pose[3, 3] = 1.0
        # The sensor carries the gripper: take its weight, which acts at its centre of mass, off.
        wrench = data.sensordata[self._wrench].copy()
        axes = data.site_xmat[self._wrist]
        x, y, _ = data.subtree_com[self._link] - data.site_xpos[self._wrist]
        weight = self._weight_n
        wrench[:3] += weight * axes[6:9]
        wrench[3:] += weight * (y * axes[0:3] - x * axes[3:6])
        return LimbState(
            q=data.qpos[self._q].copy(),
            qd=data.qvel[self._v].copy(),
            tool_in_world=pose,
            jaw_m=self.opening_m,
            wrench=wrench,
            q_target=self._sent,
        )


def _run(index: FloatArray) -> FloatArray | slice:
    """Turn a run of consecutive indices into a slice: numpy copies those far faster."""
    if np.array_equal(index, np.arange(index[0], index[0] + len(index))):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
