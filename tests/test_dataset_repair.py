"""What a repair mends is as it was before the damage, and it touches nothing else."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lerobot_defects import DEFECTS, FIRST, INFO, SECOND, STATS, codes
from lerobot_examples import CAMERA, Built, build
from shopfloor.check import check
from shopfloor.check.keeper import BACKUP
from shopfloor.check.repair import repair
from shopfloor.errors import RunBusy, RunUnwritable

REPAIRED = [
    *[("info_key", key) for key in ("video_path", "data_path", "robot_type", "splits")],
    ("info_key", "total_frames"),
    *[("totals", key) for key in DEFECTS["totals"]],
    ("splits", "beyond"),
    ("splits", "words"),
    ("feature_default", "another type"),
    ("feature_default", "another shape"),
    *[("tasks_index", name) for name in DEFECTS["tasks_index"]],
    ("tasks_order", "swapped"),
    ("episodes_order", "swapped"),
    ("episode_home", "elsewhere"),
    ("episode_length", "longer"),
    *[("episode_span", name) for name in DEFECTS["episode_span"]],
    ("episode_file", "swapped"),
    ("timestamp", "a little"),
    *[("data_cast", name) for name in DEFECTS["data_cast"]],
    *[("stats_json", name) for name in DEFECTS["stats_json"]],
    *[("stats_missing", name) for name in DEFECTS["stats_missing"]],
    *[("stats_shape", name) for name in DEFECTS["stats_shape"]],
    *[("stats_value", name) for name in DEFECTS["stats_value"]],
    *[("stats_count", name) for name in DEFECTS["stats_count"]],
    *[("stats_differ", name) for name in DEFECTS["stats_differ"]],
    ("stats_quantiles", "a key"),
    *[("stats_stale", name) for name in DEFECTS["stats_stale"]],
]


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    return build(tmp_path_factory.mktemp("clean") / "dataset")


@pytest.fixture
def dataset(clean, tmp_path):
    return Built(shutil.copytree(clean.root, tmp_path / "dataset"))


def content(root):
    """Return all files but backups, by name."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and BACKUP not in path.parts
    }


def load(root, name):
    if name.endswith(".json"):
        return json.loads((root / name).read_text("utf-8"))
    return pq.read_table(root / name)


def test_every_repairable_kind_is_repaired_by_some_test():
    from shopfloor.check.lerobot import CODES

    able = {code.name.removeprefix("lerobot.") for code in CODES if code.repairable}
    assert {code for code, _ in REPAIRED} == able


@pytest.mark.parametrize(("code", "name"), REPAIRED, ids=[f"{c}-{n}" for c, n in REPAIRED])
def test_what_is_repaired_is_as_it_was(clean, dataset, code, name):
    DEFECTS[code][name](dataset)
    before = content(dataset.root)
    report = check(dataset.root)
    assert all(finding.repairable for finding in report.findings)
    done = repair(report)

    again = check(dataset.root)
    assert not codes(again) & codes(report)
    assert again.findings == ()
    after = content(dataset.root)
    changed = {file for file in after if after[file] != before.get(file)}
    assert {file for file, _ in done.changes} == changed
    assert set(before) - set(after) == set()
    for file in changed:
        if file in before:
            assert (done.backup / file).read_bytes() == before[file]
        if name == "robot_type":  # nobody can know it any more, and nobody makes it up
            assert load(dataset.root, file) == load(clean.root, file) | {"robot_type": None}
        elif file != STATS:
            assert load(dataset.root, file) == load(clean.root, file)
    if STATS in changed:
        assert_same_stats(load(dataset.root, STATS), load(clean.root, STATS))


def assert_same_stats(got, due):
    assert got.keys() == due.keys()
    for name, stats in due.items():
        # Coded pictures are not those that went into the video.
        loose = 0.1 if name == CAMERA else 1e-6
        for key, value in stats.items():
            # A bin of the histogram, or the next value: there are but 15 rows.
            apart = np.ptp(stats["max"] + stats["min"]) if key.startswith("q") else loose
            assert np.shape(got[name][key]) == np.shape(value)
            np.testing.assert_allclose(got[name][key], value, atol=apart, rtol=1e-6)


def test_quantiles_are_those_of_the_data(tmp_path):
    """NumPy says so, to a 5000th of the range."""
    built = build(tmp_path / "long", files=((700, 800), (500,)), video=False)
    (built.root / STATS).unlink()
    repair(check(built.root))
    got = load(built.root, STATS)
    rows = pa.concat_tables([pq.read_table(built.root / file) for file in (FIRST, SECOND)])
    for name in ("action", "observation.state", "timestamp"):
        values = np.array(rows[name].to_pylist(), np.float64).reshape(len(rows), -1)
        for q in (1, 10, 50, 90, 99):
            exact = np.quantile(values, q / 100, axis=0, method="inverted_cdf")
            assert (np.abs(got[name][f"q{q:02d}"] - exact) <= np.ptp(values, axis=0) / 5000).all()


def test_several_defects_are_repaired_in_one_go(clean, dataset):
    for code, name in (
        ("tasks_index", "a column"),
        ("episodes_order", "swapped"),
        ("data_cast", "float64"),
        ("totals", "total_frames"),
        ("stats_json", "gone"),
        ("info_key", "video_path"),
    ):
        DEFECTS[code][name](dataset)
    done = repair(check(dataset.root))
    assert check(dataset.root).findings == ()
    assert len(done.changes) == 5
    assert load(dataset.root, FIRST) == load(clean.root, FIRST)


def test_rows_keep_their_row_groups_and_their_other_columns(clean, dataset):
    DEFECTS["data_cast"]["lists"](dataset)
    repair(check(dataset.root))
    got, due = (pq.ParquetFile(d.root / FIRST) for d in (dataset, clean))
    sizes = [
        [f.metadata.row_group(n).num_rows for n in range(f.num_row_groups)] for f in (got, due)
    ]
    assert sizes[0] == sizes[1] == [5, 4]
    assert got.schema_arrow.equals(due.schema_arrow)


# What cannot be proved is left alone.


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("index", "a gap"),
        ("episodes_lost", "middle"),
        ("file_missing", "data"),
        ("file_stray", "a copy"),
        ("parquet", "data"),
        ("timestamp", "one frame"),
        ("info_key", "fps"),
        ("video_frames", "one lost"),
        ("splits", "backwards"),
        ("not_finite", "NaN"),
    ],
)
def test_what_is_in_doubt_is_left_alone(dataset, code, name):
    DEFECTS[code][name](dataset)
    before = content(dataset.root)
    report = check(dataset.root)
    done = repair(report)
    assert done.changes == ()
    assert content(dataset.root) == before
    assert not (dataset.root / BACKUP).exists()


def test_a_lost_row_of_the_data_does_not_become_the_truth(dataset):
    """Were the length taken from the data, a lost row would look as if it had never been."""
    dataset.table(FIRST, lambda table: table.take([0, 1, 2, 3, 5, 6, 7, 8]), groups=False)
    before = content(dataset.root)
    report = check(dataset.root)
    assert {"index", "episode_length", "totals"} <= codes(report)
    assert repair(report).changes == ()
    assert content(dataset.root) == before


def test_a_split_that_somebody_chose_is_not_replaced(dataset):
    dataset.info(splits={"train": "0:2", "val": "2:9"})
    assert repair(check(dataset.root)).changes == ()


def test_a_clean_dataset_is_not_touched(dataset):
    before = content(dataset.root)
    assert repair(check(dataset.root)).backup is None
    assert content(dataset.root) == before


# Others at work.

HOLD = "import sys, time; f = open(sys.argv[1], 'ab'); print('open', flush=True); time.sleep(60)"


def test_a_dataset_that_another_process_writes_is_left_alone(dataset):
    DEFECTS["totals"]["total_frames"](dataset)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(dataset.root / SECOND)], stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"open\n"
        report = check(dataset.root)
        before = content(dataset.root)
        with pytest.raises(
            RunBusy, match=rf"process {other.pid}: .*{SECOND}.*nothing was repaired"
        ):
            repair(report)
        assert content(dataset.root) == before
    finally:
        other.kill()
        other.communicate()
    assert repair(report).changes


def test_a_dataset_that_has_changed_since_the_check_is_left_alone(dataset):
    DEFECTS["totals"]["total_frames"](dataset)
    report = check(dataset.root)
    os.utime(dataset.root / SECOND, ns=(1, 1))
    before = content(dataset.root)
    with pytest.raises(RunBusy, match=f"{SECOND} has changed"):
        repair(report)
    assert content(dataset.root) == before


def test_two_repairs_do_not_run_at_once(dataset):
    from shopfloor.check.keeper import Keeper

    DEFECTS["totals"]["total_frames"](dataset)
    report = check(dataset.root)
    with Keeper(dataset.root, report.seen), pytest.raises(RunBusy, match="another process repairs"):
        repair(report)


def test_a_full_disk_leaves_the_original(dataset, monkeypatch):
    DEFECTS["tasks_index"]["a column"](dataset)
    before = content(dataset.root)
    report = check(dataset.root)

    def full(table, path, *rest, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(RunUnwritable, match=r"No space left on device.*original is untouched"):
        repair(report)
    assert content(dataset.root) == before


def test_a_second_repair_keeps_the_first_backup(dataset):
    backups = []
    for _ in range(2):
        DEFECTS["totals"]["total_frames"](dataset)
        backups.append(repair(check(dataset.root)).backup)
    assert backups[0] != backups[1]
    assert all(json.loads((b / INFO).read_text())["total_frames"] == 77 for b in backups)
