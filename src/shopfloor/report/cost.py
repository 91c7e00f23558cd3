"""What a good unit costs, for each price of the robot, and what that is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from shopfloor.report.price import Prices

__all__ = ["Cost", "CostColumn", "CostLine", "Effort", "cost_of"]

MODEL_FREE = frozenset({"classical", "stand-in"})
"""Brains of ours that are no model: they think on the cell's computer, whose power is counted."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a shift took; everything that a cost is multiplied with.

    Attributes:
        brain: Its name.
        good_units: Good units.
        hours: Length of the shift [h].
        scheduled_hours: The same without non-scheduled time [h].
        assists, repair_h: How often an operator was needed, and for how long [h].
        changeovers: Trays that were brought.
        decisions: How often the brain was asked.
        tokens, uncounted: (in, out) of the decisions that were counted; how many were not.
        model_usd, unpriced: Price of the decisions that came with one; how many did not.
    """

    brain: str
    good_units: int
    hours: float
    scheduled_hours: float
    assists: int
    repair_h: float
    changeovers: int
    decisions: int
    tokens: tuple[int, int] | None
    uncounted: int
    model_usd: float | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class CostLine:
    """One part of the cost of a shift [USD], or None where it is not measured, and how it came."""

    name: str
    usd: float | None
    how: str


@dataclass(frozen=True, slots=True)
class CostColumn:
    """The cost of a shift for one price of the robot.

    Attributes:
        robot_price_usd: The price.
        lines: All parts, always the same ones.
        good_units: Good units of the shift.
    """

    robot_price_usd: float
    lines: tuple[CostLine, ...]
    good_units: int

    @property
    def known_usd(self) -> float:
        """Sum of the parts that are known; the shift cost at least this [USD]."""
        return math.fsum(line.usd for line in self.lines if line.usd is not None)

    @property
    def usd(self) -> float | None:
        """Cost of the shift [USD]; None where a part is not measured."""
        return None if self.lacks else self.known_usd

    @property
    def lacks(self) -> tuple[str, ...]:
        """Names of the parts that are not measured."""
        return tuple(line.name for line in self.lines if line.usd is None)

    @property
    def per_unit_usd(self) -> float | None:
        """Cost of a good unit [USD]; None without one, or where a part is not measured."""
        return None if self.lacks else self.known_per_unit_usd

    @property
    def known_per_unit_usd(self) -> float | None:
        """What is known of the cost of a good unit [USD]; a lower bound of it."""
        return self.known_usd / self.good_units if self.good_units else None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "robot_price_usd": self.robot_price_usd,
            "per_good_unit_usd": self.per_unit_usd,
            "known_per_good_unit_usd": self.known_per_unit_usd,
            "not_measured": list(self.lacks),
            "shift_usd": self.usd,
            "lines": [asdict(line) for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a shift for each price of the robot, and the inputs behind it."""

    prices: Prices
    columns: tuple[CostColumn, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "inputs_dated": self.prices.dated,
            "inputs": [
                {**asdict(each), "values": list(each.values)}
                for each in self.prices.inputs.values()
            ],
            "columns": [column.to_json() for column in self.columns],
        }


def cost_of(effort: Effort, prices: Prices) -> Cost:
    """Work out what a shift cost."""
    columns = [
        CostColumn(price, tuple(_lines(effort, prices, price)), effort.good_units)
        for price in prices.robot_prices
    ]
    return Cost(prices, tuple(columns))


def _lines(effort: Effort, prices: Prices, robot_usd: float) -> Iterator[CostLine]:
    used_h = prices.known("hours_per_year") * prices.known("utilisation")
    bought = robot_usd + prices.known("integration_usd")
    robot_h = bought / (prices.known("life_years") * used_h)
    yield CostLine(
        "robot",
        robot_h * effort.scheduled_hours,
        f"over {prices.known('life_years'):g} years of {used_h:,.0f} hours in use",
    )
    kept_h = robot_usd * prices.known("maintenance_per_year") / used_h
    yield CostLine(
        "maintenance",
        kept_h * effort.scheduled_hours,
        f"{100 * prices.known('maintenance_per_year'):g} % of the robot's price a year",
    )
    energy_kwh = prices.known("power_w") / 1000 * effort.hours
    yield CostLine("power", energy_kwh * prices.known("power_usd_per_kwh"), f"{energy_kwh:.3f} kWh")
    helped_min = 60 * effort.repair_h + effort.assists * prices.known("operator_min_per_assist")
    brought_min = effort.changeovers * prices.known("operator_min_per_changeover")
    wage_min = prices.known("wage_usd_per_h") / 60
    yield CostLine("assists", helped_min * wage_min, f"{helped_min:.1f} operator minutes")
    yield CostLine("changeovers", brought_min * wage_min, f"{brought_min:.1f} operator minutes")
    yield _model(effort, prices)


def _model(effort: Effort, prices: Prices) -> CostLine:
    """The model's cost, from what is known: recorded prices, then tokens, then a GPU's hours."""
    gpu = prices.get("gpu_usd_per_h")
    if gpu is not None:
        return CostLine("model", gpu * effort.hours, f"a GPU for {effort.hours:.3f} h of shift")
    if effort.brain in MODEL_FREE:
        return CostLine("model", 0.0, f"{effort.brain} is no model")
    if not effort.decisions:
        return CostLine("model", None, "the brain was never asked")
    per_in, per_out = (prices.get(f"model_usd_per_mtok_{way}") for way in ("in", "out"))
    if per_in is not None and per_out is not None:
        if effort.tokens is None or effort.uncounted:
            lacking = f"tokens of {effort.uncounted} of {effort.decisions} decisions unknown"
            return CostLine("model", None, lacking)
        asked, answered = effort.tokens
        usd = (asked * per_in + answered * per_out) / 1e6
        return CostLine("model", usd, f"{asked:,} tokens in, {answered:,} out")
    if effort.model_usd is not None and not effort.unpriced:
        return CostLine("model", effort.model_usd, f"as recorded with {effort.decisions} decisions")
    return CostLine(
        "model", None, "no price of its tokens or its GPU was given (--cost, --gpu-price)"
    )
