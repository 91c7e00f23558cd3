"""A worker that does not share the run's disk works the same lots, and leaves nothing behind."""

import tempfile
from dataclasses import replace
from itertools import islice

import pytest

from shift_examples import ORDERS, make_plan, order_file, work
from shopfloor.errors import UsageError
from shopfloor.order.file import OrderFile
from shopfloor.record import RunFolder
from shopfloor.record.parcel import receive
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
    assert "before it was ready" in str(post.work(reference[1][0]).error)
    assert "nothing to read" in post.read("log.bin", 0).error
    assert post.left() is None


def test_the_folder_of_a_killed_worker_is_swept_by_the_next(reference, place):
    said = outpost(reference[0], brain="none-such").open()  # makes the place
    assert isinstance(said, Failure)
    (ours,) = place.iterdir()
    dead, living = ours / "dead", ours / "living"
    for path in (dead, living):
        path.mkdir()
        (path / "lock").touch()
        (path / "log.bin").write_bytes(b"x")
    from shopfloor.record.lock import Lock

    lock = Lock.take(living / "lock", who="a test")
    outpost(reference[0], brain="none-such").open()
    assert (dead.exists(), living.exists()) == (False, True)
    lock.release()
