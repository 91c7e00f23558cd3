"""What a skill knows of the place where it works."""

from __future__ import annotations

from dataclasses import dataclass

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.types import Limits

__all__ = ["SkillContext"]


@dataclass(frozen=True, slots=True, eq=False)
class SkillContext:
    """Handed to every skill's factory.

    Attributes:
        body: Its limbs and their inverse kinematics.
        geometry: Where the limbs are for given joints.
        limits: The envelope; skills plan inside it so that the guard has nothing to say.
        control_dt: Length of a tick [s].
    """

    body: Body
    geometry: Geometry
    limits: Limits
    control_dt: float
