"""The guard: holds every action against the stated envelope before the cell sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.errors import SpecMismatch
from shopfloor.types import Action, FloatArray, LimbState, Limits, Observation, Ruling

__all__ = ["EnvelopeGuard", "EnvelopeState"]

_SLACK = 1e-9
_SERVO = 0.92
"""Share of a speed limit that commands may use: a servo overshoots its command by up to 8 %."""
_ACCELERATION_SLACK = 1.02
_FOLLOWED_RAD = 0.05
"""A limb this close to its target is where it was sent."""
_NEAR = 2.0
"""Distances are measured exactly below so many times the stated separation."""


@dataclass(frozen=True, slots=True, eq=False)
class EnvelopeState:
    """What the guard remembers from one tick to the next.

    Attributes:
        q: Joint targets that went to the cell last, all limbs in a row [rad]; empty at first.
        tools: Tool centre points they put, ``(limbs, 3)`` in the world [m].
        outside_m: ``(limbs,)`` how far each tool is out of its workspace [m]; below 0 inside.
        clearance_m: Distance between the limbs there [m].
        seq: Number of the last command.
        step: ``(joints,)`` how far the last command moved the joints [rad].
    """

    q: FloatArray
    tools: FloatArray
    outside_m: FloatArray
    clearance_m: float
    seq: int
    step: FloatArray


class EnvelopeGuard:
    """Checks shape, finiteness, age, joints, speeds, workspace and separation, in that order.

    Joint position, speed and acceleration and tool speed are limited: the action is shortened on
    its own way until it is inside; commands may use so much of a speed limit that a servo which
    overshoots stays within it. Everything else stops: the hold goes to the cell instead. A
    message with one number that is not finite is refused whole; NaN is never clamped.
    """

    def __init__(self, body: Body, control_dt: float) -> None:
        """Prepare for a body and a tick of ``control_dt`` [s]."""
        self._geometry = Geometry(body)
        self._limbs = tuple(body.spec.limbs)
        self._dof = {name: limb.dof for name, limb in body.spec.limbs.items()}
        edges = np.cumsum([0, *self._dof.values()])
        self._slice = {
            name: slice(int(a), int(b))
            for name, a, b in zip(self._limbs, edges[:-1], edges[1:], strict=True)
        }
        self._gain = np.concatenate([limb.qdd_max for limb in body.spec.limbs.values()])
        self._gain = self._gain * control_dt**2 * _ACCELERATION_SLACK
        self._jaw_max = {name: limb.jaw_max_m for name, limb in body.spec.limbs.items()}
        self._dt = control_dt

    def start(self, limits: Limits) -> EnvelopeState:
        """Take up limits.

        Raises:
            SpecMismatch: The limits do not fit the body.
        """
        for name, dof in self._dof.items():
            if name not in limits.limbs or limits.limbs[name].q_lower.shape != (dof,):
                raise SpecMismatch(f"the limits {limits.name!r} do not cover limb {name!r}")
        self._limits = limits
        stack = [limits.limbs[name] for name in self._limbs]
        self._lower = np.concatenate([limb.q_lower for limb in stack])
        self._upper = np.concatenate([limb.q_upper for limb in stack])
        self._step = np.concatenate([limb.qd_max for limb in stack]) * self._dt * _SERVO
        self._box_lower = np.stack([limb.workspace_lower_m for limb in stack])
        self._box_upper = np.stack([limb.workspace_upper_m for limb in stack])
        return EnvelopeState(np.empty(0), np.empty((0, 3)), np.empty(0), np.inf, -1, np.empty(0))

    def check(
        self, action: Action, observation: Observation, hold: Action, state: EnvelopeState
    ) -> tuple[Ruling, EnvelopeState]:
        """Rule on one action; see :class:`shopfloor.types.Guard`."""
        if not state.q.size:
            standing = np.concatenate([_told(observation.limbs[name]) for name in self._limbs])
            state = self._stand(standing, state.seq, np.zeros_like(standing))
        rule, detail = self._message(action, observation, state)
        if rule:
            return self._stop(rule, detail, hold, state)
        asked = np.concatenate([action.targets[name] for name in self._limbs])
        if not np.isfinite(asked).all():
            return self._stop("message.finite", {}, hold, state)
        q, rule, detail = self._joints(asked, state)
        after, slow = self._tool_speed(q, action.seq, state)
        if slow:
            rule, detail = "tool.speed", {"tool_speed_m_s": slow}
        outside = after.outside_m
        if outside.max() > _SLACK and ((outside > _SLACK) & (outside > state.outside_m)).any():
            worst = int(np.argmax(outside))
            where: dict[str, float | str] = {
                "limb": self._limbs[worst],
                "outside_m": float(outside[worst]),
            }
            return self._stop("workspace", where, hold, state)
        clearance = after.clearance_m
        if clearance < self._limits.limb_distance_m and clearance < state.clearance_m:
            return self._stop("limb.distance", {"distance_m": float(clearance)}, hold, state)
        if rule is None:
            return Ruling("pass", action), after
        targets = {name: after.q[part] for name, part in self._slice.items()}
        return Ruling("limit", replace(action, targets=targets), rule, detail), after

    def _message(
        self, action: Action, observation: Observation, state: EnvelopeState
    ) -> tuple[str | None, Mapping[str, float | str]]:
        """Check what can be said without looking at the numbers' meaning."""
        if action.targets.keys() != self._dof.keys() or action.jaw_m.keys() != self._dof.keys():
            return "message.shape", {"limbs": ", ".join(map(str, action.targets))}
        for name, dof in self._dof.items():
            target: object = action.targets[name]  # whatever a brain has sent
            if (
                not isinstance(target, np.ndarray)
                or target.shape != (dof,)
                or target.dtype.kind != "f"
            ):
                return "message.shape", {"limb": name, "type": type(target).__name__}
            jaw: object = action.jaw_m[name]
            widest = self._jaw_max[name] + 1e-3
            if not isinstance(jaw, float | int | np.floating) or not (
                -_SLACK <= jaw <= widest  # also refuses NaN
            ):
                return "jaw.range", {"limb": name, "jaw_m": str(jaw)}
        tick, seq = action.tick, action.seq
        # Whole numbers only: NaN is neither old nor new, and all that follow it would be neither.
        if not (_whole(tick) and 0 <= observation.tick - tick <= self._limits.command_age_ticks):
            return "message.age", {"tick": str(tick), "now": float(observation.tick)}
        if not (_whole(seq) and seq > state.seq):
            return "message.sequence", {"seq": str(seq), "last": float(state.seq)}
        return None, {}

    def _joints(
        self, asked: FloatArray, state: EnvelopeState
    ) -> tuple[FloatArray, str | None, Mapping[str, float | str]]:
        q, last, rule, detail = asked, state.q, None, {}
        over = float(np.maximum(self._lower - asked, asked - self._upper).max())
        if over > 0:
            q = np.clip(asked, self._lower, self._upper)
            rule, detail = "joint.position", {"over_rad": over}
        change = q - last
        excess = np.abs(change) / self._step
        if excess.max() > 1 + 1e-6:
            shorter = np.ones_like(q)
            for part in self._slice.values():  # a limb keeps its direction
                shorter[part] = 1 / max(float(excess[part].max()), 1.0)
            q = last + change * shorter
            rule, detail = "joint.velocity", {"times_over": float(excess.max())}
        more = q - last - state.step
        gain = np.abs(more) / self._gain
        if gain.max() > 1 + 1e-6:
            more = np.clip(more, -self._gain, self._gain)
            q = np.clip(last + state.step + more, self._lower, self._upper)
            rule, detail = "joint.acceleration", {"times_over": float(gain.max())}
        return q, rule, detail

    def _tool_speed(
        self, q: FloatArray, seq: int, state: EnvelopeState
    ) -> tuple[EnvelopeState, float]:
        """Shorten each limb's step until its tool is slow enough; 0 if that was not needed."""
        most = self._limits.tool_speed_m_s * self._dt * _SERVO
        fastest = 0.0
        after = self._stand(q, seq, q - state.q)
        for _ in range(4):  # the way of the tool is curved, so once may not be enough
            step = after.tools - state.tools
            moved = np.sqrt((step * step).sum(axis=1))
            if moved.max() <= most * (1 + 1e-6):
                break
            fastest = max(fastest, float(moved.max()) / self._dt)
            q = q.copy()
            for i, part in enumerate(self._slice.values()):
                if moved[i] > most:
                    q[part] = state.q[part] + (q[part] - state.q[part]) * (0.999 * most / moved[i])
            after = self._stand(q, seq, q - state.q)
        return after, fastest

    def _stand(self, q: FloatArray, seq: int, step: FloatArray) -> EnvelopeState:
        """Where joints ``q`` put tools and limbs."""
        self._geometry.place_all(q)
        tools = self._geometry.tool_positions()
        outside = np.maximum(self._box_lower - tools, tools - self._box_upper).max(axis=1)
        near = self._limits.limb_distance_m * _NEAR
        clearance = self._geometry.clearance(near) if len(self._limbs) > 1 else np.inf
        return EnvelopeState(q, tools, outside, clearance, seq, step)

    def _stop(
        self, rule: str, detail: Mapping[str, float | str], hold: Action, state: EnvelopeState
    ) -> tuple[Ruling, EnvelopeState]:
        q = np.concatenate([hold.targets[name] for name in self._limbs])
        return Ruling("stop", hold, rule, detail), self._stand(q, state.seq, np.zeros_like(q))


def _told(limb: LimbState) -> FloatArray:
    """Where a limb was last sent, which no encoder blurs; where it is, if it is not there."""
    follows = np.abs(limb.q - limb.q_target).max() < _FOLLOWED_RAD
    return limb.q_target if follows else limb.q


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer)
