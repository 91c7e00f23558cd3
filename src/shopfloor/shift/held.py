"""Limbs that the guard holds back because they do not follow.

The guard lets such a limb go to where it is, so that nothing is pressed: it then stands where it
was sent, and nobody who compares the two finds anything wrong. What was asked for still tells.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from shopfloor.monitor import OFF_RAD, OFF_TICKS, RECENT_TICKS, Finding, furthest
from shopfloor.types import Action, FloatArray, Observation, Ruling

__all__ = ["Held"]

_RULE = "limb.following"
_REMEMBERED_TICKS = 10
"""A limb that was held back so lately is looked at [ticks]: the guard lets go for moments."""


class Held:
    """Compares limbs that were held back with what was asked of them, in one lot."""

    def __init__(self, limbs: Iterable[str]) -> None:
        """Begin a lot."""
        self._asked: dict[str, deque[FloatArray]] = {
            limb: deque(maxlen=RECENT_TICKS) for limb in limbs
        }
        self._off = dict.fromkeys(self._asked, 0)
        self._until = dict.fromkeys(self._asked, -1)

    def look(self, observation: Observation, asked: Action, ruling: Ruling) -> list[Finding]:
        """Return which limbs are held for good at this tick."""
        tick, named = observation.tick, ruling.detail.get("limb")
        if ruling.verdict == "stop" and ruling.rule == _RULE and named in self._until:
            self._until[str(named)] = tick + _REMEMBERED_TICKS
        return [
            self._found(limb)
            for limb, recent in self._asked.items()
            if self._is_off(limb, recent, observation, asked)
        ]

    def _is_off(
        self, limb: str, recent: deque[FloatArray], observation: Observation, asked: Action
    ) -> bool:
        recent.append(asked.targets[limb])
        _, off = furthest(recent, observation.limbs[limb].q)
        off_now = off > OFF_RAD and observation.tick <= self._until[limb]
        self._off[limb] = self._off[limb] + 1 if off_now else 0
        return self._off[limb] >= OFF_TICKS

    def _found(self, limb: str) -> Finding:
        reason = "the guard holds it back, because it does not go where it is sent"
        return Finding("limb.held", "actuator.fault", limb, reason, lasting=True)
