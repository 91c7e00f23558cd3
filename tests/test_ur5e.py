"""Closed-form kinematics, held against each other and against what Universal Robots publishes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shopfloor.body import ur5e
from shopfloor.errors import Unreachable

BRANCHES = tuple(product((1, -1), repeat=3))
ANGLES = st.lists(st.floats(-np.pi, np.pi), min_size=6, max_size=6).map(np.array)


def solutions(flange):
    """Return every solution that exists, by branch."""
    found = {}
    for branch in BRANCHES:
        try:
            found[branch] = ur5e.inverse(flange, branch)[0]
        except Unreachable:
            continue
    return found


def regular(q):
    """Whether joints are well away from the arm's three singularities."""
    flange = ur5e.forward(q[None])[0]
    wrist = flange[:2, 3] - ur5e.D[5] * flange[:2, 2]
    return (
        abs(np.sin(q[4])) > 1e-2
        and abs(np.sin(q[2])) > 1e-2
        and np.hypot(*wrist) > ur5e.D[3] + 1e-3
    )


def test_the_links_are_those_that_universal_robots_publishes():
    # "DH Parameters for calculations of kinematics and dynamics", UR5e.
    assert ur5e.D == (0.1625, 0, 0, 0.1333, 0.0997, 0.0996)
    assert ur5e.A == (0, -0.425, -0.3922, 0, 0, 0)
    assert (np.pi / 2, 0, 0, np.pi / 2, -np.pi / 2, 0) == ur5e.ALPHA


def test_with_all_joints_at_zero_the_flange_is_where_universal_robots_draws_it():
    # The arm lies stretched along -x: both long links, then d4 and d6 along -y, d5 downwards.
    pose = ur5e.forward(np.zeros((1, 6)))[0]
    assert pose[:3, 3] == pytest.approx([-0.8172, -0.2329, 0.0628], abs=1e-12)
    assert pose[:3, :3] == pytest.approx(np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]), abs=1e-12)


def test_straight_up_the_arm_is_as_high_as_its_links_are_long():
    pose = ur5e.forward(np.array([[0, -np.pi / 2, 0, -np.pi / 2, 0, 0]]))[0]
    assert pose[2, 3] == pytest.approx(0.1625 + 0.425 + 0.3922 + 0.0997)


@given(ANGLES)
@settings(max_examples=300, deadline=None)
def test_every_branch_leads_back_to_the_pose(q):
    assume(regular(q))
    flange = ur5e.forward(q[None])
    found = solutions(flange)
    for answer in found.values():
        assert np.abs(answer).max() <= np.pi
        assert ur5e.forward(answer[None])[0] == pytest.approx(flange[0], abs=1e-7)
    turned = [np.abs(np.angle(np.exp(1j * (answer - q)))).max() for answer in found.values()]
    assert min(turned) < 1e-5, "the joints that made the pose are none of the solutions"


@given(ANGLES)
@settings(max_examples=100, deadline=None)
def test_the_branches_are_different_solutions(q):
    assume(regular(q))
    found = list(solutions(ur5e.forward(q[None])).values())
    assert len(found) in (2, 4, 6, 8)
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            assert np.abs(np.angle(np.exp(1j * (one - other)))).max() > 1e-3


def test_some_poses_have_all_eight_solutions():
    q = np.array([0.3, -1.4, 1.5, -1.2, -1.5, 0.4])
    assert len(solutions(ur5e.forward(q[None]))) == 8


def test_poses_in_a_batch_are_solved_as_if_alone(rng):
    q = np.array([0.3, -1.4, 1.5, -1.2, -1.5, 0.4]) + rng.uniform(-0.2, 0.2, (50, 6))
    flange = ur5e.forward(q)
    together = ur5e.inverse(flange, (1, -1, 1))
    alone = np.concatenate([ur5e.inverse(pose[None], (1, -1, 1)) for pose in flange])
    assert np.array_equal(together, alone)


def test_the_tool_speed_is_that_of_the_geometric_jacobian(rng):
    # Column i of the Jacobian is the axis of joint i crossed with the way from it to the flange.
    for q in rng.uniform(-np.pi, np.pi, (20, 6)):
        frames = [np.eye(4)]
        for i in range(6):
            frames.append(frames[-1] @ ur5e._link(i, q[i : i + 1])[0])
        end = frames[6][:3, 3]
        jacobian = np.stack(
            [np.cross(frames[i][:3, 2], end - frames[i][:3, 3]) for i in range(6)], axis=1
        )
        steps = 1e-6 * np.eye(6)
        moved = ur5e.forward(q + steps)[:, :3, 3] - ur5e.forward(q - steps)[:, :3, 3]
        assert pytest.approx(jacobian, abs=1e-8) == moved.T / 2e-6


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ([-1.2, 0.0, 0.3], "0.817 m long"),
        ([0.0, -0.05, 0.6], "shoulder"),
    ],
)
def test_what_cannot_be_reached_is_said(where, says):
    flange = np.diag([1.0, -1.0, -1.0, 1.0])[None].copy()
    flange[0, :3, 3] = where
    with pytest.raises(Unreachable, match=says):
        ur5e.inverse(flange, (1, -1, 1))


def test_a_wrist_singularity_is_not_divided_by():
    for turn in (0.0, np.pi):
        flange = ur5e.forward(np.array([[0.2, -1.4, 1.5, -1.2, turn, 0.4]]))
        with pytest.raises(Unreachable, match="singularity"):
            ur5e.inverse(flange, (1, -1, 1))


def test_one_pose_out_of_reach_refuses_the_whole_path():
    q = np.array([[0.3, -1.4, 1.5, -1.2, -1.5, 0.4]] * 3)
    flange = ur5e.forward(q)
    flange[1, :3, 3] *= 9
    with pytest.raises(Unreachable):
        ur5e.inverse(flange, (1, -1, 1))
