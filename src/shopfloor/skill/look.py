"""``look``: give the brain a fresh native-resolution view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from shopfloor.skill.script import Script, ScriptedSkill
from shopfloor.types import Observation, SkillCall, SkillResult

__all__ = ["Look"]


class Look(ScriptedSkill):
    """Give the brain a fresh native-resolution view; named limbs clear the picture first."""

    name: ClassVar[str] = "look"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": (
            "Look through a camera at native resolution. Limbs named in the call draw back first, "
            "so that they don't hide anything."
        ),
        "properties": {"camera": {"type": "string", "description": "Name of the camera."}},
        "required": ["camera"],
        "additionalProperties": False,
    }

    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Draw back, then ask for the view."""
        camera = call.arguments["camera"]
        if camera not in asked.frames:
            reason = f"no camera {camera!r}; there are: {', '.join(sorted(asked.frames))}"
            return SkillResult(False, "plan.invalid", {"reason": reason})
        for limb in call.limbs:
            yield from self.home(limb)
        return SkillResult(True, data={"camera": camera}, look=(camera,))
