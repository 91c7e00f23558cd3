"""Hostile commands through the guard and the physics, with the independent reader at every tick.

An episode begins with the limbs at home. Each limb moves in one hostile way after another, some
commands are spoiled, and whatever the guard lets through moves the simulated arms. Every draw comes
from the seed and the episode's number, so that any episode can be run again by itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from shopfloor import plugins
from shopfloor.cell.audit import Audit
from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import UsageError
from shopfloor.guard import EnvelopeGuard, load_limits
from shopfloor.testing.hostile_message import spoil
from shopfloor.testing.hostile_motion import MOTIONS, Motion, Prey
from shopfloor.types import Action, FloatArray

__all__ = ["EPISODE", "Findings", "Fuzzer", "fuzz"]

EPISODE = 500
"""Commands of an episode."""
_SPOILED = 0.06
"""Share of commands that are no commands."""
_LONGEST = 60
"""Most ticks for which a limb keeps to one way of moving."""
_WITH_PARTS = 8
"""Every so many episodes has parts on the tray; they cost three times as much as the arms."""


@dataclass(slots=True)
class Findings:
    """What came of some commands.

    Attributes:
        commands: How many.
        breaches: Ticks on which the independent reader found a limit left.
        rules: How many commands each rule decided; ``passed`` had none.
        most: By limit, how far it was left at most; below 0, the least that was left of it.
        failing: Episodes with a breach, and what was left by how much.
        guard_s: CPU time of the guard alone for each command [s].
    """

    commands: int = 0
    breaches: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    most: dict[str, float] = field(default_factory=dict)
    failing: list[dict[str, Any]] = field(default_factory=list)
    guard_s: list[float] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Take up what came of others."""
        self.commands += other.commands
        self.breaches += other.breaches
        self.rules += other.rules
        for what, by in other.most.items():
            self.most[what] = max(by, self.most.get(what, -np.inf))
        self.failing += other.failing
        self.guard_s += other.guard_s

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; lengths in metres, angles in radians."""
        return {
            "commands": self.commands,
            "breaches": self.breaches,
            "rules": dict(sorted(self.rules.items())),
            "margin": {what: -by for what, by in sorted(self.most.items())},
            "failing": sorted(self.failing, key=lambda one: int(one["episode"])),
            "guard_ms": {
                name: 1e3 * float(np.quantile(self.guard_s, q))
                for name, q in (("p50", 0.5), ("p99", 0.99))
            }
            if self.guard_s
            else None,
        }


class Fuzzer:
    """One cell, one guard, and any number of episodes."""

    def __init__(self, *, body: str, limits: str, seed: int) -> None:
        """Build them, without cameras."""
        self._cell = SortingCell(plugins.factory("bodies", body)(), render=False)
        self._limits = load_limits("sorting", self._cell.body.spec, limits)
        self._guard = EnvelopeGuard(self._cell.body, self._cell.spec.control_dt)
        self._seed = seed
        (self._lot,) = self._cell.orders(seed=seed, count=1).lots()

    def episode(self, number: int, commands: int = EPISODE) -> Findings:
        """Send the commands of one episode."""
        rng = np.random.default_rng([self._seed, number])
        cell, guard = self._cell, self._guard
        lot = self._lot if number % _WITH_PARTS == 0 else replace(self._lot, parts=())
        observation = cell.reset(lot, seed=number).observation
        audit, state = Audit(cell, self._limits), guard.start(self._limits)
        q = {name: limb.q.copy() for name, limb in observation.limbs.items()}
        movers = {name: _Mover(self._prey(name, rng)) for name in q}
        jaws = {name: limb.jaw_max_m for name, limb in cell.body.spec.limbs.items()}
        jaw = dict.fromkeys(q, 0.0)
        found, sent = Findings(commands=commands), list[Action]()
        for tick in range(commands):
            if rng.random() < 1 / _LONGEST:
                jaw = {name: float(rng.uniform(0, widest)) for name, widest in jaws.items()}
            targets = {name: mover.next(q[name]) for name, mover in movers.items()}
            asked = Action(targets, jaw, tick, tick, "brain")
            if rng.random() < _SPOILED:
                asked = spoil(rng, asked, sent)
            sent.append(asked)
            hold = cell.hold()
            began = time.thread_time()
            ruling, state = guard.check(asked, observation, hold, state)
            found.guard_s.append(time.thread_time() - began)
            q = dict(ruling.action.targets)
            observation = cell.step(ruling.action).observation
            audit.look()
            found.rules[ruling.rule or "passed"] += 1
        found.breaches, found.most = audit.breaches, dict(audit.most)
        if audit.breaches:
            found.failing = [{"episode": number, "ticks": audit.breaches, "left": audit.worst}]
        return found

    def _prey(self, limb: str, rng: np.random.Generator) -> Prey:
        return Prey(self._cell.body, limb, self._limits, self._cell.spec.control_dt, rng)


class _Mover:
    """Moves one limb in one hostile way after another."""

    def __init__(self, prey: Prey) -> None:
        self._prey = prey
        self._left = 0
        self._motion: Motion | None = None

    def next(self, q: FloatArray) -> FloatArray:
        """Targets for joints that were last commanded to ``q`` [rad]."""
        rng = self._prey.rng
        while True:
            try:
                if self._motion is not None and self._left > 0:
                    self._left -= 1
                    return self._motion.send(q)
                self._left = int(rng.integers(1, _LONGEST))
                self._motion = MOTIONS[str(rng.choice(list(MOTIONS)))](self._prey, q)
                return next(self._motion)
            except StopIteration:
                self._motion = None


def fuzz(
    *,
    body: str,
    limits: str,
    seed: int,
    episodes: Iterable[int],
    workers: int,
    say: Callable[[Findings], None],
) -> Findings:
    """Send the commands of many episodes.

    Args:
        body: Name of the body.
        limits: ``fenced``, ``collaborative`` or a limits file.
        seed: Seed of everything.
        episodes: Numbers of the episodes.
        workers: Processes side by side; 1 works in this one.
        say: Told after each episode what was found so far.

    Raises:
        UsageError: Fewer than one worker.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers can do nothing; take 1 or more")
    setting = {"body": body, "limits": limits, "seed": seed}
    total = Findings()
    for found in _all(setting, list(episodes), workers):
        total.add(found)
        say(total)
    return total


def _all(setting: Mapping[str, Any], episodes: list[int], workers: int) -> Iterator[Findings]:
    if workers == 1:
        fuzzer = Fuzzer(**setting)
        yield from map(fuzzer.episode, episodes)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (dict(setting),)) as pool:
        yield from pool.map(_work, episodes)


_fuzzer: list[Fuzzer] = []
"""The one of this worker process."""


def _begin(setting: dict[str, Any]) -> None:
    _fuzzer[:] = [Fuzzer(**setting)]


def _work(number: int) -> Findings:
    return _fuzzer[0].episode(number)
