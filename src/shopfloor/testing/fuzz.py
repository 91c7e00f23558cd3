"""Hostile commands through the guard and the physics, with the independent reader at every tick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from shopfloor.cell.audit import Audit
from shopfloor.cell.sorting import SortingCell
from shopfloor.guard import EnvelopeGuard
from shopfloor.testing.hostile_message import spoil
from shopfloor.testing.hostile_motion import MOTIONS, Motion, Prey
from shopfloor.types import Action, FloatArray, Limits, Lot

__all__ = ["EPISODE", "Findings", "Fuzzer"]

EPISODE = 500
"""Commands of an episode, which begins with the limbs at home."""
_BAD_SHARE = 0.06
_LONGEST = 60


@dataclass(slots=True)
class Findings:
    """What came of some commands."""

    commands: int = 0
    breaches: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    most: dict[str, float] = field(default_factory=dict)
    failing: list[dict[str, object]] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        self.commands += other.commands
        self.breaches += other.breaches
        self.rules += other.rules
        for what, by in other.most.items():
            self.most[what] = max(by, self.most.get(what, -np.inf))
        self.failing += other.failing


class Fuzzer:
    def __init__(self, cell: SortingCell, limits: Limits, *, seed: int) -> None:
        self.cell, self.limits, self.seed = cell, limits, seed
        self.guard = EnvelopeGuard(cell.body, cell.spec.control_dt)
        (self.lot,) = cell.orders(seed=seed, count=1).lots()

    def episode(self, number: int, commands: int = EPISODE, trace=None) -> Findings:
        rng = np.random.default_rng([self.seed, number])
        cell, limits = self.cell, self.limits
        lot = self.lot if number % 8 == 0 else replace(self.lot, parts=())
        timestep = cell.reset(lot, seed=number)
        audit, state = Audit(cell, limits), self.guard.start(limits)
        q = {name: limb.q.copy() for name, limb in timestep.observation.limbs.items()}
        motions: dict[str, tuple[Motion, int, str]] = {}
        found = Findings()
        sent: list[Action] = []
        for tick in range(commands):
            targets = {}
            for name in q:
                targets[name] = self._next(rng, motions, name, q[name], tick)
            asked = Action(targets, dict.fromkeys(q, 0.0), tick, tick, "brain")
            if rng.random() < _BAD_SHARE:
                asked = spoil(rng, asked, sent)
            sent.append(asked)
            ruling, state = self.guard.check(asked, timestep.observation, cell.hold(), state)
            q = dict(ruling.action.targets)
            timestep = cell.step(ruling.action)
            before = audit.breaches
            audit.look()
            found.rules[ruling.rule or "passed"] += 1
            if trace is not None:
                trace(tick, asked, ruling, timestep, audit, {k: m[2] for k, m in motions.items()})
        found.commands, found.breaches, found.most = commands, audit.breaches, dict(audit.most)
        if audit.breaches:
            found.failing.append({"episode": number, "ticks": audit.breaches, "worst": audit.worst})
        return found

    def _next(self, rng, motions, name, q, tick) -> FloatArray:
        if name in motions:
            motion, until, kind = motions[name]
            if tick < until:
                try:
                    return motion.send(q)
                except StopIteration:
                    pass
        while True:
            kind = str(rng.choice(list(MOTIONS)))
            prey = Prey(self.cell.body, name, self.limits, self.cell.spec.control_dt, rng)
            motion = MOTIONS[kind](prey, q)
            try:
                first = next(motion)
            except StopIteration:
                continue
            motions[name] = motion, tick + int(rng.integers(1, _LONGEST)), kind
            return first
