"""The timeline of an episode as one SVG picture: a lane for each who acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from shopfloor.report.story import Story
from shopfloor.view.event import Event
from shopfloor.view.wording import Words

__all__ = ["Lane", "Picture", "draw"]

_LANE = 26
_AXIS = 20
_DOT = 4
_TICKS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_MOST_TICKS = 10
_WIDE = 0.07
"""A call that takes this share of the episode bears its name."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One row: its name, and where its middle is [px]."""

    name: str
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture.

    Attributes:
        svg: Markup, as wide as where it stands.
        lanes: From top to bottom.
        height: [px].
    """

    svg: str
    lanes: tuple[Lane, ...]
    height: int


def draw(story: Story, found: Sequence[Event], words: Words) -> Picture:
    """Draw the timeline of an episode.

    Every event has an element with its number as ``data-event``, and the cursor is the line of
    class ``cursor``, which the page's script moves.
    """
    names = [words("who.brain"), *story.limbs, words("who.guard"), words("who.judge")]
    lanes = tuple(Lane(name, _LANE * i + _LANE / 2) for i, name in enumerate(names))
    height = _LANE * len(lanes) + _AXIS
    parts = [
        *_grid(story, height),
        *(_rule(lane) for lane in lanes),
        *(mark for event in found for mark in _marks(story, event, lanes)),
        f'<line class="cursor" x1="0" x2="0" y1="0" y2="{height - _AXIS}"/>',
    ]
    svg = (
        f'<svg class="line" width="100%" height="{height}" role="img" '
        f'aria-label="{escape(words("timeline"), quote=True)}">{"".join(parts)}</svg>'
    )
    return Picture(svg, lanes, height)


def _x(story: Story, tick: float) -> float:
    """Return where a tick lies [% of the width]; files may say anything."""
    return 100 * min(max(tick / max(story.last_tick, 1), 0.0), 1.0)


def _grid(story: Story, height: int) -> Iterator[str]:
    length = story.last_tick * story.control_dt
    step = next((s for s in _TICKS if length / s <= _MOST_TICKS), max(length / _MOST_TICKS, 0.5))
    for i in range(int(length / step) + 1):
        x = 100 * i * step / length if length else 0.0
        side = "start" if x < 3 else "end" if x > 96 else "middle"
        yield (
            f'<line class="grid" x1="{x:.3f}%" x2="{x:.3f}%" y1="0" y2="{height - _AXIS}"/>'
            f'<text x="{x:.3f}%" y="{height - 5}" text-anchor="{side}">{i * step:g}\u00a0s</text>'
        )


def _rule(lane: Lane) -> str:
    return f'<line class="axis" x1="0" x2="100%" y1="{lane.y:g}" y2="{lane.y:g}"/>'


def _marks(story: Story, event: Event, lanes: Sequence[Lane]) -> Iterator[str]:
    title = f"<title>{escape(f'{event.tick * story.control_dt:.2f} s  {event.text}')}</title>"
    css = f"e {event.kind} t-{event.tone}"
    data = f'data-event="{event.number}"'
    if event.kind == "call":
        for limb in event.limbs:
            if limb in story.limbs:
                lane = lanes[1 + story.limbs.index(limb)]
                yield _bar(story, event, lane, f'class="{css}" {data}', title)
        return
    place = {"asked": 0, "ruling": len(lanes) - 2}.get(event.kind, len(lanes) - 1)
    if event.kind == "event":
        place = 0 if event.who == lanes[0].name else len(lanes) - 1
    y, x = lanes[place].y, _x(story, event.tick)
    if event.kind == "ruling":
        yield _bar(story, event, lanes[place], f'class="{css}" {data}', title)
    elif event.kind in ("judge", "fault"):
        yield (
            f'<line class="{css}" {data} x1="{x:.3f}%" x2="{x:.3f}%" y1="0" y2="{y + 9:g}">'
            f'{title}</line><circle class="{css}" {data} cx="{x:.3f}%" cy="{y:g}" r="5">'
            f"{title}</circle>"
        )
    else:
        yield (f'<circle class="{css}" {data} cx="{x:.3f}%" cy="{y:g}" r="{_DOT}">{title}</circle>')


def _bar(story: Story, event: Event, lane: Lane, attributes: str, title: str) -> str:
    x = _x(story, event.tick)
    width = max(_x(story, event.end) - x, 0.35)
    text = ""
    if event.label and width >= 100 * _WIDE:
        text = (
            f'<text class="label" x="{x:.3f}%" dx="4" y="{lane.y + 4:g}">'
            f"{escape(event.label)}</text>"
        )
    return (
        f'<rect {attributes} x="{min(x, 99.65):.3f}%" width="{width:.3f}%" y="{lane.y - 8:g}" '
        f'height="16" rx="2">{title}</rect>{text}'
    )
