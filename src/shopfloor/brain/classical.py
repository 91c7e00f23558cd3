"""``classical``: grammar, segmentation and assignment. The reference that models are held to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from shopfloor.brain.reach import Reach
from shopfloor.brain.worklist import Task, Worklist
from shopfloor.errors import OrderError
from shopfloor.order.grammar import parse
from shopfloor.perception import find_parts, pixel, registered
from shopfloor.types import (
    BrainContext,
    Event,
    Exchange,
    Finish,
    Frame,
    Needs,
    Observation,
    Order,
    Reply,
    SkillCall,
)

__all__ = ["ClassicalBrain"]

_CAMERA = "overview"
_LOOKS = 4
"""How often a tray that is not empty is looked at again before the brain gives up."""
_TRIES = 3
_STILL_HELD = ("perception.out_of_range", "plan.invalid", "actuator.fault")
"""Failures of a place after which the part is still in the jaw."""
_LEFT_TICKS = 30
"""After so long the limb that set a part down no longer hides it."""


class ClassicalBrain:
    """Grammar for the order, colour and depth for the parts, nearest part for each arm."""

    identity: ClassVar[str] = "classical/1"
    waits: ClassVar[bool] = False
    """It waits for nobody, so the loop may ask it without a watch on the time."""

    def __init__(self, context: BrainContext) -> None:
        """Take up the cell; only its taught geometry and limits are used."""
        self.needs = Needs(
            cameras=(_CAMERA,),
            refresh="order",
            depth=True,
            skills=("pick", "place", "handover", "look", "wait"),
        )
        self._reach = Reach(context)

    def reset(self, order: Order, *, seed: int) -> None:
        """Read the instruction; ``seed`` is not needed, nothing here is random."""
        self._refusal: str | None = None
        self._work: Worklist | None = None
        try:
            goal = parse(order.instruction, order.language)
        except OrderError as error:
            self._refusal = str(error)
        else:
            self._work = Worklist(goal, self._reach)
        if order.documents:  # half an order may not be carried out as if it were whole
            self._work = None
            self._refusal = "the order comes with documents, which this brain cannot read"
        self._seen_tick = self._moved_tick = -1
        self._clear_view = True  # the arms begin at home
        self._looks = self._calls = 0
        self._waiting: dict[str, tuple[SkillCall, Task | None]] = {}
        self._holding: dict[str, tuple[Task, int]] = {}
        self._parked: set[str] = set()
        self._doubt = False

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Give every free limb the part that suits it best."""
        began = time.perf_counter()
        decision = self._decide(observation, events)
        answer = (
            decision.claim
            if isinstance(decision, Finish)
            else json.dumps([[c.skill, list(c.limbs), dict(c.arguments)] for c in decision])
        )
        request = json.dumps([[e.tick, e.kind, e.data.get("id")] for e in events])
        exchange = Exchange(request, answer, self.identity, time.perf_counter() - began)
        return Reply(decision, exchange)

    def close(self) -> None:
        """Nothing to give back."""

    def _decide(
        self, observation: Observation, events: Sequence[Event]
    ) -> tuple[SkillCall, ...] | Finish:
        work = self._work
        if work is None:
            return Finish("refused", self._refusal or "")
        self._hear(work, events)
        view = registered(observation.views[_CAMERA], observation.stations)
        self._floor_m = observation.stations["tray"].center_m[2]
        if view.captured_tick > self._seen_tick:
            self._seen_tick = view.captured_tick
            sightings = find_parts(view, observation.stations["tray"])
            work.see(sightings, observation.stations, clear=self._clear_view)
            if self._clear_view:
                self._doubt = False
        busy = {limb for call, _ in self._waiting.values() for limb in call.limbs}
        free = {limb for limb in observation.limbs if limb not in busy}
        calls: list[SkillCall] = []
        for limb in observation.limbs:
            if limb not in free:
                continue
            if limb in self._holding:
                calls.append(self._put_again(limb))
                continue
            task = work.next_for(limb, observation, free)
            if task is not None:
                free -= {task.limb, task.taker or task.limb}
                calls += self._carry_out(work, task, view)
        if not calls and not self._waiting:
            return self._close_up(work, observation)
        calls += [call for limb in sorted(free) if (call := self._park(limb))]
        if work.expects_relayed and observation.tick > self._moved_tick + _LEFT_TICKS:
            calls.append(self._look(()))
        return tuple(calls)

    def _close_up(self, work: Worklist, observation: Observation) -> tuple[SkillCall, ...] | Finish:
        """Nobody is busy and nothing is left to do: look once more before saying so."""
        if self._seen_tick >= self._moved_tick and not self._doubt and not work.expects_relayed:
            missing = work.missing()
            return Finish("gave_up", missing) if missing else Finish("done")
        if self._looks >= _LOOKS:
            return Finish("gave_up", work.missing() or "the tray could not be made out")
        self._looks += 1
        # With the arms out of the picture: what an arm hides would otherwise count as done.
        return (self._look(tuple(observation.limbs)),)

    def _look(self, clear: tuple[str, ...]) -> SkillCall:
        self._clear_view = bool(clear)
        return self._call("look", clear, None, camera=_CAMERA)

    def _park(self, limb: str) -> SkillCall | None:
        """Send a limb that has nothing to do out of the other's way, once."""
        if limb in self._parked or limb in self._holding:
            return None
        self._parked.add(limb)
        return self._call("wait", (limb,), None, seconds=0.0, clear=True)

    def _carry_out(self, work: Worklist, task: Task, view: Frame) -> list[SkillCall]:
        self._parked -= {task.limb, task.taker or task.limb}
        target = {"camera": _CAMERA, "point": [task.sighting.u, task.sighting.v]}
        if task.taker is not None:
            first = self._call("handover", (task.limb, task.taker), task, **target)
            return [first, self._call("place", (task.taker,), task, tote=task.tote)]
        # The limb goes on at once where there is more to do, and need not rise first.
        retreat = not work.anything_for(task.limb)
        # The place that follows looks at the jaw itself, so the lift need not stop for it.
        first = self._call("pick", (task.limb,), task, lift=False, **target)
        if task.spot is None:
            last = self._call("place", (task.limb,), task, tote=task.tote, retreat=retreat)
            return [first, last]
        u, v = pixel(view, np.array([[*task.spot, self._floor_m]]))[0]
        spot = {"camera": _CAMERA, "point": [round(float(u), 1), round(float(v), 1)]}
        return [first, self._call("place", (task.limb,), task, **spot)]

    def _put_again(self, limb: str) -> SkillCall:
        """The jaw still holds a part that could not be placed: try once more."""
        task, _ = self._holding[limb]
        return self._call("place", (limb,), task, tote=task.tote)

    def _call(
        self, skill: str, limbs: tuple[str, ...], task: Task | None, **arguments: object
    ) -> SkillCall:
        self._calls += 1
        call = SkillCall(f"c{self._calls}", skill, limbs, arguments)
        self._waiting[call.id] = (call, task)
        return call

    def _hear(self, work: Worklist, events: Sequence[Event]) -> None:
        """Take note of what became of the calls."""
        for event in events:
            known = self._waiting.get(event.data.get("id", ""))
            if known is None or event.kind == "skill.started":
                continue
            call, task = known
            del self._waiting[call.id]
            if task is None:
                continue
            self._moved_tick = event.tick
            if event.kind == "skill.dropped":
                continue  # what failed before it has said why
            limb = call.limbs[-1]
            if event.kind == "skill.finished" and event.data["ok"]:
                if call.skill == "place":
                    self._holding.pop(limb, None)
                    work.done(task)
                continue
            self._doubt = True
            tries = self._holding[limb][1] + 1 if limb in self._holding else 1
            still_held = call.skill == "place" and event.data.get("code") in _STILL_HELD
            if still_held and task.tote is not None and tries < _TRIES:
                self._holding[limb] = (task, tries)
            else:
                self._holding.pop(limb, None)
                work.failed(task)
