"""Every tick of a shift is in exactly one state."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_examples import entry, manifest, shift
from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import E10_STATES
from shopfloor.report.timeline import Span, changeover_ticks, lot_times, timeline

SEGMENTS = st.lists(st.tuples(st.sampled_from(E10_STATES), st.integers(0, 500)), max_size=12)


def lot(index, segments, repair):
    ticks = sum(ticks for _, ticks in segments)
    return entry(index, segments=tuple(segments), ticks=ticks, repair_ticks=repair)


@given(
    st.lists(st.tuples(SEGMENTS, st.integers(0, 900)), max_size=6),
    st.sampled_from([0.0, 0.01, 10.0]),
)
def test_spans_cover_the_shift_without_gap_or_overlap(lots, changeover_s):
    run = manifest(changeover_s=changeover_s)
    entries = [lot(i, segments, repair) for i, (segments, repair) in enumerate(lots)]
    spans = timeline(run, entries)
    for before, after in pairwise(spans):
        assert before.start + before.ticks == after.start
        assert before.lot != after.lot or before.state != after.state
    assert all(span.ticks > 0 for span in spans)
    assert not spans or spans[0].start == 0
    expected = sum(e.ticks + e.repair_ticks + changeover_ticks(run) for e in entries)
    assert sum(span.ticks for span in spans) == expected
    assert sum(time.ticks for time in lot_times(run, entries)) == expected


def test_a_lot_is_changeover_work_and_repair():
    run = manifest(control_dt=0.02, changeover_s=10.0)
    first = lot(0, [("SBY", 5), ("PRD", 90), ("UDT", 7)], 50)
    second = lot(1, [("PRD", 40)], 0)
    assert timeline(run, [first, second]) == (
        Span(0, "SDT", 0, 500),
        Span(0, "SBY", 500, 5),
        Span(0, "PRD", 505, 90),
        Span(0, "UDT", 595, 57),  # down during the lot and until repaired: one failure
        Span(1, "SDT", 652, 500),
        Span(1, "PRD", 1152, 40),
    )


@pytest.mark.parametrize(
    ("seconds", "dt", "ticks"), [(10, 0.02, 500), (0.3, 0.1, 3), (0.011, 0.01, 2), (0, 0.02, 0)]
)
def test_changeover_is_rounded_up_to_whole_ticks(seconds, dt, ticks):
    assert changeover_ticks(manifest(changeover_s=seconds, control_dt=dt)) == ticks


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ticks": 1001}, "sum to 1000 ticks, its length is 1001"),
        ({"segments": (("RUN", 1000),)}, "allowed are PRD"),
        ({"segments": (("PRD", 1001), ("SBY", -1))}, "allowed are PRD"),
        ({"repair_ticks": -1}, "repair -1"),
    ],
)
def test_a_tick_without_a_state_is_refused(changes, says):
    with pytest.raises(RunCorrupt, match=says):
        timeline(manifest(), [entry(4, **changes)])


def test_example_shifts_are_sound():
    entries = shift(20, failing=0.3)
    assert timeline(manifest(), entries)[-1].lot == 19
