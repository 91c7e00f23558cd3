"""Do the episodes' own figures fit the data?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.episodes import EPISODES_LOST, EpisodeTable
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.rows import EPISODE_INDEX, Rows
from shopfloor.check.lerobot.table import FILE_MISSING

__all__ = [
    "CODES",
    "DUPLICATE",
    "EPISODE_FILE",
    "EPISODE_LENGTH",
    "EPISODE_SPAN",
    "FILE_STRAY",
    "check_named",
    "check_spans",
    "check_strays",
    "paths",
    "rows_at",
]

EPISODE_LENGTH = Code(
    "lerobot.episode_length",
    "error",
    "`length` is not the number of rows that the episode has in the data",
    "write the number of rows",
    repairable=True,
)
EPISODE_SPAN = Code(
    "lerobot.episode_span",
    "error",
    "dataset_from_index or dataset_to_index is not where the episode's rows are; chunks of "
    "actions are padded too early or reach into the next episode",
    "write where the rows are",
    repairable=True,
)
EPISODE_FILE = Code(
    "lerobot.episode_file",
    "error",
    "data/chunk_index and data/file_index name another file than the one that holds the "
    "episode's rows; a download of that episode gets the wrong file",
    "write the numbers of the file that holds them",
    repairable=True,
)
FILE_STRAY = Code(
    "lerobot.file_stray",
    "error",
    "A Parquet file lies where LeRobot reads every file, though no episode is in it; its rows are "
    "read along and shift what comes after",
    "move it out of the dataset",
)
DUPLICATE = Code(
    "lerobot.duplicate",
    "warning",
    "Two episodes have the same actions, byte for byte",
    "leave one of them out, or it counts double",
)
CODES = (EPISODE_LENGTH, EPISODE_SPAN, EPISODE_FILE, FILE_STRAY, DUPLICATE)


def check_spans(info: Info, table: EpisodeTable, rows: Rows, findings: Findings) -> None:
    """Compare the table of episodes with the data.

    Args:
        info: What the dataset says.
        table: Its table of episodes.
        rows: What its data came to; not whole where a file is missing that episodes name.
        findings: Taken up here.
    """
    for first, second in rows.stretches.twins[:1]:
        findings.add(
            DUPLICATE.at(
                rows.files[0],
                f"episode {second} acts as episode {first} does",
                "each episode once",
                what="action",
                episode=second,
                count=len(rows.stretches.twins),
            )
        )
    if not (table.whole and rows.whole and table.has("episode_index")):
        return
    stretches = rows.stretches
    if stretches.count() != len(stretches.numbers):
        return  # an episode in two pieces has no one place; that is found already
    there = np.argsort(stretches.numbers, kind="stable")
    numbers = stretches.numbers[there]
    known = np.isin(numbers, table.numbers)
    if not known.all() and not table.lost:
        table.lost = True
        missing = int(numbers[~known][0])
        findings.add(
            EPISODES_LOST.at(
                table.files[0],
                f"no row for episode {missing}, which the data hold",
                "one row an episode",
                what="episode_index",
                episode=missing,
                count=int((~known).sum()),
            )
        )
    places = np.searchsorted(numbers, table.numbers)
    held = np.isin(table.numbers, numbers)
    at = there[np.minimum(places, max(len(there) - 1, 0))] if len(there) else places
    lengths = np.where(held, stretches.lengths[at] if len(there) else 0, 0)
    _compare(table, "length", lengths, EPISODE_LENGTH, findings)
    table.rows = lengths
    if not len(there) or findings.has(EPISODE_INDEX):
        return  # in another order nothing is where it should be
    _compare(table, "dataset_from_index", stretches.firsts[at], EPISODE_SPAN, findings, held)
    ends = stretches.firsts[at] + stretches.lengths[at]
    _compare(table, "dataset_to_index", ends, EPISODE_SPAN, findings, held)
    _check_files(info, table, rows, stretches.files[at], held, findings)


def _compare(
    table: EpisodeTable,
    name: str,
    due: npt.NDArray[np.int64],
    code: Code,
    findings: Findings,
    where: npt.NDArray[np.bool_] | None = None,
) -> None:
    if not table.has(name):
        return
    wrong = table.columns[name] != due
    if where is not None:
        wrong &= where
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        findings.add(
            code.at(
                table.files[0],
                str(table.columns[name][first]),
                str(due[first]),
                what=name,
                episode=int(table.numbers[first]),
                count=int(wrong.sum()),
            )
        )


def _check_files(
    info: Info,
    table: EpisodeTable,
    rows: Rows,
    files: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_],
    findings: Findings,
) -> None:
    keys = ("data/chunk_index", "data/file_index")
    if info.data_path is None or not table.has(*keys):
        return
    named = paths(table, keys, info.data_path, {})
    for place, path in named.items():
        mine = rows_at(table, keys, place)
        if path not in rows.files:
            continue  # named below as missing
        wrong = mine & held & (files != rows.files.index(path))
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            findings.add(
                EPISODE_FILE.at(
                    table.files[0],
                    path,
                    rows.files[int(files[first])],
                    what="data/file_index",
                    episode=int(table.numbers[first]),
                    count=int(wrong.sum()),
                )
            )


def paths(
    table: EpisodeTable, keys: tuple[str, str], template: str, more: Mapping[str, Any]
) -> dict[tuple[int, int], str]:
    """Return the files that a pair of columns names (chunk, file), by that pair."""
    chunks, files = (table.columns[key] for key in keys)
    # Episodes of one file follow each other nearly always; only where they end is looked at.
    ends = np.flatnonzero((np.diff(chunks, append=-1) != 0) | (np.diff(files, append=-1) != 0))
    ends = np.union1d(ends, [len(chunks) - 1] if len(chunks) else []).astype(np.int64)
    pairs = sorted(set(zip(chunks[ends].tolist(), files[ends].tolist(), strict=True)))
    return {
        (chunk, file): template.format(chunk_index=chunk, file_index=file, **more)
        for chunk, file in pairs
    }


def rows_at(
    table: EpisodeTable, keys: tuple[str, str], place: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Return which episodes a pair of columns places in one file ``(n,)``."""
    chunk, file = keys
    here: npt.NDArray[np.bool_] = (table.columns[chunk] == place[0]) & (
        table.columns[file] == place[1]
    )
    return here


def check_named(
    root: Path, info: Info, table: EpisodeTable, rows: Rows, findings: Findings
) -> None:
    """Find data files that episodes name and nobody has: without them the rows are not whole."""
    keys = ("data/chunk_index", "data/file_index")
    if info.data_path is None or not table.has(*keys):
        return
    for path in sorted(set(paths(table, keys, info.data_path, {}).values()) - set(rows.files)):
        if not (root / path).is_file():
            findings.add(FILE_MISSING.at(path, "no such file", "the data file that episodes name"))
            rows.whole = False


def check_strays(info: Info, table: EpisodeTable, rows: Rows, findings: Findings) -> None:
    """Find data files that no episode names."""
    keys = ("data/chunk_index", "data/file_index")
    if info.data_path is None or not table.has(*keys):
        return
    named = set(paths(table, keys, info.data_path, {}).values())
    if not table.whole or table.lost or not rows.whole:
        return
    if findings.has(EPISODE_FILE):
        return  # not a stray then: its episodes are named as another file's
    for path in sorted(set(rows.files) - named):
        findings.add(FILE_STRAY.at(path, "a file of no episode", "files that episodes name"))
