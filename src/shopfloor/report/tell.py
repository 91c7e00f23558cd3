"""Reads an episode and makes a story of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shopfloor.errors import UsageError
from shopfloor.order import FAILURE_MEANINGS, choices
from shopfloor.order.layout import Layout
from shopfloor.order.phrase import say_rule
from shopfloor.order.reach import reach
from shopfloor.record import Entry, Episode, RunFolder
from shopfloor.report.story import (
    Call,
    Ending,
    Failing,
    Fate,
    Peak,
    Question,
    Remark,
    Shown,
    Story,
    Stretch,
)
from shopfloor.types import Goal, Part, Rule, Select, Station

__all__ = ["stretches", "tell"]

_ENDINGS: Mapping[str, Ending] = {"skill.dropped": "dropped", "skill.refused": "refused"}
_EMPTY = re.compile(r"(?:\W|calls|text)*")
"""An answer that calls nothing: the brain waits for what it has asked for before."""
_CALL_KEYS = frozenset({"id", "skill", "limbs", "arguments", "ok", "code"})


def tell(run: RunFolder, lot: int) -> Story:
    """Tell what happened in one lot.

    Raises:
        UsageError: It has no episode; the message says which have.
        RunCorrupt: The episode is damaged; the message names the file and what to do.
    """
    try:
        episode = run.episode(lot)
    except UsageError:
        raise _absent(run, lot) from None
    episode.check_files()
    heard = _Heard()
    for record in episode.records():
        heard.take(record.kind, record.body)
    entry = episode.entry
    order = heard.order(entry)
    goal = _goal(order["goal"])
    calls = heard.all_calls(max(entry.ticks - 1, 0))
    return Story(
        run=str(run.path),
        brain=run.manifest.brain,
        cell=run.manifest.cell,
        body=run.manifest.body,
        control_dt=run.manifest.control_dt,
        notes=run.manifest.notes,
        entry=entry,
        goal=tuple(map(say_rule, goal.rules)),
        time_limit_s=float(order["time_limit_s"]),
        documents=tuple(len(document) for document in order.get("documents") or ()),
        fates=_fates(episode, heard, goal),
        questions=tuple(heard.questions),
        calls=calls,
        stretches=stretches(heard.rulings),
        remarks=tuple(heard.remarks),
        malformed=tuple(heard.malformed),
        peaks=_peaks(episode, tuple(heard.begin["limbs"]), calls),
        failing=_failing(entry, calls, heard.questions),
        limbs=tuple(heard.begin["limbs"]),
        frames={
            camera: tuple(ticks)
            for camera, ticks in heard.frames.items()
            if camera in episode.films()
        },
        pictures=any(camera in episode.films() for camera in heard.frames),
    )


class _Heard:
    """Everything that a log says, sorted by what it is."""

    def __init__(self) -> None:
        self.begin: dict[str, Any] = {}
        self.stations: list[dict[str, Any]] = []
        self.questions: list[Question] = []
        self.calls: list[Call] = []
        self.rulings: list[dict[str, Any]] = []
        self.remarks: list[Remark] = []
        self.malformed: list[int] = []
        self.frames: dict[str, list[int]] = {}
        self._shown: list[Shown] = []
        self._places: dict[str, int] = {}
        self._open: list[Call] = []

    def take(self, kind: str, body: Any) -> None:
        """Take in one record."""
        if kind == "begin":
            self.begin = body
        elif kind == "stations":
            self.stations = body["stations"]
        elif kind == "frame":
            self.frames.setdefault(body["camera"], []).append(body["captured_tick"])
        elif kind == "view":
            place = self._places[body["camera"]] = self._places.get(body["camera"], -1) + 1
            width, height = body["size"]
            shown = Shown(body["camera"], place, body["captured_tick"], (width, height))
            self._shown.append(shown)
        elif kind == "exchange":
            self._asked(body)
        elif kind == "ruling":
            self.rulings.append(body)
        elif kind == "malformed":
            self.malformed.append(body["tick"])
        elif kind == "event":
            self._event(body["tick"], body["kind"], body["data"])

    def order(self, entry: Entry) -> dict[str, Any]:
        """Return the order that the episode is about."""
        orders: list[dict[str, Any]] = self.begin["lot"]["orders"]
        return next((one for one in orders if one["id"] == entry.order), orders[0])

    def all_calls(self, last_tick: int) -> tuple[Call, ...]:
        """Return all calls; those that are still open are cut off by the end."""
        cut = [_over(call, last_tick, "cut off", {}) for call in self._open]
        return tuple(sorted((*self.calls, *cut), key=lambda c: (_begun(c), c.ended)))

    def _asked(self, body: dict[str, Any]) -> None:
        tokens = body["tokens"]
        question = Question(
            number=len(self.questions) + 1,
            tick=body["tick"],
            shown=tuple(self._shown),
            request=body["request"],
            answer=body["answer"],
            model_id=body["model_id"],
            latency_s=body["latency_s"],
            tokens=None if tokens is None else (tokens[0], tokens[1]),
            cost_usd=body["cost_usd"],
            gauges=body["gauges"],
        )
        self._shown = []
        self.questions.append(question)

    def _event(self, tick: int, kind: str, data: dict[str, Any]) -> None:
        if kind == "skill.started":
            self._open.append(_call(data, tick, tick, "cut off"))
        elif kind == "skill.finished" or kind in _ENDINGS:
            ending = _ENDINGS.get(kind) or ("done" if data.get("ok") else "failed")
            same = (call for call in self._open if call.id == str(data.get("id")))
            if (call := next(same, None)) is not None:
                self._open.remove(call)
                self.calls.append(_over(call, tick, ending, data))
            else:
                self.calls.append(_call(data, None, tick, ending))
        elif kind != "ruling":  # every ruling has a record of its own
            self.remarks.append(Remark(tick, kind, data))


def _call(data: Mapping[str, Any], begun: int | None, ended: int, ending: Ending) -> Call:
    code = data.get("code")
    return Call(
        id=str(data.get("id")),
        skill=str(data.get("skill")),
        limbs=tuple(map(str, data.get("limbs", ()))),
        arguments=data.get("arguments", {}),
        begun=begun,
        ended=ended,
        ending=ending,
        code=None if code is None else str(code),
        result={key: value for key, value in data.items() if key not in _CALL_KEYS},
    )


def _over(call: Call, tick: int, ending: Ending, data: Mapping[str, Any]) -> Call:
    ended = _call(data, call.begun, tick, ending)
    return Call(
        call.id, call.skill, call.limbs, call.arguments, call.begun, tick, ending,
        ended.code, ended.result,
    )  # fmt: skip


def _begun(call: Call) -> int:
    return call.ended if call.begun is None else call.begun


def stretches(rulings: Iterable[Mapping[str, Any]]) -> tuple[Stretch, ...]:
    """Join rulings of ticks in a row that say the same.

    Args:
        rulings: Bodies of a log's ``ruling`` records, one for each tick that did not pass.
    """
    joined: list[Stretch] = []
    for ruling in rulings:
        tick, verdict, rule = ruling["tick"], ruling["verdict"], ruling["rule"]
        last = joined[-1] if joined else None
        if last is not None and (last.verdict, last.rule, last.last) == (verdict, rule, tick - 1):
            joined[-1] = Stretch(verdict, rule, last.first, tick, last.detail)
        else:
            joined.append(Stretch(verdict, rule, tick, tick, ruling["detail"]))
    return tuple(joined)


def _fates(episode: Episode, heard: _Heard, goal: Goal) -> tuple[Fate, ...]:
    parts = [Part(**part) for part in heard.begin["lot"]["parts"]]
    said = {unit.part: unit for unit in episode.entry.units}
    places = _places(episode, heard.stations, parts)
    fates = []
    for i, part in enumerate(parts):
        unit = said.get(part.id)
        fates.append(
            Fate(
                part=part.id,
                words=f"{part.size} {part.colour} {part.shape}",
                wanted=tuple(dict.fromkeys(choices(goal, part))),
                state="bystander" if unit is None else unit.state,
                code=None if unit is None else unit.code,
                tick=None if unit is None else unit.tick,
                ended_in=None if places is None else places[i],
                known=places is not None,
            )
        )
    return tuple(fates)


def _places(
    episode: Episode, stations: Sequence[Mapping[str, Any]], parts: Sequence[Part]
) -> list[str | None] | None:
    """Return the station of each part at the end, or None where nobody knows."""
    truth = episode.truth()
    known = {
        each["name"]: Station(each["name"], tuple(each["center_m"]), tuple(each["size_m"]))
        for each in stations
    }
    if truth is None or not len(truth) or not parts or "tray" not in known:
        return None
    position = np.asarray(truth["position"][-1], float).reshape(len(parts), 3)
    quat = np.asarray(truth["quat"][-1], float).reshape(len(parts), 4)
    return Layout(known).locate(position, reach(parts, quat))


def _peaks(episode: Episode, limbs: Sequence[str], calls: Sequence[Call]) -> tuple[Peak, ...]:
    ticks, truth = episode.ticks(), episode.truth()
    found = []
    for limb in limbs:
        if len(ticks):
            force = np.linalg.norm(ticks[f"{limb}.wrench"][:, :3], axis=1)
            own = [call for call in calls if limb in call.limbs]
            found.append(_peak(limb, ticks["tick"], force, own))
    if truth is not None and len(truth) and np.any(truth["collision_n"] > 0):
        found.append(_peak("collision", truth["tick"], truth["collision_n"], calls))
    return tuple(found)


def _peak(where: str, ticks: Any, force_n: Any, calls: Sequence[Call]) -> Peak:
    at = int(np.argmax(np.nan_to_num(force_n)))
    tick = int(ticks[at])
    under_way = tuple(call.id for call in calls if call.covers(tick) and call.ticks)
    return Peak(where, tick, float(force_n[at]), under_way)


def _failing(entry: Entry, calls: Sequence[Call], questions: Sequence[Question]) -> Failing | None:
    if entry.code is None:
        return None
    tick = max(entry.ticks - 1, 0) if entry.code_tick is None else entry.code_tick
    under_way = [call for call in calls if call.covers(tick) or _failed_at(call, tick)]
    return Failing(
        code=entry.code,
        meaning=FAILURE_MEANINGS.get(entry.code, "a code that this version does not know"),
        tick=tick,
        units=tuple(unit.part for unit in entry.units if unit.code is not None),
        calls=tuple(call.id for call in under_way),
        question=_question(entry.code, tick, under_way, questions),
    )


def _question(
    code: str, tick: int, under_way: Sequence[Call], questions: Sequence[Question]
) -> int | None:
    """Return the number of the question to look at first, or None if nothing was asked before.

    A call does not say which answer it comes from, and may have waited behind others. It is taken
    to come from the last answer before it that names its skill.
    """
    before = [question for question in questions if question.tick <= tick]
    telling = [question for question in before if not _EMPTY.fullmatch(question.answer)]
    if code.startswith("brain."):
        telling = before  # it is about the last answer, whatever that was
    moving = [call for call in under_way if call.ticks and call.skill not in ("wait", "look")]
    for call in sorted(moving, key=_begun, reverse=True):
        for question in reversed(telling):
            if question.tick <= _begun(call) and call.skill in question.answer:
                return question.number
    last = telling or before
    return last[-1].number if last else None


def _failed_at(call: Call, tick: int) -> bool:
    return call.ended == tick and call.ending in ("failed", "refused")


def _goal(body: Mapping[str, Any]) -> Goal:
    return Goal(
        tuple(Rule(Select(**rule["select"]), rule["tote"], rule["count"]) for rule in body["rules"])
    )


def _absent(run: RunFolder, lot: int) -> UsageError:
    """Say that a lot has no episode, which lots have, and whether it was begun."""
    spans: list[list[int]] = []
    for entry in run.iter_entries():
        if spans and entry.lot == spans[-1][1] + 1:
            spans[-1][1] = entry.lot
        else:
            spans.append([entry.lot, entry.lot])
    words = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in spans[:8])
    there = f"it has lots {words}" if spans else "it has none yet"
    try:
        flights = [path.name for path in run.in_flight()]
    except FileNotFoundError:
        flights = []
    begun = (
        "it was begun and is not committed: it is still being worked, or was cut off and is worked "
        f"again by `shopfloor run --resume {run.path}`; "
        if any(name.startswith(f"{lot:06d}-") for name in flights)
        else ""
    )
    return UsageError(f"lot {lot} of {run.path} has no episode; {begun}{there}")
