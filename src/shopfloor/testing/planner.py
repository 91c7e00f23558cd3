"""What the stand-in server decides: which limb takes which part next, from a picture and a story.

An HTTP server sees one request and keeps nothing, so a :class:`Planner` has no state: all that it
knows stands in the :class:`Situation`, which is the picture, the instruction, and the story of the
calls that were made so far. The same decisions are had in process by filling in a situation
without any HTTP, which is what a run behind HTTP is paired with.

A stand-in proves the path from picture to motion, and nothing about any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import hypot
from typing import Literal

import numpy as np

from shopfloor.brain.chat.prompt import Zone
from shopfloor.errors import OrderError
from shopfloor.order.goal import assign, needed
from shopfloor.order.grammar import parse
from shopfloor.testing.eye import Spot, find
from shopfloor.testing.situation import Made, Picture, Situation
from shopfloor.types import Goal, Part

__all__ = ["Claim", "Planner", "Wanted"]

_TRIES = 3
_LOOKS = 4
"""How often a tray is looked at in all before it is given up."""
_SAME = 0.018
"""Places this close are the same part (share of the picture's width; 2 cm are 0.016)."""
_EDGE = 0.004
"""Kept from the edge of a limb's columns (share of the picture's width)."""
_LONGEST_S = 5
_STILL_HELD = ("perception.out_of_range", "plan.invalid", "actuator.fault", "dropped", "refused")
"""Failures of a place after which the part is still in the jaw."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be made.

    Attributes:
        skill: ``pick``, ``place``, ``handover``, ``look`` or ``wait``.
        limbs: Whom it moves; giver and taker for a handover, and whoever clears the view of a look.
        point: Middle of the part in the newest picture [px], or None.
        tote: Where it goes, for a place.
        seconds: How long to wait, for a wait [s]; the limb draws back first.
    """

    skill: str
    limbs: tuple[str, ...]
    point: tuple[float, float] | None = None
    tote: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The order is over, as far as can be seen from here."""

    claim: Literal["done", "gave_up", "refused"]
    note: str = ""


@dataclass(slots=True)
class _Trip:
    """One part's way: taken, and put."""

    take: Made
    puts: list[Made] = field(default_factory=list)

    @property
    def limb(self) -> str:
        """Who has the part at the end of the take."""
        return self.take.limbs[-1]

    @property
    def state(self) -> Literal["under way", "missed", "held", "lost", "delivered"]:
        """How far it is."""
        last = self.puts[-1] if self.puts else None
        if self.take.ended is not None and not self.take.ok:
            return "missed"
        if self.take.ended is None or (last is not None and last.ended is None):
            return "under way"
        if last is None:
            return "held"
        if last.ok:
            return "delivered"
        return "held" if last.code in _STILL_HELD and len(self.puts) < _TRIES else "lost"


class Planner:
    """Decides from a situation alone; one may serve many orders at once."""

    def decide(self, situation: Situation) -> tuple[Wanted, ...] | Claim:
        """Say what every free limb should do now, or that the order is over.

        Returns:
            At least one call. Calls are for free limbs, or for such as only wait; a limb that can
            do nothing is told to wait.
        """
        try:
            goal = parse(situation.instruction, situation.language)
        except OrderError as error:
            return Claim("refused", str(error))
        free = [zone for zone in situation.zones if zone.limb in situation.free]
        if not situation.pictures:
            return (Wanted("look", tuple(zone.limb for zone in free)),)
        trips = _trips(situation.made)
        calls: list[Wanted] = []
        for trip in trips:
            if trip.state == "held" and trip.limb in {zone.limb for zone in free}:
                tote = trip.puts[-1].tote if trip.puts else None
                if tote is None:
                    return Claim("gave_up", f"limb {trip.limb} holds a part and was told no tote")
                calls.append(Wanted("place", (trip.limb,), tote=tote))
                free = [zone for zone in free if zone.limb != trip.limb]
        tasks, left = self._tasks(goal, trips, situation)
        width = situation.pictures[-1].pixels.shape[1]
        for zone in list(free):
            task = _nearest(tasks, zone, width)
            if task is not None:
                tasks.remove(task)
                calls += _carry(task, "pick", (zone.limb,))
                free.remove(zone)
        waiting = _waiting(situation.made)
        ready = [zone for zone in situation.zones if zone in free or zone.limb in waiting]
        passed = _relay(tasks, situation.zones, ready, width) if free else None
        if passed is not None:
            task, giver, taker = passed
            calls += _carry(task, "handover", (giver, taker))
            free = [zone for zone in free if zone.limb not in {giver, taker}]
        busy = any(made.ended is None and made.skill != "wait" for made in situation.made)
        if not calls and not busy:
            return self._close_up(goal, trips, left, situation)
        calls += [_wait(zone.limb, situation.made) for zone in free]
        return tuple(calls) or (Wanted("wait", ()),)

    def _close_up(
        self, goal: Goal, trips: Sequence[_Trip], left: int, situation: Situation
    ) -> tuple[Wanted, ...] | Claim:
        """Nobody is busy and nothing can be done: look once more before saying so."""
        looks = [made for made in situation.made if made.skill == "look"]
        moved = max((made.ended or 0 for t in trips for made in (t.take, *t.puts)), default=-1)
        shown = situation.pictures[-1].turn
        if any(m.ok and m.asked >= moved and shown >= (m.ended or 0) for m in looks):
            missing = left or self._missing(goal, trips, situation)
            return Claim("gave_up", f"{missing} parts are missing") if missing else Claim("done")
        if len(looks) >= _LOOKS + len(trips):
            return Claim("gave_up", "the tray could not be looked at")
        return (Wanted("look", tuple(zone.limb for zone in situation.zones)),)

    def _missing(self, goal: Goal, trips: Sequence[_Trip], situation: Situation) -> int:
        """How many parts that were on the tray at first went astray."""
        delivered = sum(trip.state == "delivered" for trip in trips)
        first = situation.pictures[0]
        if not trips or first.turn <= trips[0].take.asked:
            return max(needed(goal, _parts(_see(first))) - delivered, 0)
        # The first picture is not told any more: count what was lost and never found again.
        return sum(
            trip.state == "lost"
            and not any(o.state == "delivered" and o.take.asked > trip.take.asked for o in trips)
            for trip in trips
        )

    def _tasks(
        self, goal: Goal, trips: Sequence[_Trip], situation: Situation
    ) -> tuple[list[tuple[Spot, str]], int]:
        """Parts to be taken now and their totes; and how many are on the tray that should not be.

        A part that was missed is left until all limbs have drawn back: an arm may have hidden it.
        """
        picture = situation.pictures[-1]
        tried: list[tuple[float, float]] = []
        later: list[tuple[float, float]] = []
        gone: list[tuple[float, float]] = []
        for trip in trips:
            if trip.take.point is None:
                continue
            if trip.state == "missed":
                tried.append(trip.take.point)
            if not _looked_since(trip, situation):
                (later if trip.state == "missed" else gone).append(trip.take.point)
        spots = [s for s in _see(picture) if not any(_same(s, at, picture) for at in gone)]
        rest, parts = _rest(goal, self._carried(trips, situation)), _parts(spots)
        wanted = [
            (part, spot, tote)
            for part, spot, tote in zip(parts, spots, assign(rest, parts).values(), strict=True)
            if tote is not None
        ]
        now = [
            (part, spot, tote)
            for part, spot, tote in wanted
            if not any(_same(spot, at, picture) for at in later)
            and sum(_same(spot, at, picture) for at in tried) < _TRIES
        ]
        return _counted_first(rest, now), len(wanted)

    def _carried(
        self, trips: Sequence[_Trip], situation: Situation
    ) -> list[tuple[str, Part | None]]:
        """Tote and kind of every part that is in a tote, or on its way there."""
        return [
            (trip.puts[-1].tote, self._kind(trip, situation))
            for trip in trips
            if trip.puts and trip.puts[-1].tote and trip.state in {"under way", "held", "delivered"}
        ]

    def _kind(self, trip: _Trip, situation: Situation) -> Part | None:
        """What was taken, from a picture of before; None where none is told any more."""
        for picture in reversed(situation.pictures):
            if picture.turn <= trip.take.asked and trip.take.point is not None:
                near = [s for s in _see(picture) if _same(s, trip.take.point, picture)]
                if near:
                    return _parts(near)[0]
        return None


def _trips(made: Sequence[Made]) -> list[_Trip]:
    trips: list[_Trip] = []
    open_: dict[str, _Trip] = {}
    for call in made:
        if call.skill in {"pick", "handover"} and call.limbs:
            open_[call.limbs[-1]] = trip = _Trip(call)
            trips.append(trip)
        elif call.skill == "place" and call.limbs and call.limbs[-1] in open_:
            open_[call.limbs[-1]].puts.append(call)
    return trips


def _looked_since(trip: _Trip, situation: Situation) -> bool:
    """Whether the newest picture was taken on purpose after the trip was over.

    Any other picture may be an old one that is told again, or show more arms than parts.
    """
    over = (trip.puts if trip.puts and trip.state != "missed" else [trip.take])[-1].ended
    shown = situation.pictures[-1].turn
    return over is not None and any(
        made.skill == "look" and made.ok and made.asked >= over and shown >= (made.ended or 0)
        for made in situation.made
    )


def _rest(goal: Goal, carried: Sequence[tuple[str | None, Part | None]]) -> Goal:
    """Take what was carried off the counts of a goal."""
    rules = list(goal.rules)
    for tote, kind in carried:
        for i, rule in enumerate(rules):
            fits = kind is None or rule.select.matches(kind)
            if rule.tote == tote and fits and rule.count != 0:
                if rule.count is not None:
                    rules[i] = replace(rule, count=rule.count - 1)
                break
    return Goal(tuple(rule for rule in rules if rule.count != 0))


def _counted_first(goal: Goal, tasks: Sequence[tuple[Part, Spot, str]]) -> list[tuple[Spot, str]]:
    """Tasks without those that must wait for a counted rule that fills the same tote.

    Where no picture of before is told any more, how many parts went to a tote is all that is known
    of them; so what is counted goes first.
    """
    counts = [rule for rule in goal.rules if rule.count is not None and rule.tote is not None]
    counted = [
        any(rule.tote == tote and rule.select.matches(part) for rule in counts)
        for part, _, tote in tasks
    ]
    filling = {task[2] for task, first in zip(tasks, counted, strict=True) if first}
    return [
        (spot, tote)
        for (_, spot, tote), first in zip(tasks, counted, strict=True)
        if first or tote not in filling
    ]


def _nearest(tasks: Sequence[tuple[Spot, str]], zone: Zone, width: int) -> tuple[Spot, str] | None:
    """Of what the limb can carry alone, the part nearest to its own side of the picture."""
    side = -1 if zone.left + zone.right < width else 1
    mine = [t for t in tasks if _reaches(zone, t[0], width) and t[1] in zone.totes]
    return max(mine, key=lambda task: side * task[0].u, default=None)


def _reaches(zone: Zone, spot: Spot, width: int) -> bool:
    return zone.left + _EDGE * width <= spot.u <= zone.right - _EDGE * width


def _relay(
    tasks: Sequence[tuple[Spot, str]], zones: Sequence[Zone], free: Sequence[Zone], width: int
) -> tuple[tuple[Spot, str], str, str] | None:
    """A part that only one limb reaches and whose tote only another does, when both are free."""
    for task in tasks:
        spot, tote = task
        if any(_reaches(zone, spot, width) and tote in zone.totes for zone in zones):
            continue  # somebody can do it alone, as soon as he is free
        for giver in free:
            for taker in free:
                if giver is not taker and _reaches(giver, spot, width) and tote in taker.totes:
                    return task, giver.limb, taker.limb
    return None


def _carry(task: tuple[Spot, str], skill: str, limbs: tuple[str, ...]) -> tuple[Wanted, Wanted]:
    spot, tote = task
    return (
        Wanted(skill, limbs, point=(spot.u, spot.v)),
        Wanted("place", limbs[-1:], tote=tote),
    )


def _waiting(made: Sequence[Made]) -> set[str]:
    """Limbs that have nothing to do but to wait: what they are told next comes after that."""
    busy = [call for call in made if call.ended is None]
    waits = {limb for call in busy if call.skill == "wait" for limb in call.limbs}
    return waits - {limb for call in busy if call.skill != "wait" for limb in call.limbs}


def _wait(limb: str, made: Sequence[Made]) -> Wanted:
    """Let a limb wait a little longer each time: the same answer again and again means a loop."""
    mine = [call.skill for call in made if limb in call.limbs]
    waited = next((i for i, skill in enumerate(reversed(mine)) if skill != "wait"), len(mine))
    return Wanted("wait", (limb,), seconds=float(min(1 + waited, _LONGEST_S)))


def _same(spot: Spot, at: tuple[float, float], picture: Picture) -> bool:
    height, width = picture.pixels.shape[:2]
    # Both axes in shares of the width, whatever the resizing did to the aspect of 4 : 3.
    return hypot((spot.u - at[0]) / width, (spot.v - at[1]) / height * 0.75) < _SAME


def _parts(spots: Sequence[Spot]) -> list[Part]:
    return [Part(str(i), s.colour, s.shape, s.size, s.u, s.v, 0.0) for i, s in enumerate(spots)]


def _see(picture: Picture) -> tuple[Spot, ...]:
    return _seen(picture.pixels.tobytes(), picture.pixels.shape[0], picture.pixels.shape[1])


@lru_cache(maxsize=8)
def _seen(data: bytes, height: int, width: int) -> tuple[Spot, ...]:
    """The same picture comes with every request of a conversation; it is searched once."""
    return tuple(find(np.frombuffer(data, np.uint8).reshape(height, width, 3)))
