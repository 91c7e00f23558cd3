"""The figures of a shift, worked out by hand."""

import json
import math
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_examples import entry, manifest, shift
from shopfloor.errors import RunCorrupt
from shopfloor.report.measure import CycleTime, MeanTime
from shopfloor.report.summary import log_sha256, summarise
from shopfloor.types import UnitOutcome

KEYS = {
    "run", "cell", "body", "brain", "seed", "latency", "limits", "orders", "good", "ever", "units",
    "uph", "cycle_s", "sim_s", "wall_s", "rtf", "rtf_worked", "failures", "states", "assists",
    "guard", "picks", "mtbf_h", "mtba_h", "first_pass_yield", "availability", "quality",
    "effectiveness", "peak_tool_speed_m_s", "breaches", "log_sha256", "notes",
}  # fmt: skip


def failed(lot, **changes):
    """A lot of 2,000 ticks that lost one of three units and needed 3,000 ticks of help."""
    defaults = {
        "good": False,
        "ever": False,
        "code": "grasp.slip",
        "code_tick": 700,
        "ticks": 2000,
        "segments": (("PRD", 1500), ("SBY", 500)),
        "units": (
            UnitOutcome("p0", "good"),
            UnitOutcome("p1", "scrap", "grasp.slip", 700),
            UnitOutcome("p2", "wip"),
        ),
        "cycles_s": (10.0,),
        "picks": (3, 1),
        "repair_ticks": 3000,
    }
    return entry(lot, **(defaults | changes))


def two_lots(**manifest_changes):
    return summarise(
        manifest(orders=2, **manifest_changes), [entry(0), failed(1)], wall_s=20.0, ended="complete"
    )


def test_a_shift_of_two_lots_by_hand():
    s = two_lots()
    # 2 changeovers of 500, lots of 1000 and 2000, repair of 3000 ticks of 20 ms.
    assert s.state_ticks == {
        "PRD": 2480, "SBY": 520, "ENG": 0, "SDT": 1000, "UDT": 3000, "NST": 0
    }  # fmt: skip
    assert s.sim_s == pytest.approx(140)
    assert s.worked_s == pytest.approx(60)
    assert (s.rtf, s.rtf_worked) == (pytest.approx(7), pytest.approx(3))
    assert s.uph == pytest.approx(3 / (140 / 3600))
    assert (s.good.k, s.good.n, s.good.rate) == (1, 2, 0.5)
    assert s.units.to_json() == {"in": 5, "good": 3, "scrap": 1, "wip": 1, "quarantine": 0}
    assert s.bystanders == 1
    assert (s.cycle.p50, s.cycle.n) == (9.0, 3)
    assert s.failures == {"grasp.slip": 1}
    assert (s.assists, s.mtba.events, s.mtbf.events, s.mtbi.events) == (1, 1, 1, 1)
    productive_h = 2480 * 0.02 / 3600
    assert s.mtbf.estimate == pytest.approx(productive_h)
    assert s.mtbf.lo == pytest.approx(2 * productive_h / 9.488, rel=1e-4)
    assert s.mttr.estimate == pytest.approx(60)
    assert s.units_per_assist == 3
    assert (s.picks_attempted, s.picks_succeeded, s.decisions) == (5, 3, 6)
    assert (s.guard_limited, s.guard_stopped, s.actions) == (6, 0, 3000)
    # Changeovers are part of carrying out orders: 1,000 ticks of them are planned busy time.
    assert s.oee.availability == pytest.approx(2480 / 7000)
    assert s.oee.quality == pytest.approx(3 / 4)
    assert (s.oee.effectiveness, s.oee.oee) == (None, None)
    assert (s.first_pass.k, s.first_pass.n) == (1, 2)
    assert s.breaches == 0
    assert s.lots_checked == 2
    assert not s.partial


def test_effectiveness_needs_a_planned_time_and_may_exceed_one():
    run = manifest(planned_cycle_s=20.0, planned_cycle_source="a person")
    s = summarise(run, [entry(0), failed(1)], wall_s=1, ended="complete")
    assert s.oee.effectiveness == pytest.approx(20 * 4 / 49.6)
    assert s.oee.effectiveness > 1
    # A and the productive time cancel: OEE is the planned time of the good units in PBT.
    assert s.oee.oee == pytest.approx(20 * 3 / 140)


@given(st.integers(0, 12), st.integers(0, 50), st.floats(0, 1))
def test_states_sum_to_one_and_the_ledger_balances(lots, seed, failing):
    entries = shift(lots, seed=seed, failing=failing)
    s = summarise(manifest(), entries, wall_s=5.0, ended="complete")
    if lots:
        assert math.fsum(s.states.values()) == pytest.approx(1, abs=1e-12)
        assert sum(s.state_s.values()) == pytest.approx(s.sim_s)
        assert s.good.k <= s.ever.k
        assert sum(s.failures.values()) == s.good.n - s.good.k
    units = s.units
    assert units.entered == units.good + units.scrap + units.wip + units.quarantine
    assert units.entered + s.bystanders == sum(len(e.units) for e in entries)


@given(st.permutations(range(6)))
def test_the_order_in_which_workers_finish_changes_nothing(order):
    entries = shift(6, seed=2, failing=0.4)
    shuffled = [entries[i] for i in order]
    told = {"wall_s": 9.0, "ended": "complete"}
    assert summarise(manifest(), shuffled, **told) == summarise(manifest(), entries, **told)


def test_one_shift_is_worth_the_same_as_its_halves():
    entries = shift(40, failing=0.2)
    told = {"wall_s": None, "ended": "complete"}
    whole = summarise(manifest(), entries, **told)
    halves = [summarise(manifest(), part, **told) for part in (entries[:15], entries[15:])]
    assert whole.sim_s == pytest.approx(sum(half.sim_s for half in halves))


def test_nothing_measured_is_none_and_never_zero_or_nan():
    s = summarise(manifest(orders=None, hours=1.0), (), wall_s=1.5, ended=None)
    result = json.loads(json.dumps(s.to_json(), allow_nan=False))
    for name in (
        "uph", "uph_interval", "rtf", "rtf_worked", "mttr_s", "units_per_assist", "availability",
        "quality", "effectiveness", "oee", "peak_tool_speed_m_s", "breaches", "log_sha256",
        "good_anytime", "good_exact",
    ):  # fmt: skip
        assert result[name] is None, name
    assert set(result["states"].values()) == {None}
    assert result["good"] == {"k": 0, "n": 0, "rate": None, "lo": None, "hi": None}
    assert result["cycle_s"] == {"n": 0, "p50": None, "p90": None, "p99": None}
    assert result["mtbf_h"] == {"events": 0, "hours": 0.0, "estimate": None, "lo": None}
    assert s.partial


def test_a_shift_without_failures_claims_only_its_bound():
    s = summarise(manifest(), shift(30), wall_s=1.0, ended="complete")
    assert s.mtbf.estimate is None
    assert s.mtbf.lo == pytest.approx(s.mtbf.hours / -math.log(0.05))
    assert (s.mttr.estimate, s.units_per_assist) == (None, None)


def test_mean_time_by_hand():
    assert MeanTime.of(24.0, 0).lo == pytest.approx(8.0, rel=0.002)
    assert MeanTime.of(24.0, 3).estimate == 8.0
    assert MeanTime.of(0.0, 3).estimate is None


def test_percentiles_of_a_ladder():
    ladder = CycleTime.of([float(i) for i in range(101)])
    assert (ladder.p50, ladder.p90, ladder.p99) == (50, 90, 99)


def test_json_is_plain_and_complete():
    result = two_lots(notes=("The world was paused",)).to_json()
    assert result.keys() >= KEYS
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["simulation"] is True
    assert result["notes"] == ["The world was paused"]
    assert set(result["states"]) == {"PRD", "SBY", "ENG", "SDT", "UDT", "NST"}


def test_the_hash_of_a_run_is_over_its_lots_in_order():
    entries = [entry(i, log_sha256=f"{i:064x}") for i in range(3)]
    by_hand = sha256(b"".join(f"{i:064x}".encode() for i in range(3))).hexdigest()
    assert log_sha256(entries) == log_sha256(entries[::-1]) == by_hand
    assert log_sha256(entries[:2]) != by_hand
    assert log_sha256([]) is None


def test_wall_time_is_not_in_the_hash():
    assert log_sha256([entry(0, wall_s=1.0)]) == log_sha256([entry(0, wall_s=2.0)])


@pytest.mark.parametrize(
    ("picks", "repair", "first"),
    [((2, 2), 0, 1), ((3, 2), 0, 0), ((3, 3), 0, 0), ((2, 2), 100, 0), ((1, 1), 0, 1)],
)
def test_first_pass_means_no_second_try(picks, repair, first):
    lot = entry(0, picks=picks, repair_ticks=repair)
    assert summarise(manifest(), [lot], wall_s=1, ended="complete").first_pass.k == first


def test_breaches_that_one_lot_saw_are_not_hidden_by_another_that_did_not_look():
    lots = [entry(0, breaches=2), entry(1, breaches=None)]
    s = summarise(manifest(), lots, wall_s=1, ended="complete")
    assert (s.breaches, s.lots_checked) == (2, 1)
    blind = summarise(manifest(), lots[1:], wall_s=1, ended="complete")
    assert blind.breaches is None


def test_gaps_and_shortfalls_make_a_run_partial():
    gaps = summarise(manifest(orders=3), [entry(0), entry(3)], wall_s=1, ended="complete")
    assert gaps.missing_lots == (1, 2)
    assert gaps.partial
    assert summarise(manifest(orders=2), [entry(0)], wall_s=1, ended="complete").partial
    assert summarise(manifest(orders=1), [entry(0)], wall_s=1, ended="interrupted").partial
    assert not summarise(manifest(orders=1), [entry(0)], wall_s=1, ended="complete").partial


def test_languages_are_counted_apart():
    lots = [entry(0), failed(1, language="zh"), entry(2, language="zh")]
    s = summarise(manifest(), lots, wall_s=1, ended="complete")
    assert {name: (r.k, r.n) for name, r in s.by_language.items()} == {"en": (1, 1), "zh": (1, 2)}


@pytest.mark.parametrize(
    ("lots", "says"),
    [
        ([entry(0), entry(0)], "lot 0 is in the index twice"),
        ([entry(0, code="grasp.miss")], "exactly one code and a good one none"),
        ([failed(0, code=None)], "exactly one code"),
        ([entry(0, ever=False)], "at no settled moment"),
        ([entry(0, units=(UnitOutcome("p0", "lost"),))], "exactly one place"),
        ([entry(0, ticks=999)], "exactly one state"),
    ],
)
def test_entries_that_contradict_themselves_are_refused(lots, says):
    with pytest.raises(RunCorrupt, match=says):
        summarise(manifest(), lots, wall_s=1, ended="complete")
