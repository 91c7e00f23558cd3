"""``sorting``: mixed parts on a tray into labelled totes, with two arms."""

from __future__ import annotations

import hashlib
from pathlib import Path

import mujoco
import numpy as np

from shopfloor.body.contract import Body
from shopfloor.cell import camera, scene
from shopfloor.cell.camera import Rig
from shopfloor.cell.truth import TruthReader
from shopfloor.errors import SpecMismatch
from shopfloor.order.generator import GeneratedOrders
from shopfloor.order.judge import SortingJudge
from shopfloor.types import (
    Action,
    CameraSpec,
    CellSpec,
    FloatArray,
    Frame,
    Judge,
    LimbState,
    Lot,
    Observation,
    OrderSource,
    Timestep,
)

__all__ = ["CONTROL_DT", "SortingCell"]

CONTROL_DT = 0.02
CHANGEOVER_S = 10.0
_SUBSTEPS = round(CONTROL_DT / scene.TIMESTEP_S)
_RISE = np.arange(1, _SUBSTEPS + 1)[:, None] / _SUBSTEPS
_FOLLOWED_RAD = 0.02
"""A joint this close to its target is where it was sent."""
_JAW_RATE = 0.30  # [m/s] of opening; a fast electric gripper
_STREAM_PX = 224
_NATIVE_PX = (1280, 960)
_BROKEN = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)
_CAMERAS = {
    # name: (eye, what it looks at, vertical field of view)
    "overview": ((0.0, 0.0, 1.35), (0.0, 0.0, 0.0), 2 * np.arctan(0.5 / 1.35)),
    "front": ((0.0, -1.05, 0.72), (0.0, 0.02, 0.08), np.radians(42.0)),
}


class SortingCell:
    """Mixed parts on a tray, 2-4 labelled totes, two arms, two RGB-D cameras."""

    def __init__(
        self, body: Body, *, record_fps: float = 10.0, render: bool = True
    ) -> None:
        """Build the cell around a body.

        Args:
            body: Any body whose limbs reach the tray.
            record_fps: Rate of the camera streams [Hz]; must divide the control rate.
            render: Without, there are no frames: for tests of everything but sight.
        """
        ratio = 1 / (CONTROL_DT * record_fps) if record_fps > 0 else 0.0
        period = round(ratio)
        if period < 1 or abs(ratio - period) > 1e-9:
            raise SpecMismatch(
                f"a stream of {record_fps:g} Hz does not divide the control rate of "
                f"{1 / CONTROL_DT:g} Hz; take 1, 2, 5, 10, 25 or 50"
            )
        self.body = body
        cameras = {}
        self._poses: dict[str, tuple[FloatArray, float]] = {}
        for name, (eye, at, fovy) in _CAMERAS.items():
            pose = camera.look_at(eye, at)
            self._poses[name] = (pose, float(fovy))
            cameras[name] = CameraSpec(
                name=name,
                stream=camera.intrinsics(_STREAM_PX, _STREAM_PX, fovy),
                native=camera.intrinsics(*_NATIVE_PX, fovy),
                period_ticks=period,
                camera_in_world=pose,
            )
        here = Path(__file__).parent
        shape = b"".join((here / n).read_bytes() for n in ("sorting.py", "scene.py", "camera.py"))
        self.spec = CellSpec(
            name="sorting",
            sha256=hashlib.sha256(shape + body.spec.sha256.encode()).hexdigest(),
            body=body.spec,
            cameras=cameras,
            control_dt=CONTROL_DT,
            changeover_s=CHANGEOVER_S,
        )
        self.rig = Rig(*_NATIVE_PX) if render else None

    @property
    def renderer(self) -> str:
        """Name of the GL renderer, or ``none``."""
        return self.rig.renderer if self.rig else "none"

    def reset(self, lot: Lot, *, seed: int) -> Timestep:
        """Set up a lot: the same lot and seed give the same scene to the last bit."""
        self.load(lot, seed=seed)
        return self._timestep()

    def load(self, lot: Lot, *, seed: int) -> None:
        """Build the scene of a lot and let its parts come to rest, without looking at it."""
        rng = np.random.default_rng([seed, 0x5CE7E])
        spec = scene.build(self.body, lot, self._poses, rng)
        self.model = model = spec.compile()
        self.data = mujoco.MjData(model)
        self._stations = scene.stations(lot.totes)
        self._wire()
        self._rows = np.zeros((_SUBSTEPS, model.nu))
        self._truth = TruthReader(model, self.body, lot)
        for name, limb in self.body.spec.limbs.items():
            self.data.qpos[self._q[name]] = limb.q_home
            self.data.ctrl[self._servo[name]] = limb.q_home
            self._last[name] = limb.q_home.copy()
            self._jaw[name] = 0.0
        mujoco.mj_step(model, self.data, 50)  # parts come to rest on the tray
        self.data.time = 0.0
        if self.rig is not None:
            self.rig.load(model)
        self._tick = self._seq = 0
        self._frames: dict[str, Frame] = {}
        self._views: dict[str, Frame] = {}

    def _wire(self) -> None:
        """Find the body's joints, servos and sensors in the compiled model."""
        model = self.model
        self._q: dict[str, FloatArray] = {}
        self._v: dict[str, FloatArray] = {}
        self._servo: dict[str, FloatArray] = {}
        self._lead: dict[str, FloatArray] = {}
        self._fingers: dict[str, tuple[FloatArray, FloatArray]] = {}
        self._site: dict[str, int] = {}
        self._wrench: dict[str, slice] = {}
        self._wrist: dict[str, tuple[int, int, FloatArray]] = {}
        self._last: dict[str, FloatArray] = {}
        self._jaw: dict[str, float] = {}
        for name, limb in self.body.models.items():
            joints = [model.joint(j) for j in limb.joints]
            servo = np.array([model.actuator(a).id for a in limb.actuators])
            self._q[name] = _run(np.array([j.qposadr[0] for j in joints]))
            self._v[name] = _run(np.array([j.dofadr[0] for j in joints]))
            self._servo[name] = _run(servo)
            # A position servo lags by kv/kp times the speed: lead the target by as much.
            self._lead[name] = (
                -model.actuator_biasprm[servo, 2] / model.actuator_gainprm[servo, 0] / CONTROL_DT
            )
            self._fingers[name] = (
                np.array([model.joint(j).qposadr[0] for j in limb.jaw_joints]),
                np.array([model.actuator(a).id for a in limb.jaw_actuators]),
            )
            self._site[name] = model.site(limb.tool_site).id
            start = model.sensor(limb.force_sensor).adr[0]
            if model.sensor(limb.torque_sensor).adr[0] != start + 3:
                raise SpecMismatch(f"{name!r}: its torque sensor must follow its force sensor")
            self._wrench[name] = slice(start, start + 6)
            site = model.sensor(limb.force_sensor).objid[0]
            link = model.site_bodyid[site]
            self._wrist[name] = site, link, model.body_subtreemass[link] * model.opt.gravity

    def step(self, action: Action) -> Timestep:
        """Apply one action for one tick of 20 ms."""
        for row in self.servo_rows(action):
            self.data.ctrl[:] = row
            mujoco.mj_step(self.model, self.data)
        mujoco.mj_kinematics(self.model, self.data)  # poses of this tick, not of the last substep
        self._tick += 1
        return self._timestep()

    def servo_rows(self, action: Action) -> FloatArray:
        """What the servos are told during one tick.

        Joint targets rise evenly over the tick and lead by the servo's own lag; the jaw follows
        its command at the speed of its drive.

        Returns:
            ``(substeps, actuators)`` targets in the order of the model's actuators.
        """
        rows = self._rows
        for name, target in action.targets.items():
            last = self._last[name]
            change = target - last
            lead = last + self._lead[name] * change
            rows[:, self._servo[name]] = lead + _RISE * change
            self._last[name] = target
            model = self.body.models[name]
            most = CONTROL_DT * _JAW_RATE
            jaw = self._jaw[name]
            jaw += min(max(action.jaw_m[name] - jaw, -most), most)
            self._jaw[name] = jaw
            rows[:, self._fingers[name][1]] = (jaw - model.jaw_offset_m) / model.jaw_gain
        return rows

    def view(self, camera: str) -> Frame:
        """Draw a native-resolution picture of this very tick."""
        spec = self.spec.cameras[camera]
        old = self._views.get(camera)
        if old is None or old.captured_tick != self._tick:
            self._views[camera] = self._draw(spec, native=True, seq=old.seq + 1 if old else 0)
        return self._views[camera]

    def hold(self) -> Action:
        """Stay where the joints are now, jaws as commanded.

        As long as a joint is where it was last sent, that target is kept: a servo that is told
        to stay where it happens to be has no stiffness and drifts. A joint that was held
        back or pushed away stays where it is, and is not pulled back.
        """
        self._seq += 1
        targets = {}
        for name, q in self._q.items():
            here, sent = self.data.qpos[q], self._last[name]
            targets[name] = np.where(np.abs(here - sent) < _FOLLOWED_RAD, sent, here)
        return Action(
            targets=targets,
            jaw_m=dict(self._jaw),
            tick=self._tick,
            seq=self._seq,
            source="guard",
        )

    def stop(self) -> None:
        """Brake every joint until it stands; at most half a second of world time."""
        for _ in range(25):
            self.step(self.hold())
            if all(np.abs(self.data.qvel[v]).max() < 1e-2 for v in self._v.values()):
                return

    def orders(self, *, seed: int, count: int | None) -> OrderSource:
        """Make trays with instructions in English and Chinese."""
        return GeneratedOrders(seed, count)

    def judge(self) -> Judge:
        """Make the judge of sorted parts."""
        return SortingJudge(limbs=tuple(self.body.spec.limbs), control_dt=CONTROL_DT)

    def close(self) -> None:
        """Give the GL context back."""
        if self.rig is not None:
            self.rig.close()
            self.rig = None

    def _timestep(self) -> Timestep:
        data, tick = self.data, self._tick
        limbs = {}
        for name, model in self.body.models.items():
            pose = np.eye(4)
            site = self._site[name]
            pose[:3, :3] = data.site_xmat[site].reshape(3, 3)
            pose[:3, 3] = data.site_xpos[site]
            first, second = self._fingers[name][0]
            finger = 0.5 * (data.qpos[first] + data.qpos[second])
            wrench = data.sensordata[self._wrench[name]].copy()
            wrist, link, weight = self._wrist[name]
            axes = data.site_xmat[wrist].reshape(3, 3)
            lever = data.subtree_com[link] - data.site_xpos[wrist]
            wrench[:3] += weight @ axes  # the sensor carries the gripper: take its weight off
            wrench[3:] += np.cross(lever, weight) @ axes
            limbs[name] = LimbState(
                q=data.qpos[self._q[name]].copy(),
                qd=data.qvel[self._v[name]].copy(),
                tool_in_world=pose,
                jaw_m=float(model.jaw_offset_m + model.jaw_gain * finger),
                wrench=wrench,
            )
        if self.rig is not None:
            for name, spec in self.spec.cameras.items():
                if tick % spec.period_ticks == 0:
                    self._frames = {
                        **self._frames,
                        name: self._draw(spec, native=False, seq=tick // spec.period_ticks),
                    }
        observation = Observation(
            tick=tick,
            limbs=limbs,
            frames=self._frames,
            views={},
            stations=self._stations,
        )
        truth = self._truth.read(data, tick, self._jaw)
        # MuJoCo resets a state that has left the numbers: then the physics failed, not the robot.
        broken = any(data.warning[kind].number for kind in _BROKEN)
        return Timestep(observation, truth, terminated=False, truncated=broken)

    def _draw(self, spec: CameraSpec, *, native: bool, seq: int) -> Frame:
        if self.rig is None:
            raise SpecMismatch("this cell was made with render=False and has no pictures")
        lens = spec.native if native else spec.stream
        index = self.model.camera(spec.name).id
        pixels, depth = self.rig.draw(self.data, index, lens.width, lens.height)
        return Frame(spec.name, pixels, depth, seq, self._tick, lens, spec.camera_in_world)


def _run(index: FloatArray) -> FloatArray | slice:
    """Turn a run of consecutive indices into a slice: numpy copies those far faster."""
    if np.array_equal(index, np.arange(index[0], index[0] + len(index))):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
