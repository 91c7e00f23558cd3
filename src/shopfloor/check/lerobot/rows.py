"""The rows of the data, read once, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.column import read_column
from shopfloor.check.lerobot.feature import Feature
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.moments import Moments
from shopfloor.check.lerobot.stretch import Stretches
from shopfloor.check.lerobot.table import FILE_MISSING, batches, open_table

__all__ = [
    "CODES",
    "EPISODE_INDEX",
    "FRAME_INDEX",
    "INDEX",
    "TIMESTAMP",
    "TOLERANCE_S",
    "Rows",
    "data_files",
    "read_rows",
]

TOLERANCE_S = 1e-4
"""What LeRobot lets a timestamp be off by [s]."""

_HUGE = 1e6

DATA_COLUMN = Code(
    "lerobot.data_column",
    "error",
    "The columns of a data file are not the features that are declared (without videos); a "
    "column too many fails to load (pandas adds one for its index), one too few is read as empty",
    "declare the column, or drop it",
)
ROW_GROUPS = Code(
    "lerobot.row_groups",
    "warning",
    "The row groups of a data file are not its episodes; to load one episode reads others, too",
    "write one row group an episode, as LeRobot does",
)
INDEX = Code(
    "lerobot.index",
    "error",
    "`index` does not count all rows from 0 through all files; LeRobot takes it for a position, "
    "so that chunks of actions come from other rows",
    "restore the rows that are lost, or export again",
)
EPISODE_INDEX = Code(
    "lerobot.episode_index",
    "error",
    "The episodes of the data do not come one after the other from 0, each in one piece",
    "put the rows in order, or export again",
)
FRAME_INDEX = Code(
    "lerobot.frame_index",
    "error",
    "`frame_index` does not count the rows of an episode from 0",
    "restore the rows that are lost, or export again",
)
TIMESTAMP = Code(
    "lerobot.timestamp",
    "error",
    "A timestamp is not frame_index / fps within 1e-4 s; LeRobot finds no video frame there",
    "write frame_index / fps",
    repairable=True,
)
TASK_INDEX = Code(
    "lerobot.task_index",
    "error",
    "A row's task_index stands for no row of tasks.parquet",
    "add the task, or correct the row",
)
NOT_FINITE = Code(
    "lerobot.not_finite",
    "error",
    "A column holds NaN or infinity; one of them makes the loss NaN, and then all weights",
    "drop the episodes, or find out why the sensor gave none",
)
HUGE = Code(
    "lerobot.huge",
    "warning",
    "A state or action is beyond 1e6 in some unit: most often a missing value written as a number",
    "look at the rows",
)
CODES = (
    DATA_COLUMN,
    ROW_GROUPS,
    INDEX,
    EPISODE_INDEX,
    FRAME_INDEX,
    TIMESTAMP,
    TASK_INDEX,
    NOT_FINITE,
    HUGE,
)


def _nobody(size: int) -> None:
    """Nobody is told."""


_Numbers = Mapping[str, npt.NDArray[Any]]


@dataclass(eq=False)
class Rows:
    """What the data came to.

    Attributes:
        files: Data files as LeRobot reads them, below the dataset.
        count: Rows of all of them.
        whole: Whether all files could be read to their end.
        stretches: The episodes as they lie in the data.
        moments: Of each feature of numbers that could be read.
        spoilt: Features that hold what is not finite.
    """

    files: Sequence[str]
    count: int = 0
    whole: bool = True
    stretches: Stretches = field(default_factory=Stretches)
    moments: dict[str, Moments] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)


def data_files(root: Path) -> list[str]:
    """Return the data files in the order in which LeRobot reads them, named or not."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("data/*/*.parquet"))


def read_rows(
    root: Path,
    info: Info,
    tasks: int | None,
    findings: Findings,
    tell: Callable[[int], None] = _nobody,
) -> Rows:
    """Read and check all rows.

    Args:
        root: The dataset.
        info: What it says of itself.
        tasks: Number of its tasks, or None where unknown.
        findings: Taken up here.
        tell: Told of the bytes that were read.
    """
    rows = Rows(data_files(root))
    if not rows.files:
        findings.add(FILE_MISSING.at("data", "no Parquet file", "data/chunk-000/file-000.parquet"))
        rows.whole = False
    for number, file in enumerate(rows.files):
        _File(root, file, number, info, tasks, rows, findings).read(tell)
    rows.stretches.close()
    if rows.whole:
        _check_stretches(rows, findings)
    return rows


def _check_stretches(rows: Rows, findings: Findings) -> None:
    numbers = rows.stretches.numbers
    wrong = np.flatnonzero(numbers != np.arange(len(numbers)))
    if len(wrong):
        first = int(wrong[0])
        findings.add(
            EPISODE_INDEX.at(
                rows.files[int(rows.stretches.files[first])],
                f"episode {numbers[first]} at row {rows.stretches.firsts[first]} of the dataset",
                f"episode {first} there",
                what="episode_index",
                episode=int(numbers[first]),
                count=len(wrong),
            )
        )


class _File:
    """One data file on its way through the checks."""

    def __init__(
        self,
        root: Path,
        file: str,
        number: int,
        info: Info,
        tasks: int | None,
        rows: Rows,
        findings: Findings,
    ) -> None:
        self._root = root
        self._file = file
        self._number = number
        self._info = info
        self._tasks = tasks
        self._rows = rows
        self._findings = findings
        self._row = 0

    def read(self, tell: Callable[[int], None]) -> None:
        table = open_table(self._root, self._file, self._findings)
        if table is None:
            self._rows.whole = False
            return
        self._check_columns(table.schema_arrow.names)
        # Pictures in the data are looked at by --deep alone: they may be gigabytes.
        read = [
            name
            for name, feature in self._info.columns.items()
            if name in table.schema_arrow.names and feature.dtype != "image"
        ]
        size = (self._root / self._file).stat().st_size
        due, start = table.metadata.num_rows, self._rows.count
        for batch in batches(table, self._file, self._findings, read):
            self._batch(batch)
            tell(size * len(batch) // max(due, 1))
        if self._row != due:
            self._rows.whole = False
        elif "episode_index" in read:
            self._check_row_groups(table.metadata, start)

    def _check_columns(self, names: Sequence[str]) -> None:
        declared = self._info.columns
        videos = set(self._info.cameras)
        for name in names:
            if name not in declared and name not in self._info.raw.get("features", {}):
                what = "no feature of that name"
            elif name in videos:
                what = "a feature that is a video, and no column"
            else:
                continue
            self._findings.add(DATA_COLUMN.at(self._file, "a column", what, what=name))
        for name in declared:
            if name not in names:
                self._findings.add(
                    DATA_COLUMN.at(self._file, "no such column", "a declared feature", what=name)
                )

    def _check_row_groups(self, metadata: Any, start: int) -> None:
        groups = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
        begins = np.cumsum([start, *groups])[:-1]
        firsts = self._rows.stretches.firsts_of(self._number)
        if not np.array_equal(begins, firsts):
            got = f"{len(groups)} row groups for {len(firsts)} episodes"
            if len(groups) == len(firsts):
                got += ", with other bounds"
            self._findings.add(ROW_GROUPS.at(self._file, got, "one row group an episode"))

    def _batch(self, batch: Any) -> None:
        numbers: dict[str, npt.NDArray[Any]] = {}
        for name in batch.schema.names:
            feature = self._info.columns[name]
            column = batch.column(batch.schema.get_field_index(name))
            read = read_column(column, feature, self._file, self._row, self._findings)
            if read is not None:
                numbers[name] = read[:, 0] if feature.shape == (1,) else read
                self._values(feature, read)
        if "episode_index" in numbers:
            episodes = numbers["episode_index"]
            places = self._rows.stretches.add(episodes, self._number, numbers.get("action"))
            self._compare("frame_index", FRAME_INDEX, numbers, places)
            self._timestamps(numbers, places)
        self._compare("index", INDEX, numbers, np.arange(len(batch)) + self._rows.count)
        self._task_indexes(numbers)
        self._row += len(batch)
        self._rows.count += len(batch)

    def _values(self, feature: Feature, read: npt.NDArray[Any]) -> None:
        moments = self._rows.moments.setdefault(feature.name, Moments(feature.width))
        if read.dtype.kind == "f":
            finite = np.isfinite(read).all(axis=1)
            if not finite.all():
                self._rows.spoilt.add(feature.name)
                row = int(np.flatnonzero(~finite)[0])
                element = int(np.flatnonzero(~np.isfinite(read[row]))[0])
                got = f"{read[row, element]} in {feature.label(element)}"
                self._found(NOT_FINITE, feature.name, got, "finite numbers", ~finite)
                read = read[finite]
            elif feature.is_learnt and (huge := (np.abs(read) > _HUGE).any(axis=1)).any():
                got = f"{np.abs(read).max():.3g}"
                self._found(HUGE, feature.name, got, f"at most {_HUGE:g}", huge)
        moments.add(read)

    def _compare(
        self, name: str, code: Code, numbers: _Numbers, due: npt.NDArray[np.int64]
    ) -> None:
        if (got := numbers.get(name)) is not None and (wrong := got != due).any():
            first = int(np.flatnonzero(wrong)[0])
            self._found(code, name, str(got[first]), str(due[first]), wrong, numbers)

    def _timestamps(self, numbers: _Numbers, places: npt.NDArray[np.int64]) -> None:
        fps = self._info.fps
        if fps is None or not {"timestamp", "frame_index"} <= numbers.keys():
            return
        stored = numbers["timestamp"].astype(np.float64)
        due = numbers["frame_index"] / fps
        # One that fits the place of its row shows that frame_index is wrong, which is found.
        off = np.minimum(np.abs(stored - due), np.abs(stored - places / fps))
        # A float32 cannot hold the time of a long episode any better than this.
        off -= np.spacing(np.abs(due).astype(np.float32))
        wrong = off > TOLERANCE_S
        if not wrong.any():
            return
        first = int(np.flatnonzero(wrong)[0])
        # Half a frame off and nobody knows any more which frame is meant.
        provable = bool((off[wrong] < 0.5 / fps).all())
        self._found(
            TIMESTAMP,
            "timestamp",
            f"{stored[first]:.6f} s in frame {numbers['frame_index'][first]}",
            f"{due[first]:.6f} s",
            wrong,
            numbers,
            repairable=provable,
        )

    def _task_indexes(self, numbers: _Numbers) -> None:
        if self._tasks is None or (got := numbers.get("task_index")) is None:
            return
        if (wrong := (got < 0) | (got >= self._tasks)).any():
            first = int(np.flatnonzero(wrong)[0])
            allowed = f"0 to {self._tasks - 1}"
            self._found(TASK_INDEX, "task_index", str(got[first]), allowed, wrong, numbers)

    def _found(
        self,
        code: Code,
        name: str,
        got: str,
        allowed: str,
        wrong: npt.NDArray[np.bool_],
        numbers: _Numbers | None = None,
        *,
        repairable: bool | None = None,
    ) -> None:
        first = int(np.flatnonzero(wrong)[0])
        episodes = (numbers or {}).get("episode_index")
        self._findings.add(
            code.at(
                self._file,
                got,
                allowed,
                what=name,
                row=self._row + first,
                episode=None if episodes is None else int(episodes[first]),
                count=int(wrong.sum()),
                repairable=repairable,
            )
        )
