"""A tape of one worked order: what a judge gets to see, made without any judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shopfloor.shift.nobody import Nobody
from shopfloor.testing.cheat import Cheat, Moment
from shopfloor.types import (
    Action,
    Event,
    Guard,
    Judge,
    Lot,
    Observation,
    Order,
    Outcome,
    Ruling,
    Timestep,
)

__all__ = ["Tape", "film"]

_AFTER_S = 3.3
"""How long the tape runs on after "finish": longer than a judge may wait for rest [s]."""
_PAST_LIMIT_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """One order, tick by tick, played out in a cell.

    It ends 3.3 s after the brain's last word or 0.2 s after the time limit, so that what is on
    it does not depend on the judge that will look at it.

    Attributes:
        cheat: What was played.
        lot: The lot that was worked.
        control_dt: Length of a tick [s].
        limbs: Names of the body's limbs.
        shown: Every timestep with its events.
    """

    cheat: Cheat
    lot: Lot
    control_dt: float
    limbs: tuple[str, ...]
    shown: tuple[tuple[Timestep, tuple[Event, ...]], ...]

    def verdict(self, judge: Judge) -> tuple[Outcome | None, int]:
        """Return what a judge says of it and at which tick; None where it never says."""
        judge.reset(self.lot, self.lot.orders[0])
        for timestep, events in self.shown:
            outcome = judge.judge(timestep, events)
            if outcome is not None:
                return outcome, timestep.observation.tick
        return None, self.shown[-1][0].observation.tick

    def window(self, moment: Moment) -> tuple[int, int]:
        """Return the first and the last tick of a moment on this tape."""
        events = [event for _, seen in self.shown for event in seen]
        if moment.kind == "limit":
            at = round(self.lot.orders[0].time_limit_s / self.control_dt)
            return at, at
        if moment.kind == "call":
            begun = [event for event in events if event.kind == "skill.started"][moment.index]
            ends = (
                event.tick
                for event in events
                if event.kind in {"skill.finished", "skill.dropped"}
                and event.data["id"] == begun.data["id"]
            )
            return begun.tick, next(ends, self.shown[-1][0].observation.tick)
        kinds = {
            "finish": "brain.finish", "stop": "ruling", "refusal": "skill.refused",
            "fault": "fault",
        }  # fmt: skip
        found = [
            event
            for event in events
            if event.kind == kinds[moment.kind] and event.data.get("verdict") != "limit"
        ]
        return found[moment.index].tick, found[moment.index].tick


class _Camera:
    """Takes a judge's place and writes down what it is shown; ends the order by the clock."""

    def __init__(self, control_dt: float) -> None:
        self._dt = control_dt
        self.shown: list[tuple[Timestep, tuple[Event, ...]]] = []

    def reset(self, lot: Lot, order: Order) -> None:
        self._end = order.time_limit_s / self._dt + _PAST_LIMIT_S / self._dt

    def judge(self, timestep: Timestep, events: Sequence[Event]) -> Outcome | None:
        self.shown.append((timestep, tuple(events)))
        tick = timestep.observation.tick
        if any(event.kind == "brain.finish" for event in events):
            self._end = tick + _AFTER_S / self._dt
        return Outcome(False, False, "infra", tick) if tick >= self._end else None


class _Lenient:
    """A guard that knows of no station, so of no wall."""

    def __init__(self, guard: Guard[Any]) -> None:
        self._guard = guard
        self.start = guard.start

    def check(
        self, action: Action, observation: Observation, hold: Action, state: Any
    ) -> tuple[Ruling, Any]:
        return self._guard.check(action, replace(observation, stations={}), hold, state)


def film(cell: Any, cheat: Cheat) -> Tape:
    """Play a cheat in a cell and tape it: worked as any order is, by a guard that lets it press.

    The real guard keeps jaws out of walls and stops who presses; what a judge says of either must
    not depend on that.

    Args:
        cell: A simulated sorting cell; ``render=False`` is enough, as cheats see nothing.
        cheat: What to play.
    """
    from shopfloor.body.geometry import Geometry
    from shopfloor.guard import EnvelopeGuard, load_limits
    from shopfloor.shift.dispatch import Dispatcher
    from shopfloor.shift.latency import Latency
    from shopfloor.shift.work import Crew, work
    from shopfloor.skill.context import SkillContext
    from shopfloor.testing.cheat_hand import SKILLS, Swindler

    spec = cell.spec
    stated = load_limits(spec.name, spec.body, "fenced")
    servo = replace(stated.servo, following_rad=math.inf)
    limits = replace(stated, contact_force_n=math.inf, servo=servo)
    context = SkillContext(cell.body, Geometry(cell.body), limits, spec.control_dt)
    camera = _Camera(spec.control_dt)
    lot = cheat.lot()
    work(
        Crew(
            cell=cell,
            brain=Swindler(cheat, lot, next(iter(spec.body.limbs))),
            guard=_Lenient(EnvelopeGuard(cell.body, spec.control_dt)),
            judge=camera,
            recorder=Nobody(),
            limits=limits,
            dispatcher=lambda: Dispatcher(
                limbs=tuple(spec.body.limbs),
                make=lambda name: SKILLS[name](context),
                validate=lambda call: None if call.skill in SKILLS else "there is no such skill",
                control_dt=spec.control_dt,
            ),
            latency=Latency("none"),
        ),
        lot,
        {},
    )
    return Tape(cheat, lot, spec.control_dt, tuple(spec.body.limbs), tuple(camera.shown))
