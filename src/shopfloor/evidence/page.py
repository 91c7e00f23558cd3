"""A comparison as one self-contained HTML page, beside the same figures as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from shopfloor.evidence import drawing, scatter, verdict
from shopfloor.evidence.comparison import Comparison, Pair, Standing
from shopfloor.evidence.template import template
from shopfloor.evidence.trend import SCALES, trend
from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.disk import write_atomic
from shopfloor.record.entry import Entry, Manifest
from shopfloor.report.chart import nice_ticks
from shopfloor.report.printable import printable

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
    page = template("compare.html.j2").render(
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
        trends=_trends(standings),
        costs=_costs(standings),
    )
    return page + "\n"


def _fastest(standing: Standing) -> float:
    bounds = standing.summary.uph_interval
    return max(standing.summary.uph or 0.0, bounds.hi if bounds else 0.0)


def _words(found: Comparison, pair: Pair) -> tuple[str, str]:
    said = verdict.said(pair, watched=found.watched, pairs=len(found.pairs))
    return said, verdict.speed_said(pair)


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


def _trends(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """Draw success and throughput against what was varied along a scale."""
    drawn = []
    for factor in SCALES:
        names = _lines([each.contestant.manifest for each in standings], factor)
        runs = [
            (name, each.contestant.manifest, each.summary)
            for name, each in zip(names, standings, strict=True)
        ]
        drawn.append(trend(factor, runs))
    return [each for each in drawn if each is not None]


def _lines(manifests: Sequence[Manifest], factor: str) -> list[str]:
    """Name the line of each run: what it has in common with those that differ in a factor alone."""
    facts = [
        {
            "brain": each.brain,
            "body": each.body,
            "language": each.language,
            "limits": each.limits,
            "latency": each.latency,
            "noise": f"noise {each.noise}",
            "faults": ", ".join(each.faults) or "no faults",
        }
        for each in manifests
    ]
    telling = [
        name
        for name in facts[0]
        if name != factor and (name == "brain" or len({each[name] for each in facts}) > 1)
    ]
    return [", ".join(each[name] for name in telling) for each in facts]


def _costs(standings: Sequence[Standing]) -> dict[str, Any] | None:
    """Draw what a good unit costs against success; None where nobody delivered one."""
    spots = [spot for each in standings if (spot := _spot(each)) is not None]
    if not spots:
        return None
    columns = standings[0].summary.cost.columns
    label = "Cost of a good unit against the share of good orders"
    return {
        "picture": scatter.scatter(spots, label),
        "names": [spot.name for spot in spots],
        "prices": [columns[0].robot_price_usd, columns[-1].robot_price_usd],
        "dated": standings[0].summary.cost.prices.dated,
    }


def _spot(standing: Standing) -> scatter.Spot | None:
    good, columns = standing.summary.good, standing.summary.cost.columns
    low, high = columns[0].known_per_unit_usd, columns[-1].known_per_unit_usd
    if low is None or high is None or good.rate is None or good.lo is None or good.hi is None:
        return None
    return scatter.Spot(
        standing.label, (good.rate, good.lo, good.hi), (low, high), least=bool(columns[0].lacks)
    )
