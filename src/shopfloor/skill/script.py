"""Skills written as scripts: a generator that moves by yielding chunks and returns its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from shopfloor.errors import ShopfloorError, Unreachable
from shopfloor.perception import point, registered
from shopfloor.skill import traffic
from shopfloor.skill.context import SkillContext
from shopfloor.skill.jump import TopDown, jump, pose_of
from shopfloor.skill.retreat import retreats
from shopfloor.skill.rim import rims
from shopfloor.types import (
    ActionChunk,
    FloatArray,
    Frame,
    Observation,
    Plan,
    SkillCall,
    SkillResult,
)

__all__ = ["CROSSING_M", "TARGET_SCHEMA", "Blocked", "Script", "ScriptedSkill", "target_pixel"]

Script = Generator[ActionChunk, None, SkillResult]

CROSSING_M = 0.115
"""Height at which tools cross the cell [m]: above the walls of a tote with a part in the jaw."""
_PATIENCE_TICKS = 500
_RETRY_TICKS = 2
_GIVE_WAY_TICKS = 12
_AT_HOME_RAD = 0.02
_STIRRED_RAD = 0.01
_FOLLOWED_RAD = 0.05
"""A limb this close to its target is following it."""

TARGET_SCHEMA: Mapping[str, Any] = {
    "camera": {"type": "string", "description": "Camera whose picture the target is given in."},
    "point": {
        "type": "array",
        "items": {"type": "number", "minimum": 0},
        "minItems": 2,
        "maxItems": 2,
        "description": "Pixel [u, v] on the target, in the native-resolution view.",
    },
    "box": {
        "type": "array",
        "items": {"type": "number", "minimum": 0},
        "minItems": 4,
        "maxItems": 4,
        "description": "Pixels [left, top, right, bottom] around the target.",
    },
}


class Blocked(ShopfloorError):
    """Another limb stood in the way for longer than a skill waits."""


def target_pixel(
    arguments: Mapping[str, Any], observation: Observation
) -> tuple[Frame, float, float]:
    """Resolve a ``point`` or ``box`` argument to a frame and a pixel.

    The frame's pose is corrected by the fixtures that are seen in it.

    Raises:
        Unreachable: The camera has shown nothing yet, or the pixel is outside its picture.
    """
    camera = arguments["camera"]
    frame = observation.views.get(camera) or observation.frames.get(camera)
    if frame is None:
        known = sorted({*observation.views, *observation.frames})
        raise Unreachable(f"no picture of camera {camera!r}; there are: {', '.join(known)}")
    if "point" in arguments:
        u, v = arguments["point"]
    else:
        left, top, right, bottom = arguments["box"]
        u, v = (left + right) / 2, (top + bottom) / 2
    height, width = frame.pixels.shape[:2]
    if not (0 <= u < width and 0 <= v < height):
        raise Unreachable(f"pixel ({u:g}, {v:g}) is outside the {width} x {height} picture")
    return registered(frame, observation.stations), float(u), float(v)


class ScriptedSkill(ABC):
    """A skill whose course is one generator; ``self.observation`` is always the newest."""

    name: ClassVar[str]
    schema: ClassVar[Mapping[str, Any]]

    def __init__(self, context: SkillContext) -> None:
        """Take up the place of work."""
        self.context = context

    @abstractmethod
    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Carry the call out; ``asked`` is the observation that the brain decided on."""

    def reset(self, call: SkillCall, observation: Observation) -> None:
        """Begin a call."""
        self._script = self.script(call, observation)

    def act(
        self, observation: Observation, others: Mapping[str, Plan]
    ) -> ActionChunk | SkillResult:
        """Go on with the script until it moves or ends."""
        self.observation, self.others = observation, others
        try:
            return next(self._script)
        except StopIteration as stop:
            result: SkillResult = stop.value
            return result
        except Unreachable as error:
            return SkillResult(False, "perception.out_of_range", {"reason": str(error)})
        except Blocked as error:
            return SkillResult(False, "plan.invalid", {"reason": str(error)})

    # What scripts are made of.

    def here(self, limb: str) -> TopDown:
        """Where the limb's tool is heading: motion goes on from there, not from where it lags."""
        return pose_of(self.context.geometry.tool_pose(limb, self._q(limb)))

    def _q(self, limb: str) -> FloatArray:
        """Joints to go on from [rad]: those last commanded, or the measured if far from them."""
        state = self.observation.limbs[limb]
        followed = np.abs(state.q - state.q_target).max() < _FOLLOWED_RAD
        return state.q_target if followed else state.q

    def go(
        self, limb: str, goal: TopDown, jaw_m: float | None, top_m: float = CROSSING_M
    ) -> Iterator[ActionChunk]:
        """Jump to a pose as soon as the way is free; ``jaw_m`` None leaves the jaw alone.

        Raises:
            Unreachable: The body can't get there.
            Blocked: The way did not become free in time.
        """
        # Two limbs that stand in each other's way would wait for ever: the one that is first in
        # the body's order gives way first, and draws back to its home.
        rank = list(self.context.body.spec.limbs).index(limb)
        give_way = _GIVE_WAY_TICKS * (1 + 2 * rank)
        waited = 0
        path = self._path(limb, goal, top_m)
        while True:
            wait = self._delay(limb, path)
            if wait is not None:
                yield self._set_out(limb, path, wait, jaw_m)
                return
            standing = self._others_joints()
            while np.abs(self._others_joints() - standing).max() < _STIRRED_RAD:
                # Nobody stirs, so nothing has changed: there is no need to look again.
                if waited >= _PATIENCE_TICKS:
                    seconds = waited * self.context.control_dt
                    raise Blocked(
                        f"{limb!r} waited {seconds:.0f} s for the other limb to clear the way"
                    )
                if waited % give_way == give_way - _RETRY_TICKS:
                    back = self._way_back(limb)
                    if back is not None:
                        yield back
                        path = self._path(limb, goal, top_m)
                        waited += _RETRY_TICKS
                        break
                yield self.rest({limb: None}, _RETRY_TICKS)
                waited += _RETRY_TICKS

    def _way_back(self, limb: str) -> ActionChunk | None:
        """Draw back to where the limb is less in the way; None if there is no free way there."""
        if self._is_home(limb):
            return None
        base = self.context.body.spec.limbs[limb].base_in_world[:2, 3]
        for pose in retreats(self.here(limb), self._home(limb), base):
            try:
                path = self._path(limb, pose, CROSSING_M)
            except Unreachable:
                continue
            wait = self._delay(limb, path)
            if wait is not None:
                return self._set_out(limb, path, wait, None)
        return None

    def _others_joints(self) -> FloatArray:
        """Where the other limbs will stand when their plans have ended [rad]."""
        return np.concatenate([np.zeros(1), *(plan.q[-1] for plan in self.others.values())])

    def _path(self, limb: str, goal: TopDown, top_m: float) -> FloatArray:
        q, here = self._q(limb), self.here(limb)
        ends = (here.x_m, here.y_m), (goal.x_m, goal.y_m)
        walls = rims(self.observation.stations.values(), *ends)
        try:
            return jump(self.context, limb, q, here, goal, top_m, walls)
        except Unreachable:
            # A jaw closes the same way when it is turned by half: the wrist may have more room.
            turned = replace(goal, yaw_rad=goal.yaw_rad + np.pi)
            return jump(self.context, limb, q, here, turned, top_m, walls)

    def _delay(self, limb: str, path: FloatArray) -> int | None:
        return traffic.delay(self.context, limb, path, self.others, self.observation.tick)

    def _set_out(self, limb: str, path: FloatArray, wait: int, jaw_m: float | None) -> ActionChunk:
        rows = np.concatenate([np.repeat(path[:1], wait, axis=0), path])
        if jaw_m is None:
            return self.chunk({limb: rows}, {limb: None})
        # A jaw that is to be narrower closes on the second half of the way only: what it has just
        # let go of may still stand between the fingers.
        jaw = np.full(len(rows), jaw_m)
        if jaw_m > 0:
            early = wait + len(path) // 2
            jaw[:early] = max(jaw_m, self.observation.limbs[limb].jaw_m)
        return replace(self.chunk({limb: rows}, {limb: None}), jaw_m={limb: jaw})

    def _home(self, limb: str) -> TopDown:
        spec = self.context.body.spec.limbs[limb]
        pose = self.context.geometry.tool_pose(limb, spec.q_home)
        return pose_of(pose)

    def _is_home(self, limb: str) -> bool:
        spec = self.context.body.spec.limbs[limb]
        return bool(np.abs(self._q(limb) - spec.q_home).max() < _AT_HOME_RAD)

    def rest(self, jaw_m: Mapping[str, float | None], ticks: int) -> ActionChunk:
        """Stand still for some ticks with the jaws as given."""
        still = {limb: np.repeat(self._q(limb)[None], ticks + 1, axis=0) for limb in jaw_m}
        return self.chunk(still, jaw_m)

    def chunk(
        self, paths: Mapping[str, FloatArray], jaw_m: Mapping[str, float | None]
    ) -> ActionChunk:
        """Make a chunk of paths that start now, one row a tick; jaw None stays as commanded."""
        return ActionChunk(
            targets=paths,
            jaw_m={
                limb: np.full(len(path), jaw)
                for limb, path in paths.items()
                if (jaw := jaw_m[limb]) is not None
            },
            period_s=self.context.control_dt,
            observed_tick=self.observation.tick,
        )

    def opened(self, limb: str, width_m: float) -> float:
        """A jaw width [m], or the widest that this limb's jaw can open."""
        return min(width_m, self.context.body.spec.limbs[limb].jaw_max_m)

    def home(self, limb: str) -> Iterator[ActionChunk]:
        """Draw a limb back to its home, jaw as it is."""
        if not self._is_home(limb):
            yield from self.go(limb, self._home(limb), None)

    def newest(self, camera: str) -> Frame:
        """The newest stream frame of a camera, its pose corrected by the fixtures seen in it."""
        return registered(self.observation.frames[camera], self.observation.stations)

    def seen_point(self, arguments: Mapping[str, Any], asked: Observation) -> FloatArray:
        """``(3,)`` point in the world [m] of a pixel target."""
        frame, u, v = target_pixel(arguments, asked)
        return point(frame, u, v)
