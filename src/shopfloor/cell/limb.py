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
        # Views of the simulator's own arrays: to ask for one anew costs more than to read it.
        self._qpos, self._qvel, self._sensors = data.qpos, data.qvel, data.sensordata
        self._tool_axes = data.site_xmat[self._site].reshape(3, 3)
        self._tool_at = data.site_xpos[self._site]
        self._wrist_axes, self._wrist_at = data.site_xmat[self._wrist], data.site_xpos[self._wrist]
        self._mass_at = data.subtree_com[self._link]
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
        here = self._qpos[self._q]
        follows = np.abs(here - self._sent) < _FOLLOWED_RAD
        return self._sent if follows.all() else np.where(follows, self._sent, here)

    @property
    def speed(self) -> float:
        """Fastest joint [rad/s]."""
        return float(np.abs(self._qvel[self._v]).max())

    @property
    def opening_m(self) -> float:
        """Measured opening of the jaw [m]."""
        first, second = self._fingers
        qpos = self._qpos
        return float(self._offset + self._gain * 0.5 * (qpos[first] + qpos[second]))

    def read(self) -> LimbState:
        """Read the sensors."""
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = self._tool_axes, self._tool_at
        # The sensor carries the gripper: take its weight, which acts at its centre of mass, off.
        wrench = self._sensors[self._wrench].copy()
        axes, weight = self._wrist_axes, self._weight_n
        x, y, _ = (self._mass_at - self._wrist_at).tolist()
        wrench[:3] += weight * axes[6:9]
        wrench[3:] += (weight * y) * axes[0:3] - (weight * x) * axes[3:6]
        return LimbState(
            q=self._qpos[self._q].copy(),
            qd=self._qvel[self._v].copy(),
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
