"""An episode as one picture: its key moments with captions, below a line of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from shopfloor.record import Episode
from shopfloor.report import told
from shopfloor.report.album import Album, album
from shopfloor.report.lettering import Ink, Letters
from shopfloor.report.moment import Caption, Moment, Pointed, moments
from shopfloor.report.story import Call, Story
from shopfloor.report.told import Tone
from shopfloor.types import UInt8Array

__all__ = ["draw", "png", "sheet"]

# The colours of the report's page.
_PAPER: Ink = (255, 255, 255)
_INK: Ink = (21, 24, 28)
_MUTED: Ink = (89, 97, 107)
_RULE: Ink = (223, 227, 231)
_PANEL: Ink = (245, 246, 248)
_OURS: Ink = (29, 79, 145)
_BAD: Ink = (169, 44, 33)
_TONES: Mapping[Tone, Ink] = {
    "plain": _INK, "quiet": _MUTED, "good": (28, 107, 77), "bad": _BAD, "warn": (156, 105, 0),
}  # fmt: skip
_SKILLS: Mapping[str, Ink] = {
    "pick": _OURS, "place": (44, 138, 102), "handover": (125, 99, 172), "insert": (224, 170, 43),
}  # fmt: skip
_OTHER: Ink = (139, 160, 179)

_COLUMNS = 4
_SIDE = 224
"""Height of the pictures: that of a stream, so that it is not resized."""
_SEAM = 4
_TILE = 2 * _SIDE + _SEAM
_GAP, _ROW_GAP, _MARGIN = 28, 30, 48
_WIDTH = 2 * _MARGIN + _COLUMNS * _TILE + (_COLUMNS - 1) * _GAP
_LINE, _LINES = 25, 4
_TOP = 140
"""Where the line of time begins."""
_BAR, _BAR_GAP, _LABEL = 26, 8, 118

_TITLE, _TEXT, _SMALL = Letters(24, bold=True), Letters(12), Letters(10)
_BOLD = Letters(12, bold=True)


def sheet(story: Story, episode: Episode) -> bytes:
    """Return the contact sheet of an episode as a PNG file.

    Raises:
        RunCorrupt: A video cannot be read.
    """
    chosen, left_out = moments(story)
    return png(draw(story, chosen, album(episode, chosen), left_out))


def png(pixels: UInt8Array) -> bytes:
    """Return ``(H, W, 3)`` RGB as a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def draw(story: Story, chosen: Sequence[Moment], pictures: Album, left_out: int = 0) -> UInt8Array:
    """Return the contact sheet, ``(H, W, 3)`` RGB."""
    rows = [chosen[i : i + _COLUMNS] for i in range(0, len(chosen), _COLUMNS)]
    # A row is as high as the longest of its captions needs.
    lines = [max(min(len(moment.captions), _LINES) for moment in row) for row in rows]
    y = _TOP + (len(story.limbs) + 1) * (_BAR + _BAR_GAP) + 58
    height = y + sum(_SIDE + 12 + _LINE * n + _ROW_GAP for n in lines) + 46
    canvas = np.full((height, _WIDTH, 3), _PAPER, np.uint8)
    _head(canvas, story)
    _strip(canvas, story, _TOP)
    for row, count in zip(rows, lines, strict=True):
        for i, moment in enumerate(row):
            _tile(canvas, story, moment, pictures, _MARGIN + i * (_TILE + _GAP), y)
        y += _SIDE + 12 + _LINE * count + _ROW_GAP
    foot = "A simulation result: no real robot moved.  Blue frame: the view that the brain was "
    foot += "shown; rings: where its calls pointed.  Red: where it began to fail."
    if left_out:
        foot += f"  Left out: {left_out} of less weight."
    _SMALL.draw(canvas, foot, _MARGIN, height - 34, _MUTED)
    return canvas


def _head(canvas: UInt8Array, story: Story) -> None:
    entry = story.entry
    ink = _TONES["good" if entry.good else "bad"]
    x = _TITLE.draw(canvas, f"Lot {entry.lot}", _MARGIN, 70, _INK)
    _TITLE.draw(canvas, _TITLE.fitted(told.headline(story), _WIDTH - x - 90), x + 26, 70, ink)
    facts = [] if story.failing is None else [story.failing.meaning]
    facts += [f'told "{entry.instruction}"', f"goal: {'; '.join(story.goal) or 'to move nothing'}"]
    facts += [f"{story.brain} in {story.cell} on {story.body}"]
    line = "   |   ".join(facts)
    _TEXT.draw(canvas, _TEXT.fitted(line, _WIDTH - 2 * _MARGIN), _MARGIN, 108, _MUTED)


# The line of time.


def _strip(canvas: UInt8Array, story: Story, y: int) -> None:
    """Draw who did what when: a bar for each call, a dot for each question, a red line."""
    left, right = _MARGIN + _LABEL, _WIDTH - _MARGIN
    ticks = max(story.last_tick, 1)

    def x(tick: float) -> int:
        return round(left + (right - left) * min(max(tick, 0), ticks) / ticks)

    for limb in story.limbs:
        _TEXT.draw(canvas, _TEXT.fitted(limb, _LABEL - 12), _MARGIN, y + 19, _INK)
        _box(canvas, left, y, right, y + _BAR, _PANEL)
        for call in story.calls:
            if limb in call.limbs and call.ticks:
                _bar(canvas, call, x(call.begun or 0), x(call.ended), y)
        y += _BAR + _BAR_GAP
    _TEXT.draw(canvas, "brain, guard", _MARGIN, y + 19, _INK)
    _box(canvas, left, y + _BAR // 2, right, y + _BAR // 2 + 1, _RULE)
    for stretch in story.stretches:
        ink = _BAD if stretch.verdict == "stop" else _TONES["warn"]
        a, b = x(stretch.first), x(stretch.last)
        _box(canvas, a, y + 5, max(b, a + 3), y + 21, ink)
    for question in story.questions:
        _dot(canvas, x(question.tick), y + _BAR // 2, 4, _OURS)
    bottom = y + _BAR + 4
    step = _step(ticks * story.control_dt)
    for i in range(int(ticks * story.control_dt / step) + 1):
        at = x(i * step / story.control_dt)
        _box(canvas, at, bottom, at + 1, bottom + 5, _MUTED)
        words = f"{i * step:g} s"
        _SMALL.draw(canvas, words, at - (_SMALL.width(words) / 2 if i else 0), bottom + 20, _MUTED)
    if story.failing is not None:
        at = x(story.failing.tick)
        _box(canvas, at - 1, _TOP - 6, at + 2, bottom + 5, _BAD)


def _step(total_s: float) -> float:
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    return next((float(step) for step in steps if total_s / step <= 16), 1800.0)


def _bar(canvas: UInt8Array, call: Call, a: int, b: int, y: int) -> None:
    wrong = call.ending in ("failed", "refused")
    ink = _BAD if wrong else _SKILLS.get(call.skill, _OTHER)
    _box(canvas, a, y, max(b - 1, a + 1), y + _BAR, ink)
    words = call.skill if call.ending != "cut off" else f"{call.skill}, cut off"
    if _SMALL.width(words) + 12 <= b - a:
        _SMALL.draw(canvas, words, a + 6, y + 18, _PAPER)


# The tiles.


def _tile(
    canvas: UInt8Array, story: Story, moment: Moment, pictures: Album, x: int, y: int
) -> None:
    """Draw the pictures of one moment side by side, and below them what happened."""
    parts: list[UInt8Array] = []
    marked: set[int] = set()
    shown = moment.shown
    if shown is not None and (shown.camera, shown.place) in pictures.views:
        view = pictures.views[shown.camera, shown.place]
        parts.append(_pointed(view, moment.pointed))
        marked.add(0)
    for camera, place in moment.places.items():
        if not (marked and shown is not None and camera == shown.camera):
            parts.append(pictures.streams[camera, place])
    _side_by_side(canvas, parts[:2], marked, x, y)
    failing = story.failing is not None and any(c.weight == 110 for c in moment.captions)
    if failing:
        _frame(canvas, x - 4, y - 4, x + _TILE + 4, y + _SIDE + 4, _BAD, 4)
    clock = told.at(story, moment.tick)
    left = _BOLD.draw(canvas, clock, x, y + _SIDE + 28, _BAD if failing else _INK) + 14
    lines = _worded(moment.captions)
    for i, caption in enumerate(lines):
        words = _TEXT.fitted(caption.text, _TILE - (left - x))
        _TEXT.draw(canvas, words, left, y + _SIDE + 28 + i * _LINE, _TONES[caption.tone])


def _worded(captions: Sequence[Caption]) -> list[Caption]:
    """Return as many captions as fit, in the order in which they happened."""
    kept = list(captions)
    if len(kept) > _LINES:
        more = len(kept) - _LINES + 1
        kept = [*kept[: _LINES - 1], Caption(1 << 60, f"and {more} more", "quiet", 0)]
    return sorted(kept, key=lambda caption: caption.tick)


def _side_by_side(
    canvas: UInt8Array, parts: Sequence[UInt8Array], marked: set[int], x: int, y: int
) -> None:
    """Fill a tile with pictures, each as wide as it is, the last one cut or the rest left empty."""
    _box(canvas, x, y, x + _TILE, y + _SIDE, _PANEL)
    left = x
    for i, part in enumerate(parts):
        room = x + _TILE - left
        if room < _SIDE // 4:
            return
        small = _fitted(part, room, last=i == len(parts) - 1)
        canvas[y : y + _SIDE, left : left + small.shape[1]] = small
        if i in marked:
            _frame(canvas, left, y, left + small.shape[1], y + _SIDE, _OURS, 3)
        left += small.shape[1] + _SEAM


def _fitted(pixels: UInt8Array, room: int, *, last: bool) -> UInt8Array:
    """Return a picture as high as a tile and at most ``room`` wide, its middle kept."""
    tall, wide = pixels.shape[:2]
    scale = _SIDE / tall
    width = round(wide * scale)
    if last and width < room and room <= 2 * width and room < _TILE:
        scale, width = room / wide, room  # a little larger rather than a gap
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = np.asarray(cv2.resize(pixels, (width, round(tall * scale)), interpolation=how))
    a, b = max(0, (large.shape[1] - room) // 2), max(0, (large.shape[0] - _SIDE) // 2)
    return np.asarray(large[b : b + _SIDE, a : a + min(room, large.shape[1])], np.uint8)


def _pointed(view: UInt8Array, pointed: Sequence[Pointed]) -> UInt8Array:
    """Draw rings and boxes where calls pointed, on a copy."""
    drawn = view.copy()
    size = max(view.shape[0] // 34, 6)
    for ink, thick in ((_PAPER, size // 3 + 5), (_OURS, size // 3)):
        for one in pointed:
            if len(one.points) == 1:
                (u, v) = one.points[0]
                cv2.circle(drawn, (round(u), round(v)), size, ink, thick, cv2.LINE_AA)
            for (u, v), (w, z) in pairwise(one.points):
                cv2.rectangle(
                    drawn, (round(u), round(v)), (round(w), round(z)), ink, thick, cv2.LINE_AA
                )
    return drawn


def _box(canvas: UInt8Array, a: int, b: int, c: int, d: int, ink: Ink) -> None:
    canvas[b:d, a:c] = ink


def _frame(canvas: UInt8Array, a: int, b: int, c: int, d: int, ink: Ink, thick: int) -> None:
    _box(canvas, a, b, c, b + thick, ink)
    _box(canvas, a, d - thick, c, d, ink)
    _box(canvas, a, b, a + thick, d, ink)
    _box(canvas, c - thick, b, c, d, ink)


def _dot(canvas: UInt8Array, x: int, y: int, radius: int, ink: Ink) -> None:
    # Eight more bits of place make the circle smooth.
    cv2.circle(canvas, (x << 4, y << 4), radius << 4, ink, -1, cv2.LINE_AA, 4)
