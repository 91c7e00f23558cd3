"""Skills: bounded sub-policies that a brain can call."""

from shopfloor.skill.context import SkillContext

__all__ = ["SkillContext"]
