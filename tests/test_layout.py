"""Rows: what is put into a column comes out of it, and nothing is broadcast or cut silently."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from record_examples import DOF, Ticks, cell_spec, make_lot
from shopfloor.errors import RunCorrupt, SpecMismatch
from shopfloor.record.layout import SOURCES, VERDICTS, RowLayout, TickLayout, TruthLayout
from shopfloor.types import Truth

SPEC = cell_spec(cameras=())


def filled(step, *, whole=True):
    layout = TickLayout.of(SPEC)
    row = np.full(layout.width, -7.0)
    assert layout.fill(row, *step) is whole
    return layout.table(row.tobytes(), "row")[0]


def test_each_column_holds_what_its_name_says():
    timestep, requested, ruling = Ticks(SPEC, make_lot())(4, verdict="limit")
    row = filled((timestep, requested, ruling))
    assert row["tick"] == 4
    assert SOURCES[int(row["source"])] == "skill"
    assert VERDICTS[int(row["verdict"])] == "limit"
    assert (row["requested_tick"], row["requested_seq"]) == (4, 4)
    assert (row["terminated"], row["truncated"]) == (0, 0)
    for limb, state in timestep.observation.limbs.items():
        np.testing.assert_array_equal(row[f"{limb}.q"], state.q)
        np.testing.assert_array_equal(row[f"{limb}.qd"], state.qd)
        np.testing.assert_array_equal(row[f"{limb}.wrench"], state.wrench)
        assert row[f"{limb}.jaw_m"] == state.jaw_m
        np.testing.assert_array_equal(row[f"{limb}.requested"], requested.targets[limb])
        np.testing.assert_array_equal(row[f"{limb}.applied"], ruling.action.targets[limb])
        assert row[f"{limb}.requested_jaw_m"] == requested.jaw_m[limb]
        assert row[f"{limb}.applied_jaw_m"] == ruling.action.jaw_m[limb]


@pytest.mark.parametrize(
    "targets",
    [
        {},
        {"left": np.zeros(DOF)},
        {"left": np.zeros(DOF), "third": np.zeros(DOF)},
        {"left": np.zeros(DOF), "right": np.zeros(DOF), "third": np.zeros(DOF)},
        {"left": np.zeros(DOF), "right": np.zeros(1)},
        {"left": np.zeros(DOF), "right": np.float64(0.0)},
        {"left": np.zeros(DOF), "right": np.zeros(DOF, complex)},
        {"left": np.zeros(DOF), "right": np.zeros(DOF, object)},
        {"left": np.zeros(DOF), "right": [0.0] * DOF},
        {"left": np.zeros(DOF), "right": None},
    ],
)
def test_a_requested_action_that_does_not_fit_is_stored_as_nan(targets):
    timestep, requested, ruling = Ticks(SPEC, make_lot())(0, verdict="stop")
    hostile = replace(requested, targets=targets)
    row = filled((timestep, hostile, ruling), whole=False)
    for limb in ("left", "right"):
        assert np.isnan(row[f"{limb}.requested"]).all()
        assert np.isfinite(row[f"{limb}.applied"]).all()
    assert np.isnan(row["requested_seq"])
    assert TickLayout.describe(hostile)
    with pytest.raises(SpecMismatch, match="the guard let an action through"):
        filled((timestep, requested, replace(ruling, action=hostile)))


def test_a_jaw_that_is_no_number_does_not_fit():
    timestep, requested, ruling = Ticks(SPEC, make_lot())(0, verdict="stop")
    for jaws in ({"left": 0.0, "right": "open"}, {"left": 0.0}, {"left": 0.0, "right": None}):
        filled((timestep, replace(requested, jaw_m=jaws), ruling), whole=False)
    filled((timestep, replace(requested, tick="now"), ruling), whole=False)


def test_an_observation_that_does_not_fit_the_spec_is_refused():
    layout = TickLayout.of(SPEC)
    timestep, _, _ = Ticks(SPEC, make_lot())(0)
    limbs = timestep.observation.limbs
    layout.check(timestep.observation)
    for wrong in (
        {"left": limbs["left"]},
        limbs | {"right": replace(limbs["right"], q=np.zeros(1))},
        limbs | {"right": replace(limbs["right"], wrench=np.zeros(3))},
    ):
        with pytest.raises(SpecMismatch, match="its spec"):
            layout.check(replace(timestep.observation, limbs=wrong))


@given(
    parts=st.integers(0, 120),
    touched=st.sets(st.integers(0, 119), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_truth_survives_its_row(parts, touched, seed):
    rng = np.random.default_rng(seed)
    touching = tuple(sorted(part for part in touched if part < parts))
    truth = Truth(
        tick=int(rng.integers(10**6)),
        position=rng.normal(size=(parts, 3)),
        quat=rng.normal(size=(parts, 4)),
        speed=rng.uniform(size=parts),
        touched={"left": touching, "right": ()},
        jaw_open={"left": True, "right": False},
        collision_n=float(rng.uniform()),
    )
    layout = TruthLayout(("left", "right"), parts)
    row = np.full(layout.width, 3.0)
    layout.fill(row, replace(truth, touched={"left": touching[::-1] * 2, "right": ()}))
    back = layout.truth(row)
    np.testing.assert_array_equal(back.position, truth.position)
    np.testing.assert_array_equal(back.quat, truth.quat)
    np.testing.assert_array_equal(back.speed, truth.speed)
    assert (back.tick, back.touched, back.jaw_open, back.collision_n) == (
        truth.tick,
        truth.touched,
        truth.jaw_open,
        truth.collision_n,
    )
    table = layout.table(row.tobytes(), "row")
    np.testing.assert_array_equal(table["position"], truth.position[None])


def test_truth_about_other_parts_is_refused():
    timestep, _, _ = Ticks(SPEC, make_lot(parts=8))(0)
    layout = TruthLayout(("left", "right"), 7)
    with pytest.raises(SpecMismatch, match="7 parts"):
        layout.fill(np.zeros(layout.width), timestep.truth)


def test_a_stored_layout_is_the_layout_or_an_error():
    layout = TickLayout.of(SPEC)
    stored = [[name, list(shape)] for name, shape in layout.columns]
    assert RowLayout.stored(stored, "log").dtype == layout.dtype
    for damaged in (None, [["q"]], [["q", ["six"]]], [["q", []], ["q", []]]):
        with pytest.raises(RunCorrupt, match="laid out"):
            RowLayout.stored(damaged, "log")
    with pytest.raises(RunCorrupt, match="another length"):
        layout.table(b"\0" * 12, "log")
