"""A benchmark's result as one self-contained HTML page, beside the same figures as JSON."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from shopfloor.evidence import drawing
from shopfloor.evidence import score_words as words
from shopfloor.evidence.beside import Beside
from shopfloor.evidence.forest import Dot, Panel, Row, forest
from shopfloor.evidence.score import Mark, Score
from shopfloor.evidence.template import template
from shopfloor.evidence.trend import trend
from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.disk import write_atomic
from shopfloor.record.entry import Entry
from shopfloor.report import wording
from shopfloor.report.printable import printable

__all__ = ["render", "write"]

_LEAST_SPAN = 0.2
"""The scale of success shows at least so much."""
_STEPS = (4, 4, 3, 4, 4)
"""Into how many steps it is divided where it begins at 0, 20, 40, 60, 80 %."""


def write(folder: Path, score: Score, other: Beside | None = None) -> Path:
    """Write ``bench.html`` and ``bench.json`` into a folder, each whole or not at all.

    Args:
        folder: Where.
        score: What.
        other: The same beside another brain.

    Returns:
        Path of the page.

    Raises:
        RunUnwritable: The folder cannot be written.
    """
    values = score.to_json() | {"beside": None if other is None else other.to_json()}
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=2)
    write_atomic(folder / "bench.json", f"{text}\n".encode())
    write_atomic(folder / "bench.html", render(score, other).encode())
    return folder / "bench.html"


def render(score: Score, other: Beside | None = None) -> str:
    """Return the page."""
    letters = _letters(score)
    manifest = score.base.run.manifest
    page = template("bench.html.j2").render(
        score=score,
        marks=score.marks,
        headline=words.headline(score),
        lede=words.lede(score),
        notes=words.notes(score),
        other=other,
        rivals=[] if other is None else list(zip(score.marks, other.rivals, strict=True)),
        resolves=words.resolves(score),
        method=words.method(score),
        points=words.points,
        said=[words.said(mark, against) for mark, against in score.varied],
        shown=words.shown,
        forest=_forest(score),
        picture=_picture(score, letters),
        codes=_codes(score, letters),
        trends=[drawn for factor in ("noise", "latency") if (drawn := _trend(score, factor))],
        command=_command(score),
        identity=sorted(manifest.brain_identity.items()),
        versions=sorted(manifest.versions.items()),
        manifest=manifest,
    )
    return page + "\n"


def _command(score: Score) -> str:
    """Return what a shell takes to work the same again, in the folder where it was worked."""
    manifest = score.base.run.manifest
    flags = {"--quick": score.extent.name == "quick", "--allow-unproven": manifest.allow_unproven}
    asked = ["shopfloor", "bench", score.suite.given, "--brain", score.brain]
    return shlex.join([*asked, *(flag for flag, given in flags.items() if given)])


def _forest(score: Score) -> str:
    lows = [low for mark in score.marks if (low := mark.summary.good.lo) is not None]
    least = min([*lows, 1 - _LEAST_SPAN])
    fifth = max(0, math.floor(5 * least))
    steps = _STEPS[fifth]
    ticks = tuple(fifth / 5 + (1 - fifth / 5) * i / steps for i in range(steps + 1))
    good = Panel(
        "Orders good, with 95 % interval",
        ticks,
        tuple(f"{100 * tick:.3g} %" for tick in ticks),
        score.base.summary.good.rate,
    )
    most = max([1.2, *(hi for mark in score.marks if (hi := _ratio(mark).hi) is not None)])
    quarters = math.ceil(most / 0.25)
    speeds = tuple(0.25 * i * math.ceil(quarters / 6) for i in range(7))
    top = next(i for i, tick in enumerate(speeds) if tick >= most) + 1
    speed = Panel(
        "Good units per hour, over those of the base",
        speeds[:top],
        tuple(f"{tick:g}×" for tick in speeds[:top]),
        1.0,
    )
    rows = [
        Row(
            name=words.shown(mark.condition.factor, mark.condition.level),
            group=mark.condition.factor or "",
            dots=(_good(mark), _ratio(mark)),
        )
        for mark in score.marks
    ]
    label = f"{score.brain} under {len(rows)} conditions; the table has the figures"
    return forest(rows, (good, speed), label)


def _css(decided: str) -> str:
    return "" if decided == "not resolved" else decided


def _good(mark: Mark) -> Dot:
    good = mark.summary.good
    words = f"{wording.percent(good.rate)}  {good.k}/{good.n}"
    css = "base" if mark.against is None else _css(mark.against.decision)
    return Dot(good.rate, good.lo, good.hi, words, css)


def _ratio(mark: Mark) -> Dot:
    if mark.against is None:
        return Dot(1.0, None, None, f"{wording.number(mark.summary.uph, 0)} an hour", "base")
    speed = mark.against.speed
    if speed.ratio is None:
        return Dot(None, None, None, wording.NONE, "")
    lo, hi = (speed.bounds.lo, speed.bounds.hi) if speed.bounds else (None, None)
    return Dot(speed.ratio, lo, hi, f"{speed.ratio:.2f}×", _css(mark.against.pace))


def _letters(score: Score) -> dict[str, str]:
    """Give each failure code that occurs a letter, the most frequent first."""
    codes = Counter(entry.code for mark in score.marks for entry in mark.entries if entry.code)
    ordered = sorted(codes, key=lambda code: (-codes[code], code))
    return dict(zip(ordered, ascii_uppercase, strict=False))


def _codes(score: Score, letters: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "letter": letter,
            "code": code,
            "meaning": FAILURE_MEANINGS.get(code, ""),
            "counts": [mark.summary.failures.get(code, 0) for mark in score.marks],
        }
        for code, letter in letters.items()
    ]


def _picture(score: Score, letters: dict[str, str]) -> str:
    base = score.base.entries
    rows = {
        mark.name: [
            _square(mark, entry, than, letters)
            for entry, than in zip(mark.entries, base, strict=True)
        ]
        for mark in score.marks
    }
    return drawing.squares(rows, [entry.lot for entry in base])


def _square(mark: Mark, entry: Entry, base: Entry, letters: dict[str, str]) -> drawing.Square:
    ended = "good" if entry.good else str(entry.code)
    return drawing.Square(
        letter=letters.get(entry.code, "?") if entry.code else "",
        differs=entry.good != base.good,
        title=printable(f"{mark.name}, lot {entry.lot}: {ended}. {entry.instruction}"),
    )


def _trend(score: Score, factor: str) -> dict[str, Any] | None:
    """Draw success and throughput against a factor that has a scale."""
    marks = [score.base, *(m for m, _ in score.varied if m.condition.factor == factor)]
    return trend(factor, [(score.brain, mark.run.manifest, mark.summary) for mark in marks])
