"""Whether a manifest from anywhere holds what its fields are said to hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from shopfloor.errors import RunCorrupt
from shopfloor.record import Manifest

__all__ = ["refuse_unsound"]

_MOST = 1e9
_ABOVE_ZERO = ("control_dt", "record_fps", "hours", "planned_cycle_s")
_NOT_BELOW = ("changeover_s", "orders")


def refuse_unsound(manifest: Manifest) -> None:
    """Refuse a manifest with a value that no run can have: pages count with them.

    Raises:
        RunCorrupt: It has one; the message names the field.
    """
    for name, kind in get_type_hints(Manifest).items():
        value = getattr(manifest, name)
        if not _fits(value, kind) or not _possible(name, value):
            raise RunCorrupt(
                f"the manifest's {name} is {str(value)[:60]!r}, which no run can have; the file "
                "was damaged or edited: restore it from a copy"
            )


def _possible(name: str, value: Any) -> bool:
    if name in _ABOVE_ZERO:
        return value is None or 0 < value < _MOST
    return name not in _NOT_BELOW or value is None or 0 <= value < _MOST


def _fits(value: Any, kind: Any) -> bool:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_fits(value, one) for one in inside)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, inside[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(k, inside[0]) and _fits(v, inside[1]) for k, v in value.items()
        )
    if kind is float:
        return _number(value) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and _number(value)
    return isinstance(value, kind)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
