"""Plain tables: every tick and note of the log is there, once, in types that tools read."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from export_examples import make_run
from record_examples import Ticks, cell_spec, entry_of, make_lot, manifest, outcome, work
from shopfloor.errors import UsageError
from shopfloor.export import choose, export
from shopfloor.export.job import Options
from shopfloor.record import SOURCES, VERDICTS, LogRecorder, RunFolder
from shopfloor.types import Action, Event, Exchange, Ruling

TABLES = ("episodes", "ticks", "frames", "events", "exchanges", "rulings")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two lots without video: one of everything in the first, nothing but ticks in the second."""
    path = tmp_path_factory.mktemp("parquet") / "run"
    spec = cell_spec(size=(16, 16))
    with RunFolder.create(path, manifest(video=False)) as folder:
        recorder = LogRecorder(folder, spec)
        lot = make_lot(0, parts=60)  # more than fit into one number's bits
        make = Ticks(spec, lot)
        recorder.begin(lot, {})
        for tick in range(20):
            timestep, requested, ruling = make(tick, verdict="limit" if tick == 7 else "pass")
            if tick == 9:  # what a model asked for fits no row
                requested = Action({"left": np.zeros(2)}, {}, tick, tick, "brain")
                ruling = Ruling("stop", ruling.action, "action.shape", {"got": float("nan")})
            recorder.step(timestep, requested, ruling)
        recorder.event(Event(4, "skill.started", {"id": "a", "far": float("inf"), "n": 2**60}))
        said = Exchange("what? \ud800", "那个", "model", 1.25, (10, 3), 0.01, {"energy_j": None})
        recorder.exchange(4, said)
        recorder.exchange(8, Exchange("and?", "", "model", 0.5))
        recorder.view(make.frame("front", 4, seq=0))
        folder.index(recorder.commit(entry_of(lot, recorder.end(outcome(ticks=20)), ticks=20)))
        folder.index(work(folder, recorder, make_lot(1, parts=2), ticks=10))
    return path


@pytest.fixture(scope="module")
def out(run):
    return export("parquet", choose([run]), run.parent / "out", options=Options(truth=True)).path


def read(out, name):
    return pq.read_table(out / f"{name}.parquet")


def test_every_tick_is_there_as_it_was(run, out):
    table = read(out, "ticks")
    folder = RunFolder.open(run)
    ticks = np.concatenate([folder.episode(lot).ticks() for lot in (0, 1)])
    assert table.num_rows == len(ticks) == 30
    for name in ("q", "qd", "wrench", "requested", "applied"):
        for limb in ("left", "right"):
            found = np.array(table[f"{limb}.{name}"].to_pylist())
            assert np.array_equal(found, ticks[f"{limb}.{name}"], equal_nan=True), name
    for name in ("jaw_m", "requested_jaw_m", "applied_jaw_m"):
        found = table[f"left.{name}"].to_numpy()
        assert np.array_equal(found, ticks[f"left.{name}"], equal_nan=True)
    assert table["source"].to_pylist() == [SOURCES[int(code)] for code in ticks["source"]]
    assert table["verdict"].to_pylist() == [VERDICTS[int(code)] for code in ticks["verdict"]]
    assert table["requested_seq"].to_pylist() == [
        None if np.isnan(seq) else int(seq) for seq in ticks["requested_seq"]
    ]
    assert table["requested_seq"].to_pylist()[9] is None
    assert table["tick"].to_pylist() == [*range(20), *range(10)]


def test_each_episode_is_one_row_group(out):
    with pq.ParquetFile(out / "ticks.parquet") as file:
        assert [file.metadata.row_group(k).num_rows for k in range(2)] == [20, 10]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_notes_are_rows(out):
    (event,) = read(out, "events").to_pylist()
    assert (event["episode_index"], event["tick"], event["kind"]) == (0, 4, "skill.started")
    assert json.loads(event["data"]) == {"id": "a", "far": None, "n": 2**60}
    first, second = read(out, "exchanges").to_pylist()
    assert (first["request"], first["answer"]) == ("what? ?", "那个")
    assert (first["tokens_in"], first["tokens_out"], first["cost_usd"]) == (10, 3, 0.01)
    assert (second["tokens_in"], second["cost_usd"]) == (None, None)
    rulings = read(out, "rulings").to_pylist()
    assert [(r["tick"], r["verdict"], r["rule"]) for r in rulings] == [
        (7, "limit", "joint.velocity"),
        (9, "stop", "action.shape"),
    ]
    assert json.loads(rulings[1]["detail"]) == {"got": None}


def test_frames_and_views_are_told_apart(out):
    frames = read(out, "frames").to_pylist()
    assert sum(not row["view"] for row in frames) == 2 * (10 + 5)
    (view,) = [row for row in frames if row["view"]]
    assert (view["camera"], view["captured_tick"]) == ("front", 4)
    assert {len(row["xxh3_128"]) for row in frames} == {32}


def test_truth_is_as_the_simulator_knew_it(run, out):
    table = read(out, "truth/ticks")
    for lot, parts in ((0, 60), (1, 2)):
        truth = RunFolder.open(run).episode(lot).truth()
        part = table.filter(pa.compute.equal(table["episode_index"], lot))
        assert np.array_equal(np.array(part["position_m"].to_pylist()), truth["position"])
        assert np.array_equal(np.array(part["quat_wxyz"].to_pylist()), truth["quat"])
        assert np.array_equal(np.array(part["speed_m_s"].to_pylist()), truth["speed"])
        touched = np.array(part["right.touched"].to_pylist())
        assert touched.shape == (len(truth), parts)
        assert touched[:, 0].all()
        assert not touched[:, 1:].any()
        assert part["left.jaw_open"].to_pylist() == [True] * len(truth)
    lots = read(out, "truth/lots").to_pylist()
    assert [len(row["parts"]) for row in lots] == [60, 2]
    assert json.loads(lots[0]["goal"]) == [{"rules": []}]


def test_truth_stays_away_unless_it_is_asked_for(run, tmp_path):
    written = export("parquet", choose([run]), tmp_path / "out")
    tables = {f"{name}.parquet" for name in TABLES}
    assert {path.name for path in written.path.iterdir()} == tables | {"croissant.json"}
    assert (written.episodes, written.frames) == (2, 30)


def test_runs_with_other_cameras_and_rates_go_together(tmp_path):
    runs = [
        make_run(tmp_path / "a", ticks=(5,), video=False),
        make_run(tmp_path / "b", ticks=(6,), video=False, period_ticks=5, size=(16, 16)),
    ]
    written = export("parquet", choose(runs), tmp_path / "out")
    episodes = read(written.path, "episodes").to_pylist()
    assert [(row["episode_index"], row["run"], row["lot"]) for row in episodes] == [
        (0, "a", 0),
        (1, "b", 0),
    ]
    assert read(written.path, "ticks")["episode_index"].to_pylist() == [0] * 5 + [1] * 6


def test_other_limbs_are_refused(tmp_path):
    from dataclasses import replace

    spec = cell_spec(size=(16, 16))
    arm = replace(spec.body.limbs["left"], joints=tuple(f"other_{k}" for k in range(6)))
    other = replace(spec, body=replace(spec.body, limbs={**spec.body.limbs, "left": arm}))
    runs = [
        make_run(tmp_path / "a", ticks=(5,), video=False, spec=spec),
        make_run(tmp_path / "b", ticks=(5,), video=False, spec=other),
    ]
    with pytest.raises(
        UsageError, match=r"b cannot go into one dataset .*the limbs are left \(oth"
    ):
        export("parquet", choose(runs), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_codec_makes_no_sense_here(run, tmp_path):
    with pytest.raises(UsageError, match="writes no videos"):
        export("parquet", choose([run]), tmp_path / "out", options=Options(codec="av1"))
