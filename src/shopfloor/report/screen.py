"""A story on the terminal: what happened in ten seconds, and everything below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shopfloor.report import told, wording
from shopfloor.report.printable import folded, printable
from shopfloor.report.story import Question, Story
from shopfloor.report.told import Beat, Tone

__all__ = ["story_screen"]

_STYLES: dict[Tone, str] = {
    "plain": "",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "quiet": "bright_black",
}
_ASKED = 400
_ANSWERED = 700
_WHOLE = 20_000
_LINES = 60
_AROUND = 18
"""Of a long story, so many lines at the start, around the failure and at the end are shown."""


def story_screen(story: Story, *, full: bool = False) -> RenderableType:
    """Return a story for ``rich.console.Console.print``.

    Args:
        story: What to tell.
        full: Every line and every question; otherwise what is alike is joined, and of the
            questions the one that led to the failure (or the first) is shown.
    """
    parts: list[RenderableType] = [*_head(story), "", _grid(told.order_words(story))]
    if story.failing is not None:
        parts += ["", _title("Why"), _list((line, "") for line in told.led_to(story))]
    parts += ["", _title("Units"), _list(_units(story))]
    lines = told.beats(story)
    shown, left = (lines, 0) if full else _chosen(told.calmed(lines))
    parts += ["", _title("What happened"), _beats(story, shown)]
    if left:
        parts.append(Text(f"  {left} more lines with --full", style="bright_black"))
    parts += ["", _title("What it came to"), _grid(told.summed_up(story))]
    parts += _questions(story, full=full)
    return Group(*parts)


def _head(story: Story) -> Iterator[RenderableType]:
    entry = story.entry
    for note in story.notes:
        yield Text(f"{printable(note)}.", style="bold yellow")
    yield Text(told.headline(story), style="bold green" if entry.good else "bold red")
    if story.failing is not None:
        yield Text(story.failing.meaning)
    yield Text(wording.SIMULATION, style="bright_black")


def _title(words: str) -> Text:
    return Text(words, style="bold")


def _grid(rows: Iterator[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in rows:
        grid.add_row(name, Text(words, overflow="fold"))
    return Padding(grid, (0, 0, 0, 2))


def _list(rows: Iterator[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for words, style in rows:
        mark = {"green": "✓", "red": "✗"}.get(style, "·")
        grid.add_row(Text(mark, style=style), Text(words, overflow="fold"))
    return Padding(grid, (0, 0, 0, 2))


def _units(story: Story) -> Iterator[tuple[str, str]]:
    """The bad ones first; bystanders that stayed are counted."""
    bad = [fate for fate in story.fates if fate.state not in ("good", "bystander")]
    good = [fate for fate in story.fates if fate.state == "good"]
    bystanders = sum(fate.state == "bystander" for fate in story.fates)
    yield from ((told.fate_words(story, fate), "red") for fate in bad)
    yield from ((told.fate_words(story, fate), "green") for fate in good)
    if bystanders:
        yield f"{bystanders} that the order leaves alone, where they were", "bright_black"


def _beats(story: Story, lines: Sequence[Beat]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True, style="bright_black")
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=12)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(justify="right", no_wrap=True, style="bright_black")
    for beat in lines:
        style = _STYLES[beat.tone]
        took = "" if not beat.took else told.at(story, beat.took)
        grid.add_row(
            told.at(story, beat.tick),
            Text(beat.who, style=style),
            Text(beat.text, style=style, overflow="fold"),
            took,
        )
    return Padding(grid, (0, 0, 0, 2))


def _chosen(lines: Sequence[Beat]) -> tuple[tuple[Beat, ...], int]:
    """Choose lines of a long story: its start, around what went wrong, and its end."""
    if len(lines) <= _LINES:
        return tuple(lines), 0
    bad = [i for i, beat in enumerate(lines) if beat.who == "judge"]
    centres = (0, *bad, len(lines) - 1)
    kept = [beat for i, beat in enumerate(lines) if min(abs(i - c) for c in centres) < _AROUND]
    return tuple(kept), len(lines) - len(kept)


def _questions(story: Story, *, full: bool) -> Iterator[RenderableType]:
    if not story.questions:
        return
    failing = story.failing
    if full:
        chosen, title = story.questions, "Every question"
    elif failing is not None and failing.question is not None:
        chosen, title = (story.questions[failing.question - 1],), "The question before it"
    else:
        chosen, title = story.questions[:1], "The first question"
    yield ""
    yield _title(title)
    for question in chosen:
        yield Padding(_question(story, question, full=full), (0, 0, 0, 2))


def _question(story: Story, question: Question, *, full: bool) -> RenderableType:
    head = f"#{question.number} at {told.at(story, question.tick)}: "
    texts = [Text(head + told.question_facts(question), style="bright_black")]
    for what, said, letters in (
        ("asked", question.request, _ASKED),
        ("answered", question.answer, _ANSWERED),
    ):
        words = folded(said, _WHOLE if full else letters) or "(nothing)"
        texts.append(Text.assemble((f"{what}: ", "bright_black"), words, overflow="fold"))
    return Group(*texts)
