"""Whether commands reach the drives, and joints go where they are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from shopfloor.monitor.finding import Finding
from shopfloor.types import Action, FloatArray, Observation

__all__ = ["OFF_RAD", "OFF_TICKS", "RECENT_TICKS", "Acknowledged", "Follows", "furthest"]

_SENT_RAD = 1e-6
_LOST_TICKS = 2
RECENT_TICKS = 8
"""A joint may be where it was told to be at any of so many ticks [ticks]: the worst sensor noise
reads encoders 0.10 s late."""
OFF_RAD = 0.03
"""So far from all of those it does not follow [rad]. Four standard deviations of the worst encoder
noise are 0.028."""
OFF_TICKS = 3


def furthest(recent: Sequence[FloatArray], q: FloatArray) -> tuple[int, float]:
    """Return the joint that is furthest from everywhere it was lately sent, and how far [rad]."""
    sent = np.stack(recent)
    off = np.maximum(sent.min(axis=0) - q, q - sent.max(axis=0))
    worst = int(np.argmax(off))
    return worst, float(off[worst])


class Acknowledged:
    """Whether a limb's controller heads for where it was told to go."""

    def __init__(self, limb: str) -> None:
        """Begin a lot."""
        self._limb, self._missed = limb, 0

    def look(self, observation: Observation, sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick."""
        if sent is None:
            return ()
        off = np.abs(observation.limbs[self._limb].q_target - sent.targets[self._limb]).max()
        self._missed = self._missed + 1 if off > _SENT_RAD else 0
        if self._missed < _LOST_TICKS:
            return ()
        reason = f"the last {self._missed} commands did not reach the drives"
        return [Finding("command.lost", "actuator.fault", self._limb, reason)]


class Follows:
    """Whether each joint is, by its encoder, where it was lately sent."""

    def __init__(self, limb: str) -> None:
        """Begin a lot."""
        self._limb, self._off = limb, 0
        self._sent: deque[FloatArray] = deque(maxlen=RECENT_TICKS)

    def look(self, observation: Observation, _sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick."""
        state = observation.limbs[self._limb]
        self._sent.append(state.q_target)
        worst, off = furthest(self._sent, state.q)
        self._off = self._off + 1 if off > OFF_RAD else 0
        if self._off < OFF_TICKS:
            return ()
        reason = (
            f"joint {worst + 1} reads {off:.3f} rad away from everywhere it was sent in the "
            f"last {len(self._sent)} ticks"
        )
        return [Finding("joint.follows", "actuator.fault", self._limb, reason, lasting=True)]
