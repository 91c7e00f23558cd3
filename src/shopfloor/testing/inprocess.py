"""``stand-in``: the stand-in server's decisions without the server.

It sees the overview camera's RGB at native resolution and nothing else, and points in exact pixels.
A run through HTTP that is paired with it differs by the path alone: resizing, JPEG, the numbers of
a convention, HTTP and parsing. It says nothing about any model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import ClassVar

from shopfloor.brain.chat.prompt import Zone, zones
from shopfloor.testing.planner import Claim, Planner, Wanted
from shopfloor.testing.situation import Made, Picture, Situation
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

__all__ = ["PlannerBrain"]

_CAMERA = "overview"


class PlannerBrain:
    """Stand-in for a model: colour blobs and a plan, from RGB alone; proves paths, not models."""

    identity: ClassVar[str] = "stand-in/1"

    def __init__(self, context: BrainContext) -> None:
        """Take up the cell."""
        self._context = context
        self._planner = Planner()
        skills = ("pick", "place", "handover", "look", "wait")
        self.needs = Needs(cameras=(_CAMERA,), refresh="decision", skills=skills)

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order; nothing here is random."""
        self._order = order
        self._zones: tuple[Zone, ...] = ()
        self._made: list[Made] = []
        self._turn = 0

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Decide from the picture and the story so far."""
        began = perf_counter()
        self._turn += 1
        self._hear(events)
        frame = observation.views[_CAMERA]
        if not self._zones:
            self._zones = zones(self._context, observation, frame)
        busy = {limb for made in self._made if made.ended is None for limb in made.limbs}
        told = Situation(
            instruction=self._order.instruction,
            language=self._order.language,
            pictures=(Picture(frame.pixels, self._turn),),
            zones=self._zones,
            free=tuple(limb for limb in observation.limbs if limb not in busy),
            made=tuple(self._made),
        )
        self._turn += 1
        decision = self._planner.decide(told)
        said = json.dumps([str(one) for one in (decision,)])
        exchange = Exchange(f"turn {self._turn}", said, self.identity, perf_counter() - began)
        if isinstance(decision, Claim):
            return Reply(Finish(decision.claim, decision.note), exchange)
        return Reply(tuple(self._call(wanted) for wanted in decision), exchange)

    def close(self) -> None:
        """Nothing to give back."""

    def _hear(self, events: Sequence[Event]) -> None:
        """Note what became of the calls, as the story in a conversation would tell it."""
        ends = {"skill.finished", "skill.dropped", "skill.refused"}
        for event in events:
            if event.kind not in ends:
                continue
            for i, made in enumerate(self._made):
                if made.id == event.data["id"]:
                    ok = bool(event.data.get("ok"))
                    code = None if ok else event.data.get("code") or event.kind[6:]
                    self._made[i] = replace(made, ended=self._turn, ok=ok, code=code)

    def _call(self, wanted: Wanted) -> SkillCall:
        arguments: dict[str, object] = {}
        if wanted.point is not None:
            arguments["point"] = [float(n) for n in wanted.point]
        if wanted.point is not None or wanted.skill == "look":
            arguments["camera"] = _CAMERA
        if wanted.tote is not None:
            arguments["tote"] = wanted.tote
        if wanted.skill == "wait":
            arguments |= {"seconds": 0.0, "clear": True}
        limbs = tuple(self._context.cell.body.limbs) if wanted.skill == "look" else wanted.limbs
        call = SkillCall(f"c{len(self._made) + 1}", wanted.skill, limbs, arguments)
        limbs_told = () if wanted.skill == "look" else limbs
        made = Made(call.id, wanted.skill, limbs_told, wanted.point, wanted.tote, self._turn)
        self._made.append(made)
        return call
