"""Mends data files: types as declared, timestamps as counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.check.finding import Finding, Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.column import DATA_CAST, arrow_type
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.rows import FRAME_INDEX, TIMESTAMP
from shopfloor.check.lerobot.table import open_table
from shopfloor.check.report import Report

__all__ = ["mend_data", "rewrite"]


def mend_data(root: Path, info: Info, report: Report, keeper: Keeper) -> None:
    """Rewrite the data files that hold a repairable cast or timestamp, row group by row group."""
    import pyarrow as pa

    files: dict[str, list[Finding]] = {}
    counted_wrong = {f.file for f in report.findings if f.code == FRAME_INDEX.name}
    for finding in report.findings:
        if finding.code == TIMESTAMP.name and finding.file in counted_wrong:
            continue  # what a timestamp is made of is in doubt itself
        if finding.repairable and finding.code in {DATA_CAST.name, TIMESTAMP.name}:
            files.setdefault(finding.file, []).append(finding)
    for file, findings in files.items():
        table = open_table(root, file, Findings())
        if table is None:
            continue
        columns = [f.what for f in findings if f.code == DATA_CAST.name]
        timed = any(f.code == TIMESTAMP.name for f in findings)
        done = [f"{name} stored as {arrow_type(info.features[name])}" for name in columns]
        if timed:
            done.append("timestamp = frame_index / fps")

        def change(rows: Any, columns: Sequence[str] = columns, timed: bool = timed) -> Any:  # noqa: FBT001
            for name in columns:
                place = rows.column_names.index(name)
                cast = rows[name].cast(arrow_type(info.features[name]))
                rows = rows.set_column(place, name, cast)
            return _timed(rows, info) if timed else rows

        try:
            change(table.read_row_group(0))
            keeper.replace(file, ", ".join(done), lambda path: rewrite(table, path, change))  # noqa: B023
        except (pa.ArrowException, NotImplementedError, IndexError):
            continue  # a later row group does not fit either; that is found under another code


def _timed(rows: Any, info: Info) -> Any:
    import pyarrow as pa

    if info.fps is None:
        return rows
    stamps = rows["frame_index"].to_numpy() / info.fps
    place = rows.column_names.index("timestamp")
    kind = rows.schema.field("timestamp").type
    return rows.set_column(place, "timestamp", pa.array(stamps.astype(np.float32)).cast(kind))


def rewrite(table: Any, path: Path, change: Any) -> None:
    """Write a Parquet file again, each row group changed; the row groups stay as they are."""
    import pyarrow.parquet as pq

    metadata = table.metadata
    packed = metadata.row_group(0).column(0).compression if metadata.num_row_groups else "SNAPPY"
    packed = {"UNCOMPRESSED": "NONE"}.get(packed, packed)
    writer = None
    try:
        for number in range(metadata.num_row_groups):
            rows = change(table.read_row_group(number))
            # It describes the types that were there before.
            kept = dict(rows.schema.metadata or {})
            kept.pop(b"huggingface", None)
            rows = rows.replace_schema_metadata(kept)
            writer = writer or pq.ParquetWriter(path, rows.schema, compression=packed)
            writer.write_table(rows, row_group_size=max(len(rows), 1))
    finally:
        if writer is not None:
            writer.close()
