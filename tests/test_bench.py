"""The bench body as it is compiled: link lengths, jaws, reach, and servos that follow."""

import mujoco
import numpy as np
import pytest

from shopfloor.body import ur5e
from shopfloor.body.contract import Body
from shopfloor.cell.scene import TRAY
from shopfloor.errors import Unreachable
from shopfloor.skill.jump import top_down
from shopfloor.testing import check_body

LIMBS = ("left", "right")


@pytest.fixture(scope="module")
def model(bench):
    scene = mujoco.MjSpec()
    scene.compiler.degree = False
    scene.option.timestep = 0.002
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    bench.attach(scene)
    return scene.compile()


@pytest.fixture
def data(model):
    return mujoco.MjData(model)


def put(model, data, limb, q):
    for i, value in enumerate(q):
        data.joint(f"{limb}/joint{i + 1}").qpos[0] = value
    mujoco.mj_kinematics(model, data)


def test_it_keeps_the_contract_of_a_body(bench):
    assert isinstance(bench, Body)
    check_body(bench)


@pytest.mark.parametrize("limb", LIMBS)
def test_links_are_as_long_as_a_ur5es(model, limb):
    # Distance from each joint to the next, from the published link table: hypot(a, d).
    wanted = (0.1625, 0.425, 0.3922, 0.1333, 0.0997, 0.0996)
    following = [f"{limb}/link{i}" for i in range(2, 7)] + [f"{limb}/tool"]
    got = [float(np.linalg.norm(model.body(name).pos)) for name in following]
    assert got == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("limb", LIMBS)
def test_the_compiled_arm_moves_as_the_closed_form_says(bench, model, data, rng, limb):
    base = bench.spec.limbs[limb].base_in_world
    for q in rng.uniform(-2 * np.pi, 2 * np.pi, (50, 6)):
        put(model, data, limb, q)
        tool = base @ ur5e.forward(q[None])[0]
        tool[:3, 3] += 0.14 * tool[:3, 2]
        site = data.site(f"{limb}/tcp")
        assert site.xpos == pytest.approx(tool[:3, 3], abs=1e-9)
        assert site.xmat.reshape(3, 3) == pytest.approx(tool[:3, :3], abs=1e-9)


@pytest.mark.parametrize("limb", LIMBS)
def test_the_inverse_of_the_bench_puts_the_tool_there(bench, model, data, rng, limb):
    base = bench.spec.limbs[limb].base_in_world
    towards = -np.sign(base[0, 3])
    for _ in range(100):
        at = [base[0, 3] + towards * rng.uniform(0.4, 0.65), *rng.uniform([-0.2, 0.02], [0.2, 0.3])]
        pose = top_down(*(np.array([c]) for c in (*at, rng.uniform(-np.pi, np.pi))))
        q = bench.inverse(limb, pose, bench.spec.limbs[limb].q_home)[0]
        put(model, data, limb, q)
        assert data.site(f"{limb}/tcp").xpos == pytest.approx(at, abs=1e-9)
        assert data.site(f"{limb}/tcp").xmat.reshape(3, 3) == pytest.approx(
            pose[0, :3, :3], abs=1e-9
        )


def test_a_path_that_turns_round_and_round_stays_continuous_or_is_refused(bench):
    home = bench.spec.limbs["left"].q_home

    def turning(yaw):
        at = np.ones_like(yaw)
        return bench.inverse("left", top_down(-0.3 * at, 0.1 * at, 0.1 * at, yaw), home)

    q = turning(np.linspace(0, -2 * np.pi, 200))
    assert np.abs(np.diff(q, axis=0)).max() < 0.05
    assert q[-1] - q[0] == pytest.approx([0, 0, 0, 0, 0, 2 * np.pi], abs=1e-9)
    with pytest.raises(Unreachable, match="past its range"):
        turning(np.linspace(0, -5 * np.pi, 500))


def gap(model, data, limb):
    """Return the distance between the fingers' pads [m], as the collision shapes have it."""
    mujoco.mj_kinematics(model, data)
    pads = [model.geom(f"{limb}/pad{i}").id for i in (1, 2)]
    return mujoco.mj_geomDistance(model, data, *pads, 1.0, None)


@pytest.mark.parametrize("limb", LIMBS)
def test_the_jaw_travels_85_mm(bench, model, data, limb):
    put(model, data, limb, bench.spec.limbs[limb].q_home)
    joints = [model.joint(f"{limb}/finger{i}") for i in (1, 2)]
    ends = []
    for end in (0, 1):
        for joint in joints:
            data.qpos[joint.qposadr[0]] = joint.range[end]
        ends.append(gap(model, data, limb))
    assert ends == pytest.approx([0.0, 0.085], abs=1e-6)


def test_both_arms_reach_much_of_the_tray_and_neither_reaches_all_of_it(bench):
    # So that handing over is part of the work; and nothing lies where nobody can take it.
    (cx, cy, _), (sx, sy, _) = TRAY.center_m, TRAY.size_m
    spots = [
        (x, y)
        for x in np.linspace(cx - sx / 2 + 0.02, cx + sx / 2 - 0.02, 13)
        for y in np.linspace(cy - sy / 2 + 0.02, cy + sy / 2 - 0.02, 9)
    ]
    reached = {limb: set() for limb in LIMBS}
    for limb in LIMBS:
        for x, y in spots:
            pose = top_down(*(np.array([c]) for c in (x, y, 0.02, 0.0)))
            try:
                bench.inverse(limb, pose, bench.spec.limbs[limb].q_home)
            except Unreachable:
                continue
            reached[limb].add((x, y))
    assert reached["left"] | reached["right"] == set(spots)
    for limb in LIMBS:
        assert 0.5 < len(reached[limb]) / len(spots) < 1.0


def test_the_arm_weighs_what_a_ur5e_weighs(model):
    # Link masses of the UR5e without its base, by Universal Robots.
    links = [model.body(f"left/link{i}").mass[0] for i in range(1, 7)]
    assert links == pytest.approx([3.761, 8.058, 2.846, 1.37, 1.3, 0.365])


@pytest.mark.parametrize("limb", LIMBS)
def test_servos_have_the_torque_of_a_ur5es_joints(model, limb):
    # 150 N m for the three large joints, 28 N m for the three small ones.
    most = [model.actuator(f"{limb}/servo{i}").forcerange.tolist() for i in range(1, 7)]
    assert most == [[-150, 150]] * 3 + [[-28, 28]] * 3


def test_one_limb_does_not_push_the_other_at_home(bench, model, data):
    for limb in LIMBS:
        put(model, data, limb, bench.spec.limbs[limb].q_home)
    mujoco.mj_forward(model, data)
    assert data.ncon == 0
