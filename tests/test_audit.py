"""The audit sees what is put in by hand, and measures it."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from body_examples import LIMBS, joints_at
from shopfloor.cell.audit import Audit
from shopfloor.testing import STAGE_LOT


@pytest.fixture
def audited(dark_cell, fenced):
    """A cell at rest, and its audit."""
    dark_cell.reset(STAGE_LOT, seed=1)
    return dark_cell, Audit(dark_cell, fenced)


def put(cell, limb, q):
    """Put a limb somewhere by hand."""
    for i, value in enumerate(q):
        cell.data.qpos[cell.model.joint(f"{limb}/joint{i + 1}").qposadr[0]] = value
    mujoco.mj_forward(cell.model, cell.data)


def turn(cell, limb, joint, speed):
    """Let a joint turn by hand [rad/s]."""
    cell.data.qvel[cell.model.joint(f"{limb}/joint{joint}").dofadr[0]] = speed
    mujoco.mj_forward(cell.model, cell.data)


def test_a_cell_at_rest_leaves_no_limit(audited):
    cell, audit = audited
    for _ in range(10):
        cell.step(cell.hold())
        audit.look()
    assert (audit.breaches, audit.worst) == (0, {})


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_joint_that_is_too_fast(audited, limb, sign):
    cell, audit = audited
    turn(cell, limb, 6, sign * (np.pi - 0.01))
    audit.look()
    assert audit.breaches == 0
    turn(cell, limb, 6, sign * (np.pi + 0.5))
    audit.look()
    assert audit.breaches == 1
    assert audit.worst == {f"{limb} joint speed [rad/s]": pytest.approx(0.5)}


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_joint_that_is_out_of_its_range(audited, bench, limb, sign):
    cell, audit = audited
    q = bench.spec.limbs[limb].q_home.copy()
    q[5] = sign * (2 * np.pi + 0.1)
    put(cell, limb, q)
    audit.look()
    assert audit.worst == {f"{limb} joint position [rad]": pytest.approx(0.1)}


@pytest.mark.parametrize("limb", LIMBS)
def test_a_tool_that_is_too_fast(dark_cell, collaborative, bench, limb):
    dark_cell.reset(STAGE_LOT, seed=1)
    audit = Audit(dark_cell, collaborative)
    # About the upright first joint the tool goes in a circle: its speed is the joint's by its arm.
    tool = dark_cell.data.site(f"{limb}/tcp").xpos
    base = bench.spec.limbs[limb].base_in_world[:3, 3]
    arm = float(np.hypot(*(tool - base)[:2]))
    turn(dark_cell, limb, 1, 0.25 / arm - 0.01)
    audit.look()
    assert audit.breaches == 0
    turn(dark_cell, limb, 1, 1.0)
    audit.look()
    assert audit.worst == {f"{limb} tool speed [m/s]": pytest.approx(1.0 * arm - 0.25)}


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize(
    ("axis", "side"),
    [(0, "lower"), (0, "upper"), (1, "lower"), (1, "upper"), (2, "lower"), (2, "upper")],
)
def test_a_tool_that_is_out_of_its_workspace(dark_cell, fenced, limb, axis, side):
    dark_cell.reset(STAGE_LOT, seed=1)
    box, tool = fenced.limbs[limb], dark_cell.data.site(f"{limb}/tcp").xpos
    wall = getattr(box, f"workspace_{side}_m").copy()
    wall[axis] = tool[axis] + (0.02 if side == "lower" else -0.02)
    limbs = {**fenced.limbs, limb: replace(box, **{f"workspace_{side}_m": wall})}
    audit = Audit(dark_cell, replace(fenced, limbs=limbs))
    audit.look()
    assert audit.worst == {f"{limb} workspace [m]": pytest.approx(0.02)}


def test_limbs_that_are_too_near(audited, bench, arms, fenced):
    cell, audit = audited
    keep = fenced.limb_distance_m
    for apart, breach in ((0.16, False), (0.13, True), (0.12, True)):
        q = {
            "left": joints_at(bench, "left", -apart / 2, 0.05, 0.2),
            "right": joints_at(bench, "right", apart / 2, 0.05, 0.2, np.pi),
        }
        truly = arms.distance(q, fingers=0.0)
        assert (truly < keep) == breach, "the test's own poses are wrong"
        before = audit.breaches
        for limb in LIMBS:
            put(cell, limb, q[limb])
        audit.look()
        assert audit.breaches == before + breach
        if breach:
            assert audit.worst["limb distance [m]"] == pytest.approx(keep - truly, abs=1e-5)


def test_limbs_that_are_in_each_other(audited, bench):
    cell, audit = audited
    for limb in LIMBS:
        put(cell, limb, joints_at(bench, limb, 0.0, 0.05, 0.2, 0.0))
    audit.look()
    assert audit.worst["limb distance [m]"] > 0.03


def test_a_tick_counts_once_however_many_limits_it_leaves(audited):
    cell, audit = audited
    turn(cell, "left", 6, 4.0)
    turn(cell, "right", 6, 5.0)
    audit.look()
    audit.look()
    assert audit.breaches == 2
    assert set(audit.worst) == {"left joint speed [rad/s]", "right joint speed [rad/s]"}


def test_the_worst_is_kept(audited):
    cell, audit = audited
    for speed in (4.0, 6.0, 5.0):
        turn(cell, "left", 6, speed)
        audit.look()
    assert audit.breaches == 3
    assert audit.worst["left joint speed [rad/s]"] == pytest.approx(6.0 - np.pi)


def test_a_new_lot_is_noticed(audited):
    cell, audit = audited
    audit.look()
    more = replace(STAGE_LOT, parts=STAGE_LOT.parts[:2])
    cell.reset(more, seed=2)
    audit.look()
    assert audit.breaches == 0
    turn(cell, "left", 6, 4.0)
    audit.look()
    assert audit.breaches == 1


def test_parts_may_do_what_they_like(audited):
    cell, audit = audited
    joint = cell.model.joint(cell.model.body("part p0").jntadr[0])
    cell.data.qvel[joint.dofadr[0] : joint.dofadr[0] + 3] = 9.0
    cell.step(cell.hold())
    audit.look()
    assert audit.breaches == 0
