"""A worker that does not share the run's disk works the same lots, and leaves nothing behind."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from threading import Barrier, Thread

import pytest

from shift_examples import ORDERS, make_plan, order_file, work
from shopfloor.errors import RunError, UsageError
from shopfloor.order.file import OrderFile
from shopfloor.record import RunFolder
from shopfloor.record.lock import Lock
from shopfloor.record.parcel import receive
from shopfloor.shift import outpost as outposts
from shopfloor.shift.inputs import kept_inputs
from shopfloor.shift.outpost import Outpost, Post
from shopfloor.shift.worker import Failure

SEED = 5


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Two lots of an order file, worked in the run's own folder."""
    folder = tmp_path_factory.mktemp("reference")
    path = order_file(folder, ORDERS[:2])
    work(make_plan(order_file=path, seed=SEED), folder / "run")
    return RunFolder.open(folder / "run"), list(islice(OrderFile(path, SEED).lots(), 2))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The machine's temporary folder."""
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def outpost(run, stopped=lambda: False, **changed):
    return Outpost(replace(run.manifest, **changed), kept_inputs(run.path), stopped)


def on_disk(place):
    return [path for path in place.rglob("*") if path.is_file()]


def test_lots_worked_elsewhere_are_the_same_and_a_lot_is_given_up_between_two_ticks(
    reference, tmp_path, place
):
    run, (first, second) = reference
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > run.entries()[0].ticks + 30

    post = outpost(run, stopped)
    with RunFolder.create(tmp_path / "home", run.manifest) as home:
        ready = post.open()
        assert isinstance(ready, Post)
        assert (ready.cpu, ready.renderer) == (run.manifest.cpu, run.manifest.renderer)
        parcel = post.work(first, "classical")
        receive(home, parcel, post.read)
        entry, expected = home.entries()[0], run.entries()[0]
        assert replace(entry, wall_s=0.0) == replace(expected, wall_s=0.0)
        assert home.episode(0).log_sha256() == expected.log_sha256
        assert post.left() is None

        said = post.work(second, "classical")
        assert isinstance(said, Failure)
        assert "lot 1 was given up" in said.error
        receive(home, post.left(), post.read)
        (left,) = home.interrupted()
        assert left.lot == 1
        assert sum(record.kind == "rows" for record in left.records()) > 0
    assert on_disk(place)
    post.close()
    post.close()
    assert on_disk(place) == []


@pytest.mark.parametrize(
    "changed",
    [{"versions": {"shopfloor": "0.0.1"}}, {"git_commit": "another"}, {"sha256": {"cell": "x"}}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_machine_with_another_house_says_so_and_leaves_nothing(reference, place, changed):
    post = outpost(reference[0], **changed)
    said = post.open()
    assert isinstance(said.error, UsageError)
    assert f"begun with {next(iter(changed))}" in str(said.error)
    assert on_disk(place) == []


def test_what_a_machine_does_not_have_comes_back_as_it_is(reference, place):
    said = outpost(reference[0], brain="clasical").open()
    assert isinstance(said.error, UsageError)
    assert "unknown brain 'clasical'" in str(said.error)
    assert on_disk(place) == []


def test_nothing_is_worked_or_read_before_it_is_ready(reference):
    post = outpost(reference[0])
    assert "before it was ready" in str(post.work(reference[1][0], "classical").error)
    assert "nothing to read" in post.read("log.bin", 0).error
    assert post.left() is None


def test_workers_that_start_together_do_not_trip_over_each_other(place):
    together = 8
    ours = place / f"shopfloor-outposts-{os.getuid()}"
    ours.mkdir(mode=0o700)
    for n in range(100):  # killed ones, that all of them find
        (ours / f"worker-{n}").mkdir()
        (ours / f"worker-{n}" / "lock").touch()
    gate = Barrier(together)

    def start(_):
        gate.wait(30)
        return outposts._Ground()

    with ThreadPoolExecutor(together) as pool:
        grounds = list(pool.map(start, range(together)))
    assert sorted(ours.iterdir()) == sorted(ground.path for ground in grounds)
    for ground in grounds:
        ground.close()
    assert on_disk(place) == []


def test_a_worker_that_is_about_to_lock_its_folder_keeps_it(place, monkeypatch):
    take, inner = Lock.take, []

    def slowly(path, **how):
        if path.name == "lock" and not inner:
            path.touch()
            inner.append(Thread(target=lambda: inner.append(outposts._Ground())))
            inner[0].start()
            inner[0].join(0.3)  # it would sweep now, were it let
        return take(path, **how)

    monkeypatch.setattr(Lock, "take", slowly)
    ground = outposts._Ground()
    inner[0].join(30)
    assert (ground.path / "lock").exists()
    for each in (ground, inner[1]):
        each.close()


@pytest.mark.parametrize("how", ["link", "file", "writable"])
def test_a_place_that_others_have_made_or_can_write_is_refused_and_nothing_is_removed(
    place, tmp_path, how
):
    ours = place / f"shopfloor-outposts-{os.getuid()}"
    precious = tmp_path / "precious"
    (precious / "worker-7").mkdir(parents=True)
    (precious / "worker-7" / "lock").touch()
    if how == "link":
        ours.symlink_to(precious)
    elif how == "file":
        ours.touch()
    else:
        precious.rename(ours)
        ours.chmod(0o770)
        precious = ours
    with pytest.raises(RunError, match=r"no place to work lots in: .*(link or a file|others)"):
        outposts._Ground()
    assert (precious / "worker-7" / "lock").exists()


def test_what_no_worker_made_is_left_alone(place):
    ours = place / f"shopfloor-outposts-{os.getuid()}"
    run = ours / "run"
    run.mkdir(parents=True, mode=0o700)
    ours.chmod(0o700)
    (run / "lock").touch()
    outposts._Ground().close()
    assert (run / "lock").exists()


def test_the_folder_of_a_killed_worker_is_swept_by_the_next(reference, place):
    said = outpost(reference[0], brain="none-such").open()  # makes the place
    assert isinstance(said, Failure)
    (ours,) = place.iterdir()
    dead, living = ours / "worker-dead", ours / "worker-living"
    for path in (dead, living):
        path.mkdir()
        (path / "lock").touch()
        (path / "log.bin").write_bytes(b"x")
    lock = Lock.take(living / "lock", who="a test")
    outpost(reference[0], brain="none-such").open()
    assert (dead.exists(), living.exists()) == (False, True)
    lock.release()
