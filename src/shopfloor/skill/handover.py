"""``handover``: one limb brings a part to where another can take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from shopfloor.errors import Unreachable
from shopfloor.perception import grasp_at, pixel, surface
from shopfloor.skill.jump import TopDown
from shopfloor.skill.pick import HELD_M, LIFT_M, Pick
from shopfloor.skill.place import Place
from shopfloor.skill.script import TARGET_SCHEMA, Blocked, Script, target_pixel
from shopfloor.types import Observation, SkillCall, SkillResult

__all__ = ["Handover"]

_SPOT_CLEAR_M = 0.045
"""Radius that must be free around the spot where the part is set down [m]."""
_EMPTY_M = 0.012
"""A spot that is no higher than this above the tray is empty: every part is twice as high [m]."""
_SET_DOWN_M = 0.013
"""Height of the fingertips over the tray when they let go: a little above where they took hold."""


class Handover(Pick, Place):
    """One limb sets a part down on the tray where the other reaches it; the other takes it.

    The part changes hands over a free spot of the tray and not in the air: both grasps stay
    top-down, and a part that is let go lies where a camera can see it.
    """

    name: ClassVar[str] = "handover"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": (
            "Pass the part at a pixel from the first limb, which reaches it, to the second, by way "
            "of a free spot on the tray. Afterwards the second limb holds the part."
        ),
        "properties": dict(TARGET_SCHEMA),
        "required": ["camera"],
        "oneOf": [{"required": ["point"]}, {"required": ["box"]}],
        "additionalProperties": False,
    }

    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Pick with the giver, set down in the shared strip, pick with the taker."""
        giver, taker = call.limbs
        frame, _, _ = target_pixel(call.arguments, asked)
        picked = yield from Pick.script(
            self, SkillCall(call.id, "pick", (giver,), {**call.arguments, "tries": 1}), asked
        )
        if not picked.ok:
            return picked
        taken = self.here(giver)
        try:
            spot = self._free_spot(giver, taker, frame.camera)
            put = yield from self.put(giver, spot)
        except (Unreachable, Blocked):
            # The part goes back to where it was: nobody knows that this limb still holds it.
            yield from self.put(giver, replace(taken, z_m=taken.z_m - LIFT_M))
            raise
        if not put.ok:
            return put
        yield from self.home(giver)
        yield from self._fresh(giver, frame.camera)
        fresh = self.newest(frame.camera)
        su, sv = pixel(fresh, np.array([[spot.x_m, spot.y_m, spot.z_m]]))[0]
        spec = self.context.body.spec.limbs[taker]
        grasp = grasp_at(fresh, su, sv, spec.jaw_max_m - 0.002)
        if grasp is None:
            return SkillResult(
                False,
                "place.miss",
                {"reason": "the part is not where it was set down"},
                look=(frame.camera,),
            )
        width = yield from self.grasp(taker, grasp, lift=True)
        if width <= HELD_M:
            return SkillResult(
                False, "grasp.miss", {"reason": f"{taker!r} did not take it"}, look=(frame.camera,)
            )
        return SkillResult(True, data={"jaw_m": round(width, 4)})

    def _free_spot(self, giver: str, taker: str, camera: str) -> TopDown:
        """A free spot on the tray that both limbs reach, near to where the giver is."""
        tray = self.observation.stations["tray"]
        limbs = self.context.limits.limbs
        lower = np.maximum(limbs[giver].workspace_lower_m, limbs[taker].workspace_lower_m)
        upper = np.minimum(limbs[giver].workspace_upper_m, limbs[taker].workspace_upper_m)
        (cx, cy, cz), (sx, sy, _) = tray.center_m, tray.size_m
        low = np.maximum(lower[:2] + 0.01, [cx - sx / 2 + 0.05, cy - sy / 2 + 0.05])
        high = np.minimum(upper[:2] - 0.01, [cx + sx / 2 - 0.05, cy + sy / 2 - 0.05])
        if np.any(low > high):
            raise Unreachable(f"limbs {giver!r} and {taker!r} share no spot of the tray")
        spots = np.array(
            [
                [x, y]
                for x in np.linspace(low[0], high[0], 7)
                for y in np.linspace(low[1], high[1], 9)
            ]
        )
        level = surface(self.observation.frames[camera], spots, cz, _SPOT_CLEAR_M)
        here = self.here(giver)
        far = np.hypot(spots[:, 0] - here.x_m, spots[:, 1] - here.y_m)
        free = level < cz + _EMPTY_M
        if not free.any():
            raise Unreachable("no free spot on the tray to hand the part over")
        best = int(np.argmin(np.where(free, far, np.inf)))
        return self.over(giver, float(spots[best, 0]), float(spots[best, 1]), cz + _SET_DOWN_M)
