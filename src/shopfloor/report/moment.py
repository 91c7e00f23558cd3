"""The moments of an episode that are worth a picture."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shopfloor.report import told
from shopfloor.report.story import Call, Question, Shown, Story
from shopfloor.report.told import Tone

__all__ = ["Caption", "Moment", "Pointed", "moments", "pointed"]

_MOST = 24
_FAR = 1e5
"""What points further away is outside of any picture [px]."""
_FAILED = 80
_WEIGHTS = {"done": 40, "failed": _FAILED, "refused": _FAILED, "dropped": 50, "cut off": 30}


@dataclass(frozen=True, slots=True)
class Caption:
    """One thing that happened at a moment; ``weight`` decides what is left out first."""

    tick: int
    text: str
    tone: Tone
    weight: int


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where a call pointed in a picture that the brain was shown: ``(u, v)`` [px of the view]."""

    limbs: tuple[str, ...]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What one tile of a contact sheet shows.

    Attributes:
        tick: Of its first caption.
        captions: What happened while the cameras' newest pictures were the same.
        places: For each camera with a video, the place of its picture in it.
        shown: The view that the brain was shown then, or None.
        pointed: Where its calls pointed in that view.
        tone: The worst of its captions'.
    """

    tick: int
    captions: tuple[Caption, ...]
    places: dict[str, int]
    shown: Shown | None
    pointed: tuple[Pointed, ...]
    tone: Tone


def moments(story: Story, *, most: int = _MOST) -> tuple[tuple[Moment, ...], int]:
    """Choose the moments of a story.

    Returns:
        At most so many, in their order, and how many were left out.
    """
    telling = told.stirring(story)
    questions = {q.number: q for q in story.questions if q.number in telling and q.shown}
    clock = max(story.frames.values(), key=len, default=())
    groups: dict[int, list[Caption]] = {}
    asked: dict[int, Question] = {}
    for question in questions.values():
        asked.setdefault(bisect_right(clock, question.tick), question)
    for caption in sorted(_captions(story, questions), key=lambda c: c.tick):
        groups.setdefault(bisect_right(clock, caption.tick), []).append(caption)
    found = [_moment(story, groups[key], asked.get(key)) for key in sorted(groups)]
    centre = story.last_tick if story.failing is None else story.failing.tick

    def worth(moment: Moment) -> tuple[int, int]:
        return -max(caption.weight for caption in moment.captions), abs(moment.tick - centre)

    kept = sorted(sorted(found, key=worth)[:most], key=lambda moment: moment.tick)
    return tuple(kept), len(found) - len(kept)


def _moment(story: Story, captions: list[Caption], question: Question | None) -> Moment:
    tick = captions[0].tick if question is None else question.tick
    shown = question.shown[0] if question is not None else None
    order: tuple[Tone, ...] = ("bad", "good", "warn", "plain", "quiet")
    return Moment(
        tick=tick,
        captions=tuple(sorted(captions, key=lambda c: -c.weight)),
        # The newest picture at the end of the moment: what happened is seen in it, not before it.
        places={
            camera: max(bisect_right(ticks, max(c.tick for c in captions)) - 1, 0)
            for camera, ticks in story.frames.items()
        },
        shown=shown,
        pointed=() if question is None else tuple(pointed(story, question)),
        tone=min((caption.tone for caption in captions), key=order.index),
    )


def _captions(story: Story, numbers: Iterable[int]) -> Iterator[Caption]:
    yield Caption(0, "start", "plain", 100)
    for number in numbers:
        yield Caption(story.questions[number - 1].tick, f"asked #{number}", "plain", 60)
    for call in story.calls:
        yield from _of_call(call)
    for stretch in story.stretches:
        stopped = stretch.verdict == "stop"
        text = f"guard: {stretch.verdict} {stretch.rule or ''}, {stretch.ticks} ticks"
        yield Caption(stretch.first, text, "bad" if stopped else "warn", 75 if stopped else 20)
    for remark in story.remarks:
        if remark.kind == "fault":
            yield Caption(remark.tick, f"fault {remark.data.get('code')}", "bad", _FAILED)
        elif remark.kind == "brain.finish":
            yield Caption(remark.tick, f"the brain claims: {remark.data.get('claim')}", "plain", 70)
    if story.failing is not None:
        yield Caption(story.failing.tick, f"{story.failing.code} begins", "bad", 110)
    good = story.entry.good
    yield Caption(story.last_tick, "end: good" if good else "end", "good" if good else "plain", 100)


def _of_call(call: Call) -> Iterator[Caption]:
    who = "+".join(call.limbs)
    if call.ending == "done" and not call.ticks:
        return  # a wait for nothing
    if call.begun is not None:
        yield Caption(call.begun, f"{who}: {told.call_words(call)}", "plain", 30)
    if call.ending != "cut off":
        tone: Tone = "bad" if call.ending in ("failed", "refused") else "plain"
        text = f"{who}: {call.skill} {call.ending if call.code is None else call.code}"
        yield Caption(call.ended, text, tone, _WEIGHTS[call.ending])


def pointed(story: Story, question: Question) -> Iterator[Pointed]:
    """Find where the calls that began before the next question pointed."""
    later = [other.tick for other in story.questions if other.number > question.number]
    until = min((tick for tick in later if tick > question.tick), default=story.last_tick + 1)
    # Thinking takes time: what begins just when the next is asked may come from either answer.
    there = [other.answer for other in story.questions if other.tick == until]
    for call in story.calls:
        if call.begun is None or not question.tick <= call.begun <= until:
            continue
        if call.begun == until and any(call.skill in answer for answer in there):
            continue
        if call.arguments.get("camera") != question.shown[0].camera:
            continue
        for name in ("point", "box"):
            numbers = call.arguments.get(name)
            if isinstance(numbers, list) and all(
                isinstance(n, int | float) and abs(n) < _FAR for n in numbers
            ):
                pairs = zip(numbers[::2], numbers[1::2], strict=False)
                yield Pointed(call.limbs, tuple((float(u), float(v)) for u, v in pairs))


def _near(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) < _FAR
