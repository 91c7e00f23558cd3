"""A LeRobotDataset v3.0 that grows by an episode at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopfloor.export.align import Aligned, align
from shopfloor.export.facts import Facts
from shopfloor.export.lerobot.card import card
from shopfloor.export.lerobot.feature import IMAGES, SCALARS, VECTORS, columns, features, rate
from shopfloor.export.lerobot.film import VIDEOS, Film, Strip
from shopfloor.export.lerobot.meta import (
    EPISODES,
    episode_columns,
    flat,
    write_json,
    write_tasks,
)
from shopfloor.export.lerobot.place import Place, Sizes
from shopfloor.export.lerobot.shelf import Shelf
from shopfloor.export.lerobot.statistic import Bins, Floats, Moments, Shades, of_rows
from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup
from shopfloor.export.sheet import text, vector

__all__ = ["DATA", "Dataset"]

DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_VERSION = "v3.0"
_GATHER = 50
_OUT_OF_TIME = ("order.timeout", "infra")
"""Failure codes of episodes that were cut off rather than lost."""


class Dataset:
    """A dataset that is being written; memory holds one episode.

    Args:
        out: An empty folder.
        setup: What all episodes have in common.
        run: Named where the cameras have no common rate.
        codec: Of videos that are encoded anew; None copies them.
        truth: Whether what only the simulator knows goes along, beside the features.
        sizes: When new files are begun.
    """

    def __init__(
        self, out: Path, setup: Setup, run: object, *, codec: str | None, truth: bool, sizes: Sizes
    ) -> None:
        self._out, self._setup, self._sizes = out, setup, sizes
        self._period_s = setup.common_period_s(run)
        self._keys = (*VECTORS, *SCALARS)
        self._cameras = {f"{IMAGES}{camera}": camera for camera in setup.cameras}
        self._tasks: dict[str, int] = {}
        self._brains: dict[str, None] = {}
        self._moments: dict[str, Moments] = {}
        self._shades = {key: Shades() for key in self._cameras}
        self._episodes = self._frames = self._good = 0
        with ExitStack() as files:
            self._films = {
                key: Film(out, key, self._period_s, codec=codec, sizes=sizes)
                for key in self._cameras
            }
            self._data = Shelf(out, DATA, columns(setup), sizes)
            index = episode_columns(self._keys, tuple(self._cameras))
            self._index = Shelf(out, EPISODES, index, sizes, gather=_GATHER)
            for close in (self._data.close, self._index.close):
                files.callback(close)
            for film in self._films.values():
                files.callback(film.close)
            self._facts = Facts(out / "meta" / "shopfloor", setup, truth=truth)
            files.callback(self._facts.close)
            self._files = files.pop_all()

    @property
    def frames(self) -> int:
        """Rows so far."""
        return self._frames

    def add(self, reading: Reading) -> None:
        """Append an episode.

        Raises:
            RunCorrupt: It is damaged, or its log and its videos do not fit.
            OSError: The dataset cannot be written.
        """
        entry = reading.chosen.entry
        rows = align(reading, self._setup)
        strips = {
            key: self._films[key].add(reading, camera, len(rows))
            for key, camera in self._cameras.items()
        }
        task = text(entry.instruction)
        table = self._table(reading, rows, self._tasks.setdefault(task, len(self._tasks)))
        place = self._data.add(table)
        self._facts.add(reading)
        self._note(table, strips, task, place)
        self._frames += len(rows)
        self._episodes += 1
        self._good += entry.good
        self._brains[reading.chosen.run.manifest.brain] = None

    def finish(self) -> None:
        """Write the ends of the files, and what can only be said of all episodes.

        Raises:
            OSError: The dataset cannot be written.
        """
        self.close()
        meta = self._out / "meta"
        write_tasks(meta / "tasks.parquet", tuple(self._tasks))
        write_json(meta / "info.json", self._info())
        write_json(meta / "stats.json", self._statistics())
        said = card(
            self._setup,
            self._period_s,
            episodes=self._episodes,
            good=self._good,
            frames=self._frames,
            brains=tuple(self._brains),
        )
        (self._out / "README.md").write_text(said, encoding="utf-8")

    def close(self) -> None:
        """Close the files, in whatever state they are. May be called again."""
        self._files.close()

    def _table(self, reading: Reading, rows: Aligned, task: int) -> pa.Table:
        count = len(rows)
        entry = reading.chosen.entry
        last = np.zeros(count, np.bool_)
        last[-1] = True
        truncated = entry.code in _OUT_OF_TIME
        number = np.arange(count)
        values = {
            **{key: vector(getattr(rows, what)) for key, what in VECTORS.items()},
            "next.reward": (last & entry.good).astype(np.float32),
            "next.done": last,
            "next.truncated": last & truncated,
            "next.success": last & entry.good,
            "timestamp": (number * float(self._period_s)).astype(np.float32),
            "frame_index": number,
            "episode_index": np.full(count, reading.chosen.number),
            "index": self._frames + number,
            "task_index": np.full(count, task),
        }
        return pa.table(values, schema=columns(self._setup))

    def _note(self, table: pa.Table, strips: dict[str, Strip], task: str, place: Place) -> None:
        """Write the episode's row of the index, and add its statistics to those of all."""
        first, count = self._frames, table.num_rows
        row: dict[str, Any] = {
            "episode_index": self._episodes,
            "tasks": [task],
            "length": count,
            "data/chunk_index": place.chunk,
            "data/file_index": place.file,
            "dataset_from_index": first,
            "dataset_to_index": first + count,
        }
        statistics = {}
        for key in self._keys:
            values = _numbers(table, key)
            moments = Moments.of(values)
            self._moments[key] = self._moments[key] + moments if first else moments
            statistics[key] = of_rows(values)
        for key, strip in strips.items():
            row |= {
                f"videos/{key}/chunk_index": strip.place.chunk,
                f"videos/{key}/file_index": strip.place.file,
                f"videos/{key}/from_timestamp": strip.start_s,
                f"videos/{key}/to_timestamp": strip.end_s,
            }
            self._shades[key].include(strip.shades)
            statistics[key] = strip.shades.statistics()
        row |= flat(statistics)
        # Where the row goes stands in it.
        here = self._index.room(pa.Table.from_pylist([row], schema=self._index.schema).nbytes)
        row |= {"meta/episodes/chunk_index": here.chunk, "meta/episodes/file_index": here.file}
        self._index.add(pa.Table.from_pylist([row], schema=self._index.schema))

    def _info(self) -> dict[str, Any]:
        codecs = {camera: self._films[key].codec for key, camera in self._cameras.items()}
        return {
            "codebase_version": _VERSION,
            "robot_type": self._setup.body,
            "total_episodes": self._episodes,
            "total_frames": self._frames,
            "total_tasks": len(self._tasks),
            "chunks_size": self._sizes.chunks_size,
            "data_files_size_in_mb": self._sizes.data_files_size_in_mb,
            "video_files_size_in_mb": self._sizes.video_files_size_in_mb,
            "fps": rate(self._period_s),
            "splits": {"train": f"0:{self._episodes}"},
            "data_path": DATA,
            "video_path": VIDEOS,
            "features": features(self._setup, self._period_s, codecs),
        }

    def _statistics(self) -> dict[str, Any]:
        """Look at the written data a second time, for what does not add up over episodes."""
        bins = {key: Bins(self._moments[key]) for key in self._keys}
        for table in self._written():
            for key in self._keys:
                bins[key].add(_numbers(table, key))
        found = {key: bins[key].statistics() for key in self._keys}
        found |= {key: shades.statistics() for key, shades in self._shades.items()}
        return {
            key: {name: values.tolist() for name, values in stats.items()}
            for key, stats in found.items()
        }

    def _written(self) -> Iterator[pa.Table]:
        for path in sorted((self._out / "data").glob("*/*.parquet")):
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group)


def _numbers(table: pa.Table, key: str) -> Floats:
    """Return a column as ``(n, d)`` float64."""
    column = table[key].combine_chunks()
    if isinstance(column, pa.FixedSizeListArray):
        width = column.type.list_size
        return np.asarray(column.flatten(), dtype=np.float64).reshape(-1, width)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64).reshape(-1, 1)
