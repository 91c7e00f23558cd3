"""Every way to spoil a LeRobot dataset, by the code that must name it."""

import shutil
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lerobot_examples import (
    CAMERA,
    DATA,
    EPISODES,
    FPS,
    SIDE,
    TASKS,
    build,
    encode,
    pictures,
    tasks_table,
    write,
)

FIRST, SECOND = DATA.format(0), DATA.format(1)
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
LAST_VIDEO = f"videos/{CAMERA}/chunk-000/file-001.mp4"
STATS, INFO, TASKS_FILE = "meta/stats.json", "meta/info.json", "meta/tasks.parquet"


def codes(report):
    """Return the codes of a report's findings, without their family."""
    return {finding.code.rpartition(".")[2] for finding in report.findings}


def put(place, value):
    """Return a change that puts a value into a list."""

    def change(values):
        values[place] = value
        return values

    return change


def cut(path, keep):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


def feature(name, **changes):
    def change(info):
        info["features"][name] = info["features"].get(name, {}) | changes
        return info

    return lambda d: d.json("info.json", change)


def no_feature(name):
    def change(info):
        del info["features"][name]
        return info

    return lambda d: d.json("info.json", change)


def stats(name, **changes):
    def change(value):
        value[name] |= changes
        return value

    return lambda d: d.json("stats.json", change)


def no_stats(name, *keys):
    def change(value):
        value[name] = {k: v for k, v in value[name].items() if k not in keys} if keys else {}
        return value

    return lambda d: d.json("stats.json", change)


def data(name, change, file=FIRST, *, honest=True):
    """Change a column, and by default the statistics with it."""

    def plant(d):
        d.column(file, name, change)
        if honest:
            d.restat()

    return plant


def episodes(name, change):
    return lambda d: d.column(EPISODES, name, change)


def cast(name, kind, file=FIRST):
    def change(table):
        place = table.column_names.index(name)
        return table.set_column(place, name, table[name].cast(kind))

    return lambda d: d.table(file, change)


def retasked(**options):
    return lambda d: pq.write_table(tasks_table(**options), d.root / TASKS_FILE)


def half_described(table):
    return table.replace_schema_metadata({"pandas": '{"index_columns": ["task"], "columns": []}'})


def double_task(d):
    d.info(total_tasks=3)
    retasked(words=(*TASKS, TASKS[0]))(d)


def ragged(d):
    def change(table):
        values = table["action"].to_pylist()
        values[3] = values[3][:2]
        array = pa.array(values, pa.list_(pa.float32()))
        return table.set_column(table.column_names.index("action"), "action", array)

    d.table(FIRST, change)


def words_as_numbers(d):
    def change(table):
        words = pa.array([["high"] * 3] * len(table))
        return table.set_column(table.column_names.index("action"), "action", words)

    d.table(FIRST, change)


def fractions(d):
    """Whole numbers with a half: no cast to int64 can keep them."""

    def change(table):
        halves = pc.add(table["task_index"].cast(pa.float64()), 0.5)
        return table.set_column(table.column_names.index("task_index"), "task_index", halves)

    d.table(FIRST, change)


def duplicate(d):
    shutil.rmtree(d.root)
    build(d.root, files=((4, 4), (6,)))

    def change(table):
        actions = table["action"].to_pylist()
        actions[4:8] = actions[:4]
        states = table["action"].type
        return table.set_column(1, "action", pa.array(actions, states))

    d.table(FIRST, change)
    d.restat()


def lose_row(row):
    def change(table):
        kept = [n for n in range(len(table)) if n != row]
        return table.take(kept)

    return lambda d: d.table(EPISODES, change, groups=False)


def shuffle_rows(d):
    d.table(EPISODES, lambda table: table.take([1, 0, 2]))


def swap_data_episodes(d):
    """Put the second episode before the first; its rows are counted anew but for its number."""

    def change(table):
        numbers = table["episode_index"].to_numpy()
        table = table.take(np.argsort(-numbers, kind="stable"))
        place = table.column_names.index("index")
        return table.set_column(place, "index", pa.array(np.arange(len(table))))

    path = d.root / FIRST
    write(path, change(pq.read_table(path)), [4, 5])


def stray_data(d):
    shutil.copy(d.root / SECOND, d.root / "data/chunk-000/file-007.parquet")


def lost_frame(d):
    encode(d.root / VIDEO, np.concatenate([pictures(5, seed=100), pictures(3, seed=101)]))


def uneven_frames(d):
    times = [n * 100 for n in range(9)]
    times[4] += 30
    encode(d.root / VIDEO, pictures(9), times=times)


def other_rate(d):
    encode(d.root / LAST_VIDEO, pictures(6), fps=FPS + 5)


def shifted(d):
    d.column(EPISODES, f"videos/{CAMERA}/from_timestamp", put(1, 0.4))


def cut_span(d):
    d.column(EPISODES, f"videos/{CAMERA}/to_timestamp", put(2, 0.4))


def no_moov(d):
    cut(d.root / VIDEO, 0.7)


def no_video_stream(d):
    (d.root / VIDEO).write_bytes(b"this is no video at all" * 40)


def damaged_picture(d):
    """Overwrite coded pictures; the packets stay as many and as long as they were."""
    path = d.root / VIDEO
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start + 500 : start + 800] = bytes(range(1, 151)) * 2
    path.write_bytes(content)


def half_an_hour(d):
    """Two episodes in one video, at 0.7 pictures a second so that they are soon long enough."""
    shutil.rmtree(d.root)
    build(d.root, files=((550, 550),), fps=0.7)


def with_images(d, cell):
    """Put a camera into the data, as pictures in cells."""
    import cv2

    whole = cv2.imencode(".png", pictures(1)[0])[1].tobytes()
    for file in (FIRST, SECOND):

        def change(table, file=file):
            cells = [{"bytes": whole, "path": "x.png"} for _ in range(len(table))]
            if file == FIRST:
                cells[2] = cell
            kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
            return table.append_column("observation.images.top", pa.array(cells, kind))

        d.table(file, change)
    names = ["height", "width", "channels"]
    feature("observation.images.top", dtype="image", shape=[SIDE, SIDE, 3], names=names)(d)
    d.json("stats.json", lambda s: s | {"observation.images.top": s[CAMERA]})


def leftovers(d):
    path = d.root / "images" / CAMERA / "episode-000003" / "frame-000000.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"png")


def empty_episode(d):
    """Add an episode of no rows, at the end and accounted for in all totals."""

    def change(table):
        row = table.slice(2, 1).to_pylist()[0]
        row |= {"episode_index": 3, "length": 0, "dataset_from_index": 15}
        row |= {f"videos/{CAMERA}/{k}_timestamp": 0.6 for k in ("from", "to")}
        return pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)])

    d.table(EPISODES, change, groups=False)


def merged_groups(d):
    d.table(FIRST, lambda table: table, groups=False)


def with_index_column(d):
    d.table(FIRST, lambda t: t.append_column("__index_level_0__", pa.array(range(len(t)))))


def dead(d):
    for file in (FIRST, SECOND):
        d.column(file, "observation.state", lambda v: [[*row[:2], 0.5] for row in v])
    d.restat()


def huge(d):
    """A missing value written as a number; the statistics agree with it."""
    d.column(SECOND, "action", put(2, [-1e9, 0.0, 0.0]))
    d.restat()


def image_stats(**changes):
    return stats(CAMERA, **{k: np.reshape(v, (3, 1, 1)).tolist() for k, v in changes.items()})


DEFECTS = {
    "info_json": {
        "no JSON": lambda d: (d.root / INFO).write_text("{"),
        "a list": lambda d: (d.root / INFO).write_text("[]"),
        "bytes": lambda d: (d.root / INFO).write_bytes(b"\xff\xfe\x00"),
        "gone": lambda d: (d.root / INFO).unlink(),
    },
    "version": {
        "v2.1": lambda d: d.info(codebase_version="v2.1"),
        "v4.0": lambda d: d.info(codebase_version="v4.0"),
        "none": lambda d: d.drop("codebase_version"),
    },
    "info_key": {
        key: partial(lambda d, key: d.drop(key), key=key)
        for key in ("video_path", "data_path", "robot_type", "splits", "total_frames", "fps")
    },
    "info_value": {
        "fps 0": lambda d: d.info(fps=0),
        "fps as text": lambda d: d.info(fps="10"),
        "chunks of 0": lambda d: d.info(chunks_size=0),
        "half a frame": lambda d: d.info(total_frames=14.5),
    },
    "path_template": {
        "absolute": lambda d: d.info(data_path="/data/{chunk_index}/{file_index}.parquet"),
        "out": lambda d: d.info(data_path="../x/{chunk_index}/{file_index}.parquet"),
        "into objects": lambda d: d.info(data_path="{chunk_index.__class__}/{file_index}"),
        "endless": lambda d: d.info(data_path="{chunk_index:9999999999d}/{file_index}"),
        "another key": lambda d: d.info(video_path="videos/{camera}/{chunk_index}/{file_index}"),
        "no file": lambda d: d.info(data_path="data/chunk-{chunk_index:03d}/a.parquet"),
    },
    "totals": {
        key: partial(lambda d, key: d.info(**{key: 77}), key=key)
        for key in ("total_episodes", "total_frames", "total_tasks")
    },
    "splits": {
        "beyond": lambda d: d.info(splits={"train": "0:4"}),
        "words": lambda d: d.info(splits={"train": "all"}),
        "backwards": lambda d: d.info(splits={"train": "0:2", "test": "3:2"}),
    },
    "feature": {
        "slash": feature("a/b", dtype="float32", shape=[1], names=None),
        "no dtype": feature("extra", shape=[1], names=None),
        "of no kind": feature("extra", dtype="complex64", shape=[1], names=None),
        "no shape": feature("extra", dtype="float32", shape=[], names=None),
        "flat picture": feature("extra", dtype="video", shape=[32, 32], names=["h", "w"]),
    },
    "feature_default": {
        "not declared": no_feature("timestamp"),
        "another type": feature("frame_index", dtype="float32"),
        "another shape": feature("index", shape=[2]),
    },
    "parquet": {
        "data": lambda d: cut(d.root / SECOND, 0.8),
        "episodes": lambda d: cut(d.root / EPISODES, 0.8),
        "tasks": lambda d: cut(d.root / TASKS_FILE, 0.8),
        "empty": lambda d: cut(d.root / SECOND, 0),
    },
    "file_missing": {
        "data": lambda d: (d.root / SECOND).unlink(),
        "tasks": lambda d: (d.root / TASKS_FILE).unlink(),
        "episodes": lambda d: (d.root / EPISODES).unlink(),
        "video": lambda d: (d.root / LAST_VIDEO).unlink(),
    },
    "tasks_index": {
        "a column": retasked(index=None),
        "half the metadata": lambda d: d.table(TASKS_FILE, half_described),
        "no metadata": lambda d: d.table(TASKS_FILE, lambda t: t.replace_schema_metadata({})),
    },
    "tasks_order": {"swapped": retasked(words=TASKS[::-1], numbers=[1, 0])},
    "tasks_numbers": {
        "double": retasked(numbers=[0, 0]),
        "gap": retasked(numbers=[0, 2]),
        "text": lambda d: d.table(
            TASKS_FILE, lambda t: t.set_column(0, "task_index", pa.array(["0", "1"]))
        ),
    },
    "tasks_double": {"same words": double_task},
    "episodes_column": {
        "missing": lambda d: d.table(EPISODES, lambda t: t.drop_columns(["length"])),
        "empty": episodes("dataset_from_index", put(1, None)),
        "text": lambda d: d.table(
            EPISODES, lambda t: t.set_column(1, "tasks", pa.array(["a", "b", "c"]))
        ),
        "no video": lambda d: d.table(
            EPISODES, lambda t: t.drop_columns([f"videos/{CAMERA}/from_timestamp"])
        ),
    },
    "episodes_order": {"swapped": shuffle_rows},
    "episodes_lost": {"middle": lose_row(1), "last": lose_row(2)},
    "episode_empty": {"at the end": empty_episode},
    "episode_tasks": {"unknown": episodes("tasks", put(1, ["dance"]))},
    "episode_home": {"elsewhere": episodes("meta/episodes/file_index", put(2, 5))},
    "episode_length": {"longer": episodes("length", put(1, 40))},
    "episode_span": {
        "from": episodes("dataset_from_index", put(1, 4)),
        "to": episodes("dataset_to_index", put(2, 16)),
    },
    "episode_file": {"swapped": episodes("data/file_index", put(1, 1))},
    "file_stray": {"a copy": stray_data},
    "duplicate": {"copied": duplicate},
    "data_column": {
        "pandas index": with_index_column,
        "undeclared": no_feature("note"),
        "missing": lambda d: d.table(FIRST, lambda t: t.drop_columns(["next.done"])),
    },
    "row_groups": {"one": merged_groups},
    "index": {
        "a gap": data("index", put(3, 33)),
        "from 100": data("index", lambda v: [n + 100 for n in v]),
    },
    "episode_index": {"swapped": swap_data_episodes},
    "frame_index": {"from 1": data("frame_index", put(0, 1), SECOND)},
    "timestamp": {
        "a little": data("timestamp", put(3, 0.3004)),
        "one frame": data("timestamp", put(3, 0.4)),
    },
    "task_index": {
        "beyond": data("task_index", put(0, 2)),
        "below 0": data("task_index", put(0, -1)),
    },
    "not_finite": {
        "NaN": data("observation.state", put(2, [0.0, float("nan"), 0.0]), honest=False),
        "infinite": data("action", put(2, [0.0, 0.0, float("inf")]), honest=False),
    },
    "huge": {"missing value": huge},
    "data_type": {"words": words_as_numbers, "halves": fractions},
    "data_cast": {
        "float64": cast("observation.state", pa.list_(pa.float64(), 3)),
        "lists": cast("action", pa.list_(pa.float32())),
        "int32": cast("task_index", pa.int32()),
    },
    "data_shape": {
        "ragged": ragged,
        "declared": feature("action", shape=[4], names=["a", "b", "c", "d"]),
    },
    "data_null": {
        "a row": data("action", put(2, None), honest=False),
        "a number": data("action", put(2, [0.0, None, 0.0]), honest=False),
        "a word": data("note", put(2, None)),
    },
    "image": {
        "garbage": lambda d: with_images(d, {"bytes": b"garbage", "path": None}),
        "nothing": lambda d: with_images(d, {"bytes": None, "path": None}),
    },
    "video": {"cut off": no_moov, "no video": no_video_stream},
    "video_size": {
        "size": lambda d: encode(d.root / LAST_VIDEO, pictures(6, side=48)),
        "fps": other_rate,
    },
    "video_format": {
        "codec": lambda d: encode(d.root / LAST_VIDEO, pictures(6), codec="mpeg4"),
        "pixels": lambda d: encode(d.root / LAST_VIDEO, pictures(6), pix_fmt="yuv444p"),
    },
    "video_frames": {"one lost": lost_frame},
    "video_timestamp": {"uneven": uneven_frames},
    "video_span": {"shifted": shifted, "short": cut_span},
    "video_precision": {"half an hour": half_an_hour},
    "video_decode": {"damaged": damaged_picture},
    "file_unused": {
        "a video": lambda d: shutil.copy(d.root / VIDEO, (d.root / VIDEO).with_name("old.mp4")),
        "pictures": leftovers,
    },
    "stats_json": {
        "gone": lambda d: (d.root / STATS).unlink(),
        "no JSON": lambda d: (d.root / STATS).write_text("{,"),
        "a list": lambda d: (d.root / STATS).write_text("[]"),
    },
    "stats_missing": {
        "a feature": lambda d: d.json("stats.json", lambda s: s.pop("action") and None),
        "a key": no_stats("observation.state", "std"),
        "a camera": no_stats(CAMERA),
    },
    "stats_quantiles": {"a key": no_stats("action", "q99")},
    "stats_shape": {
        "one short": stats("action", mean=[0.0, 0.0]),
        "flat": stats(CAMERA, mean=[0.5, 0.5, 0.5]),
        "a number": stats("action", count=15),
        "words": stats("action", mean=["a", "b", "c"]),
    },
    "stats_value": {
        "NaN": stats("action", std=[float("nan")] * 3),
        "crossed": stats("action", min=[9.0, 9.0, 9.0]),
        "mean outside": stats("action", mean=[99.0, 0.0, 0.0]),
        "below 0": stats("action", std=[-1.0, 1.0, 1.0]),
        "quantiles": stats("action", q90=[-2.0, -2.0, -2.0]),
        "not scaled": image_stats(max=[255] * 3),
    },
    "stats_count": {"numbers": stats("action", count=[14]), "pictures": stats(CAMERA, count=[0])},
    "stats_differ": {
        "mean": stats("action", mean=[0.1, 0.1, 0.1]),
        "std": stats("action", std=[7.0, 1.0, 1.0]),
        "max": stats("observation.state", max=[50.0, 50.0, 50.0]),
    },
    "stats_stale": {
        "index": stats("index", max=[99]),
        "count": stats("episode_index", count=[4]),
    },
    "constant": {"dead": dead},
}

ALONG = {
    # What the same plant makes wrong as well, and rightly so.
    ("video_size", "fps"): {"video_timestamp"},
    ("feature_default", "not declared"): {"data_column"},
    ("data_shape", "declared"): {"stats_shape"},
    ("file_stray", "a copy"): {
        "index",
        "episode_index",
        "stats_count",
        "stats_differ",
        "stats_stale",
        "totals",
        "duplicate",
        "frame_index",
    },
}
