"""A story as one self-contained page, with its pictures and videos."""

from __future__ import annotations

import base64
from functools import cache, partial
from typing import TYPE_CHECKING

from shopfloor.record import RunFolder
from shopfloor.report import told, wording
from shopfloor.report.clip import clips
from shopfloor.report.press import template
from shopfloor.report.printable import folded
from shopfloor.report.story import Story

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["story_page"]

_LIMIT_BYTES = 12_000_000
"""A page is not larger, as the report's: it must pass through a mailbox."""
_LETTERS = 20_000


def story_page(run: RunFolder, story: Story, sheet: bytes | None) -> str:
    """Return the page.

    Args:
        run: The run that the story is from.
        story: What to tell.
        sheet: Its contact sheet as a PNG file, or None without pictures.
    """
    uri = None if sheet is None else f"data:image/png;base64,{base64.b64encode(sheet).decode()}"
    bare = len(_render(story, uri, ()).encode())
    found = clips(run.path, run.manifest, [story.entry], budget=_LIMIT_BYTES - bare)
    videos = [video for clip in found for video in clip.videos] if story.pictures else []
    return _render(story, uri, videos)


def _render(story: Story, sheet: str | None, videos: object) -> str:
    page = _template().render(
        story=story,
        run=wording.here(story.run),
        simulation=wording.SIMULATION,
        headline=told.headline(story),
        order=tuple(told.order_words(story)),
        led_to=tuple(told.led_to(story)),
        beats=told.calmed(told.beats(story)),
        summed_up=tuple(told.summed_up(story)),
        fate_words=partial(told.fate_words, story),
        at=partial(told.at, story),
        facts=told.question_facts,
        sheet=sheet,
        videos=videos,
    )
    return page + "\n"


@cache
def _template() -> Template:
    return template("shopfloor.report", "story.html.j2", folded=lambda text: folded(text, _LETTERS))
