"""Up, over, down: the quickest smooth way from one top-down pose to another.

The arch motion of pick-and-place robots: the sideways move starts as soon as the tool is clear of
what stands around it and the descent starts before the sideways move has ended. Every stretch is a
jerk-limited profile of ``ruckig``; joints come from the body's inverse kinematics, once for
the whole path; the path is then slowed down as a whole until no joint and no tool speed
exceeds its share of the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ruckig import InputParameter, Ruckig, Trajectory

from shopfloor.errors import Unreachable
from shopfloor.skill.context import SkillContext
from shopfloor.types import FloatArray

__all__ = ["TopDown", "jump", "pose_of", "top_down"]

_JOINT_SHARE = 0.90
_TOOL_SHARE = 0.92
"""Shares of the speed limits that a skill uses; a servo overshoots its profile by up to 7 %."""
_TOOL_ACCELERATION = 11.0  # [m/s²]
_TOOL_JERK = 220.0  # [m/s³]
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
    """``(n, dof)`` positions at times that may lie before the start or after the end."""
    last = profile.duration
    return np.array([profile.at_time(min(max(t, 0.0), last))[0] for t in times])


def _reaches(profile: Trajectory, distance: float) -> float:
    """Time at which a one-dimensional profile has covered a distance."""
    low, high = 0.0, float(profile.duration)
    for _ in range(12):
        middle = 0.5 * (low + high)
        if abs(float(profile.at_time(middle)[0][0])) < distance:
            low = middle
        else:
            high = middle
    return high


def jump(
    context: SkillContext, limb: str, q: FloatArray, start: TopDown, goal: TopDown, top_m: float
) -> FloatArray:
    """Plan a jump.

    Args:
        context: Where the skill works.
        limb: Which limb.
        q: ``(dof,)`` joint positions now [rad].
        start: Where the tool is now.
        goal: Where it shall be.
        top_m: Height over which the tool crosses [m]; no lower than start and goal.

    Returns:
        ``(n, dof)`` joint positions [rad], one row a tick, row 0 at the start.

    Raises:
        Unreachable: The body cannot follow.
    """
    dt = context.control_dt
    v = context.limits.tool_speed_m_s * _TOOL_SHARE
    slow = min(v / 0.5, 1.0)  # gentle speeds deserve gentle accelerations
    a, j = _TOOL_ACCELERATION * slow, _TOOL_JERK * slow
    top_m = max(top_m, start.z_m, goal.z_m)
    across = np.array([goal.x_m - start.x_m, goal.y_m - start.y_m])
    far = float(np.hypot(*across))
    turn = (goal.yaw_rad - start.yaw_rad + np.pi) % (2 * np.pi) - np.pi
    up = _profile([top_m - start.z_m], [v * _VERTICAL], [a], [j])
    down = _profile([goal.z_m - top_m], [v * _VERTICAL], [a], [j])
    over = _profile([far, turn], [v, _YAW_LIMITS[0]], [a, _YAW_LIMITS[1]], [j, _YAW_LIMITS[2]])
    rise, fall = top_m - start.z_m, top_m - goal.z_m
    if far < 1e-4 and abs(turn) < 1e-3:
        over_at, down_at = up.duration, up.duration
    else:
        over_at = _reaches(up, min(rise, _CLEAR_M)) if rise > 1e-6 else 0.0
        low = _reaches(down, max(fall - _CLEAR_M, 0.0)) if fall > 1e-6 else 0.0
        down_at = max(over_at + over.duration - low, up.duration)
    end = max(over_at + over.duration, down_at + down.duration)

    spec, limits = context.body.spec.limbs[limb], context.limits.limbs[limb]
    qd_max = np.minimum(spec.qd_max, limits.qd_max) * _JOINT_SHARE
    stretch = 1.0
    path = q[None]
    for _ in range(6):
        n = max(int(np.ceil(end * stretch / dt)), 1)
        t = np.minimum(np.arange(n + 1) * dt / stretch, end)
        moved = _sample(over, t - over_at)
        share = moved[:, 0] / far if far > 1e-9 else np.zeros(n + 1)
        x, y = start.x_m + share * across[0], start.y_m + share * across[1]
        z = start.z_m + _sample(up, t)[:, 0] + _sample(down, t - down_at)[:, 0]
        path = context.body.inverse(limb, top_down(x, y, z, start.yaw_rad + moved[:, 1]), q)
        _check_workspace(x, y, z, limits.workspace_lower_m, limits.workspace_upper_m)
        speed = np.diff(path, axis=0) / dt
        acceleration = np.diff(speed, axis=0, prepend=0, append=0) / dt
        tool = np.sqrt(np.diff(x) ** 2 + np.diff(y) ** 2 + np.diff(z) ** 2) / dt
        excess = max(
            float((np.abs(speed) / qd_max).max()),
            float(tool.max()) / v,
            float(np.sqrt((np.abs(acceleration) / spec.qdd_max).max())),
        )
        if excess <= 1.0 + 1e-6:
            break
        stretch *= excess * 1.005
    return path


def _check_workspace(
    x: FloatArray, y: FloatArray, z: FloatArray, lower: FloatArray, upper: FloatArray
) -> None:
    path = np.stack([x, y, z], axis=1)[1:]  # where the tool stands now is not this jump's doing
    if np.any(path < lower) or np.any(path > upper):
        worst = path[np.argmax(np.maximum(lower - path, path - upper).max(axis=1))]
        raise Unreachable(
            f"the tool would pass ({worst[0]:.3f}, {worst[1]:.3f}, {worst[2]:.3f}) m, outside its "
            "workspace"
        )
