"""A clause of a contract, and what to say when it is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

__all__ = ["Clause"]

_RIGID = 1e-6


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise of a seam, named so that a failure can be looked up (``body.home``).

    Each method raises ``AssertionError`` by hand: the kit must also speak under ``python -O``.
    """

    name: str

    def holds(self, condition: object, message: str) -> None:
        """Say the message unless the condition holds."""
        if not condition:
            raise AssertionError(f"{self.name}: {message}")

    def array(
        self,
        value: object,
        shape: tuple[int | None, ...],
        what: str,
        *,
        kind: str = "f",
        finite: bool = True,
    ) -> npt.NDArray[Any]:
        """Return a value that must be an array of a shape, where None stands for any length."""
        self.holds(
            isinstance(value, np.ndarray), f"{what} is a {type(value).__name__}, not an array"
        )
        array = cast("npt.NDArray[Any]", value)
        fits = array.ndim == len(shape) and all(
            wanted in (None, got) for got, wanted in zip(array.shape, shape, strict=True)
        )
        asked = tuple("n" if length is None else length for length in shape)
        self.holds(fits, f"{what} has shape {array.shape}; it must have {asked}")
        self.holds(
            array.dtype.kind in kind,
            f"{what} has dtype {array.dtype}; it must be of kind {kind!r} (NumPy's letters)",
        )
        if finite:
            self.holds(np.isfinite(array).all(), f"{what} holds numbers that are not finite")
        return array

    def number(
        self, value: object, low: float, high: float, what: str, unit: str, *, hint: str = ""
    ) -> float:
        """Return a value that must be a number from ``low`` to ``high``, both included."""
        good = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        self.holds(good, f"{what} is {value!r}; it must be a number [{unit}]")
        number = float(value)  # type: ignore[arg-type]
        self.holds(
            low <= number <= high,
            f"{what} is {number:g} {unit}; it must be from {low:g} to {high:g}{hint}",
        )
        return number

    def whole(self, value: object, low: int, what: str) -> None:
        """The value must be a whole number no less than ``low``."""
        good = isinstance(value, int) and not isinstance(value, bool) and value >= low
        self.holds(good, f"{what} is {value!r}; it must be a whole number from {low} up")

    def pose(self, value: object, what: str) -> npt.NDArray[Any]:
        """Return a value that must be a ``(4, 4)`` rigid pose with a right-handed frame."""
        pose = self.array(value, (4, 4), what)
        axes = pose[:3, :3]
        self.holds(
            np.abs(axes.T @ axes - np.eye(3)).max() < _RIGID,
            f"the axes of {what} are not unit vectors at right angles",
        )
        self.holds(np.linalg.det(axes) > 0, f"the axes of {what} are left-handed")
        self.holds(
            np.array_equal(pose[3], [0, 0, 0, 1]), f"the last row of {what} is not (0, 0, 0, 1)"
        )
        return pose

    def keys(self, got: Collection[str], wanted: Collection[str], what: str) -> None:
        """Both must name the same things."""
        lacks, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        self.holds(not lacks, f"{what} lacks {', '.join(map(repr, lacks))}")
        self.holds(not extra, f"{what} has unknown {', '.join(map(repr, extra))}")

    def sha256(self, value: object, what: str) -> None:
        """The value must be a SHA-256 in hexadecimal."""
        good = isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)
        self.holds(good, f"{what} is {value!r}; it must be 64 lower-case hexadecimal digits")

    def plain(self, value: object, what: str) -> None:
        """The value must survive JSON, which has no NaN and no NumPy."""
        try:
            same = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{self.name}: {what} is not plain JSON: {error}") from error
        self.holds(
            same == _as_json(value), f"{what} does not come back from JSON as it went in: {value!r}"
        )


def _as_json(value: object) -> object:
    """Tuples become lists on their way through JSON, and that is all right."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value
