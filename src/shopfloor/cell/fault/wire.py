"""The way of a command from the loop to the drives, and the check at the drives' end of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shopfloor.cell.fault.plan import Injection
from shopfloor.types import Action, BodySpec, FloatArray

__all__ = ["Gate", "Wire"]

_AGO_TICKS = 50


class Wire:
    """Carries commands; returns what arrives, which may be nothing or too much."""

    def __init__(self, took: Callable[[Injection], None]) -> None:
        """Begin a lot."""
        self._took = took
        self._sent: deque[Action] = deque(maxlen=_AGO_TICKS)

    def carry(self, action: Action, active: Sequence[Injection]) -> tuple[Action, ...]:
        """Return what arrives of a command."""
        arrives: tuple[Action, ...] = (action,)
        for one in active:
            match one.kind.name:
                case "comms.loss":
                    arrives = ()
                case "comms.duplicate":
                    arrives = (action, action)
                case "comms.replay":
                    arrives = tuple(self._sent)[:1]
                case "comms.sequence":
                    arrives = (replace(action, seq=max(action.seq - _AGO_TICKS, 0)),)
                case _:
                    continue
            self._took(one)
        self._sent.append(action)
        return arrives


class Gate:
    """The drives' own check: a command is carried out once, and in its turn.

    Where none comes that may be carried out, the drives brake along the way they were going, as
    hard as they can.
    """

    def __init__(self, body: BodySpec, control_dt: float) -> None:
        """Begin a lot; ticks are ``control_dt`` [s] long."""
        self._brake = {name: limb.qdd_max * control_dt**2 for name, limb in body.limbs.items()}
        self._seq = -1
        self._before: dict[str, FloatArray] = {}
        self._step: dict[str, FloatArray] = {}

    def pick(self, arrived: Sequence[Action], hold: Action) -> Action:
        """Return what is carried out in this tick."""
        taken: Action | None = None
        for action in arrived:
            if action.seq > self._seq:
                self._seq, taken = action.seq, action
        out = taken or self._braked(hold)
        for name, target in out.targets.items():
            self._step[name] = target - self._before.get(name, target)
            self._before[name] = target
        return out

    def _braked(self, hold: Action) -> Action:
        targets = {}
        for name, target in hold.targets.items():
            step = self._step.get(name, np.zeros_like(target))
            less = np.sign(step) * np.maximum(np.abs(step) - self._brake[name], 0)
            targets[name] = self._before.get(name, target) + less
        return replace(hold, targets=targets)
