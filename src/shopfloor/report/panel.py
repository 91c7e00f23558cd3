"""Rows and pictures of the page about the calendar, effectiveness and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shopfloor.record.entry import Entry, Manifest
from shopfloor.report import chart, wording
from shopfloor.report.cost import Cost
from shopfloor.report.oee import Oee
from shopfloor.report.timeline import timeline

__all__ = [
    "CostRow",
    "OeeRow",
    "cost_bars",
    "cost_inputs",
    "cost_rows",
    "cost_totals",
    "cost_unit",
    "oee_rows",
    "oee_whole",
    "planned_rows",
]


def planned_rows(manifest: Manifest, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the windows of the calendar as they were taken."""
    dt = manifest.control_dt
    return [
        {
            "name": span.planned,
            "state": span.state,
            "begun": _of_day(manifest.calendar.start_s + span.start * dt),
            "length_s": span.ticks * dt,
        }
        for span in timeline(manifest, entries)
        if span.planned
    ]


@dataclass(frozen=True, slots=True)
class OeeRow:
    """One step from the planned busy time down to what was worth it.

    Attributes:
        name, formula: Of the factor.
        value: The factor as text.
        bar: What is left of the planned busy time, with what the factor took drawn faint; or
            None where it is not measured.
        left: What is left, as text.
        note: What a reader should know, or empty.
    """

    name: str
    formula: str
    value: str
    bar: str | None
    left: str
    note: str = ""


def oee_whole(oee: Oee) -> str:
    """Return the bar of the planned busy time, to the scale of the waterfall below it."""
    return chart.bar(1 / _scale(oee), "r-robot")


def _scale(oee: Oee) -> float:
    """The longest bar: a cell that was faster than planned may be worth more than its time."""
    return max(1.0, (oee.availability or 0.0) * (oee.effectiveness or 0.0))


def oee_rows(oee: Oee) -> tuple[OeeRow, ...]:
    """Return the waterfall of availability, effectiveness and quality."""
    e = oee.effectiveness
    note = ""
    if oee.planned_s is None:
        note = "no planned time per unit was frozen before the run (--planned-cycle)"
    elif e is not None and e > 1:
        note = "above 100 %: faster than planned"
    steps = (
        ("Availability", "APT / PBT", oee.availability, ""),
        ("Effectiveness", "PRI · PQ / APT", e, note),
        ("Quality", "GQ / PQ", oee.quality, ""),
    )
    before: float | None = 1.0 if oee.busy_s else None
    lefts: list[tuple[float | None, float | None]] = []
    for _, _, factor, _ in steps:
        after = None if before is None or factor is None else before * factor
        lefts.append((before, after))
        before = after
    scale = _scale(oee)
    rows = []
    for (name, formula, factor, said), (was, left) in zip(steps, lefts, strict=True):
        bar = None
        if was is not None and left is not None:
            until = was / scale if was > left else None
            bar = chart.bar(left / scale, "ours", until=until)
        rows.append(
            OeeRow(name, formula, wording.percent(factor), bar, wording.percent(left), said)
        )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class CostRow:
    """One part of the cost: its share of a good unit's cost for each price of the robot."""

    name: str
    per_unit: tuple[str, ...]
    how: str


def cost_unit(cost: Cost) -> tuple[str, float]:
    """Return the unit that the cost of a good unit is best told in, and how many make a dollar."""
    per_unit = [column.known_per_unit_usd or 0.0 for column in cost.columns]
    return ("US cents", 100.0) if max(per_unit) < 1 else ("USD", 1.0)


def cost_totals(cost: Cost) -> tuple[str, ...]:
    """Return what is known of the cost of a good unit, for each price of the robot."""
    return tuple(_told(column.known_per_unit_usd, cost) for column in cost.columns)


def cost_rows(cost: Cost) -> tuple[CostRow, ...]:
    """Return the parts of the cost of a good unit, one row each."""
    rows = []
    for lines in zip(*(column.lines for column in cost.columns), strict=True):
        per_unit = tuple(
            _told(_per(line.usd, column.good_units), cost)
            for line, column in zip(lines, cost.columns, strict=True)
        )
        hows = dict.fromkeys(line.how for line in lines)
        rows.append(CostRow(lines[0].name, per_unit, "; ".join(hows)))
    return tuple(rows)


def cost_bars(cost: Cost) -> tuple[tuple[str, str], ...]:
    """Return (price of the robot, bar of the parts), all bars to one scale; none without units."""
    most = max(column.known_usd for column in cost.columns)
    if not most or not cost.columns[0].good_units:
        return ()
    return tuple(
        (
            f"{column.robot_price_usd:,.0f} USD",
            chart.portions([(f"c-{line.name}", (line.usd or 0.0) / most) for line in column.lines]),
        )
        for column in cost.columns
    )


def cost_inputs(cost: Cost) -> list[dict[str, Any]]:
    """Return every input as text."""
    return [
        {
            "name": each.name,
            "value": " and ".join(f"{value:,g}" for value in each.values) or wording.NONE,
            "unit": each.unit,
            "source": each.source,
        }
        for each in cost.prices.inputs.values()
    ]


def _told(usd: float | None, cost: Cost) -> str:
    return wording.number(None if usd is None else usd * cost_unit(cost)[1], 3)


def _of_day(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _per(usd: float | None, units: int) -> float | None:
    return usd / units if usd is not None and units else None
