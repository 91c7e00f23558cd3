"""Every defect of a LeRobot dataset is found and named, and a clean one has none."""

import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lerobot_defects import (
    ALONG,
    DEFECTS,
    FIRST,
    INFO,
    LAST_VIDEO,
    SECOND,
    STATS,
    TASKS_FILE,
    VIDEO,
    codes,
    data,
    feature,
    no_feature,
    no_moov,
    put,
    retasked,
)
from lerobot_examples import CAMERA, EPISODES, TASKS, Built, build, write
from shopfloor.check import check
from shopfloor.check.lerobot import CODES
from shopfloor.errors import UsageError


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    return build(tmp_path_factory.mktemp("clean") / "dataset")


@pytest.fixture
def dataset(clean, tmp_path):
    return Built(shutil.copytree(clean.root, tmp_path / "dataset"))


DEEP = {"image", "video_decode"}
CASES = [(code, name) for code, plants in DEFECTS.items() for name in plants]


def test_a_clean_dataset_has_no_findings(clean):
    report = check(clean.root, level="deep")
    assert report.findings == ()
    assert report.checked == {"episodes": 3, "rows": 15, "videos": 2, "frames": 15}
    assert report.kind == "lerobot"


def test_a_clean_dataset_without_a_camera_has_no_findings(tmp_path):
    assert check(build(tmp_path / "blind", video=False).root).findings == ()


def test_every_code_is_planted():
    assert {f"lerobot.{code}" for code in DEFECTS} == {code.name for code in CODES}


@pytest.mark.parametrize(("code", "name"), CASES, ids=[f"{c}-{n}" for c, n in CASES])
def test_a_defect_is_found_and_nothing_else(dataset, code, name):
    DEFECTS[code][name](dataset)
    report = check(dataset.root, level="deep" if code in DEEP else "normal")
    assert codes(report) - ALONG.get((code, name), set()) == {code}


# What is told of a finding.


def test_a_finding_says_where_and_what(dataset):
    data("timestamp", put(7, 0.9))(dataset)
    (finding,) = check(dataset.root).findings
    assert (finding.file, finding.what) == (FIRST, "timestamp")
    assert (finding.row, finding.episode, finding.count) == (7, 1, 1)
    assert finding.got == "0.900000 s in frame 2"
    assert finding.allowed == "0.200000 s"
    assert not finding.repairable  # further than half a frame: it could be another frame


def test_the_same_defect_in_many_rows_is_one_finding(dataset):
    data("index", lambda values: [n + 100 for n in values])(dataset)
    (finding,) = check(dataset.root).findings
    assert (finding.count, finding.row, finding.got, finding.allowed) == (9, 0, "100", "0")


def test_an_older_dataset_is_told_its_converter(dataset):
    dataset.info(codebase_version="v2.1")
    (finding,) = check(dataset.root).findings
    assert finding.got == "'v2.1'"
    assert "lerobot.datasets.v30.convert_dataset_v21_to_v30" in finding.step


def test_quick_opens_no_video_but_misses_none(dataset):
    no_moov(dataset)
    assert check(dataset.root, level="quick").findings == ()
    (dataset.root / VIDEO).unlink()
    assert codes(check(dataset.root, level="quick")) == {"file_missing"}


def test_what_lerobot_itself_writes_in_other_ways_is_clean(dataset):
    """An index without a name, statistics of old, videos named by their encoder, a lone row."""
    retasked(index="__index_level_0__")(dataset)
    feature(CAMERA, info={"video.codec": "libx264", "video.pix_fmt": "yuv420p"})(dataset)
    no_feature("note")(dataset)
    for file in (FIRST, SECOND):
        dataset.table(file, lambda table: table.drop_columns(["note"]))
    assert check(dataset.root).findings == ()


def test_a_relative_name_and_a_link_do_not_matter(dataset, monkeypatch):
    monkeypatch.chdir(dataset.root.parent)
    (dataset.root.parent / "link").symlink_to("dataset")
    assert check(Path("dataset")).findings == check(Path("link")).findings == ()


@pytest.mark.parametrize("what", ["nothing", "a file", "another folder", "one above"])
def test_what_is_neither_a_run_nor_a_dataset_is_refused(dataset, tmp_path, what):
    path = {
        "nothing": tmp_path / "gone",
        "a file": dataset.root / INFO,
        "another folder": dataset.root / "data",
        "one above": tmp_path,
    }[what]
    with pytest.raises(UsageError) as refused:
        check(path)
    if what == "one above":
        assert f"did you mean {dataset.root}?" in str(refused.value)


# Damage of any kind is told, and never a traceback.

FILES = (INFO, STATS, TASKS_FILE, EPISODES, FIRST, SECOND, VIDEO, LAST_VIDEO)


@pytest.fixture(scope="module")
def torn(clean, tmp_path_factory):
    return shutil.copytree(clean.root, tmp_path_factory.mktemp("torn") / "dataset")


@settings(max_examples=80, deadline=None)
@given(file=st.sampled_from(FILES), keep=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_found_and_named(torn, file, keep):
    path = torn / file
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    try:
        report = check(torn, level="deep")
    finally:
        path.write_bytes(whole)
    # The last byte of a JSON file may be a blank; of others nothing may be missing.
    assert report.errors
    assert file in {finding.file for finding in report.errors}


@settings(max_examples=100, deadline=None)
@given(file=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_no_crash(torn, file, place, bit):
    path = torn / file
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[int(len(whole) * place)] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        check(torn, level="deep")
    finally:
        path.write_bytes(whole)


def test_an_index_of_a_million_episodes_takes_seconds(tmp_path):
    """Episodes of one row each: the table of episodes is as long as the data."""
    count = 1_000_000
    built = build(tmp_path / "large", video=False)
    numbers = np.arange(count)
    zeros = np.zeros(count, np.int64)
    rng = np.random.default_rng(0)
    state = pa.FixedSizeListArray.from_arrays(
        pa.array(rng.normal(size=3 * count).astype(np.float32)), 3
    )
    (built.root / SECOND).unlink()
    table = pa.table(
        {
            "observation.state": state,
            "action": state,
            "next.done": pa.array(np.ones(count, bool)),
            "note": pa.array([""] * count),
            "timestamp": zeros.astype(np.float32),
            "frame_index": zeros,
            "episode_index": numbers,
            "index": numbers,
            "task_index": zeros,
        }
    )
    write(built.root / FIRST, table)
    episodes = {
        "episode_index": numbers,
        "tasks": pa.array([[TASKS[0]]] * count),
        "length": zeros + 1,
        "dataset_from_index": numbers,
        "dataset_to_index": numbers + 1,
        **{
            f"{what}/{k}_index": zeros
            for what in ("data", "meta/episodes")
            for k in ("chunk", "file")
        },
    }
    write(built.root / EPISODES, pa.table(episodes))
    built.info(total_episodes=count, total_frames=count, splits={"train": f"0:{count}"})
    begun = time.perf_counter()
    report = check(built.root)
    assert time.perf_counter() - begun < 15
    assert report.checked["episodes"] == report.checked["rows"] == count
    assert codes(report) == {"row_groups", "stats_differ", "stats_count", "stats_stale"}
