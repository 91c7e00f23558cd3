"""``classical``: grammar, segmentation and assignment. The reference that models are held to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import ClassVar

from shopfloor.brain.worklist import Task, Worklist
from shopfloor.errors import OrderError
from shopfloor.order.grammar import parse
from shopfloor.perception import find_parts
from shopfloor.types import (
    BrainContext,
    Event,
    Exchange,
    Finish,
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


class ClassicalBrain:
    """Grammar for the order, colour and depth for the parts, nearest part for each arm."""

    identity: ClassVar[str] = "classical/1"

    def __init__(self, context: BrainContext) -> None:
        """Take up the cell; only its taught geometry and limits are used."""
        self.needs = Needs(
            cameras=(_CAMERA,),
            refresh="order",
            depth=True,
            skills=("pick", "place", "handover", "look", "wait"),
        )
        self._context = context

    def reset(self, order: Order, *, seed: int) -> None:
        """Read the instruction; ``seed`` is not needed, nothing here is random."""
        self._refusal: str | None = None
        self._work: Worklist | None = None
        try:
            goal = parse(order.instruction, order.language)
        except OrderError as error:
            self._refusal = str(error)
        else:
            self._work = Worklist(goal, self._context)
        self._seen_tick = -1
        self._looks = 0
        self._calls = 0
        self._waiting: dict[str, tuple[Task | None, str, tuple[str, ...]]] = {}
        self._doubt = False

    def act(
        self, observation: Observation, events: Sequence[Event], *, deadline_s: float
    ) -> Reply:
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
        view = observation.views[_CAMERA]
        if view.captured_tick > self._seen_tick:
            self._seen_tick = view.captured_tick
            work.see(find_parts(view, observation.stations["tray"]), observation.stations)
            self._doubt = False
        busy = {limb for _, _, limbs in self._waiting.values() for limb in limbs}
        free = [limb for limb in observation.limbs if limb not in busy]
        calls: list[SkillCall] = []
        for limb in free:
            if limb in {name for call in calls for name in call.limbs}:
                continue
            task = work.next_for(limb, observation, set(free))
            if task is not None:
                calls += self._carry_out(task)
        if calls:
            return tuple(calls)
        if self._waiting:
            # Nothing left for this limb while the other works: out of its way, once.
            return tuple(
                self._call("wait", (limb,), seconds=0.0, clear=True, task=None)
                for limb in free
                if work.leave(limb)
            )
        return self._close_up(work, observation)

    def _close_up(
        self, work: Worklist, observation: Observation
    ) -> tuple[SkillCall, ...] | Finish:
        """Nobody is busy and nothing is left to do: look once more before saying so."""
        fresh = self._seen_tick >= self._last_move_tick
        if fresh and not self._doubt:
            missing = work.missing()
            return Finish("gave_up", missing) if missing else Finish("done")
        if self._looks >= _LOOKS:
            return Finish("gave_up", "parts stay on the tray: " + (work.missing() or "unsure"))
        self._looks += 1
        clear = tuple(observation.limbs) if self._doubt else ()
        return (self._call("look", clear, camera=_CAMERA, task=None),)

    def _carry_out(self, task: Task) -> list[SkillCall]:
        point = [round(task.sighting.u, 1), round(task.sighting.v, 1)]
        if task.taker is None:
            first = self._call("pick", (task.limb,), camera=_CAMERA, point=point, task=task)
            last = task.limb
        else:
            limbs = (task.limb, task.taker)
            first = self._call("handover", limbs, camera=_CAMERA, point=point, task=task)
            last = task.taker
        return [first, self._call("place", (last,), tote=task.tote, task=task)]

    def _call(
        self, skill: str, limbs: tuple[str, ...], *, task: Task | None, **arguments: object
    ) -> SkillCall:
        self._calls += 1
        call = SkillCall(f"c{self._calls}", skill, limbs, arguments)
        self._waiting[call.id] = (task, skill, limbs)
        return call

    def _hear(self, work: Worklist, events: Sequence[Event]) -> None:
        """Take note of what became of the calls."""
        for event in events:
            known = self._waiting.get(event.data.get("id", ""))
            if known is None or event.kind == "skill.started":
                continue
            del self._waiting[event.data["id"]]
            task, skill, _ = known
            self._last_move_tick = event.tick
            ok = event.kind == "skill.finished" and event.data["ok"]
            if task is None:
                continue
            if not ok and event.kind != "skill.dropped":
                self._doubt = True
                work.failed(task, lost=skill != "pick")
            elif ok and skill == "place":
                work.done(task)

    _last_move_tick = 0
