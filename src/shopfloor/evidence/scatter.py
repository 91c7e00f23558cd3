"""What a good unit costs against how many orders are good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from shopfloor.report.chart import nice_ticks

__all__ = ["Spot", "scatter"]

_WIDTH, _HEIGHT, _LEFT, _ROOM = 560, 240, 64, 22


@dataclass(frozen=True, slots=True)
class Spot:
    """One contestant.

    Attributes:
        name: Who.
        success: Share of good orders, with its interval.
        costs: Of a good unit, for the lowest and the highest price of the robot [USD].
        least: Whether something of the cost is not measured, so that these are lower bounds.
    """

    name: str
    success: tuple[float, float, float]
    costs: tuple[float, float]
    least: bool


def scatter(spots: Sequence[Spot], label: str) -> str:
    """Draw contestants by success, from left to right, and cost, from below.

    Each is a line from a full dot, for the lowest price of the robot, to a hollow one, for the
    highest; an arrow stands on it where the cost is a lower bound. Classes are k0, k1, ...

    Args:
        spots: At least one.
        label: What the picture shows, for those who cannot see it.
    """
    ticks = nice_ticks(max(spot.costs[1] for spot in spots))
    top = ticks[-1]

    def at(success: float, cost: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - 12) * success
        return x, 10 + _HEIGHT * (1 - cost / top)

    parts = []
    for tick in ticks:
        _, y = at(0, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,.6g}\u00a0$</text>'
        )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, _ = at(share, 0)
        side = "end" if share == 1 else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT + 28}" text-anchor="{side}">{100 * share:.0f} %</text>'
        )
    for i, spot in enumerate(spots):
        parts.append(f'<g class="spot"><title>{escape(spot.name)}</title>')
        parts += _spot(spot, f"k{i % 6}", at)
        parts.append("</g>")
    total = _HEIGHT + 10 + _ROOM
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {_WIDTH} {total}" width="100%" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def _spot(spot: Spot, css: str, at: Callable[[float, float], tuple[float, float]]) -> list[str]:
    value, lo, hi = spot.success
    (x, low), (_, high) = at(value, spot.costs[0]), at(value, spot.costs[1])
    (left, _), (right, _) = at(lo, 0), at(hi, 0)
    parts = [
        f'<path class="whisker {css}" d="M{left:.1f} {low:.1f}H{right:.1f}"/>',
        f'<path class="curve {css}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>',
        f'<circle class="{css}" cx="{x:.1f}" cy="{low:.1f}" r="4.5"/>',
        f'<circle class="hollow {css}" cx="{x:.1f}" cy="{high:.1f}" r="4.5"/>',
    ]
    if spot.least:
        tip = high - 16
        parts.append(f'<path class="curve {css}" d="M{x - 4:.1f} {tip + 5:.1f}L{x:.1f} {tip:.1f}'
                     f'L{x + 4:.1f} {tip + 5:.1f}M{x:.1f} {tip:.1f}V{high - 5:.1f}"/>')  # fmt: skip
    return parts
