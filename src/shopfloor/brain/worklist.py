"""What is still to be carried where, and which limb should take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shopfloor.perception import Sighting
from shopfloor.types import BrainContext, Goal, Observation, Part, Rule, Station

__all__ = ["Task", "Worklist"]

_TRIES = 3
_SAME_M = 0.02
"""Sightings this close are the same part."""
_APART_M = 0.22
"""Two tools nearer than this along the line between the bases will have to wait for each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One part on its way: picked by ``limb``, placed by it or handed to ``taker``."""

    sighting: Sighting
    tote: str
    rule: int
    limb: str
    taker: str | None = None

    @property
    def xy(self) -> tuple[float, float]:
        """Where the part lies in the world [m]."""
        return self.sighting.outline.x_m, self.sighting.outline.y_m


class Worklist:
    """Keeps count of one order, from what is seen and what skills report."""

    def __init__(self, goal: Goal, context: BrainContext) -> None:
        """Begin with nothing seen."""
        self._goal = goal
        self._limits = context.limits.limbs
        self._base = {n: limb.base_in_world[:2, 3] for n, limb in context.cell.body.limbs.items()}
        self._seen: list[Sighting] = []
        self._stations: Mapping[str, Station] = {}
        self._active: list[Task] = []
        self._delivered = [0] * len(goal.rules)
        self._failures: list[tuple[float, float]] = []
        self._left: set[str] = set()

    def see(self, sightings: Sequence[Sighting], stations: Mapping[str, Station]) -> None:
        """Take a fresh look at the tray."""
        self._seen = list(sightings)
        self._stations = stations
        self._left.clear()

    def done(self, task: Task) -> None:
        """A part was put where it belongs."""
        self._active.remove(task)
        self._delivered[task.rule] += 1

    def failed(self, task: Task, *, lost: bool) -> None:
        """A call failed; ``lost`` means that the part is no longer where it was seen."""
        if task in self._active:
            self._active.remove(task)
        if not lost:
            self._failures.append(task.xy)

    def leave(self, limb: str) -> bool:
        """Whether the limb has not been sent out of the way yet; it counts as sent now."""
        if limb in self._left:
            return False
        self._left.add(limb)
        return True

    def missing(self) -> str:
        """What was asked for and is not done, as words; empty if nothing is."""
        words = []
        for index, rule in enumerate(self._goal.rules):
            if rule.tote is None:
                continue
            left = [s for s in self._seen if self._rule_of(s) == index]
            if rule.count is not None:
                short = rule.count - self._delivered[index]
                if short > 0:
                    words.append(f"{short} for tote {rule.tote}")
            elif left:
                words.append(f"{len(left)} for tote {rule.tote}")
        return ", ".join(words)

    def next_for(self, limb: str, observation: Observation, free: set[str]) -> Task | None:
        """Choose the part that this limb should take now, and begin it."""
        best: tuple[float, Task] | None = None
        tool = observation.limbs[limb].tool_in_world[:2, 3]
        for sighting in self._seen:
            rule = self._rule_of(sighting)
            tote = self._goal.rules[rule].tote if rule is not None else None
            if rule is None or tote is None or tote not in self._stations:
                continue
            if not self._wanted(rule) or self._tries(sighting) >= _TRIES:
                continue
            task = self._task(sighting, tote, rule, limb, free)
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
        self._left -= {task.limb, task.taker or task.limb}
        return task

    def _task(
        self, sighting: Sighting, tote: str, rule: int, limb: str, free: set[str]
    ) -> Task | None:
        """How this limb could take that part, if it can."""
        xy = np.array([sighting.outline.x_m, sighting.outline.y_m])
        target = np.array(self._stations[tote].center_m[:2])
        if not self._reaches(limb, xy):
            return None
        if self._reaches(limb, target):
            return Task(sighting, tote, rule, limb)
        for other in sorted(free - {limb}):
            if self._reaches(other, target):
                if self._reaches(other, xy):
                    return None  # the other can do it alone
                return Task(sighting, tote, rule, limb, taker=other)
        return None

    def _cost(self, task: Task, tool: np.ndarray) -> float:
        """Way to go [m], and what it costs to get into another limb's way."""
        xy = np.array(task.xy)
        target = np.array(self._stations[task.tote].center_m[:2])
        cost = float(np.linalg.norm(xy - tool) + np.linalg.norm(target - xy))
        if task.taker is not None:
            cost += 1.0
        for other in self._active:
            if other.limb == task.limb:
                continue
            # Between the bases each arm fills what lies behind its tool.
            mine, theirs = self._base[task.limb], self._base[other.limb]
            axis = (theirs - mine) / np.linalg.norm(theirs - mine)
            gap = float((np.array(other.xy) - xy) @ axis)
            cost += 2.0 * max(_APART_M - gap, 0.0)
        return cost

    def _reaches(self, limb: str, xy: np.ndarray) -> bool:
        box = self._limits[limb]
        return bool(np.all(xy >= box.workspace_lower_m[:2]) and np.all(xy <= box.workspace_upper_m[:2]))

    def _rule_of(self, sighting: Sighting) -> int | None:
        part = Part("", sighting.colour, sighting.shape, sighting.size, 0.0, 0.0, 0.0)
        for index, rule in enumerate(self._goal.rules):
            if rule.select.matches(part):
                return index
        return None

    def _wanted(self, rule: int) -> bool:
        asked: Rule = self._goal.rules[rule]
        if asked.count is None:
            return True
        under_way = sum(task.rule == rule for task in self._active)
        return self._delivered[rule] + under_way < asked.count

    def _tries(self, sighting: Sighting) -> int:
        here = np.array([sighting.outline.x_m, sighting.outline.y_m])
        return sum(bool(np.linalg.norm(here - at) < _SAME_M) for at in self._failures)
