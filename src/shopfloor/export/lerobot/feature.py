"""What a row of the dataset holds: the features of ``meta/info.json`` and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pyarrow as pa

from shopfloor.export.align import vectors
from shopfloor.export.setup import Setup

__all__ = ["IMAGES", "SCALARS", "VECTORS", "columns", "features", "rate"]

IMAGES = "observation.images."
VECTORS = {
    "observation.state": "state",
    "observation.velocity": "velocity",
    "observation.wrench": "wrench",
    "action": "action",
}
"""Columns of vectors, and the attribute of ``align.Aligned`` that fills each."""

SCALARS = {
    "next.reward": "float32",
    "next.done": "bool",
    "next.truncated": "bool",
    "next.success": "bool",
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
_TYPES = {"float32": pa.float32(), "bool": pa.bool_(), "int64": pa.int64()}


def features(
    setup: Setup, period_s: Fraction, codecs: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the features as they stand in ``meta/info.json``, given each camera's codec."""
    names = vectors(setup)
    found: dict[str, dict[str, Any]] = {
        key: {"dtype": "float32", "shape": [len(names[what])], "names": list(names[what])}
        for key, what in VECTORS.items()
    }
    for camera, (width, height, _) in setup.cameras.items():
        found[f"{IMAGES}{camera}"] = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": codecs[camera],
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": rate(period_s),
                "video.channels": 3,
                "has_audio": False,
            },
        }
    for key, dtype in SCALARS.items():
        found[key] = {"dtype": dtype, "shape": [1], "names": None}
    return found


def columns(setup: Setup) -> pa.Schema:
    """Return the columns of the data files: every feature that is no video, and nothing else."""
    names = vectors(setup)
    return pa.schema(
        [(key, pa.list_(pa.float32(), len(names[what]))) for key, what in VECTORS.items()]
        + [(key, _TYPES[dtype]) for key, dtype in SCALARS.items()]
    )


def rate(period_s: Fraction) -> int | float:
    """Return the frames per second: an integer where it is one, as readers expect."""
    fps = 1 / period_s
    return fps.numerator if fps.denominator == 1 else float(fps)
