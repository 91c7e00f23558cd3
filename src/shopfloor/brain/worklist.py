"""What is still to be carried where, and which limb should take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shopfloor.brain.reach import Reach
from shopfloor.order.goal import assign
from shopfloor.perception import Sighting
from shopfloor.types import Goal, Observation, Part, Station

__all__ = ["Task", "Worklist"]

_TRIES = 3
_SAME_M = 0.025
"""Sightings this close are the same part."""
_WHOLE = 0.8
"""Share of a part's outline that must show before it is taken."""
_CROWD = 8.0
"""Metres of way that a metre of crowding is worth."""
_RELAY = 0.5
"""Metres of way that it is worth not to carry a part twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One part on its way.

    Attributes:
        sighting: The part as it was seen.
        rule: Index of the rule that it follows.
        limb: Who picks it.
        tote: Where it goes, or None when it is only set down at ``spot``.
        taker: Who takes it over, for a handover.
        spot: Where on the tray it is set down for another limb [m].
        goes: The tote that the other limb will take it to.
    """

    sighting: Sighting
    rule: int
    limb: str
    tote: str | None = None
    taker: str | None = None
    spot: tuple[float, float] | None = None
    goes: str | None = None

    @property
    def xy(self) -> tuple[float, float]:
        """Where the part lies in the world [m]."""
        return self.sighting.outline.x_m, self.sighting.outline.y_m


class Worklist:
    """Keeps count of one order, from what is seen and what skills report."""

    def __init__(self, goal: Goal, reach: Reach) -> None:
        """Begin with nothing seen."""
        self._goal, self._reach = goal, reach
        self._seen: list[Sighting] = []
        self._stations: Mapping[str, Station] = {}
        self._active: list[Task] = []
        self._delivered = [0] * len(goal.rules)
        self._expected: list[int] | None = None
        self._goes: dict[Sighting, tuple[int, str]] = {}
        self._failures: list[tuple[float, float]] = []
        self._relayed: list[Task] = []

    def see(
        self, sightings: Sequence[Sighting], stations: Mapping[str, Station], *, clear: bool
    ) -> None:
        """Take a look at the tray.

        Args:
            sightings: What is seen on it.
            stations: Taught fixtures.
            clear: Whether no arm hides anything. If one may, what is not seen may still be there,
                and only parts that were set down for another limb are news.
        """
        self._stations = stations
        if clear:
            self._seen = list(sightings)
            self._relayed.clear()
            self._assign()
            return
        for sighting in sightings:
            task = next((t for t in self._relayed if _is_at(sighting, t)), None)
            if task is not None:
                # An arm may hide half of it: what it is was seen better the first time.
                was = task.sighting
                known = replace(sighting, colour=was.colour, shape=was.shape, size=was.size)
                self._relayed.remove(task)
                self._seen.append(known)
                if task.goes is not None:
                    self._goes[known] = (task.rule, task.goes)

    def _assign(self) -> None:
        """Decide where each part goes, with what has been delivered taken off the counts."""
        rules = [
            (index, rule if rule.count is None else replace(rule, count=rule.count - done))
            for index, (rule, done) in enumerate(
                zip(self._goal.rules, self._delivered, strict=True)
            )
        ]
        left = [(index, rule) for index, rule in rules if rule.count is None or rule.count > 0]
        goal = Goal(tuple(rule for _, rule in left))
        parts = [
            Part(str(i), s.colour, s.shape, s.size, s.outline.x_m, s.outline.y_m, 0.0)
            for i, s in enumerate(self._seen)
        ]
        self._goes = {}
        if parts:
            for part, (name, tote) in zip(parts, assign(goal, parts).items(), strict=True):
                rule = next((i for i, r in left if r.tote == tote and r.select.matches(part)), None)
                if tote is not None and rule is not None:
                    self._goes[self._seen[int(name)]] = (rule, tote)
        if self._expected is None:
            self._expected = [0] * len(self._goal.rules)
            for rule, _ in self._goes.values():
                self._expected[rule] += 1

    def done(self, task: Task) -> None:
        """A part was put where the task says."""
        self._active.remove(task)
        if task.spot is not None:
            self._relayed.append(task)
        else:
            self._delivered[task.rule] += 1

    def failed(self, task: Task) -> None:
        """A part was not taken, or was lost."""
        self._active.remove(task)
        self._failures.append(task.xy)

    @property
    def expects_relayed(self) -> bool:
        """Whether parts were set down for another limb and have not been seen since."""
        return bool(self._relayed)

    def missing(self) -> str:
        """What was asked for and is not done, as words; empty if nothing is."""
        words = []
        for rule, expected, delivered in zip(
            self._goal.rules, self._expected or (), self._delivered, strict=False
        ):
            if rule.tote is not None and delivered < expected:
                words.append(f"{expected - delivered} for tote {rule.tote}")
        return ", ".join(words)

    def next_for(self, limb: str, observation: Observation, free: set[str]) -> Task | None:
        """Choose the part that this limb should take now, and begin it."""
        tool = observation.limbs[limb].tool_in_world[:2, 3]
        best: tuple[float, Task] | None = None
        for sighting in self._seen:
            task = self._task(sighting, limb, free)
            if task is None:
                continue
            cost = self._cost(task, tool)
            if best is None or cost < best[0]:
                best = cost, task
        if best is None:
            return None
        task = best[1]
        self._seen.remove(task.sighting)
        self._active.append(task)
        return task

    def _task(self, sighting: Sighting, limb: str, free: set[str]) -> Task | None:
        """How this limb could help that part on its way, if it can."""
        if sighting not in self._goes:
            return None
        rule, tote = self._goes[sighting]
        xy = (sighting.outline.x_m, sighting.outline.y_m)
        if sum(np.hypot(xy[0] - x, xy[1] - y) < _SAME_M for x, y in self._failures) >= _TRIES:
            return None
        if tote not in self._stations or not self._reach.of(limb, xy):
            return None
        target = self._stations[tote].center_m[:2]
        if self._reach.of(limb, target):
            return Task(sighting, rule, limb, tote)
        takers = [n for n in self._reach.limbs if n != limb and self._reach.of(n, target)]
        if not takers or any(self._reach.of(n, xy) for n in takers):
            return None  # nobody can, or somebody can do it alone
        taker = takers[0]
        if taker in free and not self.anything_for(taker):
            return Task(sighting, rule, limb, tote, taker=taker)
        spot = self._reach.shared_spot(
            limb, taker, xy, self._stations["tray"], self._occupied(sighting)
        )
        return None if spot is None else Task(sighting, rule, limb, spot=spot, goes=tote)

    def anything_for(self, limb: str) -> bool:
        """Whether there is a part that this limb could carry all by itself."""
        for sighting in self._seen:
            if sighting not in self._goes:
                continue
            tote = self._goes[sighting][1]
            xy = (sighting.outline.x_m, sighting.outline.y_m)
            target = self._stations[tote].center_m[:2]
            if self._reach.of(limb, xy) and self._reach.of(limb, target):
                return True
        return False

    def _occupied(self, but: Sighting) -> list[tuple[float, float]]:
        """Where parts lie or will be set down."""
        lying = [(s.outline.x_m, s.outline.y_m) for s in self._seen if s is not but]
        return [*lying, *(t.spot or t.xy for t in (*self._relayed, *self._active))]

    def _cost(self, task: Task, tool: np.ndarray) -> float:
        """Way to go [m], and what it costs to get into another limb's way."""
        here, there = np.array(task.xy), np.array(self._target(task))
        cost = float(np.linalg.norm(here - tool) + np.linalg.norm(there - here))
        if task.taker is not None or task.spot is not None:
            cost += _RELAY
        for other in self._active:
            if other.limb != task.limb:
                mine, theirs = (task.xy, self._target(task)), (other.xy, self._target(other))
                cost += _CROWD * self._reach.crowding(task.limb, mine, other.limb, theirs)
        return cost

    def _target(self, task: Task) -> tuple[float, float]:
        if task.spot is not None or task.tote is None:
            return task.spot or task.xy
        x, y, _ = self._stations[task.tote].center_m
        return x, y


def _is_at(sighting: Sighting, task: Task) -> bool:
    """Whether a part that was set down is seen again, and enough of it to take hold of it."""
    if task.spot is None or sighting.colour != task.sighting.colour:
        return False
    seen, was = sighting.outline, task.sighting.outline
    whole = seen.width_m * seen.length_m > _WHOLE * was.width_m * was.length_m
    far = np.hypot(seen.x_m - task.spot[0], seen.y_m - task.spot[1])
    return bool(whole and far < 2 * _SAME_M)
