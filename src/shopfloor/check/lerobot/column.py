"""One column of the data: does what is stored fit what is declared?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.feature import Feature

__all__ = ["CODES", "DATA_CAST", "arrow_type", "read_column"]

DATA_TYPE = Code(
    "lerobot.data_type",
    "error",
    "A column holds another type than is declared, and cannot be cast to it without loss; it "
    "fails to load",
    "declare what is stored, or store what is declared",
)
DATA_CAST = Code(
    "lerobot.data_cast",
    "warning",
    "A column holds another type than is declared (float64 for float32, lists of any length for "
    "lists of one length) and is cast silently whenever it is loaded",
    "store what is declared",
    repairable=True,
)
DATA_SHAPE = Code(
    "lerobot.data_shape",
    "error",
    "Rows of a column have another shape than is declared",
    "declare the shape that is stored, or drop the rows that have another one",
)
DATA_NULL = Code(
    "lerobot.data_null",
    "error",
    "A column has empty cells; no tensor can be made of them",
    "fill them in where they were recorded, or drop their episodes",
)
CODES = (DATA_TYPE, DATA_CAST, DATA_SHAPE, DATA_NULL)


def arrow_type(feature: Feature) -> Any:
    """Return the Arrow type that LeRobot stores a feature as; None for pictures."""
    import pyarrow as pa

    if feature.is_picture:
        return None
    base = {"float16": pa.float16(), "bool": pa.bool_()}.get(feature.dtype)
    base = base or getattr(pa, feature.dtype)()
    if feature.shape == (1,):
        return base
    if len(feature.shape) == 1:
        return pa.list_(base, feature.shape[0])
    for _ in feature.shape:
        base = pa.list_(base)
    return base


def read_column(
    array: Any, feature: Feature, file: str, row: int, findings: Findings
) -> npt.NDArray[Any] | None:
    """Return a column's numbers as ``(n, width)`` in the declared dtype.

    Args:
        array: A column of a record batch.
        feature: What is declared of it.
        file: Where it is.
        row: Row of the file that the batch begins with.
        findings: Taken up here.

    Returns:
        None where there are no numbers, or they do not fit.
    """
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if array.null_count:
        empty = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        findings.add(
            DATA_NULL.at(
                file,
                "an empty cell",
                "a value in every row",
                what=feature.name,
                row=row + empty,
                count=array.null_count,
            )
        )
        return None
    if not feature.is_number:
        _check_other(array.type, feature, file, findings)
        return None
    wanted = arrow_type(feature)
    stored = array.type
    values = _flat(array, feature, file, row, findings)
    if values is None:
        return None
    base = _base(wanted)
    if values.type != base:
        try:
            values = values.cast(base)
        except (pa.ArrowException, NotImplementedError) as error:
            got = f"{stored} ({' '.join(str(error).split())[:120]})"
            findings.add(DATA_TYPE.at(file, got, str(wanted), what=feature.name))
            return None
    of_one_length = pa.types.is_fixed_size_list(stored) == pa.types.is_fixed_size_list(wanted)
    if _base(stored) != base or (len(feature.shape) == 1 and not of_one_length):
        findings.add(DATA_CAST.at(file, str(stored), str(wanted), what=feature.name))
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers.reshape(len(array), feature.width)


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _base(kind: Any) -> Any:
    while _is_list(kind):
        kind = kind.value_type
    return kind


def _flat(array: Any, feature: Feature, file: str, row: int, findings: Findings) -> Any | None:
    """Return the numbers of nested lists one after the other, if the lists have the right sizes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = () if feature.shape == (1,) else feature.shape
    per_row = 1
    for size in sizes:
        if not _is_list(array.type):
            findings.add(
                DATA_TYPE.at(file, str(array.type), str(arrow_type(feature)), what=feature.name)
            )
            return None
        if pa.types.is_fixed_size_list(array.type):
            wrong = np.full(len(array), array.type.list_size != size)
            got = array.type.list_size
        else:
            lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
            wrong = lengths != size
            got = lengths[wrong][0] if wrong.any() else size
        if wrong.any():
            findings.add(
                DATA_SHAPE.at(
                    file,
                    f"{got} numbers in a row or a part of one",
                    f"shape {list(feature.shape)}",
                    what=feature.name,
                    row=row + int(np.flatnonzero(wrong)[0]) // per_row,
                    count=int(wrong.sum()),
                )
            )
            return None
        array = array.flatten()
        per_row *= size
    if _is_list(array.type):
        findings.add(
            DATA_TYPE.at(file, str(array.type), str(arrow_type(feature)), what=feature.name)
        )
        return None
    if array.null_count:
        empty = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        findings.add(
            DATA_NULL.at(
                file,
                "an empty cell in a row",
                "a value in every place",
                what=feature.name,
                row=row + empty // per_row,
                count=array.null_count,
            )
        )
        return None
    return array


def _check_other(kind: Any, feature: Feature, file: str, findings: Findings) -> None:
    """Check a column of words or pictures."""
    import pyarrow as pa

    types = pa.types
    text = types.is_string(kind) or types.is_large_string(kind)
    if feature.dtype == "string" and not text:
        findings.add(DATA_TYPE.at(file, str(kind), "string", what=feature.name))
    if feature.dtype == "image":
        fields = {field.name for field in kind} if types.is_struct(kind) else set()
        if not (text or types.is_binary(kind) or {"bytes", "path"} <= fields):
            allowed = "struct<bytes: binary, path: string>"
            findings.add(DATA_TYPE.at(file, str(kind), allowed, what=feature.name))
