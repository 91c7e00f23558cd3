"""Distances and sphere covers of a body, against every pair of its shapes measured one by one."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_examples import LIMBS, joints_at

NEAR_M = 0.06


@pytest.fixture(scope="module")
def model(arms):
    return arms.model


@pytest.fixture(scope="module")
def solid(arms):
    return arms.solid


def meeting(bench, rng):
    """Return joints that bring both tools to somewhere around the middle of the table."""
    targets = {}
    middle = rng.uniform([-0.05, -0.2, 0.05], [0.05, 0.2, 0.3])
    for limb, side in zip(LIMBS, (-1, 1), strict=True):
        away = [side * rng.uniform(0.0, 0.12), *rng.uniform(-0.1, 0.1, 2)]
        targets[limb] = joints_at(bench, limb, *(middle + away), rng.uniform(-np.pi, np.pi))
    return targets


def test_clearance_is_the_least_of_all_distances_where_limbs_are_near(
    bench, geometry, arms, model, solid, rng
):
    near = 0
    for _ in range(150):
        targets = meeting(bench, rng)
        geometry.place(targets)
        wanted, got = arms.distance(targets), geometry.clearance(NEAR_M)
        if wanted <= NEAR_M:
            near += 1
            assert got == pytest.approx(wanted, abs=1e-9)
        else:
            assert got > NEAR_M
    assert near > 30, "the test looked at hardly any limbs that were near each other"


def test_clearance_of_limbs_anywhere(geometry, arms, model, solid, rng):
    for _ in range(100):
        targets = {limb: rng.uniform(-np.pi, np.pi, 6) for limb in LIMBS}
        geometry.place(targets)
        wanted, got = arms.distance(targets), geometry.clearance(NEAR_M)
        if wanted <= NEAR_M:
            assert got == pytest.approx(wanted, abs=1e-9)
        else:
            assert got > NEAR_M


def test_clearance_of_two_links_is_that_of_two_segments(bench, geometry, arms, model, solid, rng):
    # Capsules are segments with a radius: their distance has an independent answer.
    from scipy.optimize import minimize

    def segment(data, geom):
        axis = data.geom_xmat[geom].reshape(3, 3)[:, 2] * model.geom_size[geom][1]
        return data.geom_xpos[geom], axis

    targets = meeting(bench, rng)
    data = arms.place(targets)
    capsules = {
        limb: [g for g in geoms if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE]
        for limb, geoms in solid.items()
    }
    for a in capsules["left"]:
        for b in capsules["right"]:
            (p, u), (q, v) = segment(data, a), segment(data, b)
            found = minimize(
                lambda s, p=p, u=u, q=q, v=v: ((p + s[0] * u - q - s[1] * v) ** 2).sum(),
                [0.0, 0.0],
                bounds=[(-1, 1), (-1, 1)],
                tol=1e-14,
            )
            wanted = np.sqrt(found.fun) - model.geom_size[a][0] - model.geom_size[b][0]
            got = mujoco.mj_geomDistance(model, data, a, b, 5.0, None)
            assert got == pytest.approx(wanted, abs=1e-5)


def surface(model, geom, rng, count):
    """Return points on the surface of a shape, in its own frame [m], corners included."""
    size = model.geom_size[geom]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX:
        signs = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
        points = rng.uniform(-1, 1, (count, 3))
        face = rng.integers(0, 3, count)
        points[np.arange(count), face] = rng.choice([-1.0, 1.0], count)
        return np.concatenate([signs, points]) * size
    assert model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE
    round_ = rng.normal(size=(count, 3))
    round_ /= np.linalg.norm(round_, axis=1, keepdims=True)
    side = round_ * [1, 1, 0]
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    ends = size[0] * round_ + np.sign(round_[:, 2:]) * [0, 0, size[1]]
    return np.concatenate([ends, size[0] * side + rng.uniform(-1, 1, (count, 1)) * [0, 0, size[1]]])


@pytest.mark.parametrize("limb", LIMBS)
def test_spheres_cover_every_solid_shape(geometry, arms, model, solid, rng, limb):
    radii = geometry.radii(limb)
    for q in rng.uniform(-np.pi, np.pi, (4, 6)):
        data = arms.place({limb: q})
        centres = geometry.spheres(limb, q[None])[0]
        for geom in solid[limb]:
            points = surface(model, geom, rng, 400)
            points = points @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
            out = np.linalg.norm(points[:, None] - centres, axis=2) - radii
            bare = float(out.min(axis=1).max())
            assert bare < 1e-9, (
                f"{model.geom(geom).name} sticks {bare * 1000:.1f} mm out of the spheres"
            )


def test_spheres_are_never_further_apart_than_what_they_cover(
    bench, geometry, arms, model, solid, rng
):
    for _ in range(60):
        targets = meeting(bench, rng)
        a, b = (geometry.spheres(limb, targets[limb][None])[0] for limb in LIMBS)
        between = np.linalg.norm(a[:, None] - b[None], axis=2)
        rough = (between - geometry.radii("left")[:, None] - geometry.radii("right")).min()
        assert rough <= arms.distance(targets) + 1e-9


def test_spheres_are_not_wastefully_large(bench, geometry, arms, model, solid, rng):
    lost = []
    for _ in range(60):
        targets = meeting(bench, rng)
        a, b = (geometry.spheres(limb, targets[limb][None])[0] for limb in LIMBS)
        between = np.linalg.norm(a[:, None] - b[None], axis=2)
        rough = (between - geometry.radii("left")[:, None] - geometry.radii("right")).min()
        lost.append(arms.distance(targets) - rough)
    assert np.median(lost) < 0.05


@given(st.lists(st.floats(-6, 6), min_size=6, max_size=6).map(np.array))
@settings(max_examples=50, deadline=None)
def test_moving_one_limb_leaves_the_other_where_it_was(bench, geometry, q):
    home = bench.spec.limbs["right"].q_home
    before = geometry.tool_pose("right", home)
    geometry.tool_pose("left", q)
    assert np.array_equal(geometry.tool_positions()[LIMBS.index("right")], before[:3, 3])


def test_placing_all_limbs_is_placing_each(geometry, rng):
    for _ in range(20):
        targets = {limb: rng.uniform(-np.pi, np.pi, 6) for limb in LIMBS}
        geometry.place_all(np.concatenate(list(targets.values())))
        together = geometry.tool_positions()
        alone = [geometry.tool_pose(limb, q)[:3, 3] for limb, q in targets.items()]
        assert np.array_equal(together, alone)


def test_a_path_of_spheres_is_the_spheres_of_its_rows(geometry, rng):
    path = rng.uniform(-1, 1, (5, 6))
    alone = np.stack([geometry.spheres("left", row[None])[0] for row in path])
    assert np.array_equal(geometry.spheres("left", path), alone)
