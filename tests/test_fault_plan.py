"""Faults as they are written, and as they are drawn."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.cell.fault import FAULTS, draw, parse, read
from shopfloor.errors import UnknownName, UsageError
from shopfloor.testing import STAGE_LOT


def test_what_is_written_is_read():
    one = parse("camera.drop/overview@1.5s..4s+20s:0.5")
    assert (one.kind.name, one.target, one.window_s) == ("camera.drop", "overview", (1.5, 4.0))
    assert (one.lasts_s, one.amount, one.rate_per_h) == (20.0, 0.5, None)
    rate = parse("gripper.slip~40/h+2s")
    assert (rate.rate_per_h, rate.window_s, rate.lasts_s) == (40.0, None, 2.0)
    assert parse("camera.freeze@12s").lasts_s is None


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_every_fault_has_a_usual_amount_within_its_bounds(kind):
    amount = parse(f"{kind.name}@1s").amount
    if kind.amount is None:
        assert amount is None
    else:
        assert kind.amount[0] <= amount <= kind.amount[2]


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UnknownName, match=r"camera\.freez'.*camera\.freeze.*Did you mean"):
        parse("camera.freez@1s")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("camera.freeze", "cannot be read"),
        ("camera.freeze@", "cannot be read"),
        ("freeze@1s", "cannot be read"),
        ("camera.freeze@5s..1s", "end after it begins"),
        ("camera.freeze@1s:0.5", "no amount to set"),
        ("camera.drop@1s:0.9", r"takes 0\.1 to 0\.5"),
        ("camera.freeze@1s+0s", "longer than 0 s"),
        ("gripper.slip~0/h", "above 0"),
        ("comms.loss/left@1s", "takes no target"),
        ("camera.drop@1s:nan", "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        parse(text)


def test_a_target_that_is_not_in_the_cell_is_refused(dark_cell):
    with pytest.raises(UsageError, match="no camera 'nose'; it has overview, front"):
        draw([parse("camera.freeze/nose@1s")], STAGE_LOT, dark_cell.spec)


def test_a_file_holds_several(tmp_path):
    plan = tmp_path / "bad-day.toml"
    plan.write_text('faults = ["camera.freeze@1s", "gripper.slip~4/h"]\n')
    assert read([str(plan), "comms.loss@2s"]) == (
        "camera.freeze@1s",
        "gripper.slip~4/h",
        "comms.loss@2s",
    )


@pytest.mark.parametrize("content", ["faults = 3", "fault = []", "faults = [1]", "= nonsense"])
def test_a_file_that_is_no_plan_is_refused(tmp_path, content):
    plan = tmp_path / "bad.toml"
    plan.write_text(content)
    with pytest.raises(UsageError, match=r"bad\.toml"):
        read([str(plan)])


@given(seed=st.integers(0, 2**31 - 1), index=st.integers(0, 10_000))
def test_a_draw_is_the_lots_own(dark_cell_spec, seed, index):
    lot = replace(STAGE_LOT, seed=seed, index=index)
    plan = [parse("camera.freeze@1s..3s+1s"), parse("encoder.stuck@2s")]
    first = draw(plan, lot, dark_cell_spec)
    assert first == draw(plan, lot, dark_cell_spec)
    freeze = next(one for one in first if one.kind.name == "camera.freeze")
    assert 50 <= freeze.begin <= 150
    assert freeze.end == freeze.begin + 50
    assert freeze.target in dark_cell_spec.cameras
    assert not freeze.at(freeze.begin - 1)
    assert freeze.at(freeze.begin)
    assert not freeze.at(freeze.end)


def test_a_rate_is_kept_on_average(dark_cell):
    orders = tuple(replace(order, time_limit_s=100.0) for order in STAGE_LOT.orders)
    plan, counts = [parse("gripper.slip~360/h")], []
    for index in range(400):
        lot = replace(STAGE_LOT, index=index, orders=orders)
        counts.append(len(draw(plan, lot, dark_cell.spec)))
    # 10 expected in each: the mean of 400 has a standard deviation of sqrt(10 / 400) = 0.16.
    assert abs(sum(counts) / 400 - 10) < 5 * 0.16


@pytest.fixture(scope="session")
def dark_cell_spec():
    """Return the spec of the cell, for tests that Hypothesis repeats."""
    from shopfloor import plugins
    from shopfloor.cell.sorting import SortingCell

    return SortingCell(plugins.factory("bodies", "bench")(), render=False).spec
