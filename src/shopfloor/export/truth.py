"""What only the simulator knows, in files apart: a policy that trains on it sees what no robot can.

    truth/lots.parquet    one row an episode: the goal, and the parts as they lay at the start
    truth/ticks.parquet   one row a tick: where every part is, who touches it, what the cell felt

Lists run over the parts in the order of ``lots.parquet``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopfloor.export.reading import Reading
from shopfloor.export.sheet import Sheet, as_json, whole

__all__ = ["TruthSheets"]

_MASK_BITS = 52  # as ``record.TruthLayout`` packs them
_PART = pa.struct(
    [
        ("id", pa.string()),
        ("colour", pa.string()),
        ("shape", pa.string()),
        ("size", pa.string()),
        ("x_m", pa.float64()),
        ("y_m", pa.float64()),
        ("yaw_rad", pa.float64()),
    ]
)
_LOTS = pa.schema(
    [
        ("episode_index", pa.int64()),
        ("goal", pa.string()),
        ("totes", pa.list_(pa.string())),
        ("parts", pa.list_(_PART)),
    ]
)


class TruthSheets:
    """The files of the truth.

    Args:
        folder: Where they go.
        limbs: Of all episodes.
    """

    def __init__(self, folder: Path, limbs: Sequence[str]) -> None:
        self._limbs = limbs
        self._lots = Sheet(folder / "lots.parquet", _LOTS, gather=100)
        self._ticks = Sheet(folder / "ticks.parquet", _schema(limbs))

    def add(self, reading: Reading) -> None:
        """Append an episode; one from a real cell has no truth.

        Raises:
            RunCorrupt: Its truth is damaged.
        """
        index = reading.chosen.number
        lot = reading.begin["lot"]
        self._lots.add_rows(
            [
                {
                    "episode_index": index,
                    "goal": as_json([order["goal"] for order in lot["orders"]]),
                    "totes": lot["totes"],
                    "parts": lot["parts"],
                }
            ]
        )
        table = reading.episode.truth()
        if table is not None:
            self._ticks.add(_columns(table, index, self._limbs))

    def close(self) -> None:
        """Write the ends of the files. May be called again."""
        self._lots.close()
        self._ticks.close()


def _schema(limbs: Sequence[str]) -> pa.Schema:
    columns: list[tuple[str, pa.DataType]] = [
        ("episode_index", pa.int64()),
        ("tick", pa.int64()),
        ("position_m", pa.list_(pa.list_(pa.float64(), 3))),
        ("quat_wxyz", pa.list_(pa.list_(pa.float64(), 4))),
        ("speed_m_s", pa.list_(pa.float64())),
        ("collision_n", pa.float64()),
    ]
    for limb in limbs:
        columns += [(f"{limb}.jaw_open", pa.bool_()), (f"{limb}.touched", pa.list_(pa.bool_()))]
    return pa.schema(columns)


def _columns(table: npt.NDArray[Any], index: int, limbs: Sequence[str]) -> dict[str, Any]:
    count, parts = len(table), table["speed"].shape[1]
    columns: dict[str, Any] = {
        "episode_index": np.full(count, index, np.int64),
        "tick": whole(table["tick"]),
        "position_m": _lists(table["position"].reshape(-1, 3), parts),
        "quat_wxyz": _lists(table["quat"].reshape(-1, 4), parts),
        "speed_m_s": _lists(table["speed"].reshape(-1), parts),
        "collision_n": table["collision_n"].copy(),
    }
    at = np.arange(parts)
    for limb in limbs:
        words = table[f"{limb}.touched"].astype(np.int64)
        touched = (words[:, at // _MASK_BITS] >> (at % _MASK_BITS) & 1).astype(bool)
        columns[f"{limb}.jaw_open"] = table[f"{limb}.jaw_open"] != 0
        columns[f"{limb}.touched"] = _lists(touched.reshape(-1), parts)
    return columns


def _lists(values: npt.NDArray[Any], each: int) -> pa.ListArray:
    """Return ``(n * each, ...)`` values as a column of n lists."""
    inner = pa.array(np.ascontiguousarray(values).reshape(-1))
    if values.ndim == 2:
        inner = pa.FixedSizeListArray.from_arrays(inner, values.shape[1])
    count = len(values) // each if each else 0
    return pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32) * each, inner)
