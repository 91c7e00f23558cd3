"""Looks at what a cell tells of limbs and parts at a tick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
from xxhash import xxh3_128

from shopfloor.testing.clause import Clause
from shopfloor.testing.slack import Slack
from shopfloor.types import Cell, FloatArray, LimbState, Lot, Observation, Timestep, Truth

__all__ = ["Told", "check_kept", "fingerprint"]

_TOOL_M, _TOOL_RAD = 1e-3, 5e-4
_REST_RAD_S = 0.05
_REST_N, _REST_NM = 5.0, 0.5


class Told:
    """What is told of limbs and parts in one lot."""

    def __init__(self, cell: Cell, lot: Lot, slack: Slack) -> None:
        self.slack = slack
        self.cell, self.lot = cell, lot
        self.spec, self.limbs = cell.spec, cell.spec.body.limbs

    def check_rest(self, limbs: Mapping[str, LimbState]) -> None:
        """Limbs at rest, with empty jaws."""
        for name, limb in limbs.items():
            fastest = float(np.abs(limb.qd).max())
            Clause("cell.limbs").holds(
                fastest < _REST_RAD_S + self.slack.speed_rad_s,
                f"at tick 0 a joint of {name!r} moves at {fastest:.2f} rad/s",
            )
            force, torque = np.linalg.norm(limb.wrench[:3]), np.linalg.norm(limb.wrench[3:])
            Clause("cell.wrench").holds(
                force < _REST_N and torque < _REST_NM,
                f"at rest with an empty jaw the wrist of {name!r} feels {force:.1f} N and "
                f"{torque:.2f} N m; the weight of the gripper is to be taken off",
            )

    def check_limbs(self, limbs: Mapping[str, LimbState]) -> None:
        """Limbs at any tick."""
        clause = Clause("cell.limbs")
        clause.keys(limbs, self.limbs, "limbs")
        body = getattr(self.cell, "body", None)
        most = 0.01 + self.slack.angle_rad
        for name, limb in limbs.items():
            spec = self.limbs[name]
            clause.array(limb.q, (spec.dof,), f"q of {name!r}")
            clause.array(limb.qd, (spec.dof,), f"qd of {name!r}")
            clause.array(limb.q_target, (spec.dof,), f"q_target of {name!r}")
            clause.array(limb.wrench, (6,), f"wrench of {name!r}")
            clause.holds(
                np.all(limb.q >= spec.q_lower - most) and np.all(limb.q <= spec.q_upper + most),
                f"q of {name!r} is outside the joint range of the body; are these degrees?",
            )
            clause.number(limb.jaw_m, -0.002, spec.jaw_max_m + 0.002, f"jaw_m of {name!r}", "m")
            tool = Clause("cell.tool").pose(limb.tool_in_world, f"the tool of {name!r}")
            if body is not None:
                self._check_tool(name, limb.q, tool)

    def _check_tool(self, name: str, q: FloatArray, tool: FloatArray) -> None:
        if not hasattr(self, "_geometry"):
            from shopfloor.body.geometry import Geometry

            self._geometry = Geometry(self.cell.body)  # type: ignore[attr-defined]
        wanted = self._geometry.tool_pose(name, q)
        off = float(np.linalg.norm(wanted[:3, 3] - tool[:3, 3]))
        turned = float(np.linalg.norm(wanted[:3, :3].T @ tool[:3, :3] - np.eye(3)) / np.sqrt(2))
        Clause("cell.tool").holds(
            off < _TOOL_M and turned < _TOOL_RAD,
            f"the tool of {name!r} is {off * 1000:.2f} mm and {turned:.4f} rad from where its "
            f"joints put it; at most {_TOOL_M * 1000:g} mm and {_TOOL_RAD:g} rad: are both of this "
            "tick?",
        )

    def check_truth(self, truth: Truth, tick: int) -> None:
        """The truth of a tick."""
        clause, count = Clause("cell.truth"), len(self.lot.parts)
        clause.holds(truth.tick == tick, f"at tick {tick} the truth is of tick {truth.tick}")
        position = clause.array(truth.position, (count, 3), "position")
        quat = clause.array(truth.quat, (count, 4), "quat")
        speed = clause.array(truth.speed, (count,), "speed")
        if count:
            clause.holds(np.abs(position).max() < 10, "a part is more than 10 m away; mm?")
            clause.holds(
                np.abs(np.linalg.norm(quat, axis=1) - 1).max() < 1e-3, "a quat is not of length 1"
            )
            clause.holds(speed.min() >= 0, "a speed is negative")
        clause.keys(truth.touched, self.limbs, "touched")
        clause.keys(truth.jaw_open, self.limbs, "jaw_open")
        stray = [i for parts in truth.touched.values() for i in parts if not 0 <= i < count]
        clause.holds(not stray, f"touched holds {stray}; the lot has {count} parts")
        clause.number(truth.collision_n, 0.0, 1e6, "collision_n", "N")

    def check_lot(self, truth: Truth | None) -> None:
        """Parts that nobody has touched."""
        if truth is None:
            return
        clause = Clause("cell.lot")
        for part, at, speed in zip(self.lot.parts, truth.position, truth.speed, strict=True):
            off = float(np.hypot(at[0] - part.x_m, at[1] - part.y_m))
            clause.holds(
                off < 5e-3,
                f"part {part.id!r} lies {off * 1000:.1f} mm from where the lot says",
            )
            clause.holds(speed < 5e-3, f"part {part.id!r} moves at {speed:.3f} m/s by itself")

    def check_speed(self, before: Observation, now: Observation, after: Observation) -> None:
        """The speed told in the middle of three ticks."""
        for name, limb in now.limbs.items():
            ends = before.limbs[name].q, after.limbs[name].q
            wanted = (ends[1] - ends[0]) / (2 * self.spec.control_dt)
            share = 0.15 + self.slack.speed_share
            off = float((np.abs(limb.qd - wanted) - share * np.abs(wanted)).max())
            Clause("cell.speed").holds(
                off < 0.05 + self.slack.speed_rad_s,
                f"at tick {now.tick} a joint of {name!r} tells another speed than it has "
                f"({limb.qd} and {wanted} rad/s)",
            )


def check_kept(timestep: Timestep, told: str) -> None:
    """A timestep must still have the fingerprint that it had."""
    Clause("cell.keeps").holds(
        fingerprint(timestep) == told,
        f"the timestep of tick {timestep.observation.tick} was changed by a later step",
    )


def fingerprint(value: object) -> str:
    """Hash of every bit that a timestep holds."""
    digest = xxh3_128()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: xxh3_128, value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif isinstance(value, Mapping):
        for key, item in sorted(value.items()):
            digest.update(repr(key).encode())
            _feed(digest, item)
    elif is_dataclass(value):
        for field in fields(value):
            _feed(digest, getattr(value, field.name))
    else:
        digest.update(repr(value).encode())
