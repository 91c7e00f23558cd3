"""Breaks and planned maintenance: how a calendar is read, and how it is laid between lots."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report_examples import entry, manifest
from shift_examples import ORDERS, make_plan, order_file, work
from shift_examples import entries as entries_of
from shopfloor.cli import main
from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.record.calendar import DAY_S, NO_CALENDAR, STATES, Calendar, Window
from shopfloor.record.clock import Clock
from shopfloor.record.entry import E10_STATES, Manifest
from shopfloor.report.lots import log_sha256
from shopfloor.report.summary import summarise
from shopfloor.report.timeline import Span, changeover_ticks, lot_times, timeline
from shopfloor.shift.calendar import load_calendar

GOOD = """\
name = "mine"
start = "22:00"

[[window]]
name = "lunch"
state = "NST"
at = "02:00"
minutes = 30

[[window]]
name = "warm-up"
state = "ENG"
at = "22:00"
minutes = 1.5
"""


def read(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_calendar(str(path))


def lot(index, ticks, repair=0):
    return entry(index, ticks=ticks, segments=(("PRD", ticks),), repair_ticks=repair)


def test_a_file_over_midnight_is_read_by_when_windows_are_due(tmp_path):
    calendar = read(tmp_path, GOOD)
    assert calendar == Calendar(
        "mine",
        22 * 3600,
        (Window("warm-up", "ENG", 0, 90), Window("lunch", "NST", 4 * 3600, 1800)),
    )


def test_the_built_in_ones():
    assert load_calendar("none") == NO_CALENDAR
    calendar = load_calendar("two-breaks")
    assert sum(w.length_s for w in calendar.windows if w.state == "NST") == 45 * 60
    assert {w.state for w in calendar.windows} == {"ENG", "NST", "SDT"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('start = "22:00"', "", "lacks start"),
        ('start = "22:00"', 'start = "24:00"', "start is '24:00'"),
        ('start = "22:00"', "start = 22:00:00", "start is"),
        ('start = "22:00"', 'start = "02:10"', "'lunch' still goes on at the start"),
        ('state = "ENG"', 'state = "PRD"', "window 2: state is 'PRD'"),
        ("minutes = 30", "minutes = 0", "window 1: minutes is 0"),
        ("minutes = 30", "minutes = nan", "window 1: minutes is nan"),
        ("minutes = 30", "minutes = true", "window 1: minutes is True"),
        ("minutes = 30", "minutes = 0.001", "the shortest window is a second"),
        ("minutes = 1.5", "minutes = 245", "'lunch' begins before 'warm-up' is over"),
        ("minutes = 30", "minuts = 30", "lacks minutes"),
        ('name = "lunch"', 'name = ""', "window 1: name is ''"),
        ('name = "lunch"', 'name = "lunch"\nwage = 1', "unknown wage"),
        ('at = "02:00"', 'at = "2:00"', "window 1: at is '2:00'"),
        ('name = "mine"', "name = 3", "name is 3"),
        ('name = "mine"', "name =", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_and_the_key_named(tmp_path, old, new, says):
    assert old in GOOD
    with pytest.raises(UsageError, match=r"mine\.toml") as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert says in str(caught.value)


def test_windows_that_fill_the_day_or_are_none_are_refused(tmp_path):
    half = '[[window]]\nname = "w"\nstate = "SDT"\nat = "{}"\nminutes = 720\n'
    head = 'name = "full"\nstart = "00:00"\n'
    with pytest.raises(UsageError, match="fill the whole day"):
        read(tmp_path, head + half.format("00:00") + half.format("12:00"))
    with pytest.raises(UsageError, match="--calendar none"):
        read(tmp_path, head + "window = []\n")


def test_an_unknown_calendar_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="two-breaks"):
        load_calendar("two-brakes")
    with pytest.raises(UsageError, match="cannot be read"):
        load_calendar(str(tmp_path / "gone.toml"))


def test_a_bad_calendar_ends_the_command_before_anything_is_made(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text(GOOD.replace("NST", "PRD"))
    with pytest.raises(SystemExit) as ended:
        main(["run", "--orders", "1", "--calendar", str(bad), "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    assert "state is 'PRD'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_manifest_carries_it_and_a_damaged_one_is_told(tmp_path):
    run = manifest(calendar=read(tmp_path, GOOD))
    data = json.loads(json.dumps(run.to_json()))
    assert Manifest.from_json(data) == run
    del data["calendar"]["windows"][0]["state"]
    with pytest.raises(RunCorrupt, match="calendar or papers are not what was written"):
        Manifest.from_json(data)


def test_a_lot_is_finished_before_a_break_and_the_break_is_not_cut_short():
    # Ticks of 1 s, no changeover: lots of 100 s; a break of 30 s is due at 150 s.
    calendar = Calendar("c", 0, (Window("break", "NST", 150, 30),))
    run = manifest(control_dt=1.0, changeover_s=0.0, calendar=calendar)
    lots = [lot(0, 100), lot(1, 100), lot(2, 100)]
    assert timeline(run, lots) == (
        Span(0, "PRD", 0, 100),
        Span(1, "PRD", 100, 100),
        Span(2, "NST", 200, 30, "break"),
        Span(2, "PRD", 230, 100),
    )
    assert [(t.start, t.end) for t in lot_times(run, lots)] == [(0, 100), (100, 200), (230, 330)]


def test_a_window_due_while_another_is_taken_follows_at_once():
    calendar = Calendar(
        "c", 0, (Window("a", "NST", 50, 30), Window("b", "SDT", 90, 20), Window("c", "ENG", 400, 9))
    )
    run = manifest(control_dt=1.0, changeover_s=0.0, calendar=calendar)
    spans = timeline(run, [lot(0, 70), lot(1, 10)])
    assert spans[1:3] == (Span(1, "NST", 70, 30, "a"), Span(1, "SDT", 100, 20, "b"))
    assert spans[3].start == 120


def test_windows_come_back_every_day():
    calendar = Calendar("c", 0, (Window("night", "NST", 60_000, 20_000),))
    run = manifest(control_dt=10.0, changeover_s=0.0, calendar=calendar)
    spans = timeline(run, [lot(i, 1000) for i in range(21)])  # 210,000 s of work
    assert [s.start * 10 for s in spans if s.planned] == [60_000, 150_000, 240_000]


@pytest.mark.parametrize(
    ("work_s", "trailing"),
    [
        (3500, 0),  # the break is not due: the shift was cut off
        (3550, 1),  # the break is due and fills up the hour
        (3610, 0),  # the hour was up before the break could begin
    ],
)
def test_a_window_after_the_last_lot_counts_where_it_fills_up_the_hours(work_s, trailing):
    calendar = Calendar("c", 0, (Window("break", "NST", 3540, 60),))
    run = manifest(control_dt=1.0, changeover_s=0.0, calendar=calendar, orders=None, hours=1.0)
    spans = timeline(run, [lot(0, work_s)])
    assert sum(bool(span.planned) for span in spans) == trailing


def test_what_was_planned_after_a_kill_did_not_happen():
    calendar = Calendar("c", 0, (Window("break", "NST", 100, 60),))
    run = manifest(control_dt=1.0, changeover_s=0.0, calendar=calendar, orders=None, hours=1.0)
    assert timeline(run, [lot(0, 200)]) == (Span(0, "PRD", 0, 200),)


WINDOWS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 900), st.sampled_from(STATES)), max_size=5
)
SEGMENTS = st.lists(st.tuples(st.sampled_from(E10_STATES), st.integers(0, 90_000)), max_size=6)


def calendar_of(raw):
    """Windows one after another: each some seconds after the end of the one before."""
    windows, now = [], 0
    for gap, length, state in raw:
        windows.append(Window(f"w{now}", state, now + gap, length))
        now += gap + length
    return Calendar("random", 0, tuple(windows))


@settings(deadline=None)
@given(
    WINDOWS,
    st.lists(st.tuples(SEGMENTS, st.integers(0, 4500)), max_size=8),
    st.sampled_from([0.0, 0.01, 10.0]),
    st.one_of(st.none(), st.floats(0.01, 3.0)),
)
def test_every_tick_of_any_shift_is_in_exactly_one_state(raw, lots, changeover_s, hours):
    run = manifest(changeover_s=changeover_s, calendar=calendar_of(raw), hours=hours, orders=None)
    made = [
        entry(i, segments=tuple(s), ticks=sum(t for _, t in s), repair_ticks=repair)
        for i, (s, repair) in enumerate(lots)
    ]
    spans = timeline(run, made)
    now = 0
    for span in spans:  # end to end, without gap or overlap
        assert span.start == now
        assert span.ticks > 0
        now += span.ticks
    worked = sum(e.ticks + e.repair_ticks + changeover_ticks(run) for e in made)
    planned = [span for span in spans if span.planned]
    assert now == worked + sum(span.ticks for span in planned)
    by_name = {w.name: w for w in run.calendar.windows}
    for span in planned:  # none early, none shortened
        window = by_name[span.planned]
        assert span.start * 0.02 % DAY_S >= window.at_s - 1e-6
        assert span.ticks == window.length_s * 50
    s = summarise(run, made, wall_s=None, ended="complete")
    assert sum(s.state_ticks.values()) == now
    if now:
        assert sum(100 * ticks for ticks in s.state_ticks.values()) == 100 * now
    else:
        assert set(s.states.values()) == {None}


@settings(deadline=None)
@given(WINDOWS, st.lists(st.integers(1, 200_000), min_size=1, max_size=8), st.data())
def test_a_shift_never_begins_a_lot_later_because_an_earlier_one_was_shorter(raw, lots, data):
    """What workers rely on: with lots at their longest, no later lot would begin earlier."""
    run = manifest(calendar=calendar_of(raw), hours=None)
    longer = [ticks + data.draw(st.integers(0, 50_000)) for ticks in lots]

    def begins(ticks):
        clock = Clock(run)
        found = []
        for each in ticks:
            clock.pauses()
            found.append(clock.work(each))
        return found

    assert all(a <= b for a, b in zip(begins(lots), begins(longer), strict=True))


@pytest.fixture(scope="module")
def shifts(tmp_path_factory):
    """The same shift of 36 s with a warm-up and a break in it, by one worker and by two."""
    folder = tmp_path_factory.mktemp("calendar")
    file = folder / "short.toml"
    file.write_text(
        'name = "short"\nstart = "06:00"\n[[window]]\nname = "warm-up"\nstate = "ENG"\n'
        'at = "06:00"\nminutes = 0.1\n[[window]]\nname = "break"\nstate = "NST"\n'
        'at = "06:00:15"\nminutes = 0.2\n'
    )
    orders = order_file(folder, [ORDERS[0] | {"time_limit_s": 5}] * 30)
    found = {}
    for workers in (1, 2):
        plan = make_plan(
            order_file=orders, hours=36 / 3600, calendar=str(file), workers=workers, seed=3
        )
        found[workers] = (work(plan, folder / f"run{workers}"), folder / f"run{workers}")
    return found


def test_any_number_of_workers_takes_the_same_breaks(shifts):
    (ended, one), first = shifts[1]
    (_, two), second = shifts[2]
    assert ended == "complete"
    assert one.log_sha256 == two.log_sha256 == log_sha256(entries_of(first))
    assert one.state_ticks == two.state_ticks
    assert (one.state_ticks["ENG"], one.state_ticks["NST"]) == (300, 600)
    # Without the 18 s of windows the shift would have held one lot more.
    changeover, lots = 500, entries_of(second)
    worked = [(changeover + e.ticks + e.repair_ticks) * 0.02 for e in lots]
    assert sum(worked[:-1]) + 18 < 36 <= sum(worked) + 18
    assert sum(worked) < 36


def test_a_resumed_run_keeps_its_calendar_and_refuses_another(shifts):
    from shopfloor.shift import plan_of, run_shift

    _, run = shifts[1]
    copy = run / "inputs" / "calendar.toml"
    plan = plan_of(run, workers=1, max_wall_s=None)
    assert load_calendar(plan.calendar).name == "short"
    text = copy.read_text()
    copy.write_text(text.replace("0.2", "0.3"))
    try:
        with pytest.raises(UsageError, match="begun with calendar"):
            run_shift(plan, run, resume=True, progress=lambda _: None)
    finally:
        copy.write_text(text)


def test_without_a_calendar_nothing_changes():
    rng = np.random.default_rng(4)
    lots = [lot(i, int(rng.integers(1, 5000)), int(rng.integers(300))) for i in range(12)]
    plain = timeline(manifest(), lots)
    never = Calendar("never", 0, (Window("late", "NST", 80_000, 60),))
    assert timeline(manifest(calendar=never), lots) == plain
