"""Pictures of a comparison as inline SVG: who failed where, intervals on one scale, trends.

Colours are classes of the page. All text is escaped here; the template takes pictures as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from shopfloor.report.chart import nice_ticks
from shopfloor.report.printable import shortened

__all__ = ["Point", "Square", "against", "span", "squares"]

_STEP, _SIDE = 18, 16
"""A square and its gap [px]."""
_WIDE = 50
"""Squares side by side."""
_NAME = 150
"""Room for the names beside them [px]."""
_NAME_CELLS = 21
"""So many letters of a name fit there."""


@dataclass(frozen=True, slots=True)
class Square:
    """One order of one contestant.

    Attributes:
        letter: Stands for the failure code; empty for a good order.
        differs: Whether not all contestants ended this order alike.
        title: What is said when somebody points at it.
    """

    letter: str
    differs: bool
    title: str


def squares(rows: Mapping[str, Sequence[Square]], numbers: Sequence[int]) -> str:
    """Draw one square per order and contestant, in blocks of 50 orders below each other.

    Args:
        rows: The orders of each contestant by its label, in the same sequence.
        numbers: ``(n,)`` what each order is called: its lot.
    """
    parts: list[str] = []
    y = 0
    for first in range(0, len(numbers), _WIDE):
        block = numbers[first : first + _WIDE]
        y += 16
        for i, number in enumerate(block):
            if i % 10 == 0:
                x = _NAME + i * _STEP
                parts.append(f'<text x="{x}" y="{y - 5}">{number}</text>')
        for label, row in rows.items():
            name = shortened(label, _NAME_CELLS)
            parts.append(f'<text class="name" x="0" y="{y + 12}">{escape(name)}</text>')
            for i, square in enumerate(row[first : first + _WIDE]):
                parts.append(_square(square, _NAME + i * _STEP, y))
            y += _STEP
        y += 12
    width = _NAME + min(len(numbers), _WIDE) * _STEP
    count = len(numbers)
    label = f"Outcomes of {count} orders for {', '.join(rows)}; the tables have the counts"
    return (
        f'<svg class="squares" role="img" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}" aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def _square(square: Square, x: int, y: int) -> str:
    css = "failed" if square.letter else "alone" if square.differs else "fine"
    if square.letter and square.differs:
        css += " differs"
    tone = "code" if square.differs else "code agreed"
    letter = (
        f'<text class="{tone}" x="{x + _SIDE / 2:g}" y="{y + 12}">{escape(square.letter)}</text>'
        if square.letter
        else ""
    )
    return (
        f"<g><title>{escape(square.title)}</title>"
        f'<rect class="{css}" x="{x}" y="{y}" width="{_SIDE}" height="{_SIDE}" rx="2"/>{letter}</g>'
    )


def span(value: float | None, lo: float | None, hi: float | None, top: float) -> str:
    """Draw a value with its interval in a table cell, on a scale from 0 to ``top``."""
    parts = ['<line class="axis" x1="0" x2="100%" y1="8" y2="8"/>']
    if lo is not None and hi is not None:
        x, width = 100 * lo / top, 100 * (min(hi, top) - lo) / top
        parts.append(
            f'<rect class="ours faint" x="{x:.2f}%" width="{width:.2f}%" y="2" height="12" rx="2"/>'
        )
    if value is not None:
        parts.append(f'<circle class="ours" cx="{100 * value / top:.2f}%" cy="8" r="4.5"/>')
    return f'<svg class="bar" aria-hidden="true" width="100%" height="16">{"".join(parts)}</svg>'


@dataclass(frozen=True, slots=True)
class Point:
    """A measured value with its interval, at some x; None is not drawn."""

    x: float
    value: float | None
    lo: float | None
    hi: float | None


def against(
    lines: Mapping[str, Sequence[Point]], *, unit: str, top: float, percent: bool, label: str
) -> str:
    """Draw values against something that was varied, a line for each brain.

    Args:
        lines: Points by name, each line's x ascending; their classes are k0, k1, ...
        unit: Printed behind the numbers of the x axis.
        top: Upper end of the y axis, more than 0.
        percent: Whether values are fractions.
        label: What the picture shows, for those who cannot see it.
    """
    width, height, left, room = 560, 200, 48, 22
    every = [point for points in lines.values() for point in points]
    right = max(point.x for point in every) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (width - left - 12) * x / right, 10 + height * (1 - min(y, top) / top)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0) if percent else nice_ticks(top):
        if tick <= top * 1.0001:
            _, y = at(0, tick)
            words = f"{100 * tick:.0f} %" if percent else f"{tick:,.6g}"
            parts.append(f'<line class="grid" x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    free = 0.0
    for x in sorted({point.x for point in every}):
        place, _ = at(x, 0)
        if place < free:  # its label would lie on the one before
            continue
        free = place + 64
        side = "end" if place > width - 40 else "middle"
        parts.append(
            f'<text x="{place:.1f}" y="{height + 28}" text-anchor="{side}">{x:,g} {unit}</text>'
        )
    for i, points in enumerate(lines.values()):
        css = f"k{i % 6}"
        drawn = [(p, *at(p.x, p.value)) for p in points if p.value is not None]
        path = "L".join(f"{x:.1f} {y:.1f}" for _, x, y in drawn)
        if path:
            parts.append(f'<path class="curve {css}" d="M{path}"/>')
        for point, x, y in drawn:
            if point.lo is not None and point.hi is not None:
                (_, a), (_, b) = at(point.x, point.lo), at(point.x, point.hi)
                shift = 5.0 * i  # side by side, where intervals would hide each other
                parts.append(f'<path class="whisker {css}" d="M{x + shift:.1f} {a:.1f}V{b:.1f}"/>')
            parts.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
    total = height + 10 + room
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {width} {total}" width="100%" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )
