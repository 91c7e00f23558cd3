"""A comparison as one self-contained HTML page, beside the same figures as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from shopfloor.evidence import drawing, verdict
from shopfloor.evidence.comparison import Comparison, Pair, Standing
from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.disk import write_atomic
from shopfloor.record.entry import Entry
from shopfloor.report.chart import nice_ticks
from shopfloor.report.press import template
from shopfloor.report.printable import printable
from shopfloor.shift import Latency

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render", "write"]

_MOST_SQUARES = 600
"""Orders in the picture at most; where there are more, those that say something."""


def write(folder: Path, found: Comparison) -> Path:
    """Write ``compare.html`` and ``compare.json`` into a folder, each whole or not at all.

    Returns:
        Path of the page.

    Raises:
        RunUnwritable: The folder cannot be written.
    """
    text = json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False, indent=2)
    write_atomic(folder / "compare.json", f"{text}\n".encode())
    write_atomic(folder / "compare.html", render(found).encode())
    return folder / "compare.html"


def render(found: Comparison) -> str:
    """Return the page."""
    standings = found.standings
    letters = _letters(found)
    picture, hidden = _picture(found, letters)
    uph_top = nice_ticks(max(_fastest(each) for each in standings))[-1]
    cycles = [each.summary.cycle.p99 or 0.0 for each in standings]
    page = _template().render(
        found=found,
        standings=standings,
        headline=verdict.headline(found),
        notes=verdict.notes(found),
        method=verdict.method(found),
        pairs=[(pair, *_words(found, pair)) for pair in found.pairs],
        picture=picture,
        hidden=hidden,
        codes=_codes(found, letters),
        uph_top=uph_top,
        cycle_top=nice_ticks(max(cycles))[-1],
        span=drawing.span,
        ranking=_ranking(standings) if len(standings) > 2 else None,
        trends=_trends(standings, uph_top),
    )
    return page + "\n"


def _fastest(standing: Standing) -> float:
    bounds = standing.summary.uph_interval
    return max(standing.summary.uph or 0.0, bounds.hi if bounds else 0.0)


def _words(found: Comparison, pair: Pair) -> tuple[str, str]:
    said = verdict.said(pair, watched=found.watched, pairs=len(found.pairs))
    return said, verdict.speed_said(pair)


@cache
def _template() -> Template:
    return template("shopfloor.evidence", "compare.html.j2", p_words=verdict.p_words)


def _letters(found: Comparison) -> dict[str, str]:
    """Give each failure code that occurs a letter, the most frequent first."""
    codes = Counter(entry.code for row in found.matched.orders for entry in row if entry.code)
    ordered = sorted(codes, key=lambda code: (-codes[code], code))
    return dict(zip(ordered, ascii_uppercase, strict=False))


def _codes(found: Comparison, letters: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "letter": letter,
            "code": code,
            "meaning": FAILURE_MEANINGS.get(code, ""),
            "counts": [each.summary.failures.get(code, 0) for each in found.standings],
        }
        for code, letter in letters.items()
    ]


def _picture(found: Comparison, letters: dict[str, str]) -> tuple[str, int]:
    """Draw who failed where; of very many orders only those in which somebody failed."""
    orders = found.matched.orders
    if len(orders) > _MOST_SQUARES:
        telling = [row for row in orders if not all(entry.good for entry in row)]
        orders = tuple(telling[:_MOST_SQUARES])
    rows = {
        each.label: [_square(row, i, each.label, letters) for row in orders]
        for i, each in enumerate(found.standings)
    }
    picture = drawing.squares(rows, [row[0].lot for row in orders]) if orders else ""
    return picture, found.n - len(orders)


def _square(
    row: Sequence[Entry], index: int, label: str, letters: dict[str, str]
) -> drawing.Square:
    entry = row[index]
    ended = "good" if entry.good else str(entry.code)
    return drawing.Square(
        letter=letters.get(entry.code, "?") if entry.code else "",
        differs=len({each.good for each in row}) > 1,
        title=printable(f"{label}, lot {entry.lot}: {ended}. {entry.instruction}"),
    )


def _ranking(standings: Sequence[Standing]) -> list[Standing]:
    """Return the contestants by strength, the best first."""
    return sorted(standings, key=lambda each: -(each.strength.value or 0.0))


def _trends(standings: Sequence[Standing], uph_top: float) -> dict[str, Any] | None:
    """Draw success and throughput against latency, where a brain had several fixed ones."""
    lines: dict[str, list[tuple[float, Standing]]] = {}
    for each in standings:
        latency = Latency.parse(each.contestant.manifest.latency)
        if latency.mode == "measured":
            continue
        name = f"{each.contestant.manifest.brain} on {each.contestant.manifest.body}"
        ms = 0.0 if latency.mode == "none" else latency.fixed_ms
        lines.setdefault(name, []).append((ms, each))
    lines = {name: sorted(points, key=lambda point: point[0]) for name, points in lines.items()}
    lines = {name: points for name, points in lines.items() if len({ms for ms, _ in points}) > 1}
    if not lines:
        return None
    good = {
        name: [drawing.Point(ms, (s := each.summary.good).rate, s.lo, s.hi) for ms, each in points]
        for name, points in lines.items()
    }
    uph = {name: [_uph(ms, each) for ms, each in points] for name, points in lines.items()}
    return {
        "names": list(lines),
        "good": drawing.against(
            good, unit="ms", top=1.0, percent=True, label="Share of good orders against latency"
        ),
        "uph": drawing.against(
            uph, unit="ms", top=uph_top, percent=False, label="Good units per hour against latency"
        ),
    }


def _uph(ms: float, standing: Standing) -> drawing.Point:
    bounds = standing.summary.uph_interval
    return drawing.Point(
        ms,
        standing.summary.uph,
        None if bounds is None else bounds.lo,
        None if bounds is None else bounds.hi,
    )
