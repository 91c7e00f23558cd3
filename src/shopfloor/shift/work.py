"""Works one lot: the only place where a cell and a brain meet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shopfloor.errors import RunError, SensorLost
from shopfloor.shift.alarm import Alarm
from shopfloor.shift.answer import checked, fault_code
from shopfloor.shift.arrival import Arrivals
from shopfloor.shift.dispatch import Dispatcher
from shopfloor.shift.latency import DEADLINE_S, Charge
from shopfloor.shift.tally import Tally
from shopfloor.types import (
    Action,
    ActionChunk,
    Brain,
    Cell,
    Deferred,
    Event,
    Exchange,
    Finish,
    Frame,
    Goal,
    Guard,
    Judge,
    Limits,
    Lot,
    Observation,
    Outcome,
    Recorder,
    Reply,
    Source,
    Timestep,
)

__all__ = ["Crew", "work"]

_ASK_AGAIN_TICKS = 25
"""A brain that left limbs idle is asked again after so long, even if nothing happened."""


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """Everybody who takes part in a lot.

    Attributes:
        cell, brain, guard, judge, recorder: At their seams.
        limits: What the guard enforces.
        dispatcher: Makes a fresh dispatcher.
        latency: What thinking costs.
        watch: Called with each timestep by an independent reader, or None.
        injected: Returns the faults that were put into the cell since it was last asked.
        view_ticks: How long a view is on its way to the brain, charged with its thinking.
        deadline_s: The brain decides within so long, or its decision has failed [s].
    """

    cell: Cell
    brain: Brain
    guard: Guard[Any]
    judge: Judge
    recorder: Recorder
    limits: Limits
    dispatcher: Callable[[], Dispatcher]
    latency: Charge
    watch: Callable[[], None] | None = None
    view_ticks: int = 0
    injected: Callable[[], Sequence[Event]] = tuple
    deadline_s: float = DEADLINE_S


@dataclass(slots=True, eq=False)
class _Thought:
    """A reply, or the failure to give one, that takes effect when its thinking time is over.

    None for a reply that is not there yet.
    """

    reply: Reply | None
    asked: Observation
    due: int
    fault: Mapping[str, str] | None = None


def work(crew: Crew, lot: Lot, stamp: Mapping[str, str]) -> tuple[Outcome, Tally]:
    """Work a lot from reset to the judge's word.

    Returns:
        The judge's outcome, and what was counted on the way.
    """
    return _Floor(crew, lot, stamp).run()


class _Floor:
    """State of one lot in progress."""

    def __init__(self, crew: Crew, lot: Lot, stamp: Mapping[str, str]) -> None:
        self.crew, self.lot = crew, lot
        self.order = lot.orders[0]
        self.dt = crew.cell.spec.control_dt
        self.limbs = tuple(crew.cell.spec.body.limbs)
        self.dispatcher = crew.dispatcher()
        self.tally = Tally(self.limbs, self.dt)
        self.views: dict[str, Frame] = {}
        self.unheard: list[Event] = []  # what the brain has not been told yet
        self.thought: _Thought | None = None
        self.lame: Exception | None = None  # why the brain could not begin the order
        self.finished = False
        self.asked_tick = -_ASK_AGAIN_TICKS
        self.seq = 0
        self.said: tuple[str, str | None] = ("pass", None)
        self.sent: Action | None = None
        crew.recorder.begin(lot, stamp)

    def run(self) -> tuple[Outcome, Tally]:
        crew, lot = self.crew, self.lot
        timestep = crew.cell.reset(lot, seed=lot.seed)
        crew.judge.reset(lot, self.order)
        # The goal is the judge's: a brain gets the words.
        try:
            crew.brain.reset(replace(self.order, goal=Goal(())), seed=lot.seed)
        except Exception as error:  # noqa: BLE001 - told when it is asked
            self.lame = error
        state = crew.guard.start(crew.limits)
        arrivals = Arrivals()
        self.alarm = Alarm(crew.cell.spec, sighted=bool(timestep.observation.frames))
        self.dispatcher.looks.update(crew.brain.needs.cameras)
        # A jaw is no narrower than shut, whatever its sensor says.
        jaw = {limb: max(timestep.observation.limbs[limb].jaw_m, 0.0) for limb in self.limbs}
        while True:
            observation = timestep.observation
            now: list[Event] = []
            if timestep.truncated:
                reason = "the simulation broke off"
                now.append(Event(observation.tick, "fault", {"code": "infra", "reason": reason}))
            timestep = self._watch(timestep, now)
            if self.alarm.cut:  # the drives stand elsewhere than the guard was told
                state = crew.guard.start(crew.limits, state)
            hold = crew.cell.hold()
            action = self._merge(observation, hold, jaw)
            ruling, state = crew.guard.check(action, observation, hold, state)
            self.alarm.ruled(observation, action, ruling)
            jaw = dict(ruling.action.jaw_m)
            now += self._heed(ruling.verdict, ruling.rule, ruling.detail, observation.tick)
            self.tally.tick(observation, ruling, thinking=self.thought is not None)
            crew.recorder.step(arrivals.number(timestep), action, ruling)
            self._log(now)
            outcome = crew.judge.judge(timestep, now)
            if outcome is not None:
                return outcome, self.tally
            # The cell numbers its holds by itself; on the wire, numbers are the loop's.
            self.sent = replace(ruling.action, seq=action.seq)
            timestep = crew.cell.step(self.sent)
            if crew.watch is not None:
                crew.watch()

    def _watch(self, timestep: Timestep, now: list[Event]) -> Timestep:
        """Look for faults, and decide what is done where there are none."""
        observation = timestep.observation
        self._tell(self.alarm.look(observation, self.sent), now)
        if not self.alarm.up:
            self._decide(observation, now)
        self.alarm.pace(self.dispatcher)
        return replace(timestep, terminated=True) if self.alarm.over else timestep

    def _log(self, now: Sequence[Event]) -> None:
        for event in now:
            self.crew.recorder.event(event)
            self.tally.event(event)
        for event in self.crew.injected():  # the recorder's alone: nobody may be told of a fault
            self.crew.recorder.event(event)

    def _decide(self, observation: Observation, now: list[Event]) -> None:
        """Let a due thought take effect, move the skills on, and ask again if a limb is free."""
        tick = observation.tick
        thought = self.thought
        if thought is not None and thought.reply is not None and tick >= thought.due:
            self._obey(thought, tick, now)
        self._tell(self.dispatcher.advance(observation), now)
        if isinstance(self.crew.brain, Deferred):
            self._converse(self.crew.brain, observation, now)
            return
        while self._should_ask(tick):
            self._ask(observation)
            if self.thought is None or self.thought.due > tick:
                return
            self._obey(self.thought, tick, now)  # the world was paused
            self._tell(self.dispatcher.advance(observation), now)

    def _should_ask(self, tick: int) -> bool:
        if self.finished or self.thought is not None:
            return False
        news = any(event.kind.startswith("skill.") for event in self.unheard)
        if not self.dispatcher.free() and not self.dispatcher.looks:
            return False
        return (news and self.asked_tick < tick) or tick - self.asked_tick >= _ASK_AGAIN_TICKS

    def _ask(self, observation: Observation) -> None:
        """Ask a brain that answers while the world stands still, and charge it afterwards."""
        fault: Mapping[str, str] | None = None
        question = self._question(observation)
        if question is None:
            return
        asked, events, way = question
        began = time.perf_counter()
        try:
            reply = self._think(asked, events)
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001 - a brain may not end the shift, whatever it does
            reply, fault = _failed(error)
        due = asked.tick + way + self._charged(asked.tick, time.perf_counter() - began, fault)
        self._note(asked, reply, due)
        self.thought = _Thought(reply, asked, due, fault)

    def _converse(self, brain: Deferred, observation: Observation, now: list[Event]) -> None:
        """Hear a brain that answers while the world goes on, and put the next question."""
        tick, thought, fault = observation.tick, self.thought, None
        if self.finished:
            return
        try:
            reply = self._heard(brain, tick)
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001 - the same
            reply, fault = _failed(error)
        # It may be lost while nothing was asked of it: then its limbs go no further either.
        if reply is not None and (thought is not None or fault is not None):
            asked = observation if thought is None else thought.asked
            self._note(asked, reply, tick)
            self._obey(_Thought(reply, asked, tick, fault), tick, now)
            self._tell(self.dispatcher.advance(observation), now)
        question = self._question(observation) if self._should_ask(tick) else None
        if question is not None:
            asked, events, _ = question  # views are on their way meanwhile
            brain.ask(asked, events, deadline_s=self.crew.deadline_s)
            self.thought = _Thought(None, asked, tick)

    def _heard(self, brain: Deferred, tick: int) -> Reply | None:
        if self.lame is not None:
            raise self.lame
        reply = brain.heard()
        return None if reply is None else checked(reply, self.crew.cell.spec.body, tick)

    def _question(
        self, observation: Observation
    ) -> tuple[Observation, Sequence[Event], int] | None:
        """What the brain is shown and told, and how long a view of it is on its way [ticks].

        None where a view that it needs cannot be had.
        """
        crew = self.crew
        needs = crew.brain.needs
        cameras = set(self.dispatcher.looks)
        if needs.refresh == "decision":
            cameras.update(needs.cameras)
        looks = needs.refresh != "never" and bool(cameras)
        if looks and not self._look(sorted(cameras), observation.tick):
            return None  # asked again when the camera sees
        self.dispatcher.looks.clear()
        events, self.unheard = self.unheard, []
        self.asked_tick = observation.tick
        asked = replace(observation, views=self.views, documents=self.order.documents)
        return asked, events, crew.view_ticks if looks else 0

    def _note(self, asked: Observation, reply: Reply, due: int) -> None:
        self.crew.recorder.exchange(asked.tick, reply.exchange, decision=reply.decision, due=due)
        self.tally.exchange(reply.exchange)

    def _charged(self, tick: int, wall_s: float, fault: Mapping[str, str] | None) -> int:
        """What a decision costs [ticks]: no more than the deadline.

        A failure to decide is told before the order's time is over, or it would look like that.
        """
        crew = self.crew
        # A brain that raises the same before its time is over has cost what it has cost.
        over = wall_s >= crew.deadline_s or self.lame is not None
        late = over and fault is not None and fault["code"] == "brain.timeout"
        charged_s = crew.deadline_s if late else min(wall_s, crew.deadline_s)
        ticks = crew.latency.ticks(charged_s, self.dt, late=late)
        if fault is None:
            return ticks
        last = math.ceil(self.order.time_limit_s / self.dt) - 1
        return max(min(ticks, last - tick), 0)

    def _look(self, cameras: Sequence[str], tick: int) -> bool:
        """Look through cameras now; False where one of them shows nothing new."""
        for camera in cameras:
            try:
                frame = self.crew.cell.view(camera)
            except SensorLost as error:
                self.alarm.blind(camera, str(error))
                return False
            if frame.captured_tick < tick:
                self.alarm.blind(camera, f"its view was taken at tick {frame.captured_tick}")
                return False
            self.views = {**self.views, camera: frame}
            self.crew.recorder.view(frame)
        return True

    def _think(self, asked: Observation, events: Sequence[Event]) -> Reply:
        if self.lame is not None:
            raise self.lame
        reply = self.crew.brain.act(asked, events, deadline_s=self.crew.deadline_s)
        return checked(reply, self.crew.cell.spec.body, asked.tick)

    def _obey(self, thought: _Thought, tick: int, now: list[Event]) -> None:
        self.thought = None
        if thought.reply is None:
            return
        if thought.fault is not None:  # known when the brain's time is over, and not before
            now.append(Event(tick, "fault", dict(thought.fault)))
        decision = thought.reply.decision
        if isinstance(decision, Finish):
            self.finished = True
            now += self.dispatcher.abandon(tick)
            now.append(
                Event(tick, "brain.finish", {"claim": decision.claim, "note": decision.note})
            )
        elif isinstance(decision, ActionChunk):
            self.dispatcher.follow(decision, tick)
        else:
            self._tell(self.dispatcher.submit(decision, thought.asked, tick), now)

    def _tell(self, events: Sequence[Event], now: list[Event]) -> None:
        now += events
        self.unheard += events

    def _merge(self, observation: Observation, hold: Action, jaw: Mapping[str, float]) -> Action:
        """Put the limbs' chunks together; who has none holds, its jaw as commanded."""
        tick = observation.tick
        targets: dict[str, np.ndarray] = {}
        jaws: dict[str, float] = {}
        source: Source = "guard"
        for limb in self.limbs:
            row = self.dispatcher.row(limb, tick)
            if row is None or limb in self.alarm.stopped or self.alarm.cut:
                targets[limb], jaws[limb] = hold.targets[limb], jaw[limb]
            else:
                targets[limb], wanted, source = row
                jaws[limb] = jaw[limb] if wanted is None else wanted
        self.seq += 1
        return Action(targets, jaws, tick, self.seq, source)

    def _heed(
        self, verdict: str, rule: str | None, detail: Mapping[str, Any], tick: int
    ) -> list[Event]:
        """Make an event of a ruling, once for each stretch of the same ruling."""
        if (verdict, rule) == self.said:
            return []
        self.said = (verdict, rule)
        if verdict == "pass":
            return []
        event = Event(tick, "ruling", {"verdict": verdict, "rule": rule, **detail})
        self.unheard.append(event)
        return [event]


def _failed(error: Exception) -> tuple[Reply, Mapping[str, str]]:
    """What is made of an error of the brain's: it has given the order up, by this fault."""
    note = f"{type(error).__name__}: {error}"
    said = getattr(error, "exchange", None)
    heard = said if isinstance(said, Exchange) else Exchange("", note, "", 0.0)
    return Reply(Finish("gave_up", note), heard), {"code": fault_code(error), "reason": note}
