"""``meta/tasks.parquet``: which words belong to a task index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.info import TASKS
from shopfloor.check.lerobot.table import read_table

__all__ = ["CODES", "TASKS_INDEX", "TASKS_ORDER", "Tasks", "read_tasks", "word_column"]

TASKS_INDEX = Code(
    "lerobot.tasks_index",
    "error",
    "The task strings are not the pandas index of tasks.parquet; LeRobot takes a task's words "
    "from the index, so that every instruction becomes a number such as `0`",
    "write it with pandas and the tasks as index, or with the pandas metadata that says so",
    repairable=True,
)
TASKS_ORDER = Code(
    "lerobot.tasks_order",
    "error",
    "The rows of tasks.parquet do not stand in the order of task_index; LeRobot reads them by "
    "position, so that episodes get each other's instructions",
    "sort the rows by task_index",
    repairable=True,
)
TASKS_NUMBERS = Code(
    "lerobot.tasks_numbers",
    "error",
    "task_index in tasks.parquet is missing, double or has a gap; LeRobot reads by position",
    "number the tasks from 0, and the rows of the data with them",
)
TASKS_DOUBLE = Code(
    "lerobot.tasks_double",
    "warning",
    "The same words stand for two task indexes; LeRobot fails when it adds an episode",
    "merge the two",
)
CODES = (TASKS_INDEX, TASKS_ORDER, TASKS_NUMBERS, TASKS_DOUBLE)


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of a dataset.

    Attributes:
        count: How many rows the table has.
        words: The instructions, in the order of the rows; empty where no column holds them.
    """

    count: int
    words: tuple[str, ...]


def read_tasks(root: Path, findings: Findings) -> Tasks | None:
    """Read and check the tasks; None where the file cannot be read."""
    table = read_table(root, TASKS, findings)
    if table is None:
        return None
    _check_numbers(table, findings)
    name = word_column(table.schema)
    if name is None or name not in _index_columns(table.schema):
        got = f"the columns {', '.join(table.column_names)}; index: none of text"
        allowed = "the tasks as pandas index named task, beside the column task_index"
        findings.add(TASKS_INDEX.at(TASKS, got, allowed, repairable=name is not None))
    words = tuple(str(word) for word in table[name].to_pylist()) if name is not None else ()
    if len(set(words)) < len(words):
        twice = next(word for word in words if words.count(word) > 1)
        findings.add(
            TASKS_DOUBLE.at(TASKS, f"{twice!r} {words.count(twice)} times", "each task once")
        )
    return Tasks(table.num_rows, words)


def _index_columns(schema: Any) -> list[str]:
    """Return the columns that pandas would make the index."""
    try:
        said = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        # pandas raises KeyError over an index that is not described among the columns.
        described = {column["field_name"] for column in said.get("columns", ())}
        return [name for name in said.get("index_columns", ()) if name in described]
    except (ValueError, AttributeError, TypeError, KeyError):
        return []


def word_column(schema: Any) -> str | None:
    """Return the one column that holds the words of the tasks, or None."""
    import pyarrow as pa

    def is_text(kind: Any) -> bool:
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    texts = [field.name for field in schema if is_text(field.type)]
    if "task" in texts:
        return "task"
    return texts[0] if len(texts) == 1 else None


def _check_numbers(table: Any, findings: Findings) -> None:
    import pyarrow as pa

    names = table.column_names
    if "task_index" not in names or not pa.types.is_integer(table["task_index"].type):
        got = str(table["task_index"].type) if "task_index" in names else "no such column"
        findings.add(TASKS_NUMBERS.at(TASKS, got, "int64", what="task_index"))
        return
    if table["task_index"].null_count:
        findings.add(TASKS_NUMBERS.at(TASKS, "a row without one", "int64", what="task_index"))
        return
    numbers = table["task_index"].to_numpy()
    due = np.arange(len(numbers))
    if np.array_equal(numbers, due):
        return
    row = int(np.flatnonzero(numbers != due)[0])
    got = f"{numbers[row]} in row {row}"
    code = TASKS_ORDER if np.array_equal(np.sort(numbers), due) else TASKS_NUMBERS
    findings.add(code.at(TASKS, got, f"0 to {len(due) - 1} in order", what="task_index", row=row))
