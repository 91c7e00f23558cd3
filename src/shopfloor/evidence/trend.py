"""Success and throughput against something that has a scale: latency, or sensor noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shopfloor.cell.noise.level import LEVELS
from shopfloor.evidence import drawing
from shopfloor.record.entry import Manifest
from shopfloor.report.chart import nice_ticks
from shopfloor.report.summary import Summary
from shopfloor.shift import Latency

__all__ = ["SCALES", "trend"]

SCALES = {
    "noise": (
        "Against sensor noise",
        f"Level of sensor noise, from {LEVELS[0].number} ({LEVELS[0].name}) to {LEVELS[-1].number}",
    ),
    "latency": ("Against latency", "What each decision costs on the clock [ms]"),
}
"""What can be drawn against, with a title and what the axis is."""


def trend(factor: str, runs: Sequence[tuple[str, Manifest, Summary]]) -> dict[str, Any] | None:
    """Return two pictures with their words; None where no line has two places on the scale.

    Args:
        factor: ``noise`` or ``latency``.
        runs: The name of the line that a run belongs to, its manifest and its figures.
    """
    lines: dict[str, list[tuple[float, Summary]]] = {}
    for name, manifest, summary in runs:
        place = _place(factor, manifest)
        if place is not None:
            lines.setdefault(name, []).append((place, summary))
    lines = {name: sorted(points, key=lambda p: p[0]) for name, points in lines.items()}
    lines = {name: points for name, points in lines.items() if len({x for x, _ in points}) > 1}
    if not lines:
        return None
    title, axis = SCALES[factor]
    fastest = [_fastest(summary) for points in lines.values() for _, summary in points]
    unit = "ms" if factor == "latency" else ""
    good = {
        name: [drawing.Point(x, (s := each.good).rate, s.lo, s.hi) for x, each in points]
        for name, points in lines.items()
    }
    uph = {name: [_uph(x, each) for x, each in points] for name, points in lines.items()}
    return {
        "factor": factor,
        "title": title,
        "axis": axis,
        "names": list(lines),
        "good": drawing.against(
            good, unit=unit, top=1.0, percent=True, label=f"Share of good orders {title.lower()}"
        ),
        "uph": drawing.against(
            uph,
            unit=unit,
            top=nice_ticks(max(fastest))[-1],
            percent=False,
            label=f"Good units per hour {title.lower()}",
        ),
    }


def _place(factor: str, manifest: Manifest) -> float | None:
    if factor == "noise":
        return float(manifest.noise)
    latency = Latency.parse(manifest.latency)
    if latency.mode == "measured":
        return None
    return 0.0 if latency.mode == "none" else latency.fixed_ms


def _fastest(summary: Summary) -> float:
    bounds = summary.uph_interval
    return max(summary.uph or 0.0, bounds.hi if bounds else 0.0)


def _uph(x: float, summary: Summary) -> drawing.Point:
    bounds = summary.uph_interval
    return drawing.Point(
        x, summary.uph, None if bounds is None else bounds.lo, None if bounds is None else bounds.hi
    )
