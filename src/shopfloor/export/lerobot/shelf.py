"""Parquet files of one kind: the next is begun when one is full."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from shopfloor.export.lerobot.place import Place, Sizes
from shopfloor.export.sheet import Sheet

__all__ = ["Shelf"]


class Shelf:
    """Files that are filled one after the other.

    Args:
        out: The dataset's folder.
        pattern: Of their paths in it.
        schema: Their columns.
        sizes: When a new file is begun.
        gather: Rows that wait for one row group, as in ``Sheet``.
    """

    def __init__(
        self, out: Path, pattern: str, schema: pa.Schema, sizes: Sizes, *, gather: int = 1
    ) -> None:
        self.schema = schema
        self._out, self._pattern, self._sizes, self._gather = out, pattern, sizes, gather
        self._place = Place()
        self._sheet: Sheet | None = None

    def room(self, size: int) -> Place:
        """Return the file in which so many bytes [uncompressed] still have room.

        Raises:
            OSError: A file cannot be begun.
        """
        if self._sheet is not None:
            if self._sheet.size_bytes + size <= self._sizes.data_bytes:
                return self._place
            self.close()
            self._place = self._place.after(self._sizes)
        path = self._out / self._place.path(self._pattern)
        self._sheet = Sheet(path, self.schema, compression="snappy", gather=self._gather)
        return self._place

    def add(self, table: pa.Table) -> Place:
        """Append the rows of an episode; return the file that they are in."""
        place = self.room(table.nbytes)
        assert self._sheet is not None  # noqa: S101 - room has begun one
        self._sheet.add(table)
        return place

    def close(self) -> None:
        """Write the end of the file. May be called again."""
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.close()
