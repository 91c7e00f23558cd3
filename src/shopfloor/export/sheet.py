"""One Parquet file that grows by an episode at a time, and values that Parquet can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Sheet", "as_json", "text", "vector", "whole"]


class Sheet:
    """A Parquet file; each ``add`` becomes one row group, so memory holds one episode.

    Args:
        path: Where it goes; its folder is made.
        schema: Its columns.
        compression: ``zstd``, or ``snappy`` as LeRobot writes.
        gather: Rows that wait for one row group, where an ``add`` brings a single row: each
            column of each row group costs about a hundred bytes of the file's footer.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, *, compression: str = "zstd", gather: int = 1
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.schema = schema
        self._gather = gather
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._file = path.open("xb")
        try:
            self._writer = pq.ParquetWriter(self._file, schema, compression=compression)
        except BaseException:
            self._file.close()
            raise

    @property
    def size_bytes(self) -> int:
        """Size of the file so far, without its footer; what waits counts uncompressed [bytes]."""
        return self._file.tell() + self._waiting_bytes

    def add(self, columns: Mapping[str, Any] | pa.Table) -> None:
        """Append rows.

        Args:
            columns: A list or array for each column of the schema. No rows leave no trace.
        """
        if not isinstance(columns, pa.Table):
            columns = pa.table(dict(columns), schema=self.schema)
        if columns.num_rows:
            self._waiting.append(columns)
            self._waiting_bytes += columns.nbytes
            if sum(table.num_rows for table in self._waiting) >= self._gather:
                self._write()

    def add_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows that are given one by one, with a value for each column."""
        self.add(pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema))

    def close(self) -> None:
        """Write the end of the file. May be called again."""
        try:
            if self._writer.is_open:
                self._write()
            self._writer.close()
        finally:
            self._file.close()

    def _write(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            self._writer.write_table(table, row_group_size=table.num_rows)


def vector(values: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """Return an array ``(n, d)`` as a column of n vectors, without a copy of each."""
    return pa.FixedSizeListArray.from_arrays(
        pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1]
    )


def whole(values: npt.NDArray[np.float64]) -> pa.Array:
    """Return whole numbers that a log holds as float64; NaN, which is "none", as null."""
    absent = np.isnan(values)
    return pa.array(np.where(absent, 0, values).astype(np.int64), mask=absent)


def text(value: str) -> str:
    """Return a string without the lone surrogates that a model's JSON may hold."""
    return value.encode("utf-8", "replace").decode()


def as_json(value: Any) -> str:
    """Return plain values as JSON that every reader takes: no NaN, no bytes, pure ASCII."""
    return json.dumps(_tame(value), allow_nan=False)


def _tame(value: Any) -> Any:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {str(key): _tame(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_tame(item) for item in value]
    return value
