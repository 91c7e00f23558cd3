"""The files of ``meta/``: info, tasks, episodes and statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopfloor.export.lerobot.statistic import STATISTICS, Statistics

__all__ = ["EPISODES", "episode_columns", "flat", "write_json", "write_tasks"]

EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

_NUMBERS = pa.list_(pa.float64())
_PIXELS = pa.list_(pa.list_(_NUMBERS))


def episode_columns(keys: Sequence[str], cameras: Sequence[str]) -> pa.Schema:
    """Return the columns of the episodes' index.

    Args:
        keys: Features that are no video.
        cameras: Features that are one.
    """
    whole = (
        "data/chunk_index",
        "data/file_index",
        "dataset_from_index",
        "dataset_to_index",
        "meta/episodes/chunk_index",
        "meta/episodes/file_index",
    )
    columns: list[tuple[str, pa.DataType]] = [
        ("episode_index", pa.int64()),
        ("tasks", pa.list_(pa.string())),
        ("length", pa.int64()),
        *((name, pa.int64()) for name in whole),
    ]
    for key in cameras:
        columns += [(f"videos/{key}/{what}", pa.int64()) for what in ("chunk_index", "file_index")]
        columns += [
            (f"videos/{key}/{what}", pa.float64()) for what in ("from_timestamp", "to_timestamp")
        ]
    for key in (*keys, *cameras):
        for name in STATISTICS:
            kind = _PIXELS if key in cameras else _NUMBERS
            columns.append(
                (f"stats/{key}/{name}", pa.list_(pa.int64()) if name == "count" else kind)
            )
    return pa.schema(columns)


def flat(statistics: Mapping[str, Statistics]) -> dict[str, Any]:
    """Return statistics by feature as columns of the episodes' index."""
    return {
        f"stats/{key}/{name}": values.tolist()
        for key, stats in statistics.items()
        for name, values in stats.items()
    }


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write the tasks in the order of their index.

    The task itself is the index of a pandas data frame: readers look a task up by its row, and
    without this index every task would be called 0. pandas need not be here for that; it says so
    in the file's own words.
    """
    note = {
        "index_columns": ["task"],
        "column_indexes": [
            {
                "name": None,
                "field_name": None,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": {"encoding": "UTF-8"},
            }
        ],
        "columns": [
            {
                "name": name,
                "field_name": name,
                "pandas_type": pandas_type,
                "numpy_type": numpy_type,
                "metadata": None,
            }
            for name, pandas_type, numpy_type in (
                ("task_index", "int64", "int64"),
                ("task", "unicode", "object"),
            )
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.0",
    }
    schema = pa.schema([("task_index", pa.int64()), ("task", pa.string())])
    table = pa.table(
        {"task_index": np.arange(len(tasks), dtype=np.int64), "task": list(tasks)},
        schema=schema.with_metadata({b"pandas": json.dumps(note).encode()}),
    )
    pq.write_table(table, path, compression="snappy")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file as LeRobot does: indented, Chinese as Chinese."""
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
