"""What must be known about a robot's model so that its arms can work in a cell.

A model of a robot says how it is built and moves. It does not say which of its joints make an
arm, where its jaw takes hold, or how wide that is open: a fitting does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shopfloor.body.contract import LimbModel
from shopfloor.types import FloatArray, LimbSpec

if TYPE_CHECKING:
    import mujoco

__all__ = ["ArmFitting", "Fitting", "fit", "limb_model", "limb_spec"]


@dataclass(frozen=True, slots=True, eq=False)
class ArmFitting:
    """One arm with a parallel jaw, by the names of the robot's own model.

    Attributes:
        base: Body that stands still and carries the arm.
        joints, actuators: Hinges from the base to the wrist, and the position servo of each.
        jaw_joints, jaw_actuators: The two sliding fingers, and the servos that move them.
        jaw_offset_m, jaw_gain: Opening [m] = offset + gain * finger joint position [m].
        jaw_max_m: Widest opening [m].
        hand: Body that carries the jaw; force and torque are felt at its origin.
        tool_in_hand: ``(4, 4)`` pose of the tool centre point; z out of the jaw, x along the
            closing.
        finger_bodies: Bodies whose touch counts as the jaw's.
        q_home: ``(dof,)`` joint position out of everybody's way [rad].
        qd_max, qdd_max: ``(dof,)`` what the drives can do [rad/s], [rad/s²].
    """

    base: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    jaw_joints: tuple[str, ...]
    jaw_actuators: tuple[str, ...]
    jaw_offset_m: float
    jaw_gain: float
    jaw_max_m: float
    hand: str
    tool_in_hand: FloatArray
    finger_bodies: tuple[str, ...]
    q_home: FloatArray
    qd_max: FloatArray
    qdd_max: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """A robot's arms, and what its model needs before they can work.

    Attributes:
        arms: By the name of the limb.
        prepare: Changes the model in place: contact shapes, servos.
    """

    arms: Mapping[str, ArmFitting]
    prepare: Callable[[mujoco.MjSpec], None]


def fit(model: mujoco.MjSpec, fitting: Fitting) -> None:
    """Prepare a model and add the tool sites and the wrist sensors that a cell needs.

    Its arms touch the world and each other, but not themselves.
    """
    import mujoco

    fitting.prepare(model)
    both = (1 << len(fitting.arms)) - 1
    for index, (name, arm) in enumerate(fitting.arms.items()):
        # Bit 0 is the world and its parts, one bit more for every limb.
        bit = 2 << index
        for link in _links(model, arm.base):
            for geom in link.geoms:
                if geom.contype or geom.conaffinity:
                    geom.contype, geom.conaffinity = bit, 1 | (2 * both & ~bit)
        hand = model.body(arm.hand)
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, np.ascontiguousarray(arm.tool_in_hand[:3, :3]).ravel())
        hand.add_site(name=f"{name}/tcp", pos=arm.tool_in_hand[:3, 3], quat=quat, group=4)
        hand.add_site(name=f"{name}/wrist", quat=quat, group=4)
        for kind, what in (("force", "mjSENS_FORCE"), ("torque", "mjSENS_TORQUE")):
            model.add_sensor(
                name=f"{name}/{kind}",
                type=getattr(mujoco.mjtSensor, what),
                objtype=mujoco.mjtObj.mjOBJ_SITE,
                objname=f"{name}/wrist",
            )


def limb_model(model: mujoco.MjSpec, name: str, arm: ArmFitting, prefix: str) -> LimbModel:
    """Name what the compiled scene will hold, where the robot was attached with a prefix."""

    def named(*names: str) -> tuple[str, ...]:
        return tuple(prefix + n for n in names)

    return LimbModel(
        joints=named(*arm.joints),
        actuators=named(*arm.actuators),
        jaw_joints=named(*arm.jaw_joints),
        jaw_actuators=named(*arm.jaw_actuators),
        jaw_offset_m=arm.jaw_offset_m,
        jaw_gain=arm.jaw_gain,
        tool_site=f"{prefix}{name}/tcp",
        force_sensor=f"{prefix}{name}/force",
        torque_sensor=f"{prefix}{name}/torque",
        finger_bodies=named(*arm.finger_bodies),
        link_bodies=named(*(link.name for link in _links(model, arm.base))),
    )


def limb_spec(model: mujoco.MjSpec, name: str, arm: ArmFitting, prefix: str) -> LimbSpec:
    """Read joint ranges and the place of the base from the model, which uses radians."""
    ranges = np.array([model.joint(j).range for j in arm.joints])
    base = model.body(arm.base)
    return LimbSpec(
        name=name,
        joints=tuple(prefix + j for j in arm.joints),
        q_lower=ranges[:, 0],
        q_upper=ranges[:, 1],
        q_home=arm.q_home,
        qd_max=arm.qd_max,
        qdd_max=arm.qdd_max,
        jaw_max_m=arm.jaw_max_m,
        base_in_world=_pose(base.pos, base.quat),
    )


def _links(model: mujoco.MjSpec, base: str) -> list[mujoco.MjsBody]:
    """A body and all below it, the body first."""
    out, stack = [], [model.body(base)]
    while stack:
        body = stack.pop()
        out.append(body)
        stack += reversed(body.bodies)
    return out


def _pose(position: FloatArray, quat: FloatArray) -> FloatArray:
    import mujoco

    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, np.asarray(quat, float) / np.linalg.norm(quat))
    pose = np.eye(4)
    pose[:3, :3] = rotation.reshape(3, 3)
    pose[:3, 3] = position
    return pose
