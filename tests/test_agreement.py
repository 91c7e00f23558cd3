"""When two runs agree, where they part, and what is made of it."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record_examples import Ticks, cell_spec, entry_of, make_lot, outcome
from record_examples import manifest as recorded_manifest
from report_examples import entry, manifest, shift
from shopfloor.evidence.agreement import agreement
from shopfloor.evidence.divergence import divergence
from shopfloor.evidence.replica import Difference, Replica, judged
from shopfloor.record import LogRecorder, RunFolder

FAILED = {"good": False, "ever": False, "code": "grasp.miss", "code_tick": 9}


def bad(lot):
    return entry(lot, **FAILED, delivered=(), cycles_s=())


@settings(max_examples=60, deadline=None)
@given(a=st.integers(0, 12), b=st.integers(0, 12), both=st.integers(0, 5))
def test_the_p_value_is_mcnemars_exact_one(a, b, both):
    if a + b + both == 0:
        return
    kinds = [(True, False)] * a + [(False, True)] * b + [(True, True)] * both
    was = [entry(i) if good else bad(i) for i, (good, _) in enumerate(kinds)]
    now = [entry(i) if good else bad(i) for i, (_, good) in enumerate(kinds)]
    found = agreement(manifest(), was, now)
    n, k = a + b, min(a, b)
    tail = sum(comb(n, i) for i in range(k + 1)) / 2**n
    due = 1.0 if a == b else min(1.0, 2 * tail)
    assert found.p_value == pytest.approx(due, abs=1e-12)
    counts = (found.only_original, found.only_replica, found.both, found.neither)
    assert counts == (a, b, both, 0)


def test_a_run_agrees_with_itself_and_not_with_one_that_fails():
    lots = shift(30, seed=2, failing=0.1)
    assert agreement(manifest(), lots, lots).held
    worse = [bad(lot.lot) if lot.lot % 2 else lot for lot in lots]
    broken = {bound.what for bound in agreement(manifest(), lots, worse).broken}
    assert broken == {"good orders", "unlike orders, p"}


def test_slower_is_seen_though_every_order_is_good():
    lots = [entry(i) for i in range(12)]
    slower = [replace(e, cycles_s=tuple(1.2 * s for s in e.cycles_s)) for e in lots]
    assert [b.what for b in agreement(manifest(), lots, slower).broken] == ["median cycle time [s]"]


@pytest.mark.parametrize("count", [1, 7])
def test_what_nobody_measured_breaks_nothing(count):
    lots = [bad(i) for i in range(count)]
    found = agreement(manifest(), lots, lots)
    assert found.held
    assert {b.what: b.held for b in found.bounds}["median cycle time [s]"] is None
    # But what only one of them has is not the same.
    assert not agreement(manifest(), lots, [entry(i) for i in range(count)]).held


# Verdicts.

SETTING = Difference("setting", "limits", "a", "b")
ELSEWHERE = Difference("environment", "renderer", "a", "b")
LOG = Difference("log", "lot 0", "a", "b")
GOOD = agreement(manifest(), [entry(0)], [entry(0)])
BROKEN = agreement(manifest(), [entry(0)], [bad(0)])


@pytest.mark.parametrize(
    ("way", "differences", "unlike", "found", "verdict"),
    [
        ("worked again", (), (), GOOD, "identical"),
        ("replayed", (ELSEWHERE,), (), GOOD, "identical"),
        ("worked again", (LOG,), (0,), GOOD, "different"),
        ("replayed", (LOG,), (0,), GOOD, "different"),
        ("worked again", (LOG, ELSEWHERE), (0,), GOOD, "equivalent"),
        ("worked again", (LOG, ELSEWHERE), (0,), BROKEN, "different"),
        ("asked again", (LOG,), (0,), GOOD, "equivalent"),
        ("asked again", (LOG,), (0,), BROKEN, "different"),
        ("worked again", (SETTING,), (), GOOD, "different"),
        ("asked again", (SETTING, ELSEWHERE, LOG), (0,), GOOD, "different"),
        ("worked again", (Difference("tampering", "log", "a", "b"),), (), None, "different"),
        ("worked again", (Difference("missing", "lot 1", "a", "b"),), (), GOOD, "different"),
    ],
)
def test_the_verdict_needs_a_reason(way, differences, unlike, found, verdict):
    got, reasons = judged(way, differences, unlike, found)
    assert got == verdict
    assert reasons


@pytest.mark.parametrize(
    ("verdict", "sample", "headline"),
    [
        ("identical", False, "identical"),
        ("identical", True, "identical in the 3 lots that were worked"),
        ("equivalent", True, "equivalent in the 3 lots that were worked"),
        ("different", True, "different"),
    ],
)
def test_a_sample_never_stands_for_the_run(verdict, sample, headline):
    replica = Replica("a", "b", "worked again", 3, 9, sample, verdict, (), ())
    assert replica.headline == replica.to_json()["headline"] == headline


# Where two logs part.

SPEC = cell_spec(size=(16, 16))
LOT = make_lot(0, parts=3)


def recorded(path, *, ticks=12, change=lambda _tick, step: step):
    with RunFolder.create(path, recorded_manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        make = Ticks(SPEC, LOT)
        recorder.begin(LOT, {"worked": path.name})
        for tick in range(ticks):
            recorder.step(*change(tick, make(tick)))
        sealed = recorder.end(outcome(ticks=ticks))
        recorder.commit(entry_of(LOT, sealed, ticks=ticks))
        return folder.episode(0)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("plain") / "run")


def test_what_is_the_same_does_not_part(plain, tmp_path):
    other = recorded(tmp_path / "run")
    assert other.entry.log_sha256 == plain.entry.log_sha256
    assert divergence(plain, other) is None


@pytest.mark.parametrize("tick", [0, 5, 11])
@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0])
def test_the_last_bit_of_one_number_is_found(plain, tmp_path, tick, value):
    def change(at, step):
        if at == tick:
            step[0].truth.speed[1] = value
        if at >= tick:
            step[0].observation.limbs["left"].qd[4] = value
        return step

    other = recorded(tmp_path / "run", change=change)
    spot = divergence(plain, other)
    assert (spot.lot, spot.tick, spot.columns) == (0, tick, ("left.qd", "truth.speed"))
    assert spot.now == repr(float(value))
    back = divergence(other, plain)
    assert (back.tick, back.columns, back.was) == (tick, spot.columns, spot.now)
    again = recorded(tmp_path / "again", change=change)
    assert divergence(other, again) is None, "what is no number equals itself"


def test_a_longer_log_parts_where_the_other_ends(plain, tmp_path):
    spot = divergence(plain, recorded(tmp_path / "run", ticks=15))
    assert spot.tick == 12
    assert {"length", "truth.length"} <= set(spot.columns)
    assert (spot.was, spot.now) == ("outcome at tick 12", "frame(front) at tick 12")


def test_a_truth_that_only_one_of_them_knows_is_named(plain, tmp_path):
    def blind(_, step):
        return (replace(step[0], truth=None), *step[1:])

    spot = divergence(plain, recorded(tmp_path / "run", change=blind))
    assert (spot.tick, spot.columns, spot.now) == (0, ("truth",), "nothing")
