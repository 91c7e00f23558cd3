"""``place``: put what the jaw holds into a tote or onto a spot."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from shopfloor.errors import Unreachable
from shopfloor.perception import surface
from shopfloor.skill.jump import TopDown
from shopfloor.skill.pick import HELD_M
from shopfloor.skill.script import TARGET_SCHEMA, Script, ScriptedSkill
from shopfloor.types import (
    ActionChunk,
    BoolArray,
    FloatArray,
    Observation,
    SkillCall,
    SkillResult,
    Station,
)

__all__ = ["Place"]

_HANG_M = 0.014
"""How far a part may reach below the fingertips [m]."""
_WALL_M = 0.055
"""Distance that the tool keeps from the walls of a tote [m]."""
_DROP_M = 0.012
_EMPTY_M = 0.012
"""A spot that is no higher than this above the floor is empty [m]."""
_HIDDEN_TRIES, _HIDDEN_TICKS = 10, 5
_SPOT_M = 0.022
"""Radius of a spot in a tote [m]."""
_RETREAT_M = 0.05
_LOW_RELEASE_M = 0.065
"""Fingertips that let go no higher than this are above what they let go of [m]."""
_RELEASE_M = 0.009
"""How far the jaw opens to let go [m]."""
_LEAST_RELEASE_M = 0.002
"""The least that counts, where the jaw opens no further."""
_AIM_M = 0.004
"""How much wider it is sent, so that it gets there soon."""
_RELEASE_TICKS = 12


class Place(ScriptedSkill):
    """Put what the jaw holds into a tote, where it is emptiest, or onto a spot in view."""

    name: ClassVar[str] = "place"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": (
            "Put the held part into a tote by its name, or down at a pixel of a camera's view. "
            "Fails when the jaw lost the part on the way."
        ),
        "properties": {
            "tote": {"type": "string", "description": "Name of the tote, such as A."},
            **TARGET_SCHEMA,
            "retreat": {
                "type": "boolean",
                "default": True,
                "description": "Rise from the part afterwards, so that nothing is touched.",
            },
        },
        "oneOf": [
            {"required": ["tote"]},
            {"required": ["camera", "point"]},
            {"required": ["camera", "box"]},
        ],
        "additionalProperties": False,
    }

    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Go over the place, see that the part is still there, let go."""
        limb = call.limbs[0]
        if self.observation.limbs[limb].jaw_m <= HELD_M:
            return SkillResult(False, "plan.wrong_step", {"reason": "the jaw holds nothing"})
        if "tote" in call.arguments:
            goal = yield from self._spot(limb, self._tote(call.arguments["tote"]))
        else:
            x, y, z = self.seen_point(call.arguments, asked)
            goal = self.over(limb, float(x), float(y), float(z) + _HANG_M)
        put = yield from self.put(limb, goal)
        # A part that was set down on another stands as high as the fingertips: rise before leaving.
        high = goal.z_m > _LOW_RELEASE_M
        if put.ok and (high or call.arguments.get("retreat", True)):
            up = replace(self.here(limb), z_m=self.here(limb).z_m + _RETREAT_M)
            yield from self.go(limb, up, None, top_m=up.z_m)
        return put

    def put(self, limb: str, goal: TopDown) -> Script:
        """Carry the part to a pose and let go of it there."""
        yield from self.go(limb, goal, 0.0)
        width = self.observation.limbs[limb].jaw_m
        if width <= HELD_M:
            return SkillResult(
                False, "grasp.slip", {"reason": "the part was lost on the way"}, look=("overview",)
            )
        wide = self.opened(limb, width + _RELEASE_M + _AIM_M)
        free = min(width + _RELEASE_M, max(wide - _AIM_M, width + _LEAST_RELEASE_M))
        for _ in range(0, _RELEASE_TICKS, 2):
            yield self.rest({limb: wide}, 2)
            if self.observation.limbs[limb].jaw_m > free:
                return SkillResult(
                    True, data={"x_m": round(goal.x_m, 3), "y_m": round(goal.y_m, 3)}
                )
        return SkillResult(False, "actuator.fault", {"reason": "the jaw did not open"})

    def _tote(self, name: str) -> Station:
        totes = {k: s for k, s in self.observation.stations.items() if k != "tray"}
        if name not in totes:
            raise Unreachable(f"no tote {name!r}; there are: {', '.join(sorted(totes))}")
        return totes[name]

    def _spot(self, limb: str, tote: Station) -> Generator[ActionChunk, None, TopDown]:
        """The emptiest place of a tote that the limb reaches; waits a while if an arm hides it."""
        (cx, cy, cz), (sx, sy, height) = tote.center_m, tote.size_m
        xs = np.linspace(-1, 1, 3) * max(sx / 2 - _WALL_M, 0.0)
        ys = np.linspace(-1, 1, 3) * max(sy / 2 - _WALL_M, 0.0)
        spots = np.array([[cx + dx, cy + dy] for dx in xs for dy in ys])
        level, hidden = self._levels(spots, cz, height)
        for _ in range(_HIDDEN_TRIES):
            if level.min() < cz + _EMPTY_M or not hidden.any():
                break
            yield self.rest({limb: 0.0}, _HIDDEN_TICKS)
            level, hidden = self._levels(spots, cz, height)
        here = self.here(limb)
        far = np.hypot(spots[:, 0] - here.x_m, spots[:, 1] - here.y_m)
        for i in np.argsort(np.round(level, 2) * 10 + far):
            x, y = spots[i]
            tip = max(cz + height - 0.012, float(level[i]) + _HANG_M + _DROP_M)
            goal = self.over(limb, float(x), float(y), tip)
            if self._reachable(limb, goal):
                return goal
        raise Unreachable(f"limb {limb!r} cannot reach tote {tote.name!r}")

    def _levels(
        self, spots: FloatArray, floor_m: float, wall_m: float
    ) -> tuple[FloatArray, BoolArray]:
        """How high things stand at spots of a tote [m], and which spots an arm hides."""
        frame = self.observation.frames.get("overview")
        if frame is None or frame.depth is None:
            return np.full(len(spots), floor_m), np.zeros(len(spots), bool)
        seen = surface(frame, spots, floor_m + 0.02, _SPOT_M)
        # What is far above the walls is an arm in the picture: what lies there is not known.
        hidden = np.isnan(seen) | (seen > floor_m + wall_m + 0.05)
        return np.where(hidden, floor_m + wall_m, seen), hidden

    def over(self, limb: str, x: float, y: float, z: float) -> TopDown:
        """A pose at a place for which the wrist need not turn."""
        base = self.context.body.spec.limbs[limb].base_in_world[:2, 3]
        here = self.here(limb)
        turn = np.arctan2(y - base[1], x - base[0]) - np.arctan2(
            here.y_m - base[1], here.x_m - base[0]
        )
        return TopDown(x, y, z, float(here.yaw_rad + turn))

    def _reachable(self, limb: str, goal: TopDown) -> bool:
        limits = self.context.limits.limbs[limb]
        at = np.array([goal.x_m, goal.y_m, goal.z_m])
        return bool(
            np.all(at >= limits.workspace_lower_m) and np.all(at <= limits.workspace_upper_m)
        )
