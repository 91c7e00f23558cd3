"""The envelope that the guard enforces. No field has a default: safety is stated, not assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopfloor.types.frame import FloatArray

__all__ = ["LimbLimits", "Limits"]


@dataclass(frozen=True, slots=True, eq=False)
class LimbLimits:
    """Limits of one limb.

    Attributes:
        q_lower, q_upper: ``(dof,)`` joint positions [rad].
        qd_max: ``(dof,)`` joint speed [rad/s].
        workspace_lower_m, workspace_upper_m: ``(3,)`` corners of the box in the world that the
            tool centre point may not leave [m].
    """

    q_lower: FloatArray
    q_upper: FloatArray
    qd_max: FloatArray
    workspace_lower_m: FloatArray
    workspace_upper_m: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """The stated envelope of one cell in one mode.

    Attributes:
        name: ``fenced`` or ``collaborative``.
        dated: ISO date on which somebody last answered for these numbers.
        tool_speed_m_s: Speed of the tool centre point [m/s].
        limb_distance_m: Least distance between two limbs [m].
        command_age_ticks: Oldest command that may still move the body [ticks].
        limbs: By limb name.
        sha256: Hash of the file that the limits were read from.
    """

    name: str
    dated: str
    tool_speed_m_s: float
    limb_distance_m: float
    command_age_ticks: int
    limbs: Mapping[str, LimbLimits]
    sha256: str
