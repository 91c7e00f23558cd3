"""Mends ``meta/tasks.parquet``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shopfloor.check.finding import Finding, Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.info import TASKS
from shopfloor.check.lerobot.table import read_table
from shopfloor.check.lerobot.tasks import TASKS_INDEX, TASKS_ORDER, word_column

__all__ = ["mend_tasks"]


def mend_tasks(root: Path, able: Sequence[Finding], keeper: Keeper) -> None:
    """Sort the tasks by their index, and make their words the pandas index."""
    import pyarrow.parquet as pq

    codes = {finding.code for finding in able} & {TASKS_INDEX.name, TASKS_ORDER.name}
    table = read_table(root, TASKS, Findings()) if codes else None
    name = None if table is None else word_column(table.schema)
    if table is None or name is None or "task_index" not in table.column_names:
        return
    if TASKS_ORDER.name in codes:
        table = table.sort_by("task_index")
    if TASKS_INDEX.name in codes:
        table = table.select(["task_index", name]).rename_columns(["task_index", "task"])
        table = table.replace_schema_metadata({"pandas": json.dumps(_pandas(table.schema))})
    done = {TASKS_INDEX.name: "tasks made the index", TASKS_ORDER.name: "sorted by task_index"}
    change = ", ".join(done[code] for code in sorted(codes))
    keeper.replace(TASKS, change, lambda path: pq.write_table(table, path))


def _pandas(schema: Any) -> dict[str, Any]:
    """Return the metadata with which pandas writes a table whose index is ``task``."""
    columns = [
        {
            "name": field.name,
            "field_name": field.name,
            "pandas_type": "int64" if field.name == "task_index" else "unicode",
            "numpy_type": "int64" if field.name == "task_index" else "object",
            "metadata": None,
        }
        for field in schema
    ]
    labels = [
        {
            "name": None,
            "field_name": None,
            "pandas_type": "unicode",
            "numpy_type": "object",
            "metadata": {"encoding": "UTF-8"},
        }
    ]
    return {
        "index_columns": ["task"],
        "column_indexes": labels,
        "columns": columns,
        "creator": {"library": "pyarrow", "version": _version()},
        "pandas_version": "2.0.0",
    }


def _version() -> str:
    import pyarrow as pa

    return str(pa.__version__)
