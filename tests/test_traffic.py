"""Right of way, held against the distance of the two arms at every single tick."""

import numpy as np
import pytest

from body_examples import joints_at
from shopfloor.skill.context import SkillContext
from shopfloor.skill.jump import TopDown, jump
from shopfloor.skill.traffic import delay
from shopfloor.types import Plan

DT = 0.02
CROSSING_M = 0.15
YAW = {"left": 0.0, "right": np.pi}


@pytest.fixture(params=["fenced", "collaborative"])
def context(request, bench, geometry):
    return SkillContext(bench, geometry, request.getfixturevalue(request.param), DT)


@pytest.fixture
def quick(bench, geometry, fenced):
    return SkillContext(bench, geometry, fenced, DT)


def way(context, limb, start, goal, top_m=CROSSING_M):
    """Plan a jump between two places (x, y, z) [m]."""
    a, b = (TopDown(*at, YAW[limb]) for at in (start, goal))
    q = joints_at(context.body, limb, *start, YAW[limb])
    return jump(context, limb, q, a, b, top_m)


def nearest(arms, mine, theirs, *, wait=0, tick=0, begun=0):
    """Return the least distance of the arms over all ticks [m].

    Args:
        mine: The left arm's path, which begins ``wait`` ticks after ``tick``.
        theirs: The right arm's, which began at tick ``begun``.
    """
    last = tick + wait + len(mine) + len(theirs)
    least = np.inf
    for now in range(tick, last):
        i = min(max(now - tick - wait, 0), len(mine) - 1)
        j = min(max(now - begun, 0), len(theirs) - 1)
        targets = {"left": mine[i], "right": theirs[j]}
        least = min(least, arms.distance(targets, near=0.3))
    return least


def test_arms_that_stay_apart_set_out_at_once(context):
    mine = way(context, "left", (-0.4, -0.2, 0.02), (-0.4, 0.2, 0.02))
    theirs = way(context, "right", (0.4, 0.2, 0.02), (0.4, -0.2, 0.02))
    assert delay(context, "left", mine, {"right": Plan(0, theirs)}, 0) == 0


def test_nobody_else_means_no_delay(context):
    mine = way(context, "left", (-0.4, -0.2, 0.02), (0.0, 0.0, 0.02))
    assert delay(context, "left", mine, {}, 0) == 0


def test_two_that_would_meet_in_the_middle_do_not(context, arms):
    there = way(context, "right", (0.35, 0.05, 0.02), (0.02, 0.0, 0.02))
    back = way(context, "right", (0.02, 0.0, 0.02), (0.4, 0.1, 0.1))
    theirs = np.concatenate([there, back])
    mine = way(context, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    keep = context.limits.limb_distance_m
    assert nearest(arms, mine, theirs) < keep, "these two never meet: the test tests nothing"
    wait = delay(context, "left", mine, {"right": Plan(0, theirs)}, 0)
    assert 0 < wait <= len(theirs) + 3
    assert nearest(arms, mine, theirs, wait=wait) >= keep


@pytest.mark.parametrize("tick", [3, 20, 40, 1000])
def test_a_plan_that_is_under_way_counts_from_where_it_is_now(quick, arms, tick):
    there = way(quick, "right", (0.35, 0.05, 0.02), (0.02, 0.0, 0.02))
    back = way(quick, "right", (0.02, 0.0, 0.02), (0.4, 0.1, 0.1))
    theirs = np.concatenate([there, back])
    mine = way(quick, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    wait = delay(quick, "left", mine, {"right": Plan(0, theirs)}, tick)
    gap = nearest(arms, mine, theirs, wait=wait, tick=tick)
    assert gap >= quick.limits.limb_distance_m
    later = delay(quick, "left", mine, {"right": Plan(0, theirs)}, tick + 6)
    assert later >= wait - 9, "who asks later waits less, not more"


def test_who_stands_in_the_way_for_good_blocks_it(context):
    theirs = joints_at(context.body, "right", 0.02, 0.0, 0.02, np.pi)[None]
    mine = way(context, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    assert delay(context, "left", mine, {"right": Plan(0, theirs)}, 0) is None


def test_who_comes_to_stand_in_the_way_for_good_blocks_it(context):
    theirs = way(context, "right", (0.4, 0.1, 0.1), (0.02, 0.0, 0.02))
    mine = way(context, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    assert delay(context, "left", mine, {"right": Plan(0, theirs)}, 0) is None


def test_who_is_in_the_way_now_and_leaves_is_waited_for(context, arms):
    theirs = way(context, "right", (0.02, 0.0, 0.02), (0.4, 0.1, 0.1))
    mine = way(context, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    wait = delay(context, "left", mine, {"right": Plan(0, theirs)}, 0)
    assert wait is not None
    assert nearest(arms, mine, theirs, wait=wait) >= context.limits.limb_distance_m


def test_random_ways_across_the_middle_keep_their_distance(quick, arms):
    rng, keep = np.random.default_rng(11), quick.limits.limb_distance_m
    waited = blocked = 0
    for number in range(60):

        def place(limb, low, high):
            x = rng.uniform(low, high) * (-1 if limb == "left" else 1)
            return x, rng.uniform(-0.13, 0.13), rng.uniform(0.015, 0.06)

        far, middle = (place("right", 0.2, 0.36), place("right", -0.02, 0.08))
        theirs = np.concatenate(
            [way(quick, "right", far, middle), way(quick, "right", middle, far)]
        )
        if number % 4 == 0:  # there, and not back
            theirs = theirs[: len(theirs) // 2]
        mine = way(quick, "left", place("left", 0.15, 0.36), place("left", -0.02, 0.1))
        tick = int(rng.integers(0, len(theirs)))
        wait = delay(quick, "left", mine, {"right": Plan(0, theirs)}, tick)
        if wait is None:
            blocked += 1
            continue
        waited += wait > 0
        gap = nearest(arms, mine, theirs, wait=wait, tick=tick)
        assert gap >= keep, f"way {number}: {gap * 1000:.1f} mm apart after waiting {wait} ticks"
    assert waited >= 10, "hardly any ways met"
    assert blocked >= 3, "hardly any ways were blocked"


def test_the_answer_is_the_same_again(quick):
    theirs = way(quick, "right", (0.02, 0.0, 0.02), (0.4, 0.1, 0.1))
    mine = way(quick, "left", (-0.35, 0.05, 0.02), (-0.02, 0.0, 0.02))
    others = {"right": Plan(0, theirs)}
    assert delay(quick, "left", mine, others, 0) == delay(quick, "left", mine, others, 0)


def test_two_that_stand_too_near_may_part_but_not_close_in(context, arms):
    keep = context.limits.limb_distance_m
    theirs = joints_at(context.body, "right", 0.05, 0.0, 0.05, np.pi)
    for apart in np.arange(0.20, 0.05, -0.002):
        place = (0.05 - apart, 0.0, 0.05)
        q = joints_at(context.body, "left", *place, 0.0)
        gap = arms.distance({"left": q, "right": theirs}, near=0.3)
        if gap < keep + 0.01:
            break
    assert keep < gap < keep + 0.01, "within the planner's margin, outside the guard's"
    others = {"right": Plan(0, theirs[None])}
    away = way(context, "left", place, (-0.35, 0.0, 0.05), top_m=0.05)
    assert delay(context, "left", away, others, 0) == 0
    assert nearest(arms, away, theirs[None]) >= gap - 1e-6
    closer = way(context, "left", place, (place[0] + 0.01, 0.0, 0.05), top_m=0.05)
    assert delay(context, "left", closer, others, 0) is None
    assert delay(context, "left", q[None], others, 0) == 0, "standing still is no approach"
