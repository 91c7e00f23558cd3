"""``wait``: do nothing for a while, out of the way if asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from shopfloor.skill.script import Script, ScriptedSkill
from shopfloor.types import Observation, SkillCall, SkillResult

__all__ = ["Wait"]


class Wait(ScriptedSkill):
    """Do nothing for a while; with ``clear`` the limb draws back to its home first."""

    name: ClassVar[str] = "wait"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "description": "Let a limb rest for some seconds; with clear it goes home first.",
        "properties": {
            "seconds": {"type": "number", "minimum": 0, "maximum": 60},
            "clear": {"type": "boolean", "default": False},
        },
        "required": ["seconds"],
        "additionalProperties": False,
    }

    def script(self, call: SkillCall, asked: Observation) -> Script:
        """Go home if asked, then rest."""
        if call.arguments.get("clear", False):
            for limb in call.limbs:
                yield from self.home(limb)
        ticks = round(call.arguments["seconds"] / self.context.control_dt)
        if ticks and call.limbs:
            yield self.rest(dict.fromkeys(call.limbs), ticks)
        return SkillResult(True)
