"""What went wrong with which part, and when: read from physics and the log.

An incident is live until the part's next success: being lifted clears what happened to it
before, and so does coming to rest where the goal wants it. What is live when the order ends
is a candidate for the root cause.

What is recorded, and at which tick it is said to have begun:

- ``perception.wrong_object``: a part that the goal leaves alone was lifted, or pushed by a
  jaw that closed on it (start of the pick call, else of the closing).
- ``grasp.miss``: a jaw closed around a part, or a pick reported success, and the part was
  not held (the jaw's closing). An open hand holds nothing, whatever it touches.
- ``grasp.slip``: a held part left the commanded-closed jaw elsewhere than over the tote of
  the place call (the loss of contact).
- ``place.miss``: a released part came to rest outside the tote of the call, or fell off the
  table (the release).
- ``plan.wrong_step``: it came to rest where the call said, and the goal wants it elsewhere
  (the call).
- ``collision``: a part that nobody held was moved (the start of its motion).
- ``guard.stop``: a pick that the guard stopped (the stop).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import hypot

import numpy as np
import numpy.typing as npt

from shopfloor.order.failure import FAILURE_CODES
from shopfloor.order.layout import Layout
from shopfloor.order.reach import reach
from shopfloor.types import Event, FloatArray, Observation, Part, Truth

__all__ = ["LIFT_M", "MOVED_M", "Incident", "IncidentLog"]

LIFT_M = 0.015
"""A part in a closed jaw this far above where it lay is held [m]."""

MOVED_M = 0.03
"""A part that came to rest further from where it lay was moved [m]."""

_AROUND_M = 0.03
"""A jaw that closes this close to a part is closing on it [m]."""
_PRESS_N = 30.0
"""A limb that presses harder on anything but a part in its jaw collides [N]."""
_LOST_TICKS = 3
"""Contact lost for shorter is a flicker of the simulation."""
_ACTS = frozenset({"pick", "place", "handover", "insert"})


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong.

    Attributes:
        tick: When it began.
        code: One of ``FAILURE_CODES``.
        told: Whether a skill reported the failure, so that the brain knew.
    """

    tick: int
    code: str
    told: bool = False


@dataclass(slots=True)
class _Call:
    skill: str
    tick: int
    tote: str | None
    target: int | None = None
    closed_tick: int = 0  # where there is a target
    stop_tick: int | None = None


@dataclass(slots=True)
class _Jaw:
    closed: bool = False
    tick: int = 0
    target: int | None = None
    lifted: bool = False
    lost: int | None = None  # the last part that left this jaw without being released


@dataclass(slots=True)
class _Release:
    tick: int
    slipped: bool
    call: _Call | None


@dataclass(slots=True, eq=False)
class IncidentLog:
    """Follows every part through one order.

    Attributes:
        layout: Where the stations are.
        parts: All parts of the lot.
        choices: For each part the places the goal may send it to (``goal.choices``).
        settle_ticks: A part is at rest after so many still ticks.
        live: For each part, its live incidents.
        attempted: Parts that a closing jaw or a pick went for.
        arrived: For each part, the tick at which it came to rest where the goal wants it.
        fault: First fault of the house that stands (sensor, actuator, infra).
        mute: First failure of the brain to answer since it last did.
        refused: The last call's failure, if no part is known for it and none succeeded since.
        stop, press: First guard stop and hard contact since something last succeeded.
    """

    layout: Layout
    parts: tuple[Part, ...]
    choices: list[tuple[str | None, ...]]
    settle_ticks: int
    live: dict[int, list[Incident]] = field(default_factory=dict)
    attempted: set[int] = field(default_factory=set)
    arrived: dict[int, int] = field(default_factory=dict)
    held: dict[int, str] = field(default_factory=dict)
    fault: Incident | None = None
    mute: Incident | None = None
    refused: Incident | None = None
    stop: Incident | None = None
    press: Incident | None = None
    _jaws: dict[str, _Jaw] = field(default_factory=dict)
    _calls: dict[str, _Call] = field(default_factory=dict)
    _absent: dict[int, int] = field(default_factory=dict)
    _squeezed: dict[int, int] = field(default_factory=dict)
    _released: dict[int, _Release] = field(default_factory=dict)
    _loose: dict[int, int] = field(default_factory=dict)  # part -> tick its motion began
    _rest: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    _rest_place: list[str | None] = field(default_factory=list)
    last_move: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def begin(self, truth: Truth) -> None:
        """Take down where every part lies at the start."""
        self._rest = np.array(truth.position, dtype=float)
        self._rest_place = self.places(truth)
        self.last_move = np.full(len(self._rest), truth.tick - self.settle_ticks, np.int64)
        self._jaws = {limb: _Jaw() for limb in truth.touched}

    def places(self, truth: Truth) -> list[str | None]:
        """Return the station of each part, None for none."""
        return self.layout.locate(truth.position, reach(self.parts, truth.quat))

    # Physics.

    def step(self, observation: Observation, truth: Truth, moving: npt.NDArray[np.bool_]) -> None:
        """Take in one tick.

        Args:
            observation: Of this tick; only the pose of the tools is read.
            truth: Of this tick.
            moving: ``(n,)`` whether each part moves.
        """
        tick = truth.tick
        for limb, jaw in self._jaws.items():
            touched = truth.touched[limb]
            if touched or jaw.closed or not truth.jaw_open[limb]:
                self._watch_jaw(limb, jaw, touched, observation, truth)
        if truth.collision_n > _PRESS_N and self.press is None:
            self.press = Incident(tick, "collision")
        for part in np.flatnonzero(moving).tolist():
            self._loose.setdefault(part, tick)
            self.last_move[part] = tick
        # A held part is touched, and so it moves.
        still = [part for part in self._loose if tick - self.last_move[part] >= self.settle_ticks]
        if still:
            places = self.places(truth)
            for part in still:
                self._come_to_rest(part, places[part], truth.position[part])

    def lose(self, truth: Truth) -> None:
        """Give up on what no station is under and what does not come to rest: it is lost."""
        touched = {part for parts in truth.touched.values() for part in parts}
        for part in set(self._loose) - touched - set(self.held):
            if self.layout.outside(truth.position[part]):
                self._come_to_rest(part, None, truth.position[part])

    def _watch_jaw(  # noqa: C901 - one pass over one jaw
        self,
        limb: str,
        jaw: _Jaw,
        touched: tuple[int, ...],
        observation: Observation,
        truth: Truth,
    ) -> None:
        tick, is_open = truth.tick, truth.jaw_open[limb]
        call = self._calls.get(limb)
        if not is_open and not jaw.closed:
            jaw.closed, jaw.tick, jaw.lifted = True, tick, False
            jaw.target = self._around(limb, observation, truth)
        for part in touched:
            self.last_move[part] = tick
            self._loose.setdefault(part, tick)
            if is_open:
                continue
            if jaw.target is None:
                jaw.target = part
            self._squeezed.setdefault(part, jaw.tick)
            self.attempted.add(part)
            if part not in self.held and truth.position[part, 2] - self._rest[part, 2] >= LIFT_M:
                self._hold(part, limb, tick)
        if not is_open and jaw.target is not None:
            self.attempted.add(jaw.target)
            if call is not None and call.target is None:
                call.target, call.closed_tick = jaw.target, jaw.tick
        for part in [part for part, by in self.held.items() if by == limb]:
            self._watch_grip(part, limb, jaw, truth)
        if is_open and jaw.closed:
            jaw.closed = False
            if not jaw.lifted and jaw.target is not None:
                self._missed(jaw.target, jaw.tick, told=False)

    def _around(self, limb: str, observation: Observation, truth: Truth) -> int | None:
        """Return the part between the fingers, or None."""
        tool = observation.limbs[limb].tool_in_world[:3, 3]
        away = np.abs(truth.position - tool).max(axis=1)
        if not len(away):
            return None
        nearest = int(away.argmin())
        return nearest if away[nearest] <= _AROUND_M else None

    def _hold(self, part: int, limb: str, tick: int) -> None:
        self.held[part] = limb
        self._jaws[limb].lifted = True
        self.stop = self.press = None
        if self.choices[part] == (None,):
            call = self._calls.get(limb)
            began = call.tick if call is not None and call.skill in _ACTS else tick
            self._note(part, Incident(began, "perception.wrong_object"))
        else:
            self.live.pop(part, None)

    def _watch_grip(self, part: int, limb: str, jaw: _Jaw, truth: Truth) -> None:
        """Follow a held part: still held, handed over, released, or lost."""
        touched = part in truth.touched[limb]
        if touched and not truth.jaw_open[limb]:
            self._absent[part] = 0
            return
        for other, parts in truth.touched.items():
            if part in parts and not truth.jaw_open[other]:
                self.held[part], self._absent[part] = other, 0
                self._jaws[other].lifted = True
                return
        call = self._calls.get(limb)
        absent = self._absent[part] = self._absent[part] + 1
        if truth.jaw_open[limb] and (touched or absent <= 1):
            slipped, tick = False, truth.tick
        elif absent >= _LOST_TICKS or truth.jaw_open[limb]:
            tick = truth.tick - absent + 1
            tote = call.tote if call is not None else None
            slipped = not self.layout.over(truth.position[part], tote)
        else:
            return
        del self.held[part]
        self._released[part] = _Release(tick, slipped, call)
        if slipped:
            jaw.lost = part
            self._note(part, Incident(tick, "grasp.slip"))

    def _come_to_rest(self, part: int, place: str | None, position: FloatArray) -> None:
        began = self._loose.pop(part)
        squeezed = self._squeezed.pop(part, None)
        release = self._released.pop(part, None)
        was, self._rest_place[part] = self._rest_place[part], place
        far = hypot(*(position[:2] - self._rest[part, :2])) > MOVED_M or place != was
        self._rest[part] = position
        if place in self.choices[part] and place is not None:
            if place != was or part not in self.arrived:
                self.arrived[part] = int(self.last_move[part]) + 1
            self.live.pop(part, None)
            self.stop = self.press = None
            return
        self.arrived.pop(part, None)
        if release is not None:
            if not release.slipped:
                self._judge_release(part, place, release)
        elif not far:
            return
        elif squeezed is None:
            self._note(part, Incident(began, "collision"))
        elif self.choices[part] == (None,):
            self._note(part, Incident(squeezed, "perception.wrong_object"))

    def _judge_release(self, part: int, place: str | None, release: _Release) -> None:
        call = release.call
        if call is None or call.tote is None:
            if place is None:
                self._note(part, Incident(release.tick, "place.miss"))
            elif place in self.layout.totes:
                self._note(part, Incident(release.tick, "plan.wrong_step"))
        elif place == call.tote:
            self._note(part, Incident(call.tick, "plan.wrong_step"))
        else:
            self._note(part, Incident(release.tick, "place.miss"))

    def _note(self, part: int, incident: Incident) -> None:
        self.live.setdefault(part, []).append(incident)

    def _missed(self, part: int, tick: int, *, told: bool) -> None:
        """Note a grasp that did not lift; not of a part that is no longer to be moved."""
        if part in self.held or not any(self.choices[part]) or part in self.arrived:
            return
        if not any(incident.code == "guard.stop" for incident in self.live.get(part, ())):
            self._note(part, Incident(tick, "grasp.miss", told))

    # The log.

    def event(  # noqa: C901, PLR0912 - a switch
        self, event: Event, observation: Observation, truth: Truth
    ) -> None:
        """Take in one event of this tick, after its physics."""
        data, tick = event.data, event.tick
        if event.kind == "skill.started":
            self.mute = None
            tote = data.get("arguments", {}).get("tote")
            begun = _Call(str(data.get("skill")), tick, tote if isinstance(tote, str) else None)
            for limb in data.get("limbs", ()):
                self._calls[limb] = begun
        elif event.kind == "skill.finished":
            limbs = [limb for limb in data.get("limbs", ()) if limb in self._jaws]
            call = next((self._calls[limb] for limb in limbs if limb in self._calls), None)
            if data.get("ok"):
                self._succeeded(call, limbs, tick, observation, truth)
            else:
                self._failed(call, limbs, tick, str(data.get("code")))
        elif event.kind == "skill.refused":
            self.refused = Incident(tick, self._code(str(data.get("code"))))
        elif event.kind == "fault":
            code = str(data.get("code"))
            if code.startswith("brain."):
                self.mute = self.mute or Incident(tick, self._code(code))
            else:
                code = code if code in FAILURE_CODES else "infra"
                self.fault = self.fault or Incident(tick, code)
        elif event.kind == "fault.cleared":
            self.fault = None
        elif event.kind == "ruling" and data.get("verdict") == "stop":
            self.stop = self.stop or Incident(tick, "guard.stop")
            for running in self._calls.values():
                if running.stop_tick is None:
                    running.stop_tick = tick

    @staticmethod
    def _code(code: str) -> str:
        return code if code in FAILURE_CODES else "plan.invalid"

    def _succeeded(
        self,
        call: _Call | None,
        limbs: list[str],
        tick: int,
        observation: Observation,
        truth: Truth,
    ) -> None:
        if call is None or call.skill not in _ACTS:
            return
        self.refused = None
        if call.skill == "pick":
            limb = limbs[0]
            if truth.jaw_open[limb] or not truth.touched[limb]:
                # It says that it holds something, and it holds nothing.
                target, tick = call.target, call.closed_tick if call.target is not None else tick
                if target is None:
                    target = self._around(limb, observation, truth)
                if target is not None:
                    self._missed(target, tick, told=False)
        for limb in limbs:
            self._calls.pop(limb, None)

    def _failed(self, call: _Call | None, limbs: list[str], tick: int, code: str) -> None:
        part = call.target if call is not None else None
        if part is None or part in self.held or part in self.arrived:
            lost = [self._jaws[limb].lost for limb in limbs]
            part = next((p for p in lost if p is not None and self.live.get(p)), None)
        if part is not None and self.live.get(part):
            live = self.live[part]
            live[-1] = replace(live[-1], told=True)
        elif part is not None and call is not None and any(self.choices[part]):
            if call.stop_tick is not None:
                self._note(part, Incident(call.stop_tick, "guard.stop", told=True))
            else:
                self._missed(part, call.closed_tick, told=True)
        elif call is not None and call.stop_tick is not None:
            self.refused = Incident(call.stop_tick, "guard.stop")
        else:
            self.refused = Incident(tick, self._code(code))
        for limb in limbs:
            self._calls.pop(limb, None)
