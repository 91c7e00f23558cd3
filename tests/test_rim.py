"""Walls on the way: where they are crossed, and that a jump clears them with a part in the jaw."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from body_examples import joints_at
from shopfloor.body import ur5e
from shopfloor.cell.scene import stations
from shopfloor.errors import Unreachable
from shopfloor.skill.context import SkillContext
from shopfloor.skill.jump import TopDown, jump
from shopfloor.skill.rim import Rim, rims
from shopfloor.types import Station

BOX = Station("A", (0.3, 0.1, 0.003), (0.2, 0.2, 0.07))
TOTES = tuple(stations(("A", "B", "C", "D")).values())
HANG_M = 0.014
"""How far a part may hang below the fingertips."""


def test_a_way_into_a_box_crosses_one_wall():
    (rim,) = rims([BOX], (0.0, 0.1), (0.3, 0.1))
    assert (rim.begins_m, rim.ends_m) == pytest.approx((0.155, 0.245))
    assert rim.height_m == pytest.approx(0.093)


def test_a_way_across_a_box_crosses_two():
    found = rims([BOX], (0.0, 0.1), (0.6, 0.1))
    assert [(rim.begins_m, rim.ends_m) for rim in found] == [
        pytest.approx((0.155, 0.245)),
        pytest.approx((0.355, 0.445)),
    ]


def test_a_way_out_of_a_box_crosses_one_wall():
    (rim,) = rims([BOX], (0.3, 0.1), (0.3, 0.6))
    assert (rim.begins_m, rim.ends_m) == pytest.approx((0.055, 0.145))


@pytest.mark.parametrize(
    ("start", "goal"),
    [
        ((0.0, 0.1), (0.1, 0.1)),  # it ends before the box
        ((0.5, 0.1), (0.9, 0.1)),  # it begins behind it
        ((0.0, 0.4), (0.6, 0.4)),  # it passes by
        ((0.3, 0.1), (0.32, 0.12)),  # it stays inside
        ((0.3, 0.1), (0.3, 0.1)),  # it is no way
    ],
)
def test_other_ways_cross_none(start, goal):
    assert rims([BOX], start, goal) == ()


def test_the_trays_wall_is_no_obstacle():
    low = Station("tray", (0.0, 0.0, 0.003), (0.38, 0.32, 0.006))
    assert rims([low], (-0.5, 0.0), (0.5, 0.0)) == ()


POINTS = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))


@given(POINTS, POINTS)
def test_wherever_the_way_meets_a_wall_there_is_a_rim(start, goal):
    far = float(np.hypot(*np.subtract(goal, start)))
    assume(far > 1e-3)
    along = np.linspace(0, far, 2001)
    at = np.array(start) + along[:, None] / far * np.subtract(goal, start)
    inside = np.all(np.abs(at - BOX.center_m[:2]) < np.array(BOX.size_m[:2]) / 2, axis=1)
    crossed = along[1:][inside[1:] != inside[:-1]]
    found = rims([BOX], start, goal)
    for where in crossed:
        assert any(rim.begins_m - 1e-3 <= where <= rim.ends_m + 1e-3 for rim in found)
    assert all(0 <= rim.begins_m <= rim.ends_m <= far + 1e-12 for rim in found)
    assert len(found) <= 2


@pytest.mark.parametrize("mode", ["fenced", "collaborative"])
def test_a_carried_part_clears_the_walls_of_every_tote(request, bench, geometry, rng, mode):
    context = SkillContext(bench, geometry, request.getfixturevalue(mode), 0.02)
    base, jumps = bench.spec.limbs["left"].base_in_world, 0
    for _ in range(60):
        tote = TOTES[rng.integers(4)]
        (cx, cy, cz), (sx, sy, height) = tote.center_m, tote.size_m
        on_tray = TopDown(*rng.uniform([-0.17, -0.14], [0.1, 0.14]), 0.013, rng.uniform(-0.7, 0.7))
        aside = np.array([sx / 2 - 0.055, sy / 2 - 0.055])
        x, y = np.array([cx, cy]) + rng.uniform(-1, 1, 2) * aside
        in_tote = TopDown(x, y, cz + height - 0.012, rng.uniform(-0.7, 0.7))
        for start, goal in ((on_tray, in_tote), (in_tote, on_tray)):
            walls = rims(TOTES, (start.x_m, start.y_m), (goal.x_m, goal.y_m))
            assert walls
            try:
                q = joints_at(bench, "left", start.x_m, start.y_m, start.z_m, start.yaw_rad)
                path = jump(context, "left", q, start, goal, 0.15, walls)
            except Unreachable:
                continue
            jumps += 1
            poses = base @ ur5e.forward(path)
            at = poses[:, :3, 3] + 0.14 * poses[:, :3, 2]
            out = np.maximum(np.abs(at[:, 0] - cx) - sx / 2, np.abs(at[:, 1] - cy) - sy / 2)
            near = np.abs(out) < 0.03
            assert np.all(at[near, 2] - HANG_M > cz + height), "a part would hit the wall"
    assert jumps > 50


def test_a_wall_higher_than_the_crossing_is_crossed_as_high_as_that(bench, geometry, fenced):
    context = SkillContext(bench, geometry, fenced, 0.02)
    start, goal = TopDown(-0.35, -0.1, 0.02, 0.0), TopDown(-0.35, 0.1, 0.02, 0.0)
    q = joints_at(bench, "left", -0.35, -0.1, 0.02)
    path = jump(context, "left", q, start, goal, 0.10, (Rim(0.05, 0.15, 0.5),))
    poses = bench.spec.limbs["left"].base_in_world @ ur5e.forward(path)
    at = poses[:, :3, 3] + 0.14 * poses[:, :3, 2]
    crossing = np.abs(at[:, 1]) < 0.045
    assert at[crossing, 2] == pytest.approx(0.10, abs=1e-3)
