"""Ways to move a limb that no sane program would ask for.

Each is a generator: it is sent where the limb's joints were last commanded and yields joint
targets, one row a tick. None of them heeds a limit; most ask for as much as a limit allows or
for a little more, because that is where a guard breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.errors import Unreachable
from shopfloor.skill.jump import top_down
from shopfloor.types import FloatArray, Limits

__all__ = ["MOTIONS", "Motion", "Prey"]

Motion = Generator[FloatArray, FloatArray, None]


@dataclass(frozen=True, slots=True, eq=False)
class Prey:
    """What a hostile motion is made for.

    Attributes:
        body: Whose limb.
        limb: Name of the limb.
        limits: What the guard enforces.
        dt: Length of a tick [s].
        rng: Draws everything.
    """

    body: Body
    limb: str
    limits: Limits
    dt: float
    rng: np.random.Generator

    @property
    def step(self) -> FloatArray:
        """``(dof,)`` as far as each joint may move in a tick [rad]."""
        return self.limits.limbs[self.limb].qd_max * self.dt


def _anywhere(prey: Prey, _: FloatArray) -> Motion:
    """Any joints within and somewhat beyond the range, for a while each."""
    limb = prey.limits.limbs[prey.limb]
    while True:
        target = prey.rng.uniform(1.2 * limb.q_lower, 1.2 * limb.q_upper)
        for _tick in range(prey.rng.integers(1, 40)):
            yield target


def _noise(prey: Prey, q: FloatArray) -> Motion:
    """A little off at every tick."""
    size = prey.step * prey.rng.uniform(0.1, 3.0)
    while True:
        q = yield q + prey.rng.normal(0.0, size)


def _bang(prey: Prey, q: FloatArray) -> Motion:
    """Every joint at full speed one way or the other, each turning when it likes."""
    sign = prey.rng.choice([-1.0, 0.0, 1.0], len(q))
    often = prey.rng.uniform(0.0, 0.5, len(q))
    hard = prey.rng.uniform(0.5, 1.5)
    while True:
        sign = np.where(prey.rng.random(len(q)) < often, -sign, sign)
        q = yield q + hard * sign * prey.step


def _corner(prey: Prey, q: FloatArray) -> Motion:
    """All joints at once from full speed to full speed the other way, at one frequency."""
    sign = prey.rng.choice([-1.0, 1.0], len(q))
    period = prey.rng.integers(1, 14)
    while True:
        for _ in range(period):
            q = yield q + sign * prey.step
        sign = -sign


def _wind(prey: Prey, q: FloatArray) -> Motion:
    """One joint round and round."""
    joint, sign = prey.rng.integers(len(q)), prey.rng.choice([-1.0, 1.0])
    while True:
        target = q.copy()
        target[joint] += sign * prey.step[joint] * 1.2
        q = yield target


def _reach(prey: Prey, q: FloatArray) -> Motion:
    """With the tool to a place on or behind a wall, as a jump of the target or in a stream."""
    limb = prey.limits.limbs[prey.limb]
    low, high = limb.workspace_lower_m, limb.workspace_upper_m
    for _ in range(1000):
        at = prey.rng.uniform(low - 0.05, high + 0.05)
        axis = prey.rng.integers(3)
        at[axis] = prey.rng.choice([low[axis] - 0.05, low[axis], high[axis], high[axis] + 0.05])
        target = _joints(prey, at, q)
        if target is not None:
            yield from _go(prey, q, target)
            return


def _meet(prey: Prey, q: FloatArray) -> Motion:
    """To where the other limb works: all limbs of the body are sent to one place."""
    place = prey.rng.uniform([-0.1, -0.3, 0.02], [0.1, 0.3, 0.35])
    target = _joints(prey, place, q)
    if target is not None:
        yield from _go(prey, q, target)


def _press(prey: Prey, q: FloatArray) -> Motion:
    """Down onto whatever lies or stands on the table."""
    limb = prey.limits.limbs[prey.limb]
    at = prey.rng.uniform(limb.workspace_lower_m, limb.workspace_upper_m)
    at[2] = prey.rng.uniform(-0.03, 0.05)
    target = _joints(prey, at, q)
    if target is not None:
        yield from _go(prey, q, target)


def _go(prey: Prey, q: FloatArray, target: FloatArray) -> Motion:
    stream = prey.rng.random() < 0.7
    while True:
        change = target - q
        most = float((np.abs(change) / prey.step).max())
        if most < 1e-3:
            return
        q = yield q + change / max(most, 1.0) if stream else target


def _joints(prey: Prey, at: FloatArray, q: FloatArray) -> FloatArray | None:
    x, y, z = at[:, None]
    pose = top_down(x, y, z, np.array([prey.rng.uniform(-np.pi, np.pi)]))
    try:
        return np.asarray(prey.body.inverse(prey.limb, pose, q)[0])
    except Unreachable:
        return None


MOTIONS: Mapping[str, Callable[[Prey, FloatArray], Motion]] = {
    "anywhere": _anywhere,
    "noise": _noise,
    "bang": _bang,
    "corner": _corner,
    "wind": _wind,
    "reach": _reach,
    "meet": _meet,
    "press": _press,
}
"""By name."""
