"""What the loop does about a fault: stand, go on when it is over, or end the order.

While something is wrong the limbs brake along their own way and stand; a limb that does not go
where it is sent holds at once, where it is. When nothing has been wrong for a while they go on from
there. A fault that lasts, or that only a person can mend, ends the order: its parts are in
quarantine under the fault's code, and no limb moves again in this lot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shopfloor.monitor import Finding, Monitor
from shopfloor.shift.held import Held
from shopfloor.types import Action, CellSpec, Event, Observation, Ruling

if TYPE_CHECKING:
    from shopfloor.shift.dispatch import Dispatcher

__all__ = ["Alarm"]

_BRAKE_S = 0.2
"""From full speed to standing, and back [s]."""
_CLEAR_S = 0.1
"""A fault is over when it has not been seen for so long [s]."""
_PATIENCE_S = 10.0
"""A fault that stands longer ends the order [s]."""
_AGAIN_S = 1.0
"""A fault that comes back within so long has never been over [s]."""
_STILL_RAD_S = 0.05
_STAND_S = 1.0
"""The limbs of an order that was ended are waited for so long, to stand [s]."""


class Alarm:
    """The state of alarm of one lot.

    Attributes:
        up: Whether something is wrong: nothing new is begun.
        over: Whether the order has ended and the limbs stand.
        stopped: Limbs that hold where they are.
        cut: Whether commands did not reach the drives: the next must begin where those stand.
    """

    def __init__(self, spec: CellSpec, *, sighted: bool) -> None:
        """Begin a lot."""
        dt = spec.control_dt
        self._monitor = Monitor(spec, sighted=sighted)
        self._rate = dt / _BRAKE_S
        self._clear, self._patience = round(_CLEAR_S / dt), round(_PATIENCE_S / dt)
        self._stand = round(_STAND_S / dt)
        self._again = round(_AGAIN_S / dt)
        self._since, self._seen = 0, -self._again - 1
        self._told: set[tuple[str, str]] = set()
        self._ending: int | None = None
        self._late: list[Finding] = []  # noticed since the last look
        self._held = Held(spec.body.limbs)
        self._pace = 1.0
        self.up = self.over = self.cut = False
        self.stopped: set[str] = set()

    def look(self, observation: Observation, sent: Action | None) -> list[Event]:
        """Take in a tick; returns what everybody is told."""
        tick = observation.tick
        findings = self._monitor.look(observation, sent)
        findings += self._late
        self._late = []
        if findings:
            self._raise(tick, findings)
        events = [_event(tick, one) for one in findings if self._new(one)]
        if self._ending is not None:
            still = all(np.abs(s.qd).max() < _STILL_RAD_S for s in observation.limbs.values())
            waited = tick - self._ending
            self.over = waited >= self._stand or (still and waited * self._rate >= 1)
        elif self.up and (self.stopped or tick - self._since > self._patience):
            self._ending = tick
        elif self.up and tick - self._seen >= self._clear:
            self.up = self.cut = False
            self._told.clear()
            events.append(Event(tick, "fault.cleared", {"ticks": tick - self._since}))
        return events

    def _raise(self, tick: int, findings: list[Finding]) -> None:
        if not self.up and tick - self._seen > self._again:
            self._since = tick
        self.up, self._seen = True, tick
        self.cut = self.cut or any(one.detector == "command.lost" for one in findings)
        self.stopped.update(one.where for one in findings if one.lasting)

    def _new(self, one: Finding) -> bool:
        """Whether this is told now: once while it lasts."""
        key = one.detector, one.where
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def pace(self, dispatcher: Dispatcher) -> None:
        """Let the limbs' motions go on as fast as is right at this tick."""
        self._pace += -self._rate if self.up else self._rate
        self._pace = min(max(self._pace, 0.0), 1.0)
        if self._pace < 1:
            dispatcher.slow(self._pace)

    def blind(self, camera: str, reason: str) -> None:
        """Take note that a view was asked for and none came that is new."""
        self._late.append(Finding("camera.view", "sensor.fault", camera, reason))

    def ruled(self, observation: Observation, asked: Action, ruling: Ruling) -> None:
        """Take note of what the guard made of what was asked."""
        self._late += self._held.look(observation, asked, ruling)


def _event(tick: int, one: Finding) -> Event:
    data = {
        "code": one.code,
        "detector": one.detector,
        "where": one.where,
        "reason": one.reason,
        "lasting": one.lasting,
    }
    return Event(tick, "fault", data)
