"""Up, over, down: the quickest smooth way from one top-down pose to another.

The arch motion of pick-and-place robots: the sideways move starts as soon as the tool is clear of
what stands around it and the descent starts before the sideways move has ended. Every stretch is a
jerk-limited profile of ``ruckig``; joints come from the body's inverse kinematics for the whole
path at once; speed and acceleration are then taken back, each by as much as it was too much,
until no joint and no tool speed exceeds its share of the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ruckig import InputParameter, Ruckig, Trajectory

from shopfloor.errors import Unreachable
from shopfloor.skill.context import SkillContext
from shopfloor.skill.rim import Rim
from shopfloor.types import FloatArray

__all__ = ["TopDown", "jump", "pose_of", "top_down"]

_JOINT_SHARE = 0.90
_TOOL_SHARE = 0.89
"""Shares of the speed limits that a skill uses; a servo overshoots its profile by up to 7 %."""
_TOOL_ACCELERATION = 12.0  # [m/s²]
_JERK_PER_ACCELERATION = 28.0  # [1/s]
_TOOL_SPEED_FOR_YAW = 0.5
"""Below this speed of the tool [m/s] it turns more slowly too."""
_ROUNDS = 12
_EDGE_M = 0.005
"""Kept from the edge of the workspace, for tracking errors [m]."""
_YAW_LIMITS = (3.0, 25.0, 400.0)  # [rad/s], [rad/s²], [rad/s³]
_VERTICAL = 0.7
"""Share of the tool speed that a lift or descent uses; it adds to the sideways speed."""
_CLEAR_M = 0.018
"""Rise after which the sideways move may begin."""


@dataclass(frozen=True, slots=True)
class TopDown:
    """A pose of the tool centre point with the jaw pointing straight down.

    Attributes:
        x_m, y_m, z_m: In the world [m].
        yaw_rad: Closing direction about the vertical [rad].
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float


def top_down(x: FloatArray, y: FloatArray, z: FloatArray, yaw: FloatArray) -> FloatArray:
    """``(n, 4, 4)`` tool poses in the world from ``(n,)`` coordinates [m] and yaw [rad]."""
    c, s = np.cos(yaw), np.sin(yaw)
    pose = np.zeros((len(c), 4, 4))
    pose[:, 0, 0], pose[:, 1, 0] = c, s
    pose[:, 0, 1], pose[:, 1, 1] = s, -c
    pose[:, 2, 2] = -1.0
    pose[:, 0, 3], pose[:, 1, 3], pose[:, 2, 3] = x, y, z
    pose[:, 3, 3] = 1.0
    return pose


def pose_of(tool_in_world: FloatArray) -> TopDown:
    """Read a ``(4, 4)`` tool pose whose jaw points down."""
    x, y, z = (float(c) for c in tool_in_world[:3, 3])
    return TopDown(x, y, z, float(np.arctan2(tool_in_world[1, 0], tool_in_world[0, 0])))


def _profile(
    distances: list[float], speeds: list[float], accelerations: list[float], jerks: list[float]
) -> Trajectory:
    """Synchronised rest-to-rest profiles over distances, all starting at 0."""
    n = len(distances)
    ask, answer = InputParameter(n), Trajectory(n)
    ask.current_position, ask.target_position = [0.0] * n, distances
    ask.max_velocity, ask.max_acceleration, ask.max_jerk = speeds, accelerations, jerks
    Ruckig(n).calculate(ask, answer)
    return answer


def _sample(profile: Trajectory, times: FloatArray) -> FloatArray:
    """``(n, dof)`` positions at times that may lie before the start or after the end.

    The seven stretches of constant jerk are evaluated for all times at once: asking ``ruckig``
    for each of them would cost as much as the inverse kinematics.
    """
    columns = []
    for part in profile.profiles[0]:
        lasts, jerk = np.array(part.t), np.array(part.j)
        p, v, a = (np.array(series[:7]) for series in (part.p, part.v, part.a))
        begins = np.concatenate([np.zeros(1), np.cumsum(lasts[:6])])
        at = np.maximum(np.searchsorted(begins, times, side="right") - 1, 0)
        t = np.clip(times - begins[at], 0.0, lasts[at])
        columns.append(p[at] + t * (v[at] + t * (a[at] / 2 + t * (jerk[at] / 6))))
    return np.stack(columns, axis=1)


def _reaches(profile: Trajectory, distance: float) -> float:
    """Time at which the first dimension of a rest-to-rest profile has covered a distance."""
    if distance <= 0:
        return 0.0
    whole = profile.profiles[0][0].pf
    at = profile.get_first_time_at_position(0, np.copysign(distance, whole))
    return float(profile.duration) if at is None else float(at)


def jump(
    context: SkillContext,
    limb: str,
    q: FloatArray,
    start: TopDown,
    goal: TopDown,
    top_m: float,
    walls: tuple[Rim, ...] = (),
) -> FloatArray:
    """Plan a jump.

    Args:
        context: Where the skill works.
        limb: Which limb.
        q: ``(dof,)`` joint positions now [rad].
        start: Where the tool is now.
        goal: Where it shall be.
        top_m: Height over which the tool crosses [m]; no lower than start and goal.
        walls: Stretches of the way that must be passed no lower than a height, if that is no
            higher than ``top_m``.

    Returns:
        ``(n, dof)`` joint positions [rad], one row a tick, row 0 at the start.

    Raises:
        Unreachable: The body cannot follow.
    """
    dt = context.control_dt
    spec, limits = context.body.spec.limbs[limb], context.limits.limbs[limb]
    v_max = context.limits.tool_speed_m_s * _TOOL_SHARE
    qd_max = np.minimum(spec.qd_max, limits.qd_max) * _JOINT_SHARE
    qdd_max = np.minimum(spec.qdd_max, limits.qdd_max)
    speed, spin = v_max, min(v_max / _TOOL_SPEED_FOR_YAW, 1.0)
    # Gentle speeds deserve gentle accelerations.
    acceleration = _TOOL_ACCELERATION * min(v_max / 0.5, 1.0)
    for round_ in range(_ROUNDS):
        top = max(top_m, start.z_m, goal.z_m)
        course = _Course.plan(start, goal, top, speed, acceleration, spin, walls)
        x, y, z, yaw = course.at(np.arange(course.ticks(dt) + 1) * dt)
        path = context.body.inverse(limb, top_down(x, y, z, yaw), q)
        _check_workspace(x, y, z, limits.workspace_lower_m, limits.workspace_upper_m)
        qd = np.diff(path, axis=0) / dt
        qdd = np.diff(qd, axis=0, prepend=0, append=0) / dt
        tool = np.sqrt(np.diff(x) ** 2 + np.diff(y) ** 2 + np.diff(z) ** 2) / dt
        too_fast = max(float((np.abs(qd) / qd_max).max()), float(tool.max()) / v_max)
        too_hard = float((np.abs(qdd) / qdd_max).max())
        if too_fast <= 1.0 + 1e-6 and too_hard <= 1.0 + 1e-6:
            return path
        # Speed costs more time than acceleration: take away only what was too much.
        speed, spin = (v / max(too_fast * 1.003, 1.0) for v in (speed, spin))
        acceleration /= max(too_hard * 1.01, 1.0)
        if round_ > _ROUNDS // 2:  # the overlap shifts with both: take enough off to end it
            speed, spin, acceleration = 0.9 * speed, 0.9 * spin, 0.8 * acceleration
    raise Unreachable(f"limb {limb!r} cannot follow this way within its limits at any speed")


@dataclass(frozen=True, slots=True)
class _Course:
    """Profiles of one jump, and when each begins [s]."""

    start: TopDown
    across: tuple[float, float]
    far: float
    up: Trajectory
    over: Trajectory
    down: Trajectory
    over_at: float
    down_at: float

    @classmethod
    def plan(
        cls,
        start: TopDown,
        goal: TopDown,
        top_m: float,
        speed: float,
        acceleration: float,
        spin: float,
        walls: tuple[Rim, ...],
    ) -> _Course:
        """Overlap the three stretches as far as the rims allow; ``spin`` slows the yaw."""
        jerk = acceleration * _JERK_PER_ACCELERATION
        across = goal.x_m - start.x_m, goal.y_m - start.y_m
        far = float(np.hypot(*across))
        turn = (goal.yaw_rad - start.yaw_rad + np.pi) % (2 * np.pi) - np.pi
        up = _profile([top_m - start.z_m], [speed * _VERTICAL], [acceleration], [jerk])
        down = _profile([goal.z_m - top_m], [speed * _VERTICAL], [acceleration], [jerk])
        over = _profile(
            [far, turn],
            [speed, _YAW_LIMITS[0] * spin],
            [acceleration, _YAW_LIMITS[1] * spin],
            [jerk, _YAW_LIMITS[2] * spin],
        )
        if far < 1e-4 and abs(turn) < 1e-3:
            over_at = down_at = up.duration
        else:
            # What stands around the start is cleared up to half-way, then what stands around the
            # goal: if one is lower, that is no reason to go down early, nor to rise late.
            ends = (
                Rim(0.0, far / 2, start.z_m + _CLEAR_M),
                Rim(far / 2, far, goal.z_m + _CLEAR_M),
            )
            over_at, down_at = 0.0, up.duration
            heights = [(rim, min(rim.height_m, top_m)) for rim in (*ends, *walls)]
            for rim, z in heights:
                over_at = max(over_at, _reaches(up, z - start.z_m) - _reaches(over, rim.begins_m))
            for rim, z in heights:
                passed = over_at + _reaches(over, rim.ends_m)
                down_at = max(down_at, passed - _reaches(down, top_m - z))
        return cls(start, across, far, up, over, down, over_at, down_at)

    def ticks(self, dt: float) -> int:
        """Ticks until the goal is reached."""
        end = max(self.over_at + self.over.duration, self.down_at + self.down.duration)
        return max(int(np.ceil(end / dt - 1e-9)), 1)

    def at(self, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """x, y, z [m] and yaw [rad] at times [s]."""
        moved = _sample(self.over, t - self.over_at)
        share = moved[:, 0] / self.far if self.far > 1e-9 else np.zeros(len(t))
        lift = _sample(self.up, t)[:, 0] + _sample(self.down, t - self.down_at)[:, 0]
        return (
            self.start.x_m + share * self.across[0],
            self.start.y_m + share * self.across[1],
            self.start.z_m + lift,
            self.start.yaw_rad + moved[:, 1],
        )


def _check_workspace(
    x: FloatArray, y: FloatArray, z: FloatArray, lower: FloatArray, upper: FloatArray
) -> None:
    path = np.stack([x, y, z], axis=1)[1:]  # where the tool stands now is not this jump's doing
    lower, upper = lower + _EDGE_M, upper - _EDGE_M
    if np.any(path < lower) or np.any(path > upper):
        worst = path[np.argmax(np.maximum(lower - path, path - upper).max(axis=1))]
        raise Unreachable(
            f"the tool would pass ({worst[0]:.3f}, {worst[1]:.3f}, {worst[2]:.3f}) m, outside its "
            "workspace"
        )
