"""``meta/episodes``: where each episode's rows and pictures are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.info import EPISODES_PATH
from shopfloor.check.lerobot.table import FILE_MISSING, batches, open_table

__all__ = [
    "CODES",
    "EPISODES_LOST",
    "EPISODES_ORDER",
    "EPISODE_HOME",
    "EpisodeTable",
    "episode_files",
    "read_episodes",
]

_ROW = ("episode_index", "length", "dataset_from_index", "dataset_to_index")
_DATA = ("data/chunk_index", "data/file_index")
_HOME = ("meta/episodes/chunk_index", "meta/episodes/file_index")
_VIDEO = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")

EPISODES_COLUMN = Code(
    "lerobot.episodes_column",
    "error",
    "A column of meta/episodes is missing, empty in places or of another type; LeRobot finds no "
    "rows or pictures for the episode",
    "restore it from a copy, or export again",
)
EPISODES_ORDER = Code(
    "lerobot.episodes_order",
    "error",
    "The rows of meta/episodes do not stand in the order of episode_index; LeRobot reads them by "
    "position, so that episodes get each other's rows and pictures",
    "sort the rows by episode_index",
    repairable=True,
)
EPISODES_LOST = Code(
    "lerobot.episodes_lost",
    "error",
    "meta/episodes lacks an episode or names one twice; it is read by position, so that every "
    "later episode is taken for another one",
    "restore it from a copy, or export again: what only that row knew is gone",
)
EPISODE_EMPTY = Code(
    "lerobot.episode_empty",
    "error",
    "An episode has no rows",
    "leave it out, and number the others anew",
)
EPISODE_TASKS = Code(
    "lerobot.episode_tasks",
    "warning",
    "An episode names a task that is not in tasks.parquet",
    "add the task to tasks.parquet, or correct the episode's",
)
EPISODE_HOME = Code(
    "lerobot.episode_home",
    "warning",
    "meta/episodes/chunk_index or file_index of a row is not the file that the row is in; LeRobot "
    "appends to the wrong file when it goes on recording",
    "write the file's own numbers there",
    repairable=True,
)
CODES = (
    EPISODES_COLUMN,
    EPISODES_ORDER,
    EPISODES_LOST,
    EPISODE_EMPTY,
    EPISODE_TASKS,
    EPISODE_HOME,
)


@dataclass(eq=False)
class EpisodeTable:
    """The columns of ``meta/episodes`` that say where something is, sorted by episode.

    Memory: 64 bytes an episode and 32 for each of its cameras; statistics stay on the disk.

    Attributes:
        files: Its files, below the dataset, in the order in which LeRobot reads them.
        columns: By name ``(n,)``: int64, or float64 for timestamps; those that can be read.
        whole: Whether all rows could be read.
        lost: Whether a row is missing or double.
        rows: Rows of each episode ``(n,)`` by the data where they are known, else by ``length``.
    """

    files: Sequence[str]
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    whole: bool = True
    lost: bool = False
    rows: npt.NDArray[np.int64] | None = None

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The episodes' indexes, ascending ``(n,)``."""
        numbers: npt.NDArray[np.int64] = self.columns["episode_index"]
        return numbers

    def has(self, *names: str) -> bool:
        """Whether all these columns could be read."""
        return all(name in self.columns for name in names)


def episode_files(root: Path) -> list[str]:
    """Return the files of ``meta/episodes`` in the order in which LeRobot reads them."""
    return sorted(p.relative_to(root).as_posix() for p in root.glob("meta/episodes/*/*.parquet"))


def read_episodes(
    root: Path, cameras: Sequence[str], words: Sequence[str] | None, findings: Findings
) -> EpisodeTable:
    """Read and check the table of episodes, in batches.

    Args:
        root: The dataset.
        cameras: Names of its videos.
        words: Its tasks, or None where unknown.
        findings: Taken up here.
    """
    table = EpisodeTable(episode_files(root))
    if not table.files:
        expected = EPISODES_PATH.format(chunk_index=0, file_index=0)
        findings.add(FILE_MISSING.at("meta/episodes", "no Parquet file", expected))
        table.whole = False
    names = [*_ROW, *_DATA, *_HOME]
    names += [f"videos/{camera}/{what}" for camera in cameras for what in _VIDEO]
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in names}
    for file in table.files:
        if not _read_file(root, file, parts, words, findings):
            table.whole = False
    lengths = {name: sum(map(len, arrays)) for name, arrays in parts.items()}
    rows = lengths["episode_index"]
    for name in names:
        if rows and lengths[name] == rows:
            table.columns[name] = np.concatenate(parts[name])
    if table.whole and table.has("episode_index"):
        _check_order(table, findings)
    table.rows = table.columns.get("length")
    if table.has("length") and (empty := table.columns["length"] == 0).any():
        row = int(np.flatnonzero(empty)[0])
        number = int(table.columns["episode_index"][row])
        findings.add(
            EPISODE_EMPTY.at(
                table.files[0],
                "length 0",
                "1 row or more",
                what="length",
                episode=number,
                count=int(empty.sum()),
            )
        )
    return table


def _read_file(
    root: Path,
    file: str,
    parts: Mapping[str, list[npt.NDArray[Any]]],
    words: Sequence[str] | None,
    findings: Findings,
) -> bool:
    """Read the columns of one file into ``parts``; return whether all rows could be read."""
    table = open_table(root, file, findings)
    if table is None:
        return False
    there = table.schema_arrow.names
    home = _home(file)
    read = [name for name in parts if name in there]
    for name in parts:
        # Only recording goes on by the numbers of its own file.
        if name not in there and name not in _HOME:
            findings.add(
                EPISODES_COLUMN.at(file, "no such column", "a column of numbers", what=name)
            )
    with_tasks = [*read, "tasks"] if "tasks" in there else read
    if "tasks" not in there:
        findings.add(EPISODES_COLUMN.at(file, "no such column", "lists of words", what="tasks"))
    row = 0
    for batch in batches(table, file, findings, with_tasks):
        for name in read:
            numbers = _numbers(batch.column(name), file, name, row, findings)
            if numbers is not None:
                parts[name].append(numbers)
                if name in _HOME and home is not None:
                    due = home[_HOME.index(name)]
                    _check_home(numbers, due, file, name, row, findings)
        if "tasks" in there and words is not None:
            _check_tasks(batch.column("tasks"), words, file, row, findings)
        row += len(batch)
    return bool(row == table.metadata.num_rows)


def _home(file: str) -> tuple[int, int] | None:
    """Return chunk and file index of a file of ``meta/episodes`` by its name."""
    chunk, name = Path(file).parent.name, Path(file).stem
    try:
        return int(chunk.removeprefix("chunk-")), int(name.removeprefix("file-"))
    except ValueError:
        return None


def _numbers(
    column: Any, file: str, name: str, row: int, findings: Findings
) -> npt.NDArray[Any] | None:
    import pyarrow as pa

    wanted = pa.float64() if name.endswith("_timestamp") else pa.int64()
    empty = column.null_count
    got = f"{empty} empty cells" if empty else str(column.type)
    if not empty and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        try:
            numbers: npt.NDArray[Any] = column.cast(wanted).to_numpy(zero_copy_only=False)
            if np.isfinite(numbers).all():
                return numbers
            got = "numbers that are not finite"
        except pa.ArrowException as error:
            got = " ".join(str(error).split())[:120]
    findings.add(
        EPISODES_COLUMN.at(
            file, got, f"{wanted} in every row", what=name, row=row, count=max(empty, 1)
        )
    )
    return None


def _check_home(
    numbers: npt.NDArray[Any], due: int, file: str, name: str, row: int, findings: Findings
) -> None:
    if (wrong := numbers != due).any():
        first = int(np.flatnonzero(wrong)[0])
        findings.add(
            EPISODE_HOME.at(
                file,
                str(numbers[first]),
                str(due),
                what=name,
                row=row + first,
                count=int(wrong.sum()),
            )
        )


def _check_tasks(
    column: Any, words: Sequence[str], file: str, row: int, findings: Findings
) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    types = pa.types
    if not (types.is_list(column.type) or types.is_large_list(column.type)):
        got = str(column.type)
        findings.add(EPISODES_COLUMN.at(file, got, "lists of words", what="tasks"))
        return
    named = column.flatten()
    for word in named.unique().to_pylist():
        if word not in words:
            at = pc.index(named, word).as_py()
            parents = pc.list_parent_indices(column)
            findings.add(
                EPISODE_TASKS.at(
                    file,
                    repr(word),
                    "a task of tasks.parquet",
                    what="tasks",
                    row=row + parents[at].as_py() if at >= 0 else None,
                )
            )


def _check_order(table: EpisodeTable, findings: Findings) -> None:
    """Check that row n is episode n, and sort the table so that the rest can be looked at."""
    numbers = table.numbers
    due = np.arange(len(numbers))
    if np.array_equal(numbers, due):
        return
    row = int(np.flatnonzero(numbers != due)[0])
    code = EPISODES_ORDER if np.array_equal(np.sort(numbers), due) else EPISODES_LOST
    table.lost = code is EPISODES_LOST
    got = f"episode {numbers[row]} in row {row}"
    findings.add(
        code.at(
            table.files[0],
            got,
            f"episode {row} there",
            what="episode_index",
            row=row,
            episode=int(numbers[row]),
            count=int((numbers != due).sum()),
        )
    )
    # Of two rows for one episode the first counts.
    _, order = np.unique(numbers, return_index=True)
    table.columns = {name: column[order] for name, column in table.columns.items()}
