"""What a cluster costs: the arithmetic, and what is refused. `make test-ray` works it for real."""

import json

import pytest

from shift_examples import make_plan
from shopfloor.cli.results import page
from shopfloor.errors import UsageError
from shopfloor.shift.overhead import Overhead, _Turn, overhead


def found(*logs):
    processes = (_Turn(100.0, 90.0, logs[0]), _Turn(110.0, 80.0, logs[0]), _Turn(300.0, 90.0, "a"))
    cluster = (_Turn(121.0, 99.0, logs[1]), _Turn(120.0, 99.0, "a"), _Turn(130.0, 70.0, "a"))
    return Overhead(30, 2, processes, cluster)


def test_the_ratios_are_of_the_medians():
    told = found("a", "a").to_json()
    assert told["ratio"] == pytest.approx(121 / 110)
    assert told["ratio_without_start"] == pytest.approx(99 / 90)
    assert told["processes"]["whole_s"] == {"median": 110.0, "all": [100.0, 110.0, 300.0]}
    assert (told["same_log"], told["log_sha256"], told["rounds"]) == (True, ["a"], 3)


def test_another_log_is_said_on_the_page_too(tmp_path):
    told = found("a", "b").to_json()
    assert not told["same_log"]
    (tmp_path / "ray.json").write_text(json.dumps(told))
    rows = page(tmp_path).partition("## Lots spread by Ray")[2].partition("##")[0]
    assert "| the same log | **no** |" in rows
    assert "**1.100** (2.02 min / 1.83 min)" in rows


@pytest.mark.parametrize(("orders", "rounds"), [(3, 1), (10, 0), (None, 1)])
def test_what_measures_nothing_is_refused(orders, rounds):
    plan = make_plan(orders=orders, hours=None if orders else 1.0)
    with pytest.raises(UsageError, match="measure nothing; give two orders or more"):
        overhead(plan, slots=2, rounds=rounds, digest=str, say=str)
