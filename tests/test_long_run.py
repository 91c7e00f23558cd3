"""A run of any length is read with one entry in memory at a time."""

import tracemalloc
from dataclasses import replace

import pytest

from record_examples import cell_spec, make_lot, manifest, work
from report_examples import entry
from shopfloor.errors import RunCorrupt
from shopfloor.record import LogRecorder, RunFolder
from shopfloor.record.lines import _line, append_line

LONG = 6_000
"""Lots of the long run; read at once, they take some 60 MB."""


@pytest.fixture
def run(tmp_path):
    """A run of five lots, of which the index knows the first three."""
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        recorder = LogRecorder(folder, cell_spec())
        for index in range(5):
            made = work(folder, recorder, make_lot(index), ticks=3)
            if index < 3:
                folder.index(made)
    return tmp_path / "run"


def streamed(path):
    return tuple(RunFolder.open(path).iter_entries())


def test_what_is_streamed_is_what_is_read(run):
    assert [each.lot for each in streamed(run)] == [0, 1, 2, 3, 4]
    assert streamed(run) == RunFolder.open(run).entries()


def test_without_an_index_the_episodes_say_it(run):
    before = streamed(run)
    (run / "index.jsonl").unlink()
    assert streamed(run) == before


def test_a_torn_line_was_never_written(run):
    before = streamed(run)
    with (run / "index.jsonl").open("ab") as file:
        file.write(b'{"lot":3,"order":"torn')
    assert streamed(run) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"good":true', b'"good":null'), (b'"crc32":', b'"crc32":1'), (b"{", b"["), (b"}\n", b"\n")],
)
def test_a_line_that_was_changed_is_refused_by_both_readers(run, old, new):
    index = run / "index.jsonl"
    index.write_bytes(index.read_bytes().replace(old, new, 1))
    for read in (streamed, lambda path: RunFolder.open(path).entries()):
        with pytest.raises(RunCorrupt, match=r"index\.jsonl, line 1, is not what was written"):
            read(run)


def test_an_indexed_episode_that_is_gone_is_noticed(run):
    (run / "episodes/000001").rename(run / "aside")
    with pytest.raises(RunCorrupt, match="names episode 000001, but its folder is gone"):
        streamed(run)


def test_lots_out_of_order_are_refused(run):
    first = next(RunFolder.open(run).iter_entries())
    append_line(run / "index.jsonl", first.to_json())
    with pytest.raises(RunCorrupt, match=r"line 4, is about lot 0, and lot 3 was due"):
        streamed(run)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A run whose index is long; its episodes are empty folders, which nobody opens."""
    path = tmp_path_factory.mktemp("long") / "run"
    RunFolder.create(path, manifest()).close()
    with (path / "index.jsonl").open("wb") as file:
        for lot in range(LONG):
            failed = {"good": False, "code": "grasp.slip", "code_tick": 7} if lot % 10 == 3 else {}
            file.write(_line(replace(entry(lot), **failed).to_json()))
            (path / f"episodes/{lot:06d}").mkdir()
    return path


def test_memory_does_not_grow_with_the_run(long_run):
    assert (long_run / "index.jsonl").stat().st_size > 4e6
    tracemalloc.start()
    try:
        assert sum(1 for _ in RunFolder.open(long_run).iter_entries()) == LONG
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2e6, peak
