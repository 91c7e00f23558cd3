"""The words of a story: the same on the terminal, on the page and beside the pictures.

Everything that others wrote passes through ``printable`` here; nothing of it is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shopfloor.report import wording
from shopfloor.report.printable import printable, shortened
from shopfloor.report.story import Call, Failing, Fate, Peak, Question, Remark, Story, Stretch

__all__ = [
    "Beat",
    "Tone",
    "at",
    "beats",
    "call_words",
    "calmed",
    "fate_words",
    "headline",
    "led_to",
    "order_words",
    "outcome_words",
    "question_facts",
    "stirring",
    "summed_up",
]

Tone = Literal["plain", "good", "bad", "warn", "quiet"]

_STATES = {
    "good": "good",
    "scrap": "scrap",
    "wip": "in progress",
    "quarantine": "quarantine",
    "bystander": "bystander",
}
_BEFORE_S = 1.0
"""What the guard said so long before a failure may have led to it [s]."""
_FELT_N = 0.1
"""What is less is the noise of a sensor [N]."""
_QUIET = ("wait", "look")
_ONE_LINE = 120
_NAME = 40


@dataclass(frozen=True, slots=True)
class Beat:
    """One line of a story.

    Attributes:
        tick: When.
        who: Who acted: a limb or several, ``brain``, ``guard``, ``judge``.
        text: What happened.
        took: Ticks, or None.
        tone: How it is to be felt.
        quiet: Whether it may be left out where many like it follow each other.
    """

    tick: int
    who: str
    text: str
    took: int | None = None
    tone: Tone = "plain"
    quiet: bool = False


def _name(text: str) -> str:
    """Return a name that others gave, printable and no longer than a name should be."""
    return shortened(text, _NAME)


def at(story: Story, tick: int) -> str:
    """Return a moment: ``4.20 s``."""
    return f"{tick * story.control_dt:.2f}\u00a0s"


def headline(story: Story) -> str:
    """Return the outcome in one line."""
    entry = story.entry
    good = sum(fate.state == "good" for fate in story.fates)
    about = sum(fate.state != "bystander" for fate in story.fates)
    if entry.good:
        return f"good: {good} of {about} units in {at(story, entry.ticks)}"
    once = "; it had been good once" if entry.ever else ""
    if (failing := story.failing) is None:
        return f"failed without a code{once}"
    when = f"{at(story, failing.tick)} (tick {failing.tick})"
    return f"failed: {_name(failing.code)} from {when}; {good} of {about} units good{once}"


def order_words(story: Story) -> Iterator[tuple[str, str]]:
    """Yield what the order was, and who was in charge, as (name, words)."""
    entry = story.entry
    where = shortened(wording.here(story.run), 4 * _ONE_LINE)
    yield f"lot {entry.lot}", f"{_name(entry.order)} in {where}"
    yield "told", f"{printable(entry.instruction, lines=True)} ({_name(entry.language)})"
    if story.documents:
        sizes = ", ".join(f"{size:,} bytes" for size in story.documents)
        yield "with", f"{len(story.documents)} documents: {sizes} (in the run's inputs/orders)"
    yield "goal", "; ".join(story.goal) or "nothing is to be moved"
    place = f"{_name(story.cell)} on {_name(story.body)}"
    yield "who", f"{printable(story.brain)} in {place}, seed of the lot {entry.seed}"


def led_to(story: Story) -> Iterator[str]:
    """Say what led to the failure, in the order of what an engineer asks first."""
    if (failing := story.failing) is None:
        return
    if failing.code == "order.timeout":
        yield f"the order had {story.time_limit_s:g}\u00a0s, and nobody said that it was done"
    for remark in story.remarks:
        if remark.kind == "fault" and remark.tick <= failing.tick:
            yield f"{at(story, remark.tick)}: {_remark(remark)[0]}"
    calls = [call for call in story.calls if call.id in failing.calls and _counts(call, failing)]
    yield from (_under_way(story, call) for call in calls)
    if not calls:
        yield "no call was under way"
    wrong = [
        call
        for call in story.calls
        if call.ending in ("failed", "refused") and call.ended <= failing.tick and call not in calls
    ]
    if wrong:
        yield f"the last call that had not worked: {_under_way(story, wrong[-1])}"
    yield from _shortly_before(story, failing.tick)
    for remark in story.remarks:
        if remark.kind == "brain.finish":
            yield f"{at(story, remark.tick)}: {_remark(remark)[0]}"


def _shortly_before(story: Story, tick: int) -> Iterator[str]:
    """Say what the guard and the wrists had to say around a tick."""
    window = round(_BEFORE_S / story.control_dt)
    for stretch in story.stretches:
        if tick - window <= stretch.last and stretch.first <= tick:
            yield f"{at(story, stretch.first)}: the guard {_stretch(stretch)}"
    for peak in _felt(story):
        if abs(peak.tick - tick) <= window / 2:
            yield f"{at(story, peak.tick)}: {_peak(peak)}, the most of the whole episode"


def _counts(call: Call, failing: Failing) -> bool:
    return call.ticks > 0 or call.ended == failing.tick


def _under_way(story: Story, call: Call) -> str:
    if call.begun is None:
        return f"{at(story, call.ended)}: {_who(call)} {call_words(call)}: {outcome_words(call)}"
    since = at(story, call.begun)
    over = "" if call.ending == "cut off" else f", over at {at(story, call.ended)}"
    return f"{_who(call)}: {call_words(call)}, since {since}{over}: {outcome_words(call)}"


def fate_words(story: Story, fate: Fate) -> str:
    """Say what became of one part."""
    stays = fate.wanted == (None,)
    places = " or ".join(
        "stay" if place is None else f"tote {_name(place)}" for place in fate.wanted
    )
    wanted = "was to stay" if stays else f"wanted in {places}"
    said = f"{_name(fate.part)}, {_name(fate.words)}: {wanted}"
    if fate.known:
        place = fate.ended_in
        where = "outside of everything" if place is None else "on the tray"
        if place not in (None, "tray"):
            where = f"in tote {_name(str(place))}"
        said += f", lies {where}"
    if fate.state not in ("good", "bystander"):
        said += f" ({_STATES.get(fate.state, _name(fate.state))})"
    if fate.code is not None:
        when = "" if fate.tick is None else f" from {at(story, fate.tick)}"
        said += f"; {_name(fate.code)}{when}"
    return said


def call_words(call: Call) -> str:
    """Return what was called, in a few words: ``pick (507, 581) overview``."""
    return f"{_name(call.skill)} {_arguments(call.arguments)}".rstrip()


def outcome_words(call: Call) -> str:
    """Say how a call ended, and what the skill said of it."""
    said = [call.ending if call.code is None else f"{call.ending}, {_name(call.code)}"]
    # What repeats an argument says nothing new.
    new = {k: v for k, v in call.result.items() if v is not None and call.arguments.get(k) != v}
    return ", ".join([*said, *(f"{_name(k)} {_value(v)}" for k, v in sorted(new.items()))])


def _arguments(arguments: Mapping[str, Any]) -> str:
    said = []
    for name in sorted(arguments, key=lambda name: (name not in ("tote", "point", "box"), name)):
        value = arguments[name]
        if not value:  # off, none or nothing
            continue
        if name == "tote":
            said.append(f"→ {_value(value)}")
        elif name in ("point", "box", "camera"):
            said.append(_value(value))
        else:
            said.append(_name(name) if value is True else f"{_name(name)} {_value(value)}")
    return " ".join(said)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_value, value))})"
    return shortened(str(value), _ONE_LINE)


def _who(call: Call) -> str:
    return _name("+".join(call.limbs)) or "nobody"


def question_facts(question: Question) -> str:
    """Say who was asked, what it saw, how long it took and what it cost."""
    said = [_name(question.model_id) or "nobody answered"]
    if question.shown:
        said.append("saw " + ", ".join(_name(shown.camera) for shown in question.shown))
    wait = question.latency_s
    shortly = "under 1\u00a0ms" if wait < 0.001 else f"{1000 * wait:.0f}\u00a0ms"
    said.append(shortly if wait < 1 else f"{wait:.1f}\u00a0s")
    if question.tokens is not None:
        said.append(f"{question.tokens[0]:,} + {question.tokens[1]:,} tokens")
    if question.cost_usd is not None:
        said.append(f"${question.cost_usd:.4f}")
    gauges = {name: value for name, value in question.gauges.items() if value is not None}
    said += [f"{_name(name)} {_value(value)}" for name, value in sorted(gauges.items())]
    return ", ".join(said)


def _remark(remark: Remark) -> tuple[str, Tone]:
    """Return the words of any other event, and how it is to be felt."""
    data = remark.data
    if remark.kind == "brain.finish":
        note = f": {shortened(str(data['note']), _ONE_LINE)}" if data.get("note") else ""
        return f"the brain claims: {_name(str(data.get('claim')))}{note}", "plain"
    if remark.kind == "fault":
        reason = shortened(str(data.get("reason", "")), _ONE_LINE)
        return f"fault {_name(str(data.get('code')))}: {reason}", "bad"
    facts = ", ".join(f"{_name(k)} {_value(v)}" for k, v in sorted(data.items()))
    return f"{_name(remark.kind)} {facts}", "plain"


def _stretch(stretch: Stretch) -> str:
    done = {"limit": "limited", "stop": "stopped"}.get(stretch.verdict, _name(stretch.verdict))
    rule = f" by {_name(stretch.rule)}" if stretch.rule else ""
    facts = ", ".join(f"{_name(k)} {_value(v)}" for k, v in sorted(stretch.detail.items()))
    ticks = f"{stretch.ticks} tick{'s' if stretch.ticks != 1 else ''}"
    return f"{done} {ticks}{rule}" + (f" ({facts})" if facts else "")


def _peak(peak: Peak) -> str:
    during = f" during {', '.join(map(_name, peak.calls))}" if peak.calls else ""
    if peak.where == "collision":
        return f"{peak.force_n:.1f}\u00a0N on what should not be touched{during}"
    return f"{peak.force_n:.1f}\u00a0N at the wrist of {_name(peak.where)}{during}"


def summed_up(story: Story) -> Iterator[tuple[str, str]]:
    """Yield what an episode came to, as (name, words)."""
    ticks = max(story.entry.ticks, 1)
    busy = [f"{_name(limb)} {story.busy_ticks(limb) / ticks:.0%}" for limb in story.limbs]
    yield "limbs busy", ", ".join(busy)
    done = sum(call.ending == "done" for call in story.calls)
    others = [
        f"{sum(call.ending == ending for call in story.calls)} {ending}"
        for ending in ("failed", "refused", "dropped", "cut off")
        if any(call.ending == ending for call in story.calls)
    ]
    picks = story.entry.picks
    yield "calls", ", ".join([f"{done} done", *others, f"{picks[1]} of {picks[0]} picks held"])
    yield "brain", _thinking(story.questions)
    limited, stopped = story.entry.guard
    guard = f"{limited} actions limited, {stopped} stopped"
    if story.stretches:
        guard += f", in {len(story.stretches)} stretch{'es' if len(story.stretches) > 1 else ''}"
    if story.malformed:
        guard += f"; {len(story.malformed)} actions did not have the body's shape"
    yield "guard", guard
    felt = [f"{_peak(peak)} at {at(story, peak.tick)}" for peak in _felt(story)]
    yield "most force", "; ".join(felt) or f"under {_FELT_N:g}\u00a0N everywhere"


def _felt(story: Story) -> list[Peak]:
    return [peak for peak in story.peaks if peak.force_n >= _FELT_N]


def _thinking(questions: Sequence[Question]) -> str:
    said = [f"asked {len(questions):,} times"]
    if questions:
        said.append(f"{wording.clock(sum(q.latency_s for q in questions))} of thinking")
    told = [question.tokens for question in questions if question.tokens is not None]
    if told:
        spent = sum(a for a, _ in told), sum(b for _, b in told)
        said.append(f"{spent[0]:,} + {spent[1]:,} tokens")
    costs = [question.cost_usd for question in questions if question.cost_usd is not None]
    if costs:
        said.append(f"${sum(costs):.4f}")
    return ", ".join(said)


def beats(story: Story) -> tuple[Beat, ...]:
    """Return the whole story, in the order in which it happened."""
    lines = [*(_call_beat(call) for call in story.calls), *_question_beats(story)]
    for stretch in story.stretches:
        tone: Tone = "bad" if stretch.verdict == "stop" else "warn"
        lines.append(Beat(stretch.first, "guard", _stretch(stretch), stretch.ticks, tone))
    for remark in story.remarks:
        text, tone = _remark(remark)
        who = "brain" if remark.kind.startswith("brain.") else "event"
        lines.append(Beat(remark.tick, who, text, None, tone))
    if story.malformed:
        text = f"first of {len(story.malformed)} actions without the body's shape"
        lines.append(Beat(story.malformed[0], "guard", text, None, "bad"))
    if (failing := story.failing) is not None:
        text = f"{_name(failing.code)}: {failing.meaning}"
        lines.append(Beat(failing.tick, "judge", f"it begins to fail: {text}", None, "bad"))
    word: Tone = "good" if story.entry.good else "bad"
    end = Beat(story.last_tick, "judge", headline(story), None, word)
    return (*sorted(lines, key=lambda beat: beat.tick), end)


def _call_beat(call: Call) -> Beat:
    tones: Mapping[str, Tone] = {"failed": "bad", "refused": "bad", "dropped": "warn"}
    begun = call.ended if call.begun is None else call.begun
    quiet = call.ending == "done" and call.skill in _QUIET and not call.ticks
    took = None if call.begun is None else call.ticks
    text = f"{call_words(call)}: {outcome_words(call)}"
    tone: Tone = "quiet" if quiet else tones.get(call.ending, "plain")
    return Beat(begun, _who(call), text, took, tone, quiet)


def stirring(story: Story) -> frozenset[int]:
    """Return the numbers of the questions that moved something, and of the first and the last.

    The one that led to the failure is among them.
    """
    questions = story.questions
    news = [beat.tick for beat in map(_call_beat, story.calls) if not beat.quiet]
    refused = [call.ended for call in story.calls if call.ending == "refused"]
    found = {questions[0].number, questions[-1].number} if questions else set()
    for i, question in enumerate(questions):
        until = questions[i + 1].tick if i + 1 < len(questions) else story.last_tick + 1
        if any(question.tick <= tick < max(until, question.tick + 1) for tick in news):
            found.add(question.number)
        if any(question.tick <= tick <= until for tick in refused):  # the next is asked at once
            found.add(question.number)
    if story.failing is not None and story.failing.question is not None:
        found.add(story.failing.question)
    return frozenset(found)


def _question_beats(story: Story) -> Iterator[Beat]:
    telling = stirring(story)
    for question in story.questions:
        answer = shortened(question.answer, _ONE_LINE) or "(nothing)"
        text = f"#{question.number} {question_facts(question)}: {answer}"
        quiet = question.number not in telling
        yield Beat(question.tick, "brain", text, None, "quiet" if quiet else "plain", quiet)


def calmed(lines: Sequence[Beat]) -> tuple[Beat, ...]:
    """Join three and more quiet beats in a row into one that says how many there were."""
    kept: list[Beat] = []
    run: list[Beat] = []
    for beat in (*lines, None):
        if beat is not None and beat.quiet:
            run.append(beat)
            continue
        if len(run) > 2:
            asked = sum(each.who == "brain" for each in run)
            text = f"{asked} questions and {len(run) - asked} calls without motion (--full)"
            kept.append(replace(run[0], who="…", text=text, took=run[-1].tick - run[0].tick))
        else:
            kept += run
        run = []
        if beat is not None:
            kept.append(beat)
    return tuple(kept)
