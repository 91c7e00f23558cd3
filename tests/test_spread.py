"""Lots spread over machines that may be lost, played with machines that are lost on purpose."""

import os
import signal
import time
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record_examples import Ticks, cell_spec, make_lot, manifest, work
from shopfloor.errors import RunError, UnknownName, UsageError
from shopfloor.record import LogRecorder, RunFolder
from shopfloor.record.parcel import pack, pack_interrupted
from shopfloor.shift.outpost import Post
from shopfloor.shift.spread import HandLost, Spread
from shopfloor.shift.worker import Failure

SPEC = cell_spec(cameras=("front",), size=(16, 16))
BY = "classical"
LOTS = 4
HERE = Post("here", "made-up", "none")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """What any machine makes of the lots: the same, which is why they can be worked again."""
    path = tmp_path_factory.mktemp("elsewhere") / "run"
    with RunFolder.create(path, manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        for n in range(LOTS):
            work(folder, recorder, make_lot(n), ticks=3)
        make = Ticks(SPEC, make_lot(LOTS))
        recorder.begin(make_lot(LOTS), {})
        for tick in range(4):
            recorder.step(*make(tick))
        recorder.abandon()
    return RunFolder.open(path)


class Hand:
    """A worker whose fate is in the hands of ``Machines``."""

    def __init__(self, elsewhere):
        self.elsewhere, self.lot, self.ready = elsewhere, None, False
        self.reads_left, self.dismissed, self.stopped = 10**6, None, False

    def work(self, lot, by):
        assert self.ready
        assert by == BY
        self.lot = lot.index

    def read(self, name, offset):
        self.reads_left -= 1
        if self.reads_left < 0:
            raise HandLost("its machine went down")
        left = self.elsewhere.interrupted()[0].path
        path = left if self.stopped else self.elsewhere.episode(self.lot).path
        return (path / name).read_bytes()[offset : offset + 200]

    def stop(self):
        self.stopped = True

    def left(self, deadline_s):
        assert self.stopped
        return pack_interrupted(self.elsewhere.interrupted()[0]) if self.lot == LOTS - 1 else None

    def leave(self):
        assert self.dismissed is None

    def dismiss(self, deadline_s):
        self.dismissed = deadline_s


class Machines:
    """Each ``wait`` asks ``fate(hand)`` what becomes of the first, second, ... hand."""

    def __init__(self, elsewhere, fate=lambda _hand: None, choose=lambda _count: 0):
        self.elsewhere, self.fate, self.choose, self.hired = elsewhere, fate, choose, []

    def hire(self):
        self.hired.append(Hand(self.elsewhere))
        return self.hired[-1]

    def wait(self, hands, timeout_s):
        assert hands
        hand = hands[self.choose(len(hands))]
        news = self.fate(hand)
        if news is None and not hand.ready:
            hand.ready, news = True, HERE
        elif news is None:
            news = pack(self.elsewhere.episode(hand.lot))
        return [] if news == "silence" else [(hand, news)]


@pytest.fixture
def home(tmp_path):
    with RunFolder.create(tmp_path / "home", manifest()) as folder:
        yield folder


def run_all(pool, folder, lots=LOTS):
    """What a shift does with a pool."""
    ahead = (make_lot(n) for n in range(lots))
    came = []
    while len(came) < lots:
        for lot in islice(ahead, pool.room):
            pool.begin(lot, BY)
        assert pool.room == 0 or len(came) + 2 >= lots
        for entry in pool.finished():
            folder.index(entry)
            came.append(entry.lot)
    return came


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_whoever_is_lost_and_when_each_lot_comes_home_once(data, elsewhere, tmp_path_factory):
    losses = {}

    def fate(hand):
        if not data.draw(st.booleans()):
            return None
        lost = losses.setdefault(hand.lot if hand.ready else "unborn", [])
        if len(lost) >= 2:
            return None
        lost.append(hand)
        if hand.ready and data.draw(st.booleans()):
            hand.reads_left = data.draw(st.integers(0, 3))  # while its lot is fetched
            return None
        return HandLost("its machine went down")

    machines = Machines(elsewhere, fate, lambda n: data.draw(st.integers(0, n - 1)))
    path = tmp_path_factory.mktemp("home") / "run"
    with pytest.MonkeyPatch.context() as patch, RunFolder.create(path, manifest()) as folder:
        patch.setattr(os, "fsync", lambda _: None)  # no power is lost here, only time
        with Spread(folder, machines, size=2, patience_s=60) as pool:
            came = run_all(pool, folder)
        assert sorted(came) == list(range(LOTS))
        assert folder.entries() == elsewhere.entries()
        assert (folder.in_flight(), folder.interrupted()) == ((), ())
        assert len((path / "index.jsonl").read_text().splitlines()) == LOTS
        for n in range(LOTS):
            folder.episode(n).check_files()
    assert all(hand.dismissed is not None for hand in machines.hired)  # nobody is left behind


def test_a_lot_that_takes_every_worker_with_it_is_named(elsewhere, home):
    machines = Machines(elsewhere, lambda hand: HandLost("signal 11") if hand.lot == 1 else None)
    with (
        pytest.raises(RunError, match=r"lot 1 has lost 3 workers \(signal 11\).*--workers 1"),
        Spread(home, machines, size=2, patience_s=60) as pool,
    ):
        run_all(pool, home)
    assert sum(hand.lot == 1 for hand in machines.hired) == 3


def test_workers_that_die_before_they_are_ready_are_not_hired_for_ever(elsewhere, home):
    machines = Machines(elsewhere, lambda _: HandLost("No module named 'shopfloor'"))
    with (
        pytest.raises(RunError, match=r"3 workers in a row died .*No module named.*--resume"),
        Spread(home, machines, size=2, patience_s=60) as pool,
    ):
        run_all(pool, home)


def test_workers_that_die_with_their_machines_are_hired_again_until_patience_ends(elsewhere, home):
    def fate(hand):
        if len(machines.hired) == 2:
            return None if not hand.ready else HandLost("its machine went down")
        time.sleep(0.01)
        return HandLost("its machine went down")

    machines = Machines(elsewhere, fate, lambda count: count - 1)  # those at work first
    with (
        pytest.raises(RunError, match=r"for 0.2 s \(the last one was lost: its machine went"),
        Spread(home, machines, size=2, patience_s=0.2) as pool,
    ):
        run_all(pool, home)
    assert len(machines.hired) > 6


def test_where_no_machine_has_room_the_shift_stops_after_its_patience(elsewhere, home):
    def nobody(_hand):
        time.sleep(0.01)
        return "silence"

    began = time.monotonic()
    with (
        pytest.raises(RunError, match=r"for 0.1 s \(none has had room.*go on with --resume"),
        Spread(home, Machines(elsewhere, nobody), size=2, patience_s=0.1) as pool,
    ):
        run_all(pool, home)
    assert 0.1 < time.monotonic() - began < 5


def test_an_error_of_ours_comes_back_as_itself_and_any_other_as_a_worker_that_failed(
    elsewhere, home
):
    for failure, kind, said in (
        (Failure(UnknownName("brain", "x", ["y"])), UnknownName, "unknown brain 'x'"),
        (Failure(UsageError("no such part")), UsageError, "no such part"),
        (Failure("ValueError on node-7: 3"), RunError, "a worker failed: ValueError on node-7: 3"),
    ):
        machines = Machines(elsewhere, lambda hand, f=failure: f if hand.ready else None)
        with (
            pytest.raises(kind) as error,
            Spread(home, machines, size=2, patience_s=60) as pool,
        ):
            run_all(pool, home)
        assert said in str(error.value)
        assert home.entries() == ()
        assert all(hand.dismissed is not None for hand in machines.hired)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (lambda parcel, _: replace(parcel, entry=None), "lot 0, cut off"),
        (lambda parcel, other: replace(parcel, lot=other.lot), "lot 1, whose entry is of lot 0"),
        (lambda _, other: other, "lot 1, whose entry is of lot 1"),
        (lambda parcel, other: replace(parcel, entry=other.entry), "lot 0, whose entry is of lot"),
        (
            lambda p, _: replace(p, entry=replace(p.entry, worked_by="another")),
            "lot 0, whose entry is of lot 0 for another",
        ),
    ],
)
def test_who_answers_with_another_lot_gets_nothing_committed(elsewhere, home, answers, said):
    other = pack(elsewhere.episode(1))
    machines = Machines(
        elsewhere,
        lambda hand: answers(pack(elsewhere.episode(0)), other) if hand.ready else None,
    )
    with (
        pytest.raises(RunError, match=f"given lot 0 for classical and answers with {said}"),
        Spread(home, machines, size=1, patience_s=60) as pool,
    ):
        run_all(pool, home, 1)
    assert (home.entries(), home.in_flight()) == ((), ())


def test_a_lot_that_came_damaged_is_worked_again_by_another(elsewhere, home):
    def fate(hand):
        if hand.lot == 1 and not damaged:
            damaged.append(hand)
            hand.read = lambda _, offset: b"" if offset else b"not what was sent"

    damaged = []
    machines = Machines(elsewhere, fate)
    with Spread(home, machines, size=2, patience_s=60) as pool:
        came = run_all(pool, home)
    assert sorted(came) == list(range(LOTS))
    assert home.entries() == elsewhere.entries()
    assert (damaged[0].dismissed, len(machines.hired)) == (0.0, 3)
    assert (home.in_flight(), home.interrupted()) == ((), ())


def test_ctrl_c_brings_home_what_had_happened(elsewhere, home):
    def interrupt(hand):
        if hand.lot is None:
            return None
        os.kill(os.getpid(), signal.SIGINT)
        return "silence"

    machines = Machines(elsewhere, interrupt)

    def worked():
        with Spread(home, machines, size=2, patience_s=60) as pool:
            pool.begin(make_lot(LOTS - 1), BY)
            pool.begin(make_lot(0), BY)
            list(pool.finished())

    with pytest.raises(KeyboardInterrupt):
        worked()
    assert (home.entries(), home.in_flight()) == ((), ())
    (left,) = home.interrupted()
    assert any(record.kind == "rows" for record in left.records())
    assert all(hand.dismissed > 0 for hand in machines.hired)


def test_other_processors_and_renderers_are_for_the_record(elsewhere, home):
    posts = iter([Post("a", "made-up", "none"), Post("b", "another", "none")])
    turn = iter(range(100))

    def fate(hand):
        if hand.ready:
            return None
        hand.ready = True
        return next(posts)

    machines = Machines(elsewhere, fate, lambda count: next(turn) % count)
    with Spread(home, machines, size=2, patience_s=60) as pool:
        run_all(pool, home)
        assert pool.others == ("another, none",)
