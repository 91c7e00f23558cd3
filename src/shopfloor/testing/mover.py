"""A brain that keeps a limb moving, for tests of how it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence

import numpy as np

from shopfloor.types import (
    ActionChunk,
    BrainContext,
    Event,
    Exchange,
    Needs,
    Observation,
    Order,
    Reply,
)

__all__ = ["Mover"]

_PERIOD_S = 0.02
_ROWS = 500
_SWING_RAD = 0.15
_RATE_RAD_S = 2.0
"""Of the swing's phase; two joints are a right angle apart, so that one of them always moves."""


class Mover:
    """Swings the first and the last joint of one limb about its home; its plans last for 10 s.

    The others are left free, so it is asked again twice a second while that limb moves.

    On SIGUSR1 it hangs in its next decision for ever, while its process goes on living.
    """

    waits = True

    def __init__(self, context: BrainContext) -> None:
        """Take up the cell."""
        self.needs = Needs()
        self._limb = min(context.cell.body.limbs)
        self._home = context.cell.body.limbs[self._limb].q_home
        self._dt = context.cell.control_dt
        self._hangs = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGUSR1, self._hang)

    def reset(self, order: Order, *, seed: int) -> None:
        """Nothing to begin."""

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Go on swinging."""
        if self._hangs:
            threading.Event().wait()
        at_s = observation.tick * self._dt + _PERIOD_S * np.arange(_ROWS)
        swing = np.zeros((_ROWS, len(self._home)))
        grown = np.minimum(at_s / 0.5, 1.0)  # from rest
        for joint, phase in ((0, 0.0), (-1, np.pi / 2)):
            swing[:, joint] = _SWING_RAD * grown * np.sin(_RATE_RAD_S * at_s + phase)
        targets = {self._limb: self._home + swing}
        chunk = ActionChunk(targets, {}, _PERIOD_S, observation.tick)
        return Reply(chunk, Exchange("", "", "mover", 0.0))

    def close(self) -> None:
        """Nothing to give back."""

    def _hang(self, number: int, frame: object) -> None:
        del number, frame
        self._hangs = True
