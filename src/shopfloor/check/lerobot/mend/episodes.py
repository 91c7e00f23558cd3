"""Mends ``meta/episodes``: the order of the rows, and where the data of each episode are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.check.finding import Finding, Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.episodes import EPISODE_HOME, EPISODES_ORDER, episode_files
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.mend.info import numbers_of
from shopfloor.check.lerobot.rows import Rows, read_rows
from shopfloor.check.lerobot.span import EPISODE_FILE, EPISODE_LENGTH, EPISODE_SPAN
from shopfloor.check.lerobot.table import read_table

__all__ = ["mend_episodes"]

_FROM_DATA = (EPISODE_LENGTH, EPISODE_SPAN, EPISODE_FILE)


def mend_episodes(root: Path, info: Info, able: Sequence[Finding], keeper: Keeper) -> None:
    """Sort the rows by episode, and write what the data say of each."""
    codes = {finding.code for finding in able}
    wanted = {code.name for code in (*_FROM_DATA, EPISODES_ORDER, EPISODE_HOME)}
    if not codes & wanted:
        return
    files = episode_files(root)
    tables = [table for file in files if (table := read_table(root, file, Findings())) is not None]
    if len(tables) < len(files):
        return
    joined = _joined(tables)
    if joined is None:
        return
    done = []
    if EPISODES_ORDER.name in codes:
        joined = joined.sort_by("episode_index")
        done.append("rows sorted by episode_index")
    if codes & {code.name for code in _FROM_DATA}:
        rows = read_rows(root, info, None, Findings())
        mended = _from_data(joined, rows, info)
        if mended is not None:
            joined = mended
            done.append("lengths, indexes and files as in the data")
    if not done and EPISODE_HOME.name not in codes:
        return
    if EPISODE_HOME.name in codes:
        done.append("own file numbers")
    _write(files, [len(table) for table in tables], joined, ", ".join(done), keeper)


def _joined(tables: Sequence[Any]) -> Any | None:
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException:
        return None


def _from_data(joined: Any, rows: Rows, info: Info) -> Any | None:
    """Put into the table what the data say; None where an episode has no one place there."""
    numbers = joined["episode_index"].to_numpy()
    stretches = rows.stretches
    if not rows.whole or stretches.count() != len(stretches.numbers):
        return None
    if not np.array_equal(np.sort(numbers), np.sort(stretches.numbers)):
        return None
    order = np.argsort(stretches.numbers)
    at = order[np.searchsorted(stretches.numbers[order], numbers)]
    firsts, lengths = stretches.firsts[at], stretches.lengths[at]
    due = {
        "length": lengths,
        "dataset_from_index": firsts,
        "dataset_to_index": firsts + lengths,
    }
    places = [numbers_of(file) for file in rows.files]
    if info.data_path is not None and all(
        place is not None
        and info.data_path.format(chunk_index=place[0], file_index=place[1]) == file
        for place, file in zip(places, rows.files, strict=True)
    ):
        pairs = np.array([place for place in places if place is not None])[stretches.files[at]]
        due |= {"data/chunk_index": pairs[:, 0], "data/file_index": pairs[:, 1]}
    for name, values in due.items():
        joined = _with(joined, name, values)
    return joined


def _with(table: Any, name: str, values: Any) -> Any:
    import pyarrow as pa

    if name not in table.column_names:
        return table
    kind = table.schema.field(name).type
    array = pa.array(np.asarray(values)).cast(kind)
    return table.set_column(table.column_names.index(name), table.schema.field(name), array)


def _write(
    files: Sequence[str], sizes: Sequence[int], joined: Any, change: str, keeper: Keeper
) -> None:
    import pyarrow.parquet as pq

    start = 0
    for file, size in zip(files, sizes, strict=True):
        part = joined.slice(start, size)
        start += size
        if (home := numbers_of(file)) is not None:
            names = ("meta/episodes/chunk_index", "meta/episodes/file_index")
            for name, number in zip(names, home, strict=True):
                part = _with(part, name, np.full(size, number))
        keeper.replace(file, change, lambda path, part=part: pq.write_table(part, path))  # type: ignore[misc]
