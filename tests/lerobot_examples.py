"""A LeRobot v3.0 dataset built with pyarrow and PyAV alone: checker and writer share nothing.

What stands here follows what LeRobot 0.4.4 itself writes: row groups, column types, pandas
metadata, video settings, statistics.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FPS = 10
SIDE = 32
CAMERA = "observation.images.front"
TASKS = ("pick up the red cube", "把蓝色方块放到 B")
JOINTS = ("shoulder", "elbow", "jaw")
DATA = "data/chunk-000/file-{:03d}.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-{{:03d}}.mp4"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"


@dataclass
class Built:
    """A dataset on the disk, and ways to spoil it."""

    root: Path

    def json(self, name, change):
        """Apply ``change`` to a JSON file."""
        path = self.root / "meta" / name
        value = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps(change(value) or value), "utf-8")

    def info(self, **changes):
        self.json("info.json", lambda info: info | changes)

    def drop(self, *keys):
        self.json("info.json", lambda info: {k: v for k, v in info.items() if k not in keys})

    def table(self, file, change, *, groups=True):
        """Apply ``change`` to a table, and write it with the row groups that it had."""
        path = self.root / file
        old = pq.ParquetFile(path)
        sizes = [old.metadata.row_group(n).num_rows for n in range(old.num_row_groups)]
        write(path, change(old.read()), sizes if groups else None)

    def column(self, file, name, change):
        """Apply ``change`` to one column, as a list of Python values."""

        def edit(table):
            place = table.column_names.index(name)
            kind = table.schema.field(name)
            values = change(table[name].to_pylist())
            return table.set_column(place, kind, pa.array(values, kind.type))

        self.table(file, edit)

    def restat(self):
        """Make the statistics of numbers those of the data, whatever the data are."""
        files = sorted(self.root.glob("data/*/*.parquet"))
        fresh = table_stats(pa.concat_tables([pq.read_table(file) for file in files]))
        self.json("stats.json", lambda stats: stats | fresh)


def write(path, table, sizes=None):
    """Write a table with row groups of these sizes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, table.schema) as writer:
        start = 0
        for size in sizes or [len(table)]:
            writer.write_table(table.slice(start, size))
            start += size


def pictures(count, *, seed=0, side=SIDE):
    """Return pictures ``(count, side, side, 3)`` that differ from each other."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 60, (count, side, side, 3))
    slope = np.linspace(40, 160, side)[None, :, None, None]
    return (noise + slope + np.arange(count)[:, None, None, None] % 30).astype(np.uint8)


def encode(path, frames, *, fps=FPS, codec="libx264", pix_fmt="yuv420p", times=None):
    """Encode pictures as LeRobot does; ``times`` are the frames' own, in ticks of 1 / 1000 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream(
            codec, rate=Fraction(fps).limit_denominator(1000), options={"g": "2", "crf": "30"}
        )
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def features(*, video=True):
    numbers = {
        "timestamp": "float32",
        "frame_index": "int64",
        "episode_index": "int64",
        "index": "int64",
        "task_index": "int64",
    }
    found = {
        "observation.state": {"dtype": "float32", "shape": [3], "names": list(JOINTS)},
        "action": {"dtype": "float32", "shape": [3], "names": list(JOINTS)},
        "next.done": {"dtype": "bool", "shape": [1], "names": None},
        "note": {"dtype": "string", "shape": [1], "names": None},
        **{name: {"dtype": d, "shape": [1], "names": None} for name, d in numbers.items()},
    }
    if video:
        found[CAMERA] = {
            "dtype": "video",
            "shape": [SIDE, SIDE, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": SIDE,
                "video.width": SIDE,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": FPS,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    return found


def schema():
    three = pa.list_(pa.float32(), 3)
    return pa.schema(
        [
            ("observation.state", three),
            ("action", three),
            ("next.done", pa.bool_()),
            ("note", pa.string()),
            ("timestamp", pa.float32()),
            ("frame_index", pa.int64()),
            ("episode_index", pa.int64()),
            ("index", pa.int64()),
            ("task_index", pa.int64()),
        ]
    )


def rows(episode, length, first, rng, fps=FPS):
    """Return the rows of one episode as a table."""
    frames = np.arange(length)
    state = rng.normal(size=(length, 3)).astype(np.float32)
    action = (state + rng.normal(scale=0.1, size=(length, 3))).astype(np.float32)
    columns = {
        "observation.state": list(state),
        "action": list(action),
        "next.done": frames == length - 1,
        "note": [f"row {n}" for n in frames],
        "timestamp": (frames / fps).astype(np.float32),
        "frame_index": frames,
        "episode_index": np.full(length, episode),
        "index": first + frames,
        "task_index": np.full(length, episode % len(TASKS)),
    }
    kinds = schema()
    return pa.table([pa.array(columns[f.name], f.type) for f in kinds], schema=kinds)


def stats_of(array):
    """Return statistics of rows ``(n, width)``, as lists."""
    array = np.asarray(array, np.float64)
    quantiles = {f"q{q:02d}": np.quantile(array, q / 100, axis=0) for q in (1, 10, 50, 90, 99)}
    found = {
        "min": array.min(axis=0),
        "max": array.max(axis=0),
        "mean": array.mean(axis=0),
        "std": array.std(axis=0),
        **quantiles,
    }
    return {k: v.tolist() for k, v in found.items()} | {"count": [len(array)]}


def table_stats(table):
    found = {}
    for name in table.column_names:
        if name != "note":
            values = np.array(table[name].to_pylist(), np.float64)
            found[name] = stats_of(values.reshape(len(table), -1))
    return found


def tasks_table(words=TASKS, *, numbers=None, index="task"):
    """Return tasks.parquet as pandas writes it; ``index`` None: an ordinary column."""
    kinds = {"task_index": ("int64", "int64"), index or "task": ("unicode", "object")}
    columns = [
        {"name": n, "field_name": n, "pandas_type": p, "numpy_type": np_type, "metadata": None}
        for n, (p, np_type) in kinds.items()
    ]
    plain = {"kind": "range", "name": None, "start": 0, "stop": len(words), "step": 1}
    said = {
        "index_columns": [index or plain],
        "column_indexes": [],
        "columns": columns,
        "pandas_version": "2.3.0",
    }
    numbers = range(len(words)) if numbers is None else numbers
    table = pa.table(
        {"task_index": pa.array(numbers, pa.int64()), index or "task": pa.array(words)}
    )
    return table.replace_schema_metadata({"pandas": json.dumps(said)})


def build(root, *, files=((5, 4), (6,)), video=True, seed=0, fps=FPS):
    """Build a clean dataset.

    Args:
        root: A new folder.
        files: Lengths of the episodes in each data file, and in each video file.
        video: Whether it has a camera.
        seed: Of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    all_rows, episodes, shots = [], [], []
    number = first = 0
    for file, lengths in enumerate(files):
        tables, pixels, begin = [], [], 0
        for length in lengths:
            table = rows(number, length, first, rng, fps)
            tables.append(table)
            entry = {
                "episode_index": number,
                "tasks": [TASKS[number % len(TASKS)]],
                "length": length,
                "data/chunk_index": 0,
                "data/file_index": file,
                "dataset_from_index": first,
                "dataset_to_index": first + length,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
            }
            if video:
                pixels.append(pictures(length, seed=100 + number))
                entry |= {
                    f"videos/{CAMERA}/chunk_index": 0,
                    f"videos/{CAMERA}/file_index": file,
                    f"videos/{CAMERA}/from_timestamp": begin / fps,
                    f"videos/{CAMERA}/to_timestamp": (begin + length) / fps,
                }
            for name, stats in table_stats(table).items():
                entry |= {f"stats/{name}/{stat}": value for stat, value in stats.items()}
            episodes.append(entry)
            begin, first, number = begin + length, first + length, number + 1
        write(root / DATA.format(file), pa.concat_tables(tables), list(lengths))
        all_rows += tables
        if video:
            encode(root / VIDEO.format(file), np.concatenate(pixels), fps=fps)
            shots += pixels
    write(root / EPISODES, pa.Table.from_pylist(episodes))
    write(root / "meta/tasks.parquet", tasks_table())
    stats = table_stats(pa.concat_tables(all_rows))
    if video:
        flat = stats_of(np.concatenate(shots).reshape(-1, 3) / 255)
        stats[CAMERA] = {
            k: np.reshape(v, (3, 1, 1)).tolist() for k, v in flat.items() if k != "count"
        }
        stats[CAMERA]["count"] = [first]
    info = {
        "codebase_version": "v3.0",
        "robot_type": "made-up",
        "total_episodes": number,
        "total_frames": first,
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{number}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": (
            "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
            if video
            else None
        ),
        "features": features(video=video),
    }
    for name, value in (("info.json", info), ("stats.json", stats)):
        (root / "meta" / name).write_text(json.dumps(value, ensure_ascii=False, indent=4), "utf-8")
    return Built(root)
