"""``sorting``: mixed parts on a tray into labelled totes, with two arms."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import mujoco
import numpy as np

from shopfloor.body.contract import Body
from shopfloor.cell import camera, scene
from shopfloor.cell.camera import Rig
from shopfloor.cell.limb import LimbDriver
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
    Language,
    Lot,
    Observation,
    OrderSource,
    People,
    Timestep,
)

__all__ = ["CONTROL_DT", "SortingCell"]

CONTROL_DT = 0.02
CHANGEOVER_S = 10.0
_SUBSTEPS = round(CONTROL_DT / scene.TIMESTEP_S)
_RISE = np.arange(1, _SUBSTEPS + 1)[:, None] / _SUBSTEPS
_STILL_RAD_S = 0.01
_SQUEEZE_M = 0.004
_STREAM_PX = 224
_NATIVE_PX = (1280, 960)
_BROKEN = np.array(
    [
        mujoco.mjtWarning.mjWARN_BADQPOS.value,
        mujoco.mjtWarning.mjWARN_BADQVEL.value,
        mujoco.mjtWarning.mjWARN_BADQACC.value,
    ]
)
_CAMERAS = {
    # name: (eye, what it looks at, vertical field of view)
    "overview": ((0.0, 0.0, 1.35), (0.0, 0.0, 0.0), 2 * np.arctan(0.5 / 1.35)),
    "front": ((0.0, -1.20, 0.80), (0.0, 0.03, 0.07), np.radians(42.0)),
}


class SortingCell:
    """Mixed parts on a tray, 2-4 labelled totes, two arms, two RGB-D cameras."""

    simulated: ClassVar[bool] = True
    """Nothing real moves: a brain that has proved nothing may be let work here."""

    def __init__(self, body: Body, *, record_fps: float = 10.0, render: bool = True) -> None:
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
        # What the physics and the pictures of a lot come from; the sizes of parts are orders' own.
        here = Path(__file__).parent
        files = ("sorting.py", "scene.py", "camera.py", "limb.py", "../order/part.py")
        shape = b"".join((here / name).read_bytes() for name in files)
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
        self._rows = np.zeros((_SUBSTEPS, model.nu))
        self._truth = TruthReader(model, self.body, lot)
        self._drivers = {
            name: LimbDriver(model, self.data, limb, self.body.models[name], CONTROL_DT)
            for name, limb in self.body.spec.limbs.items()
        }
        mujoco.mj_step(
            model, self.data, round(0.2 / scene.TIMESTEP_S)
        )  # parts come to rest on the tray
        self.data.time = 0.0
        self._camera_ids = {name: model.camera(name).id for name in self.spec.cameras}
        if self.rig is not None:
            self.rig.load(model)
        self._tick = self._seq = 0
        self._frames: dict[str, Frame] = {}
        self._views: dict[str, Frame] = {}

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
        for name, target in action.targets.items():
            self._drivers[name].drive(self._rows, _RISE, target, action.jaw_m[name])
        return self._rows

    def view(self, camera: str) -> Frame:
        """Draw a native-resolution picture of this very tick."""
        spec = self.spec.cameras[camera]
        old = self._views.get(camera)
        if old is None or old.captured_tick != self._tick:
            self._views[camera] = self._draw(spec, native=True, seq=old.seq + 1 if old else 0)
        return self._views[camera]

    def hold(self) -> Action:
        """Stay where the joints are now, jaws as commanded."""
        self._seq += 1
        return Action(
            targets={name: driver.hold() for name, driver in self._drivers.items()},
            jaw_m={name: driver.jaw_m for name, driver in self._drivers.items()},
            tick=self._tick,
            seq=self._seq,
            source="guard",
        )

    def stop(self) -> None:
        """Brake every joint until it stands; at most half a second of world time."""
        for _ in range(25):
            self.step(self.hold())
            if all(driver.speed < _STILL_RAD_S for driver in self._drivers.values()):
                return

    def orders(
        self, *, seed: int, count: int | None, language: Language | None = None
    ) -> OrderSource:
        """Make trays with instructions in English and Chinese, or in one of them."""
        return GeneratedOrders(seed, count, language=language)

    def judge(self) -> Judge:
        """Make the judge of sorted parts."""
        return SortingJudge(limbs=tuple(self.body.spec.limbs), control_dt=CONTROL_DT)

    def close(self) -> None:
        """Give the GL context back."""
        if self.rig is not None:
            self.rig.close()
            self.rig = None

    def _timestep(self) -> Timestep:
        tick = self._tick
        if self.rig is not None:
            for name, spec in self.spec.cameras.items():
                if tick % spec.period_ticks == 0:
                    self._frames = {
                        **self._frames,
                        name: self._draw(spec, native=False, seq=tick // spec.period_ticks),
                    }
        observation = Observation(
            tick=tick,
            limbs={name: driver.read() for name, driver in self._drivers.items()},
            frames=self._frames,
            views={},
            stations=self._stations,
            people=People(),  # nobody is simulated
        )
        # A jaw that is told to be about as wide as it is does not squeeze.
        jaw_open = {n: d.jaw_m >= d.opening_m - _SQUEEZE_M for n, d in self._drivers.items()}
        truth = self._truth.read(self.data, tick, jaw_open)
        # MuJoCo resets a state that has left the numbers: then the physics failed, not the robot.
        broken = bool(self.data.warning.number[_BROKEN].any())
        return Timestep(observation, truth, terminated=False, truncated=broken)

    def _draw(self, spec: CameraSpec, *, native: bool, seq: int) -> Frame:
        if self.rig is None:
            raise SpecMismatch("this cell was made with render=False and has no pictures")
        lens = spec.native if native else spec.stream
        index = self._camera_ids[spec.name]
        pixels, depth = self.rig.draw(self.data, index, lens.width, lens.height)
        return Frame(spec.name, pixels, depth, seq, self._tick, lens, spec.camera_in_world)
