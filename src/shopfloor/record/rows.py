"""Rows of one stream on their way into a log: collected in a block, written as one record."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shopfloor.record.log import LogWriter
from shopfloor.record.squeeze import squeeze

__all__ = ["RowStream"]


class RowStream:
    """Collects rows of float64 and appends them to a log a block at a time.

    One record for many ticks keeps the cost of a tick at that of copying its numbers.

    Args:
        log: Where the blocks go.
        width: Numbers in a row.
        rows: Rows in a block.
        digest: Given the raw bytes of each block.
    """

    __slots__ = ("_block", "_count", "_digest", "_log", "_rows", "total")

    def __init__(
        self, log: LogWriter, *, width: int, rows: int, digest: Callable[[bytes], None]
    ) -> None:
        self._log = log
        self._block = np.zeros((rows, width), dtype="<f8")
        self._rows = list(self._block)
        self._digest = digest
        self._count = 0
        self.total = 0

    @property
    def row(self) -> npt.NDArray[np.float64]:
        """The row ``(width,)`` to fill next; it holds numbers of an earlier tick."""
        return self._rows[self._count]

    def advance(self) -> bool:
        """Keep the row just filled; return whether the block is full and must be flushed."""
        self._count += 1
        self.total += 1
        return self._count == len(self._rows)

    def flush(self) -> None:
        """Append the rows collected so far to the log, and have the log written out.

        Raises:
            RunUnwritable: The log cannot be written.
        """
        if self._count:
            rows = self._block[: self._count]
            self._log.append("rows", squeeze(rows))
            self._digest(rows.tobytes())
            self._count = 0
        self._log.flush()
