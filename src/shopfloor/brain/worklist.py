"""What is still to be carried where, and which limb should take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shopfloor.brain.reach import Reach
from shopfloor.perception import Sighting
from shopfloor.types import Goal, Observation, Part, Station

__all__ = ["Task", "Worklist"]

_TRIES = 3
_SAME_M = 0.025
"""Sightings this close are the same part."""
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
    """

    sighting: Sighting
    rule: int
    limb: str
    tote: str | None = None
    taker: str | None = None
    spot: tuple[float, float] | None = None

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
        self._failures: list[tuple[float, float]] = []
        self._relayed: list[tuple[float, float]] = []

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
        else:
            for sighting in sightings:
                spot = next((s for s in self._relayed if _near(sighting, s)), None)
                if spot is not None:
                    self._relayed.remove(spot)
                    self._seen.append(sighting)
        if self._expected is None:
            found = [self._rule_of(s) for s in self._seen]
            self._expected = [
                found.count(i) if rule.count is None else rule.count
                for i, rule in enumerate(self._goal.rules)
            ]

    def done(self, task: Task) -> None:
        """A part was put where the task says."""
        self._active.remove(task)
        if task.spot is not None:
            self._relayed.append(task.spot)
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
        rule = self._rule_of(sighting)
        tote = self._goal.rules[rule].tote if rule is not None else None
        if rule is None or tote is None or tote not in self._stations or not self._wanted(rule):
            return None
        xy = (sighting.outline.x_m, sighting.outline.y_m)
        if sum(np.hypot(xy[0] - x, xy[1] - y) < _SAME_M for x, y in self._failures) >= _TRIES:
            return None
        target = self._stations[tote].center_m[:2]
        if not self._reach.of(limb, xy):
            return None
        if self._reach.of(limb, target):
            return Task(sighting, rule, limb, tote)
        takers = [n for n in self._reach.limbs if n != limb and self._reach.of(n, target)]
        if not takers or any(self._reach.of(n, xy) for n in takers):
            return None  # nobody can, or somebody can do it alone
        taker = takers[0]
        if taker in free and not self._busy_with(taker):
            return Task(sighting, rule, limb, tote, taker=taker)
        spot = self._reach.shared_spot(
            limb, taker, xy, self._stations["tray"], self._occupied(sighting)
        )
        return None if spot is None else Task(sighting, rule, limb, spot=spot)

    def _busy_with(self, limb: str) -> bool:
        """Whether there is a part that this limb could carry all by itself."""
        for sighting in self._seen:
            rule = self._rule_of(sighting)
            tote = self._goal.rules[rule].tote if rule is not None else None
            if rule is None or tote not in self._stations or not self._wanted(rule):
                continue
            xy = (sighting.outline.x_m, sighting.outline.y_m)
            target = self._stations[tote].center_m[:2]
            if self._reach.of(limb, xy) and self._reach.of(limb, target):
                return True
        return False

    def _occupied(self, but: Sighting) -> list[tuple[float, float]]:
        """Where parts lie or will be set down."""
        lying = [(s.outline.x_m, s.outline.y_m) for s in self._seen if s is not but]
        return [*lying, *self._relayed, *(t.spot or t.xy for t in self._active)]

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

    def _rule_of(self, sighting: Sighting) -> int | None:
        part = Part("", sighting.colour, sighting.shape, sighting.size, 0.0, 0.0, 0.0)
        for index, rule in enumerate(self._goal.rules):
            if rule.select.matches(part):
                return index
        return None

    def _wanted(self, rule: int) -> bool:
        count = self._goal.rules[rule].count
        if count is None:
            return True
        under_way = sum(task.rule == rule for task in self._active)
        return self._delivered[rule] + under_way < count


def _near(sighting: Sighting, spot: tuple[float, float]) -> bool:
    return bool(
        np.hypot(sighting.outline.x_m - spot[0], sighting.outline.y_m - spot[1]) < 2 * _SAME_M
    )
