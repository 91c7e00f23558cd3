"""Features: what is declared of each column and camera, and how a column lies in Arrow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopfloor.check.finding import Code, Findings

__all__ = ["CODES", "DEFAULTS", "FEATURE", "FEATURE_DEFAULT", "Feature", "read_features"]

DEFAULTS: Mapping[str, str] = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""The features that every dataset has, with their dtype; their shape is (1,)."""

_NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_DTYPES = _NUMBERS | {"string", "image", "video"}
_MOST_DIMS = 5

FEATURE = Code(
    "lerobot.feature",
    "error",
    "A feature is not declared as LeRobot needs it: dtype, shape, names, and no `/` in its name",
    "declare it as LeRobot writes it",
)
FEATURE_DEFAULT = Code(
    "lerobot.feature_default",
    "error",
    "One of the five default features is not declared, or with another dtype or shape; its "
    "column then fails to load as undeclared, or is read as something else",
    "declare the five default features as LeRobot does",
    repairable=True,
)
CODES = (FEATURE, FEATURE_DEFAULT)


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """A declared feature.

    Attributes:
        name: Its name.
        dtype: Of a number, ``string``, ``image`` or ``video``.
        shape: Of one row; a plain number has (1,).
        names: Of its dimensions or elements, or None.
        info: Of a video, else empty.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    names: Any
    info: Mapping[str, Any]

    @property
    def is_number(self) -> bool:
        """Whether its rows are numbers (or truth values)."""
        return self.dtype in _NUMBERS

    @property
    def is_picture(self) -> bool:
        """Whether its rows are pictures."""
        return self.dtype in {"image", "video"}

    @property
    def is_learnt(self) -> bool:
        """Whether a policy sees it: its numbers are normalised."""
        return self.name.startswith(("observation", "action"))

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return math.prod(self.shape)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures [px]."""
        first = str(self.names[0]) if isinstance(self.names, list) and self.names else ""
        height, width = self.shape[1:] if first.startswith("channel") else self.shape[:2]
        return width, height

    def label(self, element: int) -> str:
        """Return what an element of a row is called."""
        names = self.names
        if isinstance(names, dict) and len(names) == 1:
            names = next(iter(names.values()))
        if isinstance(names, list) and len(names) == self.width:
            return str(names[element])
        return str(element)


def read_features(raw: Any, file: str, findings: Findings) -> dict[str, Feature]:
    """Read the declarations; those that are wrong are found and left out."""
    if not isinstance(raw, dict):
        findings.add(FEATURE.at(file, type(raw).__name__, "features by name", what="features"))
        return {}
    features = {}
    for name, declared in raw.items():
        if (why := _wrong(name, declared)) is not None:
            got, allowed = why
            findings.add(FEATURE.at(file, got, allowed, what=name))
            continue
        info = declared.get("info") or declared.get("video_info")
        features[name] = Feature(
            name,
            declared["dtype"],
            tuple(declared["shape"]),
            declared.get("names"),
            info if isinstance(info, dict) else {},
        )
    _check_defaults(raw, features, file, findings)
    return features


def _wrong(name: str, declared: Any) -> tuple[str, str] | None:
    """Return what is wrong with a declaration, as got and allowed."""
    if "/" in name or name in {"", ".", ".."}:
        return f"the name {name!r}", "a name without `/`"
    if not isinstance(declared, dict):
        return type(declared).__name__, "dtype, shape and names"
    if missing := [key for key in ("dtype", "shape", "names") if key not in declared]:
        return f"no {', '.join(missing)}", "dtype, shape and names"
    dtype, shape = declared["dtype"], declared["shape"]
    if dtype not in _DTYPES:
        return f"dtype {dtype!r}", ", ".join(sorted(_DTYPES))
    whole = isinstance(shape, list) and all(type(side) is int and side > 0 for side in shape)
    if not whole or not 1 <= len(shape) <= _MOST_DIMS:
        return f"shape {shape!r}", f"1 to {_MOST_DIMS} whole numbers above 0"
    if dtype in {"image", "video"}:
        names = declared["names"]
        if len(shape) != 3:
            return f"shape {shape!r}", "three numbers: height, width, channels"
        if not isinstance(names, list) or len(names) != 3:
            return f"names {names!r}", '["height", "width", "channels"]'
    return None


def _check_defaults(
    raw: Mapping[str, Any], features: dict[str, Feature], file: str, findings: Findings
) -> None:
    for name, dtype in DEFAULTS.items():
        allowed = f"{dtype}, shape [1]"
        if name not in raw:
            findings.add(FEATURE_DEFAULT.at(file, "not declared", allowed, what=name))
        elif (feature := features.get(name)) and (feature.dtype, feature.shape) != (dtype, (1,)):
            got = f"{feature.dtype}, shape {list(feature.shape)}"
            findings.add(FEATURE_DEFAULT.at(file, got, allowed, what=name))
        else:
            continue
        # What it must be is known, so that its column can be checked all the same.
        features[name] = Feature(name, dtype, (1,), None, {})
