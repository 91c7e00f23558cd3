"""Availability, effectiveness, quality, and repairs, against closed forms and published figures."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from report_examples import entry, manifest, shift
from shopfloor.cli.bench import command as bench
from shopfloor.errors import UsageError
from shopfloor.record.calendar import Calendar, Window
from shopfloor.report.interval import mtbf_lower, repair_bounds
from shopfloor.report.measure import MeanTime, RepairTime
from shopfloor.report.oee import Oee
from shopfloor.report.panel import oee_rows
from shopfloor.report.summary import summarise
from shopfloor.shift.planned import PLANNED_FILE, measured, planned_cycle, planned_of

RESULTS = Path(__file__).parent.parent / "docs" / "results"


def test_the_textbook_example():
    # An 8 h shift of 480 min with 60 min of breaks, 47 min down, 19,271 parts of which 423 are
    # scrap, at 1 s a part: A 88.81 %, P 86.11 %, Q 97.80 %, OEE 74.79 %
    # (worked example of oee.com and of its many readers).
    oee = Oee(production_s=373 * 60, busy_s=420 * 60, planned_s=1.0, produced=19_271, good=18_848)
    assert oee.availability == pytest.approx(0.8881, abs=5e-5)
    assert oee.effectiveness == pytest.approx(0.8611, abs=5e-5)
    assert oee.quality == pytest.approx(0.9780, abs=5e-5)
    assert oee.oee == pytest.approx(0.7479, abs=1e-4)


@given(
    st.floats(1, 1e6), st.floats(0, 1e6), st.floats(0.001, 1e3), st.integers(1, 10**6),
    st.floats(0, 1),
)  # fmt: skip
def test_oee_is_the_planned_time_of_good_units_in_the_planned_busy_time(apt, rest, pri, pq, share):
    gq = round(share * pq)
    oee = Oee(apt, apt + rest, pri, pq, gq)
    assert oee.oee == pytest.approx(pri * gq / (apt + rest), rel=1e-9)


def test_what_is_missing_makes_a_factor_unmeasured_and_never_zero():
    assert Oee(0.0, 0.0, 2.0, 0, 0).availability is None
    assert Oee(0.0, 9.0, 2.0, 0, 0).availability == 0.0
    assert Oee(0.0, 9.0, 2.0, 0, 0).effectiveness is None
    assert Oee(5.0, 9.0, None, 4, 4).effectiveness is None
    assert Oee(5.0, 9.0, 2.0, 0, 0).quality is None
    assert Oee(5.0, 9.0, None, 4, 4).oee is None
    assert Oee(5.0, 9.0, 2.0, 4, 0).oee == 0.0  # everything was scrap: that was measured


def test_planned_windows_are_no_loss_and_changeovers_are_one():
    windows = (Window("maintenance", "SDT", 0, 100), Window("break", "NST", 100, 50),
               Window("tests", "ENG", 150, 25))  # fmt: skip
    one = entry(0, ticks=30, segments=(("PRD", 30),))
    run = manifest(control_dt=1.0, changeover_s=10.0, calendar=Calendar("c", 0, windows))
    s = summarise(run, [one], wall_s=None, ended="complete")
    assert s.state_ticks == {"PRD": 30, "SBY": 0, "ENG": 25, "SDT": 110, "UDT": 0, "NST": 50}
    assert s.oee.busy_s == 40
    assert s.oee.availability == pytest.approx(0.75)
    assert s.uph == pytest.approx(2 / (215 / 3600))  # of the whole shift, breaks included


def test_a_break_in_which_the_cell_was_wanted_is_standby_and_counts():
    run = manifest(
        control_dt=1.0, changeover_s=10.0, calendar=Calendar("c", 0, (Window("b", "SBY", 0, 40),))
    )
    s = summarise(run, [entry(0, ticks=30, segments=(("PRD", 30),))], wall_s=None, ended=None)
    assert s.oee.availability == pytest.approx(30 / 80)


def test_an_effectiveness_above_one_is_said():
    rows = oee_rows(Oee(10.0, 20.0, 3.0, 5, 5))
    assert rows[1].note == "above 100 %: faster than planned"
    assert rows[1].value == "150\u00a0%"
    assert not oee_rows(Oee(10.0, 20.0, 1.0, 5, 5))[1].note


def test_published_bounds_of_the_time_between_failures():
    assert mtbf_lower(24, 0) == pytest.approx(8.0, abs=0.02)
    assert mtbf_lower(300, 0) >= 100
    mean = MeanTime.of(24.0, 0)
    assert (mean.estimate, mean.events) == (None, 0)
    assert mean.lo == pytest.approx(8.0, abs=0.02)


@pytest.mark.parametrize("repairs", [1, 3, 20])
def test_repair_bounds_are_those_of_chi_squared(repairs):
    seconds = 75.0 * repairs
    bounds = repair_bounds(seconds, repairs)
    assert bounds.lo == pytest.approx(2 * seconds / stats.chi2.ppf(0.975, 2 * repairs))
    assert bounds.hi == pytest.approx(2 * seconds / stats.chi2.ppf(0.025, 2 * repairs))
    assert 75.0 in bounds


def test_repair_bounds_cover_exponential_repairs_and_more_so_those_of_our_operator():
    import numpy as np

    rng = np.random.default_rng(11)

    def covered(draw):
        return np.mean([60.0 in repair_bounds(float(draw().sum()), 5) for _ in range(2000)])

    assert covered(lambda: rng.exponential(60.0, 5)) == pytest.approx(0.95, abs=0.015)
    assert covered(lambda: rng.uniform(30.0, 90.0, 5)) > 0.99


def test_no_repair_has_no_mean():
    assert RepairTime.of(0.0, 0) == RepairTime(0, 0.0, None, None, None)
    with pytest.raises(ValueError, match="it takes a repair"):
        repair_bounds(1.0, 0)


def test_the_default_plan_is_what_the_command_reads_from_the_reference_results():
    kept = (resources.files("shopfloor.shift") / "data" / PLANNED_FILE).read_text()
    results = [str(RESULTS / f"sorting-{mode}.json") for mode in ("fenced", "collaborative")]
    done = CliRunner().invoke(bench, ["planned", *results])
    assert done.exit_code == 0
    assert done.stdout == kept, "write it again: shopfloor bench planned ... --out"
    result = json.loads((RESULTS / "sorting-fenced.json").read_text())
    plan = planned_cycle("sorting", "bench", "fenced")
    assert plan.seconds == pytest.approx(
        result["state_s"]["PRD"] / result["units"]["good"], abs=1e-4
    )
    assert len(tomllib.loads(kept)["reference"]) == 2


def test_a_person_s_plan_goes_before_the_reference_and_none_is_none():
    cell = {"cell": "sorting", "body": "bench", "limits": "fenced"}
    assert planned_of(None, **cell) == planned_cycle("sorting", "bench", "fenced")
    assert planned_of("2.5", **cell).seconds == 2.5
    assert planned_of("none", **cell) is None
    assert planned_of(None, cell="sorting", body="menagerie:aloha", limits="fenced") is None


@pytest.mark.parametrize("asked", ["0", "-1", "nan", "inf", "fast", "1e9"])
def test_a_plan_that_cannot_be_is_refused(asked):
    with pytest.raises(UsageError, match="--planned-cycle is"):
        planned_of(asked, cell="sorting", body="bench", limits="fenced")


def test_a_run_that_is_not_whole_is_no_reference():
    half = summarise(manifest(orders=9), shift(3), wall_s=1.0, ended="max-wall").to_json()
    with pytest.raises(UsageError, match="not whole"):
        measured(half)
