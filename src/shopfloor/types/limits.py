"""The envelope that the guard enforces. No field has a default: safety is stated, not assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopfloor.types.frame import FloatArray

__all__ = ["Box", "LimbLimits", "Limits", "PeopleLimits", "ServoLimits"]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A straight box in the world.

    Attributes:
        name: What it is called in rulings.
        lower_m, upper_m: ``(3,)`` corners in the world [m].
    """

    name: str
    lower_m: FloatArray
    upper_m: FloatArray


@dataclass(frozen=True, slots=True)
class ServoLimits:
    """How well the drives keep to their commands; what the guard leaves room for.

    Attributes:
        joint_overshoot: Share by which a joint's speed may exceed its command.
        tool_overshoot: Share by which a tool's speed may exceed what ``carry`` and ``gain`` of its
            limb foretell.
        tracking_m: Distance by which a limb may be elsewhere than commanded [m].
        tracking_rad: Angle by which a joint may be elsewhere than commanded [rad].
        following_rad: Distance of a joint from its command at which the limb is taken to be held
            back or pushed away [rad].
    """

    joint_overshoot: float
    tool_overshoot: float
    tracking_m: float
    tracking_rad: float
    following_rad: float


@dataclass(frozen=True, slots=True)
class PeopleLimits:
    """The separation distance from people, ``S = K T + D + Z``.

    Attributes:
        approach_m_s: K, speed at which a person comes nearer [m/s].
        reaction_s: Time from a person's move to the first braking command [s]; with the time that
            the limbs need to stand it is T.
        intrusion_m: D, how far a person reaches before the sensor tells [m].
        supplement_m: Z, what sensor and limbs may be wrong by [m].
    """

    approach_m_s: float
    reaction_s: float
    intrusion_m: float
    supplement_m: float


@dataclass(frozen=True, slots=True, eq=False)
class LimbLimits:
    """Limits of one limb.

    Attributes:
        q_lower, q_upper: ``(dof,)`` joint positions [rad].
        qd_max: ``(dof,)`` joint speed [rad/s].
        qdd_max: ``(dof,)`` gain and loss of speed that commands may ask for [rad/s²].
        carry: ``(dof,)`` share of a joint's speed error that is still there a tick later.
        gain: ``(dof,)`` share of a change of commanded speed that a joint overshoots by at first.
        workspace_lower_m, workspace_upper_m: ``(3,)`` corners of the box in the world that the
            tool centre point may not leave [m].
    """

    q_lower: FloatArray
    q_upper: FloatArray
    qd_max: FloatArray
    qdd_max: FloatArray
    carry: FloatArray
    gain: FloatArray
    workspace_lower_m: FloatArray
    workspace_upper_m: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """The stated envelope of one cell in one mode.

    Attributes:
        name: ``fenced`` or ``collaborative``.
        dated: ISO date on which somebody last answered for these numbers.
        tool_speed_m_s: Speed of the tool centre point [m/s].
        tool_acceleration_m_s2: Gain and loss of that speed that commands may ask for [m/s²].
        limb_distance_m: Least distance between two limbs [m].
        self_distance_m: Least distance between links of one limb, three joints apart or more [m].
        contact_force_n: Force at a wrist above which a limb may only draw back [N].
        contact_release_s: Time within which a larger force must be gone [s].
        command_age_ticks: Oldest command that may still move the body [ticks].
        servo: What the drives make of their commands.
        people: Separation from people.
        keep_out: Boxes that no moving part of a limb may enter.
        limbs: By limb name.
        sha256: Hash of the file that the limits were read from.
    """

    name: str
    dated: str
    tool_speed_m_s: float
    tool_acceleration_m_s2: float
    limb_distance_m: float
    self_distance_m: float
    contact_force_n: float
    contact_release_s: float
    command_age_ticks: int
    servo: ServoLimits
    people: PeopleLimits
    keep_out: tuple[Box, ...]
    limbs: Mapping[str, LimbLimits]
    sha256: str
