"""What happened in an episode, as lines that a person can read, each with its full data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shopfloor.export.scene import Scene

__all__ = ["TOPICS", "Level", "Line", "states", "story"]

Level = Literal["INFO", "WARN", "ERROR"]

TOPICS = ("order", "skills", "events", "rulings", "exchanges", "outcome")
"""What a line can be about."""

_LONGEST = 400
"""Characters of an exchange that its line shows; its data holds all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened.

    Attributes:
        tick: When.
        topic: One of ``TOPICS``.
        level: How much it matters.
        text: For a person.
        data: The record as it was logged.
    """

    tick: int
    topic: str
    level: Level
    text: str
    data: Mapping[str, Any]


def story(scene: Scene) -> tuple[Line, ...]:
    """Return everything that happened, in its order."""
    return tuple(sorted(_lines(scene), key=lambda line: line.tick))


def states(scene: Scene) -> dict[str, list[tuple[int, str]]]:
    """Return what lasts: for each of some lanes, from which tick on it is in which state.

    Lanes are ``shift`` (the SEMI E10 state), ``guard`` (its verdict), and one for each limb
    with the skill that it carries out; an empty state means none.
    """
    entry = scene.episode.entry
    lanes: dict[str, list[tuple[int, str]]] = {"shift": [], "guard": []}
    now = 0
    for state, ticks in entry.segments:
        lanes["shift"].append((now, state))
        now += ticks
    after = None
    for note in scene.notes.get("ruling", ()):
        tick = int(note["tick"])
        if after is not None and tick > after:
            lanes["guard"].append((after, ""))
        lanes["guard"].append((tick, str(note["verdict"])))
        after = tick + 1
    if after is not None:
        lanes["guard"].append((after, ""))
    for limb in scene.limbs:
        lanes[limb] = _skills(scene, limb)
    return lanes


def _skills(scene: Scene, limb: str) -> list[tuple[int, str]]:
    lane: list[tuple[int, str]] = []
    running = None
    for note in scene.notes.get("event", ()):
        kind, data = note["kind"], note["data"]
        if limb not in data.get("limbs", ()):
            continue
        if kind == "skill.started":
            running = data["id"]
            lane.append((int(note["tick"]), data["skill"]))
        elif kind in {"skill.finished", "skill.dropped"} and data["id"] == running:
            running = None
            lane.append((int(note["tick"]), ""))
    return lane


def _lines(scene: Scene) -> Iterator[Line]:
    first = int(scene.ticks["tick"][0]) if len(scene.ticks) else 0
    for order in scene.lot["orders"]:
        yield Line(first, "order", "INFO", f"{order['id']}: {order['instruction']}", order)
    for note in scene.notes.get("event", ()):
        yield _event(note)
    for note in scene.notes.get("ruling", ()):
        numbers = ", ".join(f"{key} {_short(value)}" for key, value in note["detail"].items())
        text = f"{note['verdict']} by {note['rule']}: {numbers}"
        level: Level = "ERROR" if note["verdict"] == "stop" else "WARN"
        yield Line(int(note["tick"]), "rulings", level, text, note)
    for note in scene.notes.get("malformed", ()):
        text = f"an action that does not fit the body: {_json(note['requested'])}"
        yield Line(int(note["tick"]), "rulings", "ERROR", text, note)
    for note in scene.notes.get("exchange", ()):
        text = f"{note['model_id']}: {_cut(note['request'])} → {_cut(note['answer'])}"
        yield Line(int(note["tick"]), "exchanges", "INFO", text, note)
    for note in scene.notes.get("outcome", ()):
        text = "good" if note["good"] else f"failed: {note['code']}"
        level = "INFO" if note["good"] else "ERROR"
        yield Line(int(note["ticks"]), "outcome", level, text, note)


def _event(note: Mapping[str, Any]) -> Line:
    kind, data = note["kind"], note["data"]
    if not kind.startswith("skill."):
        level: Level = "ERROR" if kind == "fault" else "INFO"
        return Line(int(note["tick"]), "events", level, f"{kind} {_json(data)}", note)
    who = (
        f"{data.get('id')} {data.get('skill')} {'+'.join(map(str, data.get('limbs', ())))}".rstrip()
    )
    what = kind.partition(".")[2]
    if what == "started":
        text = f"{who} started {_json(data.get('arguments', {}))}"
    else:
        ended = "ok" if data.get("ok") else str(data.get("code") or data.get("reason") or "")
        text = f"{who} {what} {ended}".rstrip()
    bad = what == "refused" or (what == "finished" and not data.get("ok"))
    return Line(int(note["tick"]), "skills", "WARN" if bad else "INFO", text, note)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
