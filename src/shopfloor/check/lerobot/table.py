"""Parquet files that may be anything: opened, read in batches, never trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shopfloor.check.finding import Code, Findings

__all__ = ["CODES", "FILE_MISSING", "PARQUET", "batches", "open_table", "read_table"]

_ROWS = 65536

PARQUET = Code(
    "lerobot.parquet",
    "error",
    "A Parquet file cannot be read: most often its writer was killed before the footer, which "
    "comes last, or the file was copied in part",
    "restore it from a copy; rows without a footer are lost to every Parquet reader",
)
FILE_MISSING = Code(
    "lerobot.file_missing",
    "error",
    "A file that the dataset needs or names is not there",
    "restore it from a copy, or download the dataset again",
)
CODES = (PARQUET, FILE_MISSING)

_WRONG: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, KeyError, OverflowError)
"""What pyarrow raises over damaged bytes; its own errors derive from these, but for one."""


def _failures() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (*_WRONG, pa.ArrowException, MemoryError, NotImplementedError)


def open_table(root: Path, file: str, findings: Findings) -> Any | None:
    """Open ``root / file``; None, and a finding, where that fails."""
    import pyarrow.parquet as pq

    if not (root / file).is_file():
        findings.add(FILE_MISSING.at(file, "no such file", "a Parquet file"))
        return None
    try:
        return pq.ParquetFile(root / file, page_checksum_verification=True)
    except _failures() as error:
        _unreadable(file, error, findings)
        return None


def batches(
    table: Any, file: str, findings: Findings, columns: Sequence[str], rows: int = _ROWS
) -> Iterator[Any]:
    """Yield record batches of some columns; damaged bytes become a finding and end it."""
    try:
        yield from table.iter_batches(batch_size=rows, columns=list(columns))
    except _failures() as error:
        _unreadable(file, error, findings)


def read_table(root: Path, file: str, findings: Findings) -> Any | None:
    """Read a small table as a whole; None, and a finding, where that fails."""
    table = open_table(root, file, findings)
    if table is None:
        return None
    try:
        return table.read()
    except _failures() as error:
        _unreadable(file, error, findings)
        return None


def _unreadable(file: str, error: Exception, findings: Findings) -> None:
    said = " ".join(str(error).split())[:200]
    findings.add(PARQUET.at(file, said or type(error).__name__, "a whole Parquet file"))
