"""LeRobotDataset v3.0 as its readers look it up: files, columns, index, times, statistics."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export_examples import SIZE, make_run, rows_at_frames
from record_examples import cell_spec, picture
from shopfloor.cli import main
from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.export import choose, export
from shopfloor.export.job import Options
from shopfloor.export.lerobot import Sizes, write
from shopfloor.export.lerobot.film import VIDEOS, Film
from shopfloor.record import RunFolder

CAMERAS = ("front", "wrist")
KEYS = tuple(f"observation.images.{camera}" for camera in CAMERAS)
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def silent(_done, _of):
    """Tell nobody."""


def exported(runs, out, *, sizes=None, **options):
    out.mkdir()
    return write(choose(runs), out, Options(**options), silent, sizes=sizes).path


def info_of(data):
    return json.loads((data / "meta" / "info.json").read_text("utf-8"))


def table_of(folder):
    """All rows of a folder of files, in the order in which LeRobot reads them."""
    return pa.concat_tables(pq.read_table(path) for path in sorted(folder.glob("*/*.parquet")))


def index_of(data):
    return table_of(data / "meta" / "episodes").to_pylist()


def matrix(table, key):
    return np.array(table[key].to_pylist(), dtype=np.float64).reshape(table.num_rows, -1)


def luma(path):
    """Every picture of a video with its time [s], as its decoder gives it."""
    with av.open(str(path)) as container:
        return [(float(f.pts * f.time_base), f.to_ndarray()) for f in container.decode(video=0)]


def assert_every_frame_is_where_the_index_says(data, runs):
    """Decode what lies at ``from_timestamp + frame_index / fps``; it must be what was recorded."""
    info, index = info_of(data), index_of(data)
    folders = [RunFolder.open(run) for run in runs]
    recorded = [run.episode(entry.lot) for run in folders for entry in run.entries()]
    films = {}
    for key, camera in zip(KEYS, CAMERAS, strict=True):
        for row, episode in zip(index, recorded, strict=True):
            place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
            path = data / info["video_path"].format(video_key=key, **place)
            if path not in films:
                film = luma(path)
                films[path] = (np.array([time for time, _ in film]), [image for _, image in film])
            times, images = films[path]
            start, end = (row[f"videos/{key}/{side}_timestamp"] for side in ("from", "to"))
            assert end - start == pytest.approx(row["length"] / info["fps"], abs=1e-9)
            wanted = luma(episode.path / f"{camera}.mp4")
            assert len(wanted) == row["length"]
            for number, (_, image) in enumerate(wanted):
                off = np.abs(times - (start + number / info["fps"]))
                assert off.min() < 1e-4
                assert np.array_equal(images[int(off.argmin())], image)
    # No file holds anything else.
    assert sum(len(images) for _, images in films.values()) == 2 * sum(r["length"] for r in index)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("lerobot") / "run")


@pytest.fixture(scope="module")
def data(run):
    return exported([run], run.parent / "data", truth=True)


def test_it_has_the_files_that_readers_look_for(data):
    found = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    sheets = ("episodes", "ticks", "frames", "events", "exchanges", "rulings")
    assert found == {
        "README.md",
        "data/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        *(f"videos/{key}/chunk-000/file-000.mp4" for key in KEYS),
        *(f"meta/shopfloor/{name}.parquet" for name in sheets),
        "meta/shopfloor/truth/lots.parquet",
        "meta/shopfloor/truth/ticks.parquet",
    }


def test_info_says_all_that_a_loader_asks(data):
    info = info_of(data)
    features = info.pop("features")
    assert info == {
        "codebase_version": "v3.0",
        "robot_type": "made-up",
        "total_episodes": 3,
        "total_frames": 11 + 5 + 15,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": 25,
        "splits": {"train": "0:3"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }
    assert isinstance(info["fps"], int)
    for key in KEYS:
        shown = features[key]
        assert (shown["dtype"], shown["shape"]) == ("video", [SIZE[1], SIZE[0], 3])
        assert shown["names"] == ["height", "width", "channels"]
        assert (shown["info"]["video.codec"], shown["info"]["video.fps"]) == ("h264", 25)
    assert features["action"]["names"] == features["observation.state"]["names"]
    assert features["action"]["names"][5:8] == ["left/left_5", "left/jaw", "right/right_0"]
    for key in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        assert features[key]["shape"] == [1]
    assert not any("/" in key for key in features)  # LeRobot refuses such names


def test_columns_are_the_features_that_are_no_video(data):
    """An undeclared column does not load, and float64 would be cast without a word."""
    features = info_of(data)["features"]
    schema = pq.read_schema(data / "data/chunk-000/file-000.parquet")
    assert schema.names == [key for key in features if key not in KEYS]
    for field in schema:
        shape, dtype = features[field.name]["shape"], features[field.name]["dtype"]
        kind = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}[dtype]
        assert field.type == (kind if shape == [1] else pa.list_(kind, shape[0])), field.name


def test_rows_are_the_log_at_the_frames(run, data):
    rows = np.concatenate(rows_at_frames(run))
    table = table_of(data / "data")
    for key, columns in {
        "observation.state": ("q", "jaw_m"),
        "observation.velocity": ("qd",),
        "observation.wrench": ("wrench",),
        "action": ("applied", "applied_jaw_m"),
    }.items():
        wanted = np.column_stack(
            [rows[f"{limb}.{column}"] for limb in ("left", "right") for column in columns]
        )
        assert np.array_equal(matrix(table, key), wanted.astype(np.float32).astype(float)), key


def test_rows_count_as_lerobot_counts(data):
    table = table_of(data / "data")
    lengths = (11, 5, 15)
    numbers = [k for length in lengths for k in range(length)]
    assert table["index"].to_pylist() == list(range(31))
    assert table["frame_index"].to_pylist() == numbers
    assert table["episode_index"].to_pylist() == [
        e for e, n in enumerate(lengths) for _ in range(n)
    ]
    assert table["task_index"].to_pylist() == [0] * 31
    wanted = (np.array(numbers) / 25).astype(np.float32)
    assert np.array_equal(table["timestamp"].to_numpy(), wanted)
    last = [k + 1 == n for n in lengths for k in range(n)]
    assert table["next.done"].to_pylist() == last
    assert table["next.success"].to_pylist() == last  # all of them are good
    assert table["next.reward"].to_pylist() == [float(each) for each in last]
    assert table["next.truncated"].to_pylist() == [False] * 31


def test_each_episode_is_one_row_group(data):
    with pq.ParquetFile(data / "data/chunk-000/file-000.parquet") as file:
        sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert sizes == [11, 5, 15]


def test_the_index_is_read_by_position(data):
    index = index_of(data)
    assert [row["episode_index"] for row in index] == [0, 1, 2]
    assert [(r["dataset_from_index"], r["dataset_to_index"]) for r in index] == [
        (0, 11), (11, 16), (16, 31),
    ]  # fmt: skip
    assert [row["tasks"] for row in index] == [["把红色方块放到 A"]] * 3
    for row in index:
        files = [name for name in row if name.endswith(("chunk_index", "file_index"))]
        assert len(files) == 4 + 2 * len(KEYS)
        assert all(row[name] == 0 for name in files)


def test_tasks_are_a_pandas_index(run, tmp_path):
    """Without that index a reader that has pandas calls every task 0; pandas is not here."""
    told = ["把红色方块放到 A", "Put it into A.", "把红色方块放到 A"]
    run = make_run(tmp_path / "run", ticks=(3, 3, 3), instructions=told)
    data = exported([run], tmp_path / "data")
    table = pq.read_table(data / "meta/tasks.parquet")
    note = table.schema.pandas_metadata
    assert note["index_columns"] == ["task"]
    assert {c["field_name"]: c["pandas_type"] for c in note["columns"]} == {
        "task_index": "int64",
        "task": "unicode",
    }
    assert table.to_pylist() == [
        {"task_index": 0, "task": told[0]},
        {"task_index": 1, "task": told[1]},
    ]
    assert table_of(data / "data")["task_index"].to_pylist() == [0, 0, 1, 1, 0, 0]


def test_every_frame_decodes_at_its_time(run, data):
    assert_every_frame_is_where_the_index_says(data, [run])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    period_ticks=st.sampled_from([1, 2, 3, 4, 5, 7, 50]),
    runs=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=2), min_size=1, max_size=2),
    limit=st.sampled_from([1e-6, 0.003, 200]),
)
def test_whatever_the_lengths_and_rates(tmp_path_factory, period_ticks, runs, limit):
    folder = tmp_path_factory.mktemp("any")
    made = [
        make_run(folder / str(k), ticks=ticks, period_ticks=period_ticks, size=(16, 16), seed=k)
        for k, ticks in enumerate(runs)
    ]
    sizes = Sizes(chunks_size=2, data_files_size_in_mb=limit, video_files_size_in_mb=limit)
    data = exported(made, folder / "data", sizes=sizes)
    info, table = info_of(data), table_of(data / "data")
    lengths = [-(-count // period_ticks) for ticks in runs for count in ticks]
    assert Fraction(info["fps"]).limit_denominator(1000) == Fraction(50, period_ticks)
    assert info["total_frames"] == table.num_rows == sum(lengths)
    assert [row["length"] for row in index_of(data)] == lengths
    assert table["index"].to_pylist() == list(range(sum(lengths)))
    numbers = table["frame_index"].to_numpy()
    assert np.allclose(table["timestamp"].to_numpy(), numbers / info["fps"], atol=1e-5)
    assert_every_frame_is_where_the_index_says(data, made)


def test_files_are_begun_anew_when_they_are_full(tmp_path):
    run = make_run(tmp_path / "run", ticks=(12,) * 9, size=(96, 96))
    limit = 0.005
    sizes = Sizes(chunks_size=2, data_files_size_in_mb=limit, video_files_size_in_mb=limit)
    data = exported([run], tmp_path / "data", sizes=sizes)
    index, info = index_of(data), info_of(data)
    assert (info["chunks_size"], info["data_files_size_in_mb"]) == (2, limit)
    names = ["data", "meta/episodes", *(f"videos/{key}" for key in KEYS)]
    for name in names:
        files = sorted(path for path in (data / name).rglob("file-*"))
        assert len(files) > 2, name
        assert [f"{p.parent.name}/{p.stem}" for p in files] == [
            f"chunk-{k // 2:03d}/file-{k % 2:03d}" for k in range(len(files))
        ]
    # Nothing is larger than it may be, but for what one episode takes by itself.
    for key in KEYS:
        held = [(r[f"videos/{key}/chunk_index"], r[f"videos/{key}/file_index"]) for r in index]
        for chunk, file in set(held):
            path = data / info["video_path"].format(
                video_key=key, chunk_index=chunk, file_index=file
            )
            assert held.count((chunk, file)) == 1 or path.stat().st_size < limit * 2**20 + 2000
    for row in index:
        path = data / info["data_path"].format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        assert row["episode_index"] in pq.read_table(path)["episode_index"].to_pylist()
    assert_every_frame_is_where_the_index_says(data, [run])


def test_statistics_of_all_rows(data):
    stats = json.loads((data / "meta/stats.json").read_text())
    table = table_of(data / "data")
    assert set(stats) == set(info_of(data)["features"])
    for key in table.column_names:
        values, found = matrix(table, key), stats[key]
        assert found["count"] == [len(values)]
        for name, wanted in {
            "min": values.min(0),
            "max": values.max(0),
            "mean": values.mean(0),
            "std": values.std(0),
        }.items():
            assert np.allclose(found[name], wanted, rtol=1e-9, atol=1e-12), (key, name)
        bin_width = np.ptp(values, axis=0) / 4095
        for name, share in QUANTILES.items():
            off = np.abs(np.array(found[name]) - np.quantile(values, share, axis=0))
            assert (off <= bin_width + 1e-12).all(), (key, name)


def test_statistics_of_each_episode(data):
    table = table_of(data / "data")
    for row in index_of(data):
        part = table.slice(row["dataset_from_index"], row["length"])
        for key in table.column_names:
            values = matrix(part, key)
            assert row[f"stats/{key}/count"] == [row["length"]]
            assert np.allclose(row[f"stats/{key}/std"], values.std(0))
            for name, share in QUANTILES.items():
                assert np.allclose(row[f"stats/{key}/{name}"], np.quantile(values, share, axis=0))


def test_statistics_of_pictures_are_those_of_every_tenth(run, data):
    stats = json.loads((data / "meta/stats.json").read_text())
    index = index_of(data)
    folder = RunFolder.open(run)
    for key, camera in zip(KEYS, CAMERAS, strict=True):
        seen = []
        for row, entry in zip(index, folder.entries(), strict=True):
            pictures = np.stack(list(folder.episode(entry.lot).video(camera))[::10]) / 255
            seen.append(pictures)
            assert row[f"stats/{key}/count"] == [len(pictures)]
            found = np.array(row[f"stats/{key}/mean"])
            assert found.shape == (3, 1, 1)
            assert np.allclose(found.ravel(), pictures.mean(axis=(0, 1, 2)))
        values = np.concatenate(seen).reshape(-1, 3)
        for name, wanted in {
            "min": values.min(0),
            "max": values.max(0),
            "mean": values.mean(0),
            "std": values.std(0),
            **{name: np.quantile(values, share, axis=0) for name, share in QUANTILES.items()},
        }.items():
            found = np.array(stats[key][name])
            assert found.shape == (3, 1, 1)
            assert np.allclose(found.ravel(), wanted, atol=1e-9), (key, name)


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_videos_encoded_anew_look_alike_and_seek_well(run, tmp_path, codec):
    data = exported([run], tmp_path / "data", codec=codec)
    info, index = info_of(data), index_of(data)
    folder = RunFolder.open(run)
    for key, camera in zip(KEYS, CAMERAS, strict=True):
        assert info["features"][key]["info"]["video.codec"] == codec
        path = data / f"videos/{key}/chunk-000/file-000.mp4"
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.pix_fmt) == (*SIZE, "yuv420p")
            packets = [p for p in container.demux(stream) if p.size]
        keys = {round(float(p.pts * p.time_base) * 25) for p in packets if p.is_keyframe}
        shown = luma(path)
        assert np.allclose([time for time, _ in shown], np.arange(31) / 25, atol=1e-6)
        images = iter(shown)
        for row, entry in zip(index, folder.entries(), strict=True):
            first = row["dataset_from_index"]
            assert {first + k for k in range(0, row["length"], 2)} <= keys
            for _, wanted in luma(folder.episode(entry.lot).path / f"{camera}.mp4"):
                error = np.mean((next(images)[1].astype(float) - wanted) ** 2)
                assert 10 * np.log10(255**2 / error) > 27


def test_what_the_format_cannot_hold_lies_beside_it(run, data):
    beside = data / "meta" / "shopfloor"
    episodes = pq.read_table(beside / "episodes.parquet").to_pylist()
    folder = RunFolder.open(run)
    for row, entry in zip(episodes, folder.entries(), strict=True):
        assert (row["run"], row["lot"], row["order"]) == ("run", entry.lot, entry.order)
        assert (row["seed"], row["good"], row["code"]) == (entry.seed, entry.good, entry.code)
        assert row["log_sha256"] == entry.log_sha256
        assert row["manifest_sha256"] == folder.episode(entry.lot).manifest_sha256
        assert (row["brain"], row["papers_sha256"]) == ("none", None)
        assert row["instruction_zh"] == row["instruction"]
        assert row["instruction_en"] is None  # the made-up goal names no tote
    ticks = pq.read_table(beside / "ticks.parquet")
    assert ticks.num_rows == 21 + 9 + 30


def test_truth_is_never_a_feature_and_only_there_on_request(run, data, tmp_path):
    plain = exported([run], tmp_path / "data")
    assert not (plain / "meta/shopfloor/truth").exists()
    assert info_of(plain) == info_of(data)
    lots = pq.read_table(data / "meta/shopfloor/truth/lots.parquet").to_pylist()
    assert [part["id"] for part in lots[0]["parts"]] == ["p0", "p1"]
    for path in (plain / "meta/shopfloor").glob("*.parquet"):
        assert not {"goal", "parts", "position_m"} & set(pq.read_schema(path).names), path


def test_the_card_says_that_it_is_simulation_and_invents_no_license(data):
    text = (data / "README.md").read_text("utf-8")
    head = text.split("---\n")[1]
    assert not re.search(r"^license", head, re.MULTILINE)
    assert "task_categories:\n- robotics\n" in head
    assert "- LeRobot\n" in head
    assert "data_files: data/*/*.parquet" in head
    assert "Simulation data" in text


def test_runs_that_fit_become_one_dataset(tmp_path):
    runs = [make_run(tmp_path / name, ticks=(9, 12), seed=k) for k, name in enumerate("ab")]
    data = exported(runs, tmp_path / "data")
    assert [
        row["run"] for row in pq.read_table(data / "meta/shopfloor/episodes.parquet").to_pylist()
    ] == ["a", "a", "b", "b"]
    assert_every_frame_is_where_the_index_says(data, runs)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"size": (64, 48)}, r"b cannot go into .*: the cameras are front 64 x 48 at 25 Hz"),
        ({"period_ticks": 5}, r"the cameras are front 48 x 32 at 10 Hz.* there and front 48"),
        ({"body": "another"}, r"the body is another there and made-up here"),
        ({"video": False}, r"b was recorded with --no-video.*--to parquet"),
    ],
)
def test_runs_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, other, message):
    runs = [make_run(tmp_path / "a", ticks=(5,)), make_run(tmp_path / "b", ticks=(5,), **other)]
    with pytest.raises(UsageError, match=message):
        export("lerobot", choose(runs), tmp_path / "data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_cameras_of_different_rates_are_refused(tmp_path):
    spec = cell_spec(size=SIZE)
    wrist = replace(spec.cameras["wrist"], period_ticks=4)
    run = make_run(
        tmp_path / "run",
        ticks=(9,),
        spec=replace(spec, cameras={**spec.cameras, "wrist": wrist}),
    )
    with pytest.raises(UsageError, match=r"front 25 Hz, wrist 12.5 Hz.*--to parquet"):
        export("lerobot", choose([run]), tmp_path / "data")


@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_a_damaged_video_is_named_and_leaves_nothing(tmp_path, damage):
    run = make_run(tmp_path / "run", ticks=(9, 9))
    path = run / "episodes/000001/wrist.mp4"
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:-100])
    else:
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with pytest.raises(RunCorrupt, match=r"episode 000001 .*wrist\.mp4"):
        export("lerobot", choose([run]), tmp_path / "data")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_disk_that_is_full_is_said_and_leaves_nothing(tmp_path):
    """A limit of the file size stands for the disk; the process must not die of it."""
    run = make_run(tmp_path / "run", ticks=(200,), size=(128, 128))
    program = (
        "import resource, sys\n"
        "from shopfloor.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        f"main(['export', {str(run)!r}, '--to', 'lerobot', '--out', {str(tmp_path / 'data')!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_the_command_says_what_it_wrote(run, tmp_path, capsys):
    out = tmp_path / "data"
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["export", str(run), "--to", "lerobot", "--out", str(out), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (said["episodes"], said["frames"], Path(said["path"])) == (3, 31, out)
    assert any("license" in note for note in said["notes"])


def film(path, *, frames, options, seed=0):
    """Write a video as another encoder might; return its pictures as they decode."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(rng, *SIZE, shift=9 * number), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return [image for _, image in luma(path)]


def test_streams_with_other_parameters_get_files_of_their_own(tmp_path):
    """Also pictures that are not stored in the order in which they are shown."""
    plain = {"preset": "ultrafast", "g": "10"}
    reordered = {"preset": "medium", "bf": "3", "g": "12", "b-adapt": "0"}
    wanted, strips = [], []
    reel = Film(tmp_path / "out", "key", Fraction(1, 25), codec=None, sizes=Sizes())
    for number, options in enumerate((plain, plain, reordered, reordered, plain)):
        folder = tmp_path / str(number)
        folder.mkdir()
        wanted.append(film(folder / "front.mp4", frames=31, options=options, seed=number))
        reading = SimpleNamespace(episode=SimpleNamespace(path=folder), chosen=None)
        strips.append(reel.add(reading, "front", 31))
    reel.close()
    assert [strip.place.file for strip in strips] == [0, 0, 1, 1, 2]
    assert [strip.start_s for strip in strips] == [0, 31 / 25, 0, 31 / 25, 0]
    assert [strip.shades.pictures for strip in strips] == [4] * 5
    for strip, images in zip(strips, wanted, strict=True):
        shown = luma(tmp_path / "out" / strip.place.path(VIDEOS, video_key="key"))
        times = np.array([time for time, _ in shown])
        for number, image in enumerate(images):
            off = np.abs(times - strip.start_s - number / 25)
            assert off.min() < 1e-4
            assert np.array_equal(shown[int(off.argmin())][1], image)
