"""Conditions below each other, each a dot with its interval, and a line where the base is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

__all__ = ["Dot", "Panel", "Row", "forest"]

_ROW, _GAP, _TOP, _FOOT = 30, 14, 30, 26
_NAME, _WORDS, _BETWEEN = 190, 124, 28
_PLOT = 270


@dataclass(frozen=True, slots=True)
class Dot:
    """What a condition comes to on one scale.

    Attributes:
        value, lo, hi: Where it lies, and its interval; None is not drawn.
        words: What is said beside it.
        css: What was decided on this scale: ``worse``, ``better``, ``slower``, ``faster``,
            ``base`` or nothing.
    """

    value: float | None
    lo: float | None
    hi: float | None
    words: str
    css: str


@dataclass(frozen=True, slots=True)
class Row:
    """One condition.

    Attributes:
        name: What it is.
        group: Rows of one group stand together.
        dots: One for each panel.
    """

    name: str
    group: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One scale.

    Attributes:
        title: What is measured.
        ticks: Where the scale has lines, ascending; the outer two are its ends.
        labels: What stands below each of them.
        at: Where the base is, or None.
    """

    title: str
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    at: float | None

    def place(self, value: float) -> float:
        """Return where a value lies [px], held within the scale."""
        lo, hi = self.ticks[0], self.ticks[-1]
        return _PLOT * (min(max(value, lo), hi) - lo) / (hi - lo)


def forest(rows: Sequence[Row], panels: Sequence[Panel], label: str) -> str:
    """Draw conditions against each other on one or more scales, side by side.

    Args:
        rows: From top to bottom, the groups together.
        panels: One for each dot of a row.
        label: What the picture shows, for those who cannot see it.
    """
    tops, y = [], float(_TOP)
    groups = [row.group for row in rows]
    for before, group in pairwise([*groups[:1], *groups]):
        y += _GAP if before != group else 0
        tops.append(y)
        y += _ROW
    height = y + _FOOT
    width = _NAME + len(panels) * (_PLOT + _WORDS + _BETWEEN) - _BETWEEN
    parts = [
        f'<text class="name" x="0" y="{top + 19:g}">{escape(row.name)}</text>'
        for row, top in zip(rows, tops, strict=True)
    ]
    for i, panel in enumerate(panels):
        left = _NAME + i * (_PLOT + _WORDS + _BETWEEN)
        parts.append(f'<g transform="translate({left} 0)">')
        parts += _scale(panel, y)
        for row, top in zip(rows, tops, strict=True):
            parts += _dot(row.dots[i], panel, top + _ROW / 2)
        parts.append("</g>")
    return (
        f'<svg class="forest" role="img" width="{width}" height="{height:g}" '
        f'viewBox="0 0 {width} {height:g}" aria-label="{escape(label, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


def _scale(panel: Panel, bottom: float) -> list[str]:
    parts = [f'<text class="title" x="0" y="14">{escape(panel.title)}</text>']
    for tick, words in zip(panel.ticks, panel.labels, strict=True):
        x = panel.place(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom:g}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 17:g}" text-anchor="middle">{escape(words)}</text>'
        )
    if panel.at is not None:
        parts.append(f'<path class="at" d="M{panel.place(panel.at):.1f} {_TOP}V{bottom:g}"/>')
    return parts


def _dot(dot: Dot, panel: Panel, y: float) -> list[str]:
    parts = []
    if dot.lo is not None and dot.hi is not None:
        a, b = panel.place(dot.lo), panel.place(dot.hi)
        parts.append(f'<path class="whisk {dot.css}" d="M{a:.1f} {y:g}H{b:.1f}"/>')
    if dot.value is not None:
        x = panel.place(dot.value)
        parts.append(f'<circle class="dot {dot.css}" cx="{x:.1f}" cy="{y:g}" r="5"/>')
    parts.append(f'<text class="value" x="{_PLOT + 16}" y="{y + 4:g}">{escape(dot.words)}</text>')
    return parts
