"""Any cell, seen through worse sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.cell.noise.calibration import pose_error
from shopfloor.cell.noise.delivery import Delivery
from shopfloor.cell.noise.depth import degrade_depth
from shopfloor.cell.noise.draw import Draws
from shopfloor.cell.noise.encoder import Encoders, sensing
from shopfloor.cell.noise.level import NoiseLevel
from shopfloor.cell.noise.picture import degrade_picture
from shopfloor.types import (
    Action,
    Cell,
    FloatArray,
    Frame,
    Judge,
    LimbState,
    Lot,
    OrderSource,
    Timestep,
)

__all__ = ["NoisyCell"]


class NoisyCell:
    """Stands between a cell and everybody who sees it: the world is the same, its sensors are not.

    Truth passes untouched, so judge and audit see what happened; brain, skills, guard and recorder
    see what the sensors say. A level without noise changes nothing, to the last bit.
    """

    def __init__(self, cell: Cell, body: Body, level: NoiseLevel) -> None:
        """Put sensors of a level before a cell.

        Args:
            cell: The world; closed together with this.
            body: Of that cell, for where a tool is when its joints are as measured.
            level: How bad the sensors are.
        """
        self.cell, self.body, self.noise = cell, body, level
        self.spec = replace(cell.spec, sensing=sensing(level.encoder, level.timing))
        self._geometry = Geometry(body)

    @property
    def simulated(self) -> bool:
        """Whether nothing real moves."""
        return bool(getattr(self.cell, "simulated", False))

    @property
    def renderer(self) -> str:
        """What draws the pictures."""
        return str(getattr(self.cell, "renderer", "none"))

    @property
    def view_ticks(self) -> int:
        """How long a view is on its way to whoever asked for it [ticks]."""
        return ceil(self.noise.timing.latency_ms / 1000 / self.spec.control_dt - 1e-9)

    def reset(self, lot: Lot, *, seed: int) -> Timestep:
        """Set the lot up and return tick 0."""
        draws = self._draws = Draws(seed, lot.index)
        level, dt = self.noise, self.spec.control_dt
        self._mistaken = {
            name: pose_error(level.hand_eye, draws.of(f"{name} pose")) for name in self.spec.cameras
        }
        self._wires = {name: Delivery(level.timing, dt, draws) for name in self.spec.cameras}
        self._encoders = {
            name: Encoders(
                name,
                level.encoder,
                level.timing,
                control_dt=dt,
                geometry=self._geometry,
                draws=draws,
            )
            for name in self.spec.body.limbs
        }
        self._sent: dict[str, tuple[Frame, Frame]] = {}  # as it was taken, and as it is seen
        self._frames: dict[str, Frame] = {}
        self._views: dict[str, Frame] = {}
        return self._sensed(self.cell.reset(lot, seed=seed))

    def step(self, action: Action) -> Timestep:
        """Apply one action for one tick."""
        return self._sensed(self.cell.step(action))

    def view(self, camera: str) -> Frame:
        """Take a native-resolution picture now; it is ``view_ticks`` on its way."""
        frame = self.cell.view(camera)
        if self.noise.number == 0:
            return frame
        old = self._views.get(camera)
        if old is None or old.captured_tick != frame.captured_tick:
            self._views[camera] = self.degraded(frame, "view")
        return self._views[camera]

    def hold(self) -> Action:
        """Stay where the body is now.

        The drives keep a joint where they last sent it, which needs no sensor. Where a joint was
        pushed away from there, they know of it what its encoder says.
        """
        hold = self.cell.hold()
        if self.noise.number == 0:
            return hold
        return replace(
            hold,
            targets={name: self._held(name, target) for name, target in hold.targets.items()},
        )

    def _held(self, limb: str, target: FloatArray) -> FloatArray:
        state = self._limbs[limb]
        pushed = target != state.q_target
        if not pushed.any():
            return target
        return np.asarray(np.where(pushed, state.q, target))

    def orders(self, *, seed: int, count: int | None) -> OrderSource:
        """Make the cell's own orders."""
        return self.cell.orders(seed=seed, count=count)

    def judge(self) -> Judge:
        """Make the judge, who reads the truth."""
        return self.cell.judge()

    def stop(self) -> None:
        """Bring the body to a controlled stop."""
        self.cell.stop()

    def close(self) -> None:
        """Give back what the cell holds."""
        self.cell.close()

    def _sensed(self, timestep: Timestep) -> Timestep:
        """What is known of a timestep at its tick."""
        if self.noise.number == 0:
            return timestep
        seen = timestep.observation
        self._limbs: Mapping[str, LimbState] = {
            name: self._encoders[name].read(seen.tick, state) for name, state in seen.limbs.items()
        }
        for name, frame in seen.frames.items():
            wire = self._wires[name]
            if wire.awaits(frame):
                wire.send(self._streamed(frame))
            arrived = wire.newest(seen.tick)
            if arrived is not None:
                self._frames = {**self._frames, name: arrived}
        observation = replace(seen, limbs=self._limbs, frames=self._frames)
        return replace(timestep, observation=observation)

    def _streamed(self, frame: Frame) -> Frame:
        """A new picture; one that a camera sends again as if it were new has the noise it had."""
        taken, seen = self._sent.get(frame.camera, (None, None))
        if taken is None or seen is None or not _same(taken, frame):
            seen = self.degraded(frame, "stream")
        else:
            seen = replace(seen, seq=frame.seq, captured_tick=frame.captured_tick)
        self._sent[frame.camera] = frame, seen
        return seen

    def degraded(self, frame: Frame, kind: str) -> Frame:
        """A frame as the sensors give it; ``kind`` is ``stream`` or ``view``."""
        level = self.noise
        draws, tick = self._draws, frame.captured_tick
        finest = self.spec.cameras[frame.camera].native.fx
        depth = frame.depth
        if depth is not None:
            rng = draws.of(f"{frame.camera} {kind} depth", tick)
            depth = degrade_depth(
                depth, frame.pixels, level.depth, rng, focal_px=frame.intrinsics.fx
            ).depth
        pixels = degrade_picture(
            frame.pixels,
            level.picture,
            draws.of(f"{frame.camera} {kind}", tick),
            # The stream is the native picture, smaller: so is what moves across it.
            blur_px=level.picture.blur_px * frame.intrinsics.fx / finest,
        )
        pose = frame.camera_in_world @ self._mistaken[frame.camera]
        return replace(frame, pixels=pixels, depth=depth, camera_in_world=pose)


def _same(taken: Frame, frame: Frame) -> bool:
    return taken.pixels is frame.pixels and taken.depth is frame.depth
