"""Where a limb draws back to, and that two arms that have crossed find a way apart."""

import numpy as np
import pytest

from shopfloor.skill.jump import TopDown
from shopfloor.skill.retreat import retreats

HOME = TopDown(-0.43, 0.0, 0.3, 0.0)
BASE = np.array([-0.76, 0.0])


def test_home_comes_first_and_every_other_pose_is_another_one():
    here = TopDown(0.1, 0.12, 0.013, 0.4)
    poses = list(retreats(here, HOME, BASE))
    assert poses[0] == HOME
    assert len(set(poses)) == len(poses) == 7
    assert here not in poses
    assert all(pose.yaw_rad == here.yaw_rad for pose in poses[1:]), "no turn of the wrist"


def test_one_way_leads_straight_up_and_the_next_towards_the_own_base():
    here = TopDown(0.1, 0.12, 0.013, 0.4)
    _, up, inward, *sides = retreats(here, HOME, BASE)
    assert (up.x_m, up.y_m, up.z_m) == (here.x_m, here.y_m, HOME.z_m)
    before, after = (np.hypot(p.x_m - BASE[0], p.y_m - BASE[1]) for p in (here, inward))
    assert before - after == pytest.approx(0.12)
    for side in sides:
        assert np.hypot(side.x_m - here.x_m, side.y_m - here.y_m) <= 0.12 * np.sqrt(2) + 1e-9


def test_over_its_own_base_a_limb_still_has_poses():
    above = TopDown(*BASE, 0.5, 0.0)
    poses = list(retreats(above, HOME, BASE))
    assert poses[0] == HOME
    assert np.isfinite([[p.x_m, p.y_m, p.z_m] for p in poses]).all()
