"""The guard: holds every action against the stated envelope before the cell sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.errors import SpecMismatch
from shopfloor.guard.ahead import Ahead, Place
from shopfloor.guard.message import Fault, flaw
from shopfloor.guard.people import pace
from shopfloor.types import Action, FloatArray, LimbState, Limits, Observation, Ruling, Sensing

__all__ = ["EnvelopeGuard", "EnvelopeState"]

_ROUND = 1e-6
_ACCELERATION_SLACK = 1.02
_FOLLOWED_RAD = 0.05
"""A limb this close to its target is where it was sent."""
_PEOPLE = "people.separation"
_FOLLOWING = "limb.following"
_YIELD_TICKS = 25
"""A limb goes to where it reads for so long [ticks]. If that has not brought the two together, the
reading is wrong, and to follow it further would be to wander off."""


@dataclass(frozen=True, slots=True, eq=False)
class EnvelopeState:
    """What the guard remembers from one tick to the next.

    Attributes:
        place: Where the last command put the limbs; None before the first.
        step: ``(joints,)`` how far the last command moved the joints [rad].
        moved: ``(limbs, 3)`` how far it moved the tools [m].
        room_m: Slack that every separation is known to have there [m].
        seq: Number of the last command that was heeded.
        jaw_m: How far the jaws were taken to be open [m].
        waits: Whether a stop for a person waits for a reset.
        yielded: For how many ticks in a row a limb that does not follow was yielded to.
    """

    place: Place | None
    step: FloatArray
    moved: FloatArray
    room_m: float
    seq: int
    jaw_m: Mapping[str, float] = field(default_factory=dict)
    waits: bool = False
    yielded: int = 0


class EnvelopeGuard:
    """Passes what stays inside the envelope, shortens what can be shortened, stops the rest.

    Whatever it lets through, the limbs can still stop inside the envelope after it, braking as hard
    as the limits allow; that ramp is what a stop is made of. Joint range, speed and acceleration
    and tool speed shorten an action; everything else stops.
    """

    def __init__(self, body: Body, control_dt: float, sensing: Sensing | None = None) -> None:
        """Prepare for a body, a tick of ``control_dt`` [s], and readings that exact."""
        self._sensing = sensing or Sensing()
        self._body = body
        self._dof = {name: limb.dof for name, limb in body.spec.limbs.items()}
        self._counts = list(self._dof.values())
        edges = np.cumsum([0, *self._dof.values()])
        self._slice = {
            name: slice(int(a), int(b))
            for name, a, b in zip(self._dof, edges[:-1], edges[1:], strict=True)
        }
        self._jaw_max = {name: limb.jaw_max_m for name, limb in body.spec.limbs.items()}
        self._dt = control_dt
        self._limits: Limits | None = None

    def start(self, limits: Limits, after: EnvelopeState | None = None) -> EnvelopeState:
        """Take up limits; see :class:`shopfloor.types.Guard`.

        Raises:
            SpecMismatch: The limits do not fit the body.
        """
        if limits is not self._limits:
            self._take(limits)
        fresh = EnvelopeState(None, np.empty(0), np.empty((0, 3)), -math.inf, -1)
        # Old commands stay old, and a stop for a person waits for its reset.
        return fresh if after is None else replace(fresh, seq=after.seq, waits=after.waits)

    def _take(self, limits: Limits) -> None:
        for name, dof in self._dof.items():
            if name not in limits.limbs or limits.limbs[name].q_lower.shape != (dof,):
                raise SpecMismatch(f"the limits {limits.name!r} do not cover limb {name!r}")
        stack = [limits.limbs[name] for name in self._dof]
        servo = limits.servo
        self._lower = np.concatenate([limb.q_lower for limb in stack]) + servo.tracking_rad
        self._upper = np.concatenate([limb.q_upper for limb in stack]) - servo.tracking_rad
        speed = np.concatenate([limb.qd_max for limb in stack])
        self._carry = np.concatenate([limb.carry for limb in stack])
        self._overshoot = np.concatenate([limb.gain for limb in stack])
        self._step = speed * self._dt / (1 + servo.joint_overshoot)
        gain = np.concatenate([limb.qdd_max for limb in stack]) * self._dt**2
        self._gain = gain * _ACCELERATION_SLACK
        self._tool_step = limits.tool_speed_m_s * self._dt / (1 + servo.tool_overshoot)
        self._tool_gain = limits.tool_acceleration_m_s2 * self._dt**2
        self._full_stop_s = float((self._step / gain).max()) * self._dt
        self._ahead = Ahead(self._body, limits, tuple(self._slice.values()), self._gain)
        self._limits = limits

    def check(
        self, action: Action, observation: Observation, hold: Action, state: EnvelopeState
    ) -> tuple[Ruling, EnvelopeState]:
        """Rule on one action; see :class:`shopfloor.types.Guard`."""
        limits = self._limits
        if limits is None:
            raise SpecMismatch("the guard has no limits; start it with some first")
        state, place = self._stand(action, observation, state)
        share, nearest = pace(observation.people, limits.people, self._full_stop_s)
        waits = share == 0 or (state.waits and not observation.people.reset)
        if waits is not state.waits:
            state = replace(state, waits=waits)
        asked, fault = self._asked(action, observation, limits, place, state)
        if fault is None and waits:
            fault = _PEOPLE, {"distance_m": nearest}
        if fault is None:
            around = share, nearest
            fault, ruling, after = self._pass(action, asked, observation, place, state, around)
            if fault is None:
                return ruling, after
        return self._stop(fault, observation, hold, place, state)

    def _stand(
        self, action: Action, observation: Observation, state: EnvelopeState
    ) -> tuple[EnvelopeState, Place]:
        """Take up what is around, and at first where the limbs stand."""
        jaws = {name: self._jaw(name, action, observation) for name in self._dof}
        self._ahead.look_round(observation.stations, jaws)
        if jaws != state.jaw_m:  # fingers have moved: what is around them must be measured anew
            state = replace(state, jaw_m=jaws, room_m=-math.inf)
        if state.place is not None:
            return state, state.place
        standing = np.concatenate([_told(observation.limbs[name]) for name in self._dof])
        place = self._ahead.place(standing)
        still = np.zeros_like(place.tools)
        return replace(state, place=place, step=np.zeros_like(standing), moved=still), place

    def _asked(
        self,
        action: Action,
        observation: Observation,
        limits: Limits,
        place: Place,
        state: EnvelopeState,
    ) -> tuple[FloatArray, Fault | None]:
        """The joints that are asked for, if that can be heeded at all."""
        fault = flaw(
            action,
            dof=self._dof,
            jaw_max_m=self._jaw_max,
            now=observation.tick,
            age_ticks=limits.command_age_ticks,
            last_seq=state.seq,
        )
        if fault is not None:
            return place.q, fault
        asked = np.concatenate([action.targets[name] for name in self._dof])
        if not np.isfinite(asked).all():
            return place.q, ("message.finite", {})
        return asked, self._held_back(asked, observation, limits, place, state.step)

    def _pass(
        self,
        action: Action,
        asked: FloatArray,
        observation: Observation,
        place: Place,
        state: EnvelopeState,
        around: tuple[float, float],
    ) -> tuple[Fault | None, Ruling, EnvelopeState]:
        """Shorten the way to what is asked for, and look whether limbs can stop after it."""
        step, limited = self._joints(asked, place, state.step, *around)
        step, after, gentle = self._tool_acceleration(step, place, state)
        qd = np.concatenate([observation.limbs[name].qd for name in self._dof])
        lag = self._carry * (qd * self._dt - state.step)
        step, after, slow = self._tool_speed(step, after, place, state.step, lag, *around)
        fault, room = self._ahead.fault(after, step, place, self._tool_step, state.room_m)
        limited = slow or gentle or limited
        moved = after.tools - place.tools
        then = replace(
            state, place=after, step=step, moved=moved, room_m=room, seq=action.seq, yielded=0
        )
        if limited is None:
            return fault, Ruling("pass", action), then
        targets = {name: after.q[part] for name, part in self._slice.items()}
        return fault, Ruling("limit", replace(action, targets=targets), *limited), then

    def _jaw(self, name: str, action: Action, observation: Observation) -> float:
        """How far a jaw may be open at the end of this tick [m]: as it is, or as it is told."""
        told: object = action.jaw_m.get(name)
        widest = self._jaw_max[name]
        if isinstance(told, float) and 0 <= told <= widest:
            return max(told, min(max(observation.limbs[name].jaw_m, 0.0), widest))
        return widest

    def _held_back(
        self,
        asked: FloatArray,
        observation: Observation,
        limits: Limits,
        place: Place,
        step: FloatArray,
    ) -> Fault | None:
        """Find a limb that presses too hard or does not follow, unless it is asked to draw back."""
        late_ticks = self._sensing.late_s / self._dt
        for name, part in self._slice.items():
            limb = observation.limbs[name]
            off = place.q[part] - limb.q
            far, force = _length(off), _length(limb.wrench[:3])
            # A reading that is late is of where a moving limb was.
            gone = max(_length(step[part]), _length(limb.qd) * self._dt) * late_ticks
            behind = limits.servo.following_rad + self._sensing.q_rad + gone
            if far <= behind and force <= limits.contact_force_n:
                continue
            back = asked[part] - limb.q  # nearer to where it really is: the servo presses less
            if float(back @ back) <= float(off @ off) * (1 - _ROUND):
                continue
            if force > limits.contact_force_n:
                return "contact.force", {"limb": name, "force_n": force}
            return _FOLLOWING, {"limb": name, "off_rad": far}
        return None

    def _joints(
        self, asked: FloatArray, place: Place, before: FloatArray, share: float, nearest: float
    ) -> tuple[FloatArray, Fault | None]:
        """The step towards what is asked for that every joint can take, and what shortened it."""
        q, fault = asked, None
        over = float(np.maximum(self._lower - asked, asked - self._upper).max())
        if over > 0:
            q = np.clip(asked, self._lower, self._upper)
            fault = "joint.position", {"over_rad": over}
        step = q - place.q
        excess = np.abs(step) / (self._step * max(share, _ROUND))
        if excess.max() > 1 + _ROUND:
            shorter = np.ones_like(q)
            for part in self._slice.values():  # a limb keeps its direction
                shorter[part] = 1 / max(float(excess[part].max()), 1.0)
            step = step * shorter
            fault = "joint.velocity", {"times_over": float(excess.max())}
            if share < 1:
                fault = _PEOPLE, {"distance_m": nearest}
        more = step - before
        gain = float((np.abs(more) / self._gain).max())
        if gain > 1 + _ROUND:
            step = np.asarray(before + np.clip(more, -self._gain, self._gain))
            fault = "joint.acceleration", {"times_over": gain}
        return step, fault

    def _tool_acceleration(
        self, step: FloatArray, place: Place, state: EnvelopeState
    ) -> tuple[FloatArray, Place, Fault | None]:
        """Mix each limb's step with going on as before until its tool gains little enough speed."""
        after = self._ahead.place(place.q + step)
        more = after.tools - place.tools - state.moved
        gain = _lengths(more)
        if gain.max() <= self._tool_gain * (1 + _ROUND):
            return step, after, None
        as_before = self._ahead.place(place.q + state.step)
        less = as_before.tools - place.tools - state.moved
        mix = np.array(
            [
                1.0 if g <= self._tool_gain else _share(a, b - a, self._tool_gain)
                for g, a, b in zip(gain, less, more, strict=True)
            ]
        )
        step = state.step + np.repeat(mix, self._counts) * (step - state.step)
        after = self._ahead.place(place.q + step)
        fault = "tool.acceleration", {"tool_acceleration_m_s2": float(gain.max()) / self._dt**2}
        return step, after, fault

    def _tool_speed(
        self,
        step: FloatArray,
        after: Place,
        place: Place,
        before: FloatArray,
        lag: FloatArray,
        share: float,
        nearest: float,
    ) -> tuple[FloatArray, Place, Fault | None]:
        """Mix each limb's step with braking until its tool is slow enough."""
        most = self._tool_step * share
        moved = self._pace(step, after, place, before, lag, most)
        if moved.max() <= most * (1 + _ROUND):
            return step, after, None
        fastest = float(moved.max()) / self._dt
        slowed = self._ahead.brakes.next(before)
        least = self._pace(slowed, self._ahead.place(place.q + slowed), place, before, lag, most)
        mix = np.ones(len(moved))
        asked = step
        for _ in range(3):  # the way of the tool is curved, so once may not be enough
            over = moved > most * (1 + _ROUND)
            if not over.any():
                break
            room = np.maximum(most * 0.999 - least, 0.0) / np.maximum(moved - least, 1e-12)
            mix = np.where(over, mix * np.clip(room, 0.0, 1.0), mix)
            step = slowed + np.repeat(mix, self._counts) * (asked - slowed)
            after = self._ahead.place(place.q + step)
            moved = self._pace(step, after, place, before, lag, most)
        if share < 1:
            return step, after, (_PEOPLE, {"distance_m": nearest})
        return step, after, ("tool.speed", {"tool_speed_m_s": fastest})

    def _pace(
        self,
        step: FloatArray,
        after: Place,
        place: Place,
        before: FloatArray,
        lag: FloatArray,
        most: float,
    ) -> FloatArray:
        """``(limbs,)`` how far tools would go in a tick at the speed that the servos make of it."""
        way = after.tools - place.tools
        more = lag + self._overshoot * (step - before)
        bound = _lengths(way) + self._ahead.travel(more)
        if bound.max() <= most:
            return bound
        return _lengths(self._ahead.tools(place.q + step + more) - place.tools)

    def _stop(
        self,
        fault: Fault,
        observation: Observation,
        hold: Action,
        place: Place,
        state: EnvelopeState,
    ) -> tuple[Ruling, EnvelopeState]:
        """Brake; who stands goes to the hold, or to where it is if something presses on it."""
        step = self._ahead.brakes.next(state.step)
        still = self._ahead.brakes.ticks(state.step) <= 1
        rest = np.concatenate([hold.targets[name] for name in self._dof])
        yielded = state.yielded + 1 if fault[0] == _FOLLOWING else 0
        if fault[0] == "contact.force" or 0 < yielded <= _YIELD_TICKS:
            name = str(fault[1]["limb"])
            rest[self._slice[name]] = observation.limbs[name].q
        towards = np.clip(rest - place.q, -self._gain / 2, self._gain / 2)
        step = np.where(still, towards, step)
        q = place.q + step
        after = self._ahead.place(q)
        action = hold
        if not np.array_equal(q, np.concatenate([hold.targets[name] for name in self._dof])):
            targets = {name: q[part] for name, part in self._slice.items()}
            action = replace(hold, targets=targets)
        return Ruling("stop", action, *fault), replace(
            state,
            place=after,
            step=step,
            moved=after.tools - place.tools,
            room_m=-math.inf,
            yielded=yielded,
        )


def _told(limb: LimbState) -> FloatArray:
    """Where a limb was last sent, which no encoder blurs; where it is, if it is not there."""
    follows = np.abs(limb.q - limb.q_target).max() < _FOLLOWED_RAD
    return limb.q_target if follows else limb.q


def _length(vector: FloatArray) -> float:
    return math.sqrt(float(vector @ vector))


def _lengths(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=1)))


def _share(start: FloatArray, change: FloatArray, most: float) -> float:
    """Largest share from 0 to 1 of a change that leaves a vector no longer than ``most``."""
    a, b = float(change @ change), float(start @ change)
    c = float(start @ start) - most * most
    if c >= 0 or a == 0:
        return 0.0
    return min((math.sqrt(b * b - a * c) - b) / a, 1.0)
