"""A lot that was worked in another run folder: it is received whole, or nothing of it is there."""

import errno
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record_examples import Ticks, cell_spec, make_lot, manifest, work
from shopfloor.errors import RunBusy, RunCorrupt, RunUnwritable
from shopfloor.record import LogRecorder, RunFolder
from shopfloor.record.parcel import PIECE_BYTES, Parcel, pack, pack_interrupted, receive

SPEC = cell_spec(cameras=("front",), size=(16, 16))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A run folder on another machine: lot 5 is committed, lot 6 was cut off."""
    path = tmp_path_factory.mktemp("elsewhere") / "run"
    with RunFolder.create(path, manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        work(folder, recorder, make_lot(5), ticks=40)
        make = Ticks(SPEC, make_lot(6))
        recorder.begin(make_lot(6), {})
        for tick in range(12):
            recorder.step(*make(tick))
        recorder.abandon()
    return RunFolder.open(path)


@pytest.fixture
def home(tmp_path):
    with RunFolder.create(tmp_path / "home", manifest()) as folder:
        yield folder


def reader(folder, size=PIECE_BYTES):
    """Fetch from a folder, in pieces of a size."""

    def fetch(name, offset):
        with (folder / name).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    return fetch


def nothing_is_left(folder):
    return folder.entries() == () and folder.in_flight() == () and folder.interrupted() == ()


@pytest.mark.parametrize("size", [29, 1000, PIECE_BYTES])
def test_a_lot_from_elsewhere_is_the_lot_that_it_was_there(elsewhere, home, size):
    episode = elsewhere.episode(5)
    receive(home, pack(episode), reader(episode.path, size))
    home.index(episode.entry)
    ours = home.episode(5)
    ours.check_files()
    assert ours.log_sha256() == ours.entry.log_sha256 == episode.entry.log_sha256
    for path in episode.path.iterdir():  # episode.json too: the manifest is the same
        assert (ours.path / path.name).read_bytes() == path.read_bytes()
    assert home.in_flight() == ()
    with pytest.raises(RunBusy, match=r"lot 5 .* committed already"):
        receive(home, pack(episode), reader(episode.path))


def test_a_lot_that_was_cut_off_elsewhere_is_set_apart_here(elsewhere, home):
    (left,) = elsewhere.interrupted()
    receive(home, pack_interrupted(left), reader(left.path))
    (ours,) = home.interrupted()
    assert ours.lot == 6
    assert [r.kind for r in ours.records()] == [r.kind for r in left.records()]
    assert (home.entries(), home.in_flight()) == ((), ())


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_was_changed_on_the_way_is_never_committed(data, elsewhere, tmp_path_factory):
    episode = elsewhere.episode(5)
    parcel = pack(episode)
    broken = data.draw(st.sampled_from(sorted(parcel.files)))
    at = data.draw(st.integers(0, parcel.files[broken].size - 1))
    how = data.draw(st.sampled_from(["flip", "short", "long"]))

    def fetch(name, offset):
        piece = (episode.path / name).read_bytes()
        if name == broken and how == "flip":
            piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        elif name == broken:
            piece = piece[:at] if how == "short" else piece + b"x"
        return piece[offset:]

    folder = tmp_path_factory.mktemp("home") / "run"
    with RunFolder.create(folder, manifest()) as home:
        with pytest.raises(RunCorrupt, match=rf"{broken} .* not what was sent .* --resume"):
            receive(home, parcel, fetch)
        assert nothing_is_left(home)


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "", "episode.json", "/etc/x"])
def test_a_file_outside_the_lot_is_refused(elsewhere, home, name, tmp_path):
    parcel = pack(elsewhere.episode(5))
    (total, *_) = parcel.files.values()
    with pytest.raises(RunCorrupt, match="a file of a lot from elsewhere is called"):
        receive(home, Parcel(5, parcel.entry, {name: total}), lambda *_: b"x")
    assert nothing_is_left(home)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_whoever_is_lost_on_the_way_leaves_nothing(elsewhere, home):
    episode = elsewhere.episode(5)
    fetch = reader(episode.path, 50)

    def lost(name, offset):
        if offset >= 100:
            raise ConnectionError("gone")
        return fetch(name, offset)

    with pytest.raises(ConnectionError):
        receive(home, pack(episode), lost)
    assert nothing_is_left(home)
    receive(home, pack(episode), fetch)  # and it can come again
    assert [entry.lot for entry in home.entries()] == [5]


def test_a_full_disk_is_said_and_leaves_nothing(elsewhere, home, monkeypatch):
    episode = elsewhere.episode(5)

    def full(fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunUnwritable, match="free some space there"):
        receive(home, pack(episode), reader(episode.path))
    monkeypatch.undo()
    assert nothing_is_left(home)
