"""What the cost of a unit is made from: every input with its unit and its source."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Self

from shopfloor.errors import UnknownName, UsageError

__all__ = ["Input", "Prices"]

_POSITIVE = frozenset({"life_years", "hours_per_year", "utilisation"})
_SHARES = frozenset({"utilisation", "maintenance_per_year"})
_MOST = 1e12
_PAIR = "robot_price_usd"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the cost.

    Attributes:
        name: As in the file.
        values: One number; several for the robot's price; none where it is not known.
        unit: Of the values.
        source: A publication, ``assumption: ...``, or who has given it.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Prices:
    """All inputs by name.

    Attributes:
        dated: Day of the defaults.
        inputs: In the order of the file.
    """

    dated: str
    inputs: Mapping[str, Input]

    @classmethod
    def default(cls) -> Self:
        """Read the defaults."""
        return cls(*_defaults())

    def get(self, name: str) -> float | None:
        """Return an input's number, or None where it is not known."""
        values = self.inputs[name].values
        return values[0] if values else None

    def known(self, name: str) -> float:
        """Return an input's number; one that has a default always has."""
        (value,) = self.inputs[name].values
        return value

    @property
    def robot_prices(self) -> tuple[float, ...]:
        """The documented pair, and a person's own price where one was given."""
        return self.inputs[_PAIR].values

    def given(self, name: str, value: Any, source: str) -> Self:
        """Replace an input. A price of the robot joins the pair instead, which always stays.

        Raises:
            UnknownName: There is no such input.
            UsageError: It cannot be; the message names it.
        """
        if name not in self.inputs:
            raise UnknownName("input of the cost", name, self.inputs)
        number = _number(name, value, source)
        before = self.inputs[name]
        values: tuple[float, ...] = (number,)
        if name == _PAIR:
            values = tuple(sorted({*self.robot_prices, number}))
            source = f"{before.source}; {number:,.0f} {source}"
        return replace(
            self, inputs={**self.inputs, name: replace(before, values=values, source=source)}
        )

    def read(self, path: Path) -> Self:
        """Replace the inputs that a TOML file names: ``name = number`` on each line.

        Raises:
            UnknownName, UsageError: The file is not there or wrong; the message names the key.
        """
        try:
            table = tomllib.loads(path.read_bytes().decode())
        except OSError as error:
            raise UsageError(
                f"the cost file {path} cannot be read: {error.strerror}; write one line "
                "`name = number` for each input you know better"
            ) from error
        except ValueError as error:
            raise UsageError(
                f"{path.name} is not TOML: {error}; docs/metrics.md has an example"
            ) from error
        prices = self
        for name, value in table.items():
            prices = prices.given(name, value, f"given in {path.name}")
        return prices


@cache
def _defaults() -> tuple[str, Mapping[str, Input]]:
    text = (resources.files("shopfloor.report") / "data" / "cost.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    dated = table.pop("dated").isoformat()
    return dated, {name: _input(name, entry) for name, entry in table.items()}


def _input(name: str, entry: Mapping[str, Any]) -> Input:
    value = entry.get("value", [])
    values = value if isinstance(value, list) else [value]
    return Input(name, tuple(map(float, values)), entry["unit"], entry["source"])


def _number(name: str, value: Any, source: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name} is {value!r} ({source}); it must be one number")
    least = "above 0" if name in _POSITIVE else "0 or more"
    most = 1.0 if name in _SHARES else _MOST
    low = value <= 0 if name in _POSITIVE else value < 0
    if not math.isfinite(value) or low or value > most:
        raise UsageError(f"{name} is {value!r} ({source}); it must be {least} and at most {most:g}")
    return float(value)
