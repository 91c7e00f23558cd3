"""``pick``: take hold of the part that shows at a pixel."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from shopfloor.perception import Grasp, grasp_at, pixel, point
from shopfloor.skill.jump import TopDown
from shopfloor.skill.script import TARGET_SCHEMA, Script, ScriptedSkill, target_pixel
from shopfloor.types import ActionChunk, Observation, SkillCall, SkillResult

__all__ = ["HELD_M", "LIFT_M", "Pick"]

HELD_M = 0.006
"""A jaw that closes further than this holds nothing."""

_OPEN_M = 0.016
"""How much wider than the part the jaw opens [m]."""
LIFT_M = 0.03
"""How far a part is lifted to see whether the jaw holds it [m]."""
_CLOSING_TICKS = 30
_STALLED_M = 0.0004
_SET_OUT_M = 0.004
_WRONG_M = 0.010
"""A jaw this much wider than the part was seen to be holds something else [m]."""
_LET_GO_TICKS = 8


class Pick(ScriptedSkill):
    """Take hold of the part that shows at a pixel; the jaw's own width tells whether it did."""

    name: ClassVar[str] = "pick"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": (
            "Pick up the part at a pixel or in a box of a camera's view, from above, with one "
            "limb. Succeeds when the jaw holds something after the lift."
        ),
        "properties": {
            **TARGET_SCHEMA,
            "tries": {
                "type": "integer",
                "minimum": 1,
                "maximum": 3,
                "default": 2,
                "description": "How often to try; between tries the limb clears the view.",
            },
            "lift": {
                "type": "boolean",
                "default": True,
                "description": "Lift the part and look at the jaw again before reporting success.",
            },
        },
        "required": ["camera"],
        "oneOf": [{"required": ["point"]}, {"required": ["box"]}],
        "additionalProperties": False,
    }

    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Find the grasp, go there, close, lift, and look at the jaw."""
        limb = call.limbs[0]
        frame, u, v = target_pixel(call.arguments, asked)
        target = point(frame, u, v)
        tries = call.arguments.get("tries", 2)
        width = 0.0
        for attempt in range(tries):
            if attempt:
                # The limb hides its own target: clear the view, then find it again.
                yield from self.home(limb)
                yield from self._fresh(limb, frame.camera)
                frame = self.newest(frame.camera)
                u, v = pixel(frame, target[None])[0]
            grasp = grasp_at(
                frame,
                u,
                v,
                self.context.body.spec.limbs[limb].jaw_max_m - 0.002,
                prefer_rad=self._easy_yaw(limb, target[:2]),
            )
            if grasp is None:
                code = "grasp.miss" if attempt else "perception.miss"
                return SkillResult(
                    False,
                    code,
                    {"reason": f"nothing that the jaw can take shows at ({u:.0f}, {v:.0f})"},
                    look=(frame.camera,),
                )
            lift = call.arguments.get("lift", True)
            width = yield from self.grasp(limb, grasp, lift=lift)
            if width > grasp.width_m + _WRONG_M:
                # Something else is in the jaw, such as a part that was not let go of.
                yield self.rest({limb: self.opened(limb, width + _OPEN_M)}, _LET_GO_TICKS)
                reason = (
                    f"the jaw closed to {width * 1000:.0f} mm on a part of "
                    f"{grasp.width_m * 1000:.0f} mm, and let go"
                )
                return SkillResult(False, "grasp.miss", {"reason": reason}, look=(frame.camera,))
            if width > HELD_M:
                return SkillResult(True, data={"jaw_m": round(width, 4), "tries": attempt + 1})
        return SkillResult(
            False,
            "grasp.miss",
            {"reason": f"the jaw closed to {width * 1000:.1f} mm", "tries": tries},
            look=(frame.camera,),
        )

    def grasp(self, limb: str, grasp: Grasp, *, lift: bool) -> Generator[ActionChunk, None, float]:
        """Go down on a grasp, close, lift if asked; returns the jaw's width afterwards [m]."""
        opening = self.opened(limb, grasp.width_m + _OPEN_M)
        yaw = self._nearer(limb, grasp)
        yield from self.go(limb, TopDown(grasp.x_m, grasp.y_m, grasp.tip_m, yaw), opening)
        yield from self._close(limb, self.observation.limbs[limb].jaw_m)
        width = self.observation.limbs[limb].jaw_m
        if width <= HELD_M or not lift:
            return width
        here = self.here(limb)
        lifted = TopDown(here.x_m, here.y_m, here.z_m + LIFT_M, here.yaw_rad)
        yield from self.go(limb, lifted, 0.0, top_m=lifted.z_m)
        return self.observation.limbs[limb].jaw_m

    def _close(self, limb: str, opening_m: float) -> Iterator[ActionChunk]:
        """Close until the fingers, once they have set out from their opening, stop moving."""
        last = np.inf
        for _ in range(0, _CLOSING_TICKS, 2):
            yield self.rest({limb: 0.0}, 2)
            width = self.observation.limbs[limb].jaw_m
            if width < opening_m - _SET_OUT_M and last - width < _STALLED_M:
                return
            last = width

    def _fresh(self, limb: str, camera: str) -> Iterator[ActionChunk]:
        """Wait for a stream frame that was taken after now."""
        now = self.observation.tick
        while self.observation.frames[camera].captured_tick <= now:
            yield self.rest({limb: None}, 2)

    def _easy_yaw(self, limb: str, xy: Any) -> float:
        """Closing direction over a place for which the wrist need not turn [rad]."""
        base = self.context.body.spec.limbs[limb].base_in_world[:2, 3]
        here = self.here(limb)
        now = np.arctan2(here.y_m - base[1], here.x_m - base[0])
        then = np.arctan2(xy[1] - base[1], xy[0] - base[0])
        return float(here.yaw_rad + then - now)

    def _nearer(self, limb: str, grasp: Grasp) -> float:
        """Of the two yaws that close the same way, the one that turns the wrist less [rad]."""
        easy = self._easy_yaw(limb, (grasp.x_m, grasp.y_m))
        turn = (grasp.yaw_rad - easy + np.pi / 2) % np.pi - np.pi / 2
        return float(easy + turn)
