"""What happened in an episode as a list to jump in, in either language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shopfloor.report import told
from shopfloor.report.moment import Pointed, pointed
from shopfloor.report.printable import folded, printable, shortened
from shopfloor.report.story import Call, Question, Remark, Shown, Story, Stretch
from shopfloor.report.told import Tone
from shopfloor.view.wording import Words

__all__ = ["Event", "Kind", "events", "meaning"]

Kind = Literal["asked", "call", "ruling", "fault", "event", "judge"]

_LETTERS = 20_000
_LETTERS_IN_ALL = 2_000_000
"""A page of more than a few megabytes is no page any more."""
_LETTERS_LEAST = 400
_LINE = 140
_TONES: Mapping[str, Tone] = {"failed": "bad", "refused": "bad", "dropped": "warn"}


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        number: Its place in the list, from 0.
        kind: What it is.
        tick: When it began.
        end: Its last tick; the same where it took no time.
        who: A limb or several, or who else acted.
        limbs: Names of the limbs, for calls.
        text: What happened, in one line.
        tone: How it is to be felt.
        quiet: Whether little happened in it.
        request, answer: What was asked and answered, where that is what happened.
        shown: New pictures that the brain was shown.
        pointed: Where its calls pointed in the first of them.
        label: A word or two for the timeline.
    """

    number: int
    kind: Kind
    tick: int
    end: int
    who: str
    text: str
    tone: Tone = "plain"
    quiet: bool = False
    limbs: tuple[str, ...] = ()
    request: str | None = None
    answer: str | None = None
    shown: tuple[Shown, ...] = ()
    pointed: tuple[Pointed, ...] = ()
    label: str = ""


def events(story: Story, words: Words) -> tuple[Event, ...]:
    """Return all events of a story, in the order in which they began."""
    found = sorted(_all(story, words), key=lambda fields: fields["tick"])
    found.append(_end(story, words))
    return tuple(Event(number=i, **fields) for i, fields in enumerate(found))


def meaning(code: str | None, words: Words) -> str:
    """Say what a failure code means; a code that nobody knows stays as it is."""
    if code is None:
        return ""
    return words.failure(code) or words("code.unknown")


def _all(story: Story, words: Words) -> Iterator[dict[str, Any]]:
    telling = told.stirring(story)
    share = _LETTERS_IN_ALL // (2 * max(len(story.questions), 1))
    letters = max(min(_LETTERS, share), _LETTERS_LEAST)
    for question in story.questions:
        yield _asked(story, question, words, letters=letters, quiet=question.number not in telling)
    for call in story.calls:
        yield _call(call, words)
    for stretch in story.stretches:
        yield _ruling(stretch, words)
    for remark in story.remarks:
        yield _remark(remark, words)
    if story.malformed:
        yield {
            "kind": "ruling",
            "tick": story.malformed[0],
            "end": story.malformed[0],
            "who": words("who.guard"),
            "text": words("event.malformed", n=len(story.malformed)),
            "tone": "bad",
        }
    if (failing := story.failing) is not None:
        code = printable(failing.code)
        yield {
            "kind": "judge",
            "tick": failing.tick,
            "end": failing.tick,
            "who": words("who.judge"),
            "text": words("event.begins", code=code, meaning=meaning(failing.code, words)),
            "tone": "bad",
            "label": code,
        }


def _end(story: Story, words: Words) -> dict[str, Any]:
    good = sum(fate.state == "good" for fate in story.fates)
    about = sum(fate.state != "bystander" for fate in story.fates)
    ended = words("good") if story.entry.good else words("failed")
    return {
        "kind": "judge",
        "tick": story.last_tick,
        "end": story.last_tick,
        "who": words("who.judge"),
        "text": words("event.end", outcome=ended, good=good, units=about),
        "tone": "good" if story.entry.good else "bad",
        "label": ended,
    }


def _asked(
    story: Story, question: Question, words: Words, *, letters: int, quiet: bool
) -> dict[str, Any]:
    wait = question.latency_s
    facts = [printable(question.model_id) or words("event.nobody")]
    facts.append(f"{1000 * wait:.0f}\u00a0ms" if wait < 1 else f"{wait:.1f}\u00a0s")
    if question.tokens is not None:
        facts.append(words("event.tokens", into=question.tokens[0], out=question.tokens[1]))
    if question.cost_usd is not None:
        facts.append(f"${question.cost_usd:.4f}")
    return {
        "kind": "asked",
        "tick": question.tick,
        "end": question.tick,
        "who": words("who.brain"),
        "text": f"#{question.number} " + ", ".join(shortened(fact, 60) for fact in facts),
        "tone": "quiet" if quiet else "plain",
        "quiet": quiet,
        "request": folded(question.request, letters),
        "answer": folded(question.answer, letters),
        "shown": question.shown,
        "pointed": tuple(pointed(story, question)) if question.shown else (),
        "label": f"#{question.number}",
    }


def _call(call: Call, words: Words) -> dict[str, Any]:
    begun = call.ended if call.begun is None else call.begun
    quiet = call.ending == "done" and call.skill in ("wait", "look") and not call.ticks
    said = [words(f"ending.{call.ending}")]
    if call.code is not None:
        said.append(f"{printable(call.code)} ({words.failure(call.code) or '?'})")
    said += _facts(call)
    return {
        "kind": "call",
        "tick": begun,
        "end": call.ended,
        "who": "+".join(printable(limb) for limb in call.limbs) or words("who.nobody"),
        "limbs": call.limbs,
        "text": f"{told.call_words(call)}: {', '.join(said)}",
        "tone": "quiet" if quiet else _TONES.get(call.ending, "plain"),
        "quiet": quiet,
        "label": shortened(call.skill, 24),
    }


def _facts(call: Call) -> list[str]:
    # What repeats an argument says nothing new.
    new = {k: v for k, v in call.result.items() if v is not None and call.arguments.get(k) != v}
    return [shortened(f"{name} {_value(value)}", _LINE) for name, value in sorted(new.items())]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_value, value))})"
    return str(value)


def _ruling(stretch: Stretch, words: Words) -> dict[str, Any]:
    facts = [f"{name} {_value(value)}" for name, value in sorted(stretch.detail.items())]
    key = f"ruling.{stretch.verdict}" if stretch.verdict in ("limit", "stop") else "ruling.other"
    text = words(key, ticks=stretch.ticks, verdict=printable(stretch.verdict))
    if stretch.rule:
        text += words("event.rule", rule=printable(stretch.rule))
    return {
        "kind": "ruling",
        "tick": stretch.first,
        "end": stretch.last,
        "who": words("who.guard"),
        "text": shortened(" ".join([text, f"({', '.join(facts)})" if facts else ""]), 2 * _LINE),
        "tone": "bad" if stretch.verdict == "stop" else "warn",
        "label": printable(stretch.rule or stretch.verdict),
    }


def _remark(remark: Remark, words: Words) -> dict[str, Any]:
    data = remark.data
    fields: dict[str, Any] = {"kind": "event", "who": words("who.event"), "tone": "plain"}
    if remark.kind == "brain.finish":
        claim = str(data.get("claim"))
        text = words("event.claims", claim=words.claim(claim) or printable(claim))
        note = str(data.get("note") or "")
        text += f": {shortened(note, _LINE)}" if note else ""
        fields |= {"who": words("who.brain"), "label": shortened(claim, 24)}
    elif remark.kind == "fault":
        code = str(data.get("code"))
        text = words("event.fault", code=printable(code), reason=str(data.get("reason", "")))
        fields |= {"kind": "fault", "tone": "bad", "label": shortened(code, 24)}
    else:
        facts = _listed(data)
        text = f"{remark.kind} {facts}"
        fields |= {"label": shortened(remark.kind, 24)}
    return {**fields, "text": shortened(text, 2 * _LINE), "tick": remark.tick, "end": remark.tick}


def _listed(data: Mapping[str, Any]) -> str:
    pairs: Sequence[tuple[str, Any]] = sorted(data.items())
    return ", ".join(f"{name} {_value(value)}" for name, value in pairs)
