"""Jumps, held against the limits with forward kinematics of their own."""

import numpy as np
import pytest

from shopfloor.body import ur5e
from shopfloor.errors import Unreachable
from shopfloor.skill.context import SkillContext
from shopfloor.skill.jump import TopDown, jump, top_down

LIMBS = ("left", "right")
DT = 0.02
CROSSING_M = 0.15
CLEAR_M = 0.018


@pytest.fixture(params=["fenced", "collaborative"])
def context(request, bench, geometry):
    return SkillContext(bench, geometry, request.getfixturevalue(request.param), DT)


def tools(bench, limb, path):
    """Return ``(n, 4, 4)`` tool poses in the world by the published link table."""
    poses = bench.spec.limbs[limb].base_in_world @ ur5e.forward(path)
    poses[:, :3, 3] += 0.14 * poses[:, :3, 2]
    return poses


def joints(bench, limb, pose):
    at = top_down(*(np.array([c]) for c in (pose.x_m, pose.y_m, pose.z_m, pose.yaw_rad)))
    return bench.inverse(limb, at, bench.spec.limbs[limb].q_home)[0]


def somewhere(bench, rng, limb):
    """Return a pose over tray or totes that the limb reaches well."""
    base = bench.spec.limbs[limb].base_in_world[0, 3]
    away, y = rng.uniform(0.38, 0.66), rng.uniform(-0.2, 0.2)
    yaw = rng.uniform(-np.pi / 2, np.pi / 2) + (np.pi if limb == "right" else 0.0)
    return TopDown(base - np.sign(base) * away, y, rng.uniform(0.012, 0.14), yaw)


def check(context, limb, q, start, goal, path, *, top_m):
    bench, limits = context.body, context.limits
    spec, limit = bench.spec.limbs[limb], limits.limbs[limb]
    assert path.shape == (len(path), 6)
    assert len(path) >= 2
    poses = tools(bench, limb, path)
    at = poses[:, :3, 3]
    # Exactly from the start to the goal.
    assert path[0] == pytest.approx(q, abs=1e-9)
    assert at[-1] == pytest.approx([goal.x_m, goal.y_m, goal.z_m], abs=1e-9)
    turned = np.arctan2(poses[-1, 1, 0], poses[-1, 0, 0]) - goal.yaw_rad
    assert abs((turned + np.pi) % (2 * np.pi) - np.pi) < 1e-9
    # The jaw points down all the way.
    assert poses[:, 2, 2] == pytest.approx(-np.ones(len(path)), abs=1e-9)
    # From rest to rest within every limit: what lies before and after the rows is standing still.
    speed = np.diff(path, axis=0) / DT
    acceleration = np.diff(speed, axis=0, prepend=0, append=0) / DT
    assert np.all(np.abs(speed) <= np.minimum(limit.qd_max, spec.qd_max))
    assert np.all(np.abs(acceleration) <= spec.qdd_max * 1.001)
    assert np.linalg.norm(np.diff(at, axis=0), axis=1).max() / DT <= limits.tool_speed_m_s
    assert np.all(at >= limit.workspace_lower_m - 1e-9)
    assert np.all(at <= limit.workspace_upper_m + 1e-9)
    # Up, over, down: sideways only where it is clear of what stands around start and goal.
    top = max(top_m, start.z_m, goal.z_m)
    assert at[:, 2].max() <= top + 1e-9
    from_start, from_goal = (
        np.hypot(at[:, 0] - end.x_m, at[:, 1] - end.y_m) for end in (start, goal)
    )
    aside = (from_start > 1e-3) & (from_goal > 1e-3)
    for end, nearer in ((start, from_start < from_goal), (goal, from_start >= from_goal)):
        clear = min(end.z_m + CLEAR_M, top)
        assert np.all(at[aside & nearer, 2] >= clear - 1.5e-3)


@pytest.mark.parametrize("limb", LIMBS)
def test_random_jumps_stay_within_every_limit(context, rng, limb):
    bench = context.body
    pose = somewhere(bench, rng, limb)
    for _ in range(25):
        goal, q = somewhere(bench, rng, limb), joints(bench, limb, pose)
        path = jump(context, limb, q, pose, goal, CROSSING_M)
        check(context, limb, q, pose, goal, path, top_m=CROSSING_M)
        pose = goal


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize(
    ("dx", "dy", "dz", "turn"),
    [
        (0, 0, 0, 0),
        (0, 0, 0.03, 0),
        (0, 0, -0.03, 0),
        (0, 0, 0, 1.5),
        (0, 0, 0, -1.5),
        (1e-5, 0, 0, 0),
        (0.002, 0, 0, 0),
        (0, 0.2, 0, 0),
        (0, -0.2, 0.05, 1.0),
        (0, 0, 0, 1e-4),
        (1e-3, 1e-3, 1e-3, 1e-3),
    ],
)
def test_small_and_odd_jumps(context, limb, dx, dy, dz, turn):
    bench = context.body
    x = -0.3 if limb == "left" else 0.3
    start = TopDown(x, 0.02, 0.05, 0.2 + (np.pi if limb == "right" else 0.0))
    goal = TopDown(x + dx, 0.02 + dy, 0.05 + dz, start.yaw_rad + turn)
    q = joints(bench, limb, start)
    path = jump(context, limb, q, start, goal, 0.08)
    check(context, limb, q, start, goal, path, top_m=0.08)


@pytest.mark.parametrize("limb", LIMBS)
def test_a_lift_goes_straight_up(context, limb):
    x = -0.3 if limb == "left" else 0.3
    start, goal = TopDown(x, 0.0, 0.02, 0.1), TopDown(x, 0.0, 0.05, 0.1)
    q = joints(context.body, limb, start)
    at = tools(context.body, limb, jump(context, limb, q, start, goal, goal.z_m))[:, :3, 3]
    assert np.ptp(at[:, :2], axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert np.all(np.diff(at[:, 2]) >= -1e-12)


def test_a_jump_takes_no_longer_than_it_must(bench, geometry, fenced):
    # 40 cm sideways at 1 m/s, 13 cm up and down: about a second; a plain stop at each corner of
    # the way would cost half as much again.
    context = SkillContext(bench, geometry, fenced, DT)
    start, goal = TopDown(-0.35, -0.2, 0.02, 0.0), TopDown(-0.35, 0.2, 0.02, 0.0)
    path = jump(context, "left", joints(bench, "left", start), start, goal, CROSSING_M)
    assert 0.4 / fenced.tool_speed_m_s < len(path) * DT < 1.4


def test_the_slower_envelope_makes_slower_jumps(bench, geometry, fenced, collaborative):
    start, goal = TopDown(-0.35, -0.2, 0.02, 0.0), TopDown(-0.35, 0.2, 0.02, 0.0)
    q = joints(bench, "left", start)
    fast, slow = (
        len(jump(SkillContext(bench, geometry, limits, DT), "left", q, start, goal, CROSSING_M))
        for limits in (fenced, collaborative)
    )
    assert slow > 2 * fast


def test_the_wrist_turns_the_short_way(context):
    start = TopDown(-0.3, 0.0, 0.05, 3.0)
    goal = TopDown(-0.3, 0.0, 0.05, -3.0)
    q = joints(context.body, "left", start)
    path = jump(context, "left", q, start, goal, 0.06)
    assert abs(path[-1, 5] - path[0, 5]) == pytest.approx(2 * np.pi - 6.0, abs=1e-6)


@pytest.mark.parametrize(
    "goal",
    [
        TopDown(0.4, 0.0, 0.1, 0.0),  # beyond the arm and beyond its workspace
        TopDown(-0.3, 0.0, 1.5, 0.0),  # over its head
        TopDown(-0.3, 0.0, 0.001, 0.0),  # into the table
        TopDown(-0.76, 0.0, 0.1, 0.0),  # inside its own shoulder
        TopDown(-0.3, 0.9, 0.1, 0.0),  # beside the table
    ],
)
def test_what_is_out_of_reach_is_refused(context, goal):
    start = TopDown(-0.35, 0.0, 0.1, 0.0)
    with pytest.raises(Unreachable):
        jump(context, "left", joints(context.body, "left", start), start, goal, CROSSING_M)


def test_the_same_jump_is_planned_the_same_again(context):
    start, goal = TopDown(-0.35, -0.2, 0.02, 0.0), TopDown(-0.3, 0.2, 0.04, 1.0)
    q = joints(context.body, "left", start)
    first, second = (jump(context, "left", q, start, goal, CROSSING_M) for _ in range(2))
    assert np.array_equal(first, second)
