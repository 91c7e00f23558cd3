"""Charts as inline SVG, drawn by hand: no library, no script, no outside address.

Every chart is as wide as its column and has a fixed height [px]. Shapes live in a nested
``<svg>`` that is stretched; text and single marks are placed by percentage outside of it, so
that letters keep their size on a phone. Colours are classes, so that they follow the theme.
All text is escaped here; the template takes charts as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from shopfloor.record.entry import E10_STATES
from shopfloor.report.timeline import Span
from shopfloor.report.trend import Trend
from shopfloor.report.wording import clock

__all__ = [
    "bar",
    "column_s",
    "histogram",
    "nice_ticks",
    "portions",
    "stack",
    "state_strip",
    "trend",
    "whisker",
]

_WIDE = 10000
"""Units of the stretched axis."""

_EXACT_SPANS = 160
"""Up to so many spans the strip shows each; beyond, each column is a share of time."""

_COLUMNS = 120


def nice_ticks(top: float, count: int = 4) -> tuple[float, ...]:
    """Return round values from 0 that cover ``top`` in about ``count`` steps."""
    if top <= 0:
        return (0.0, 1.0)
    raw = top / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9)) * power
    return tuple(step * i for i in range(math.ceil(top / step - 1e-9) + 1))


def _hour_ticks(total_s: float) -> tuple[float, ...]:
    """Return round moments of a shift [s], the last before or at its end."""
    steps = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400)
    step = next((s for s in steps if total_s / s <= 6), 86400 * math.ceil(total_s / 6 / 86400))
    return tuple(float(step * i) for i in range(int(total_s // step) + 1))


def _figure(height: int, label: str, parts: Iterable[str], css: str = "") -> str:
    return (
        f'<svg class="chart {css}" role="img" width="100%" height="{height}" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def _stretched(height: float, y: float, parts: Iterable[str]) -> str:
    return (
        f'<svg x="0" y="{y:g}" width="100%" height="{height:g}" '
        f'viewBox="0 0 {_WIDE} {height:g}" preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, words: str) -> str:
    """Place a label at a fraction ``x`` of the width; near an edge it turns inwards."""
    side = "start" if x < 0.06 else "end" if x > 0.94 else "middle"
    return f'<text x="{100 * x:.2f}%" y="{y:g}" text-anchor="{side}">{escape(words)}</text>'


def _time_axis(total_s: float, y: float) -> list[str]:
    """Label the axis of a shift."""
    parts = []
    for tick in _hour_ticks(total_s):
        words = "0" if tick == 0 else clock(tick).replace(".0\u00a0", "\u00a0")
        parts.append(_text(tick / total_s, y, words))
    return parts


def bar(fraction: float, css: str = "ours", *, until: float | None = None) -> str:
    """Draw a bar in a table cell, from 0 to ``fraction`` of its width.

    Args:
        fraction: Length, 0 to 1.
        css: Class that gives the colour.
        until: A range's upper end; from ``fraction`` on it is drawn faint.
    """
    more = "" if until is None else f'<rect class="{css} faint" width="{100 * until:.2f}%" y="2" '
    more += 'height="10" rx="1"/>' if more else ""
    return (
        '<svg class="bar" aria-hidden="true" width="100%" height="14">'
        f'{more}<rect class="{css}" width="{max(100 * fraction, 0.3):.2f}%" y="2" height="10" '
        'rx="1"/></svg>'
    )


def whisker(rate: float | None, lo: float | None, hi: float | None) -> str:
    """Draw a rate with its interval on the whole scale from 0 to 100 %."""
    parts = ['<line class="axis" x1="0" x2="100%" y1="12" y2="12"/>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = f"{100 * share:g}%"
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="8" y2="16"/>')
        parts.append(_text(share, 32, f"{100 * share:.0f} %"))
    if rate is None or lo is None or hi is None:
        return _figure(36, "Nothing was measured", parts)
    parts.append(
        f'<rect class="ours faint" x="{100 * lo:.2f}%" width="{100 * (hi - lo):.2f}%" '
        'y="6" height="12" rx="2"/>'
    )
    parts.append(f'<circle class="ours" cx="{100 * rate:.2f}%" cy="12" r="5"/>')
    label = f"{100 * rate:.1f} percent, 95 percent interval {100 * lo:.1f} to {100 * hi:.1f}"
    return _figure(36, label, parts)


def stack(parts: Sequence[tuple[str, int]]) -> str:
    """Draw counts end to end as one bar; each is a class name and a count."""
    total = sum(count for _, count in parts)
    drawn, x = [], 0.0
    for css, count in parts:
        width = 100 * count / total if total else 0.0
        if width:
            drawn.append(
                f'<rect class="{css}" x="{x:.3f}%" width="{width:.3f}%" y="0" height="18"/>'
            )
        x += width
    words = ", ".join(f"{name.removeprefix('u-')} {count}" for name, count in parts)
    return _figure(18, words, drawn, "stack")


def portions(parts: Sequence[tuple[str, float]]) -> str:
    """Draw parts end to end in a table cell; each is a class name and a fraction of its width."""
    drawn, x = [], 0.0
    for css, share in parts:
        if share:
            drawn.append(
                f'<rect class="{css}" x="{100 * x:.3f}%" width="{100 * share:.3f}%" y="2" '
                'height="18"/>'
            )
        x += share
    return (
        f'<svg class="bar stack" aria-hidden="true" width="100%" height="22">{"".join(drawn)}</svg>'
    )


def column_s(spans: Sequence[Span], dt: float) -> float | None:
    """Return how long a column of the strip is [s]; None where the strip shows each span."""
    if len(spans) <= _EXACT_SPANS:
        return None
    return (spans[-1].start + spans[-1].ticks) * dt / _COLUMNS


def state_strip(
    spans: Sequence[Span], total_ticks: int, dt: float, failed_at: Sequence[int]
) -> str:
    """Draw the E10 states over the shift as one strip, with a mark at each failed order.

    With few spans each is drawn from edge to edge; with many, each of 120 columns shows
    the shares of its time, so that 3 h and 300 lots can still be read.

    Args:
        spans: Of the whole shift, end to end.
        total_ticks: Length of the shift, more than 0.
        dt: Length of a tick [s].
        failed_at: Ticks since the start at which a failed order ended.
    """
    height = 76
    layout = _exact if column_s(spans, dt) is None else _shares
    paths = layout(spans, total_ticks, height)
    shapes = [f'<path class="s-{state}" d="{d}"/>' for state, d in paths.items() if d]
    marks = "".join(f"M{_WIDE * tick / total_ticks:.0f} 0v8" for tick in failed_at)
    parts = [_stretched(height, 0, shapes)]
    if marks:
        parts.append(_stretched(8, height + 3, [f'<path class="mark" d="{marks}"/>']))
    parts += _time_axis(total_ticks * dt, height + 28)
    return _figure(height + 34, "E10 states over the shift; the table below has the shares", parts)


def _exact(spans: Sequence[Span], total: int, height: int) -> dict[str, str]:
    paths = dict.fromkeys(E10_STATES, "")
    for span in spans:
        x, width = _WIDE * span.start / total, _WIDE * span.ticks / total
        paths[span.state] += f"M{x:.1f} 0h{width:.1f}v{height}h-{width:.1f}z"
    return paths


def _shares(spans: Sequence[Span], total: int, height: int) -> dict[str, str]:
    held = [dict.fromkeys(E10_STATES, 0.0) for _ in range(_COLUMNS)]
    column = total / _COLUMNS
    for span in spans:
        end = span.start + span.ticks
        i = min(int(span.start / column), _COLUMNS - 1)
        while i < _COLUMNS and i * column < end:
            held[i][span.state] += max(
                0.0, min(end, (i + 1) * column) - max(span.start, i * column)
            )
            i += 1
    paths = dict.fromkeys(E10_STATES, "")
    width = _WIDE / _COLUMNS
    for i, shares in enumerate(held):
        base = float(height)
        for state in E10_STATES:
            rise = height * shares[state] / column
            if rise > 0.01:
                paths[state] += f"M{i * width:.1f} {base:.2f}h{width:.1f}v-{rise:.2f}h-{width:.1f}z"
                base -= rise
    return paths


def histogram(values: Sequence[float], marks: Sequence[tuple[str, float]], *, unit: str) -> str:
    """Draw how values are spread, with named marks such as percentiles.

    Args:
        values: At least one value, none negative.
        marks: (name, value), ascending.
        unit: Printed behind the numbers of the axis.
    """
    height, top = 150, 40
    ticks = nice_ticks(max(values))
    span = ticks[-1]
    bins = max(8, min(40, round(2 * len(values) ** 0.5)))
    counts = [0] * bins
    for value in values:
        counts[min(int(bins * value / span), bins - 1)] += 1
    most = max(counts)
    parts = []
    for i, count in enumerate(counts):
        if count:
            tall = height * count / most
            parts.append(
                f'<rect class="ours soft" x="{100 * i / bins:.2f}%" width="{96 / bins:.2f}%" '
                f'y="{top + height - tall:.1f}" height="{tall:.1f}"/>'
            )
    base = top + height
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{base}" y2="{base}"/>')
    parts += [_text(tick / span, base + 18, f"{tick:g} {unit}") for tick in ticks]
    for row, (name, value) in enumerate(marks):
        x, y = value / span, 11 + 12 * row
        parts.append(
            f'<line class="rule" x1="{100 * x:.2f}%" x2="{100 * x:.2f}%" y1="{y + 3}" y2="{base}"/>'
        )
        # Each mark has a row of its own: p50, p90 and p99 often lie close together.
        anchor, shift = ("end", -5) if x > 0.8 else ("start", 5)
        words = escape(f"{name} {value:.1f}\u00a0{unit}")
        parts.append(
            f'<text class="note" x="{100 * x:.2f}%" dx="{shift}" y="{y}" '
            f'text-anchor="{anchor}">{words}</text>'
        )
    label = f"Histogram of {len(values)} values; " + ", ".join(
        f"{name} {value:.1f} {unit}" for name, value in marks
    )
    return _figure(base + 24, label, parts)


def trend(data: Trend, total_s: float, *, percent: bool, label: str) -> str:
    """Draw a running figure over the shift: the window's, the whole's, and the band.

    Args:
        data: At least two points.
        total_s: Length of the shift [s].
        percent: Whether values are fractions, drawn from 0 to 100 %.
        label: What the picture shows, for those who can't see it.
    """
    height, top = 150, 8
    high = max((*data.window, *data.whole)) or 1.0
    ticks = (0.0, 0.5, 1.0) if percent else nice_ticks(high, 3)
    scale = ticks[-1]

    def points(values: Sequence[float]) -> list[str]:
        return [
            f"{_WIDE * t / total_s:.0f} {height * (1 - value / scale):.2f}"
            for t, value in zip(data.time_s, values, strict=True)
        ]

    shapes = []
    if data.lo and data.hi:
        ring = points(data.hi) + points(data.lo)[::-1]
        shapes.append(f'<path class="ours faint" d="M{"L".join(ring)}z"/>')
    shapes.append(f'<path class="line thin" d="M{"L".join(points(data.window))}"/>')
    shapes.append(f'<path class="line" d="M{"L".join(points(data.whole))}"/>')
    parts = []
    for tick in ticks:
        y = top + height * (1 - tick / scale)
        words = f"{100 * tick:.0f} %" if percent else f"{tick:g}"
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        # Left of the picture, in the padding that its class gives it.
        parts.append(f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    parts.append(_stretched(height, top, shapes))
    parts += _time_axis(total_s, top + height + 18)
    return _figure(top + height + 24, label, parts, "scaled")
