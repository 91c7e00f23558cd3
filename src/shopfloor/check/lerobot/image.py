"""Pictures that stand in the data themselves, decoded one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.feature import Feature
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.rows import Rows
from shopfloor.check.lerobot.table import batches, open_table

__all__ = ["CODES", "check_images"]

_ROWS = 64

IMAGE = Code(
    "lerobot.image",
    "error",
    "A picture in the data cannot be decoded, or has another size than is declared (--deep)",
    "restore it from a copy, or leave its episode out",
)
CODES = (IMAGE,)


def check_images(root: Path, info: Info, rows: Rows, findings: Findings) -> None:
    """Decode every picture of the data files."""
    pictures = {name: f for name, f in info.columns.items() if f.dtype == "image"}
    if not pictures:
        return
    for file in rows.files:
        table = open_table(root, file, findings)
        if table is None:
            continue
        read = [name for name in pictures if name in table.schema_arrow.names]
        row = 0
        for batch in batches(table, file, findings, read, _ROWS):
            for name in read:
                for place, cell in enumerate(batch.column(name).to_pylist()):
                    if (why := _wrong(cell, pictures[name])) is not None:
                        width, height = pictures[name].size
                        findings.add(
                            IMAGE.at(
                                file,
                                why,
                                f"a picture of {width} x {height} px",
                                what=name,
                                row=row + place,
                            )
                        )
            row += len(batch)


def _wrong(cell: Any, feature: Feature) -> str | None:
    """Return what is wrong with a picture; one in a file outside the table is not looked at."""
    import cv2

    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes):
        return None if isinstance(cell, dict) and cell.get("path") else "no picture"
    picture = None
    if data:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        return "bytes that are no picture"
    if (picture.shape[1], picture.shape[0]) != feature.size:
        return f"{picture.shape[1]} x {picture.shape[0]} px"
    return None
