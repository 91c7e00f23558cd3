"""``bench``: two 6-DoF arms with parallel jaws on one table, built from primitives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shopfloor.body import ur5e
from shopfloor.body.contract import LimbModel
from shopfloor.errors import Unreachable
from shopfloor.types import BodySpec, FloatArray, LimbSpec

if TYPE_CHECKING:
    import mujoco

__all__ = ["Bench"]

JAW_MAX_M = 0.085
TOOL_LENGTH_M = 0.14
BASE_X_M = 0.76
"""Half the distance between the bases: near enough that both reach most of the tray, far enough
that neither reaches all of it, so that handing over is part of the work."""
_PALM_M = 0.07
_BRANCH: ur5e.Branch = (1, -1, 1)  # elbow above the line from shoulder to wrist, tool hanging down

_MASS_KG = (3.761, 8.058, 2.846, 1.37, 1.3, 0.365)  # Universal Robots, UR5e link masses
_QD_MAX = (np.pi,) * 6  # UR5e data sheet: 180 deg/s for every joint
_QDD_MAX = (22.0, 22.0, 28.0, 45.0, 45.0, 45.0)  # short of the torques below, arm stretched
_KP = (12000.0, 12000.0, 8000.0, 2500.0, 2000.0, 1000.0)
_KV = (500.0, 500.0, 300.0, 70.0, 55.0, 25.0)
_TORQUE_NM = (150.0, 150.0, 150.0, 28.0, 28.0, 28.0)  # UR5e joint sizes 3 and 1

_SHELL = (0.86, 0.87, 0.88, 1.0)
_JOINT = (0.27, 0.29, 0.32, 1.0)
_GRIPPER = (0.16, 0.17, 0.18, 1.0)
_RUBBER = (0.42, 0.43, 0.44, 1.0)


def _base(x: float, yaw: float) -> FloatArray:
    pose = np.eye(4)
    c, s = np.cos(yaw), np.sin(yaw)
    pose[:2, :2] = [[c, -s], [s, c]]
    pose[0, 3] = x
    return pose


class Bench:
    """Two UR5e-sized arms with 85 mm parallel jaws, face to face across a table."""

    def __init__(self) -> None:
        bases = {"left": _base(-BASE_X_M, np.pi), "right": _base(BASE_X_M, 0.0)}
        self._base = bases
        limbs = {}
        for name, base in bases.items():
            home_in_base = np.array(
                [[-1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, -1.0, 0.30 + TOOL_LENGTH_M], [0, 0, 0, 1]]
            )
            home_in_base[0, 3] = -0.33
            q_home = ur5e.inverse(home_in_base[None], _BRANCH)[0]
            limbs[name] = LimbSpec(
                name=name,
                joints=tuple(f"{name}/joint{i + 1}" for i in range(6)),
                q_lower=np.full(6, -2 * np.pi),
                q_upper=np.full(6, 2 * np.pi),
                q_home=q_home,
                qd_max=np.array(_QD_MAX),
                qdd_max=np.array(_QDD_MAX),
                jaw_max_m=JAW_MAX_M,
                base_in_world=base,
            )
        # The body is its code and its link table: hash both, so that a change of either shows.
        source = Path(__file__).read_bytes() + Path(ur5e.__file__).read_bytes()
        self.spec = BodySpec("bench", hashlib.sha256(source).hexdigest(), limbs)
        self.models: Mapping[str, LimbModel] = {name: _model(name) for name in bases}

    def attach(self, scene: mujoco.MjSpec) -> None:
        """Add both arms to the scene."""
        for index, (name, base) in enumerate(self._base.items()):
            _attach_arm(scene, name, base, 2 << index)

    def inverse(self, limb: str, tool_in_world: FloatArray, seed: FloatArray) -> FloatArray:
        """Closed form, always on the branch with the elbow up; see :class:`Body`."""
        flange = np.linalg.inv(self._base[limb]) @ tool_in_world
        flange[:, :3, 3] -= TOOL_LENGTH_M * flange[:, :3, 2]
        q = np.unwrap(ur5e.inverse(flange, _BRANCH), axis=0)
        # Joints may turn twice round: begin with the turn that is nearest to the seed.
        q += 2 * np.pi * np.round((seed - q[0]) / (2 * np.pi))
        spec = self.spec.limbs[limb]
        if np.any(q < spec.q_lower) or np.any(q > spec.q_upper):
            raise Unreachable(f"the path of {limb!r} would turn a joint past its range")
        return q


def _model(name: str) -> LimbModel:
    links = ("base", "link1", "link2", "link3", "link4", "link5", "link6", "tool")
    return LimbModel(
        joints=tuple(f"{name}/joint{i + 1}" for i in range(6)),
        actuators=tuple(f"{name}/servo{i + 1}" for i in range(6)),
        jaw_joints=(f"{name}/finger1", f"{name}/finger2"),
        jaw_actuators=(f"{name}/jaw1", f"{name}/jaw2"),
        jaw_offset_m=0.0,
        jaw_gain=2.0,
        tool_site=f"{name}/tcp",
        force_sensor=f"{name}/force",
        torque_sensor=f"{name}/torque",
        finger_bodies=(f"{name}/finger1", f"{name}/finger2"),
        link_bodies=tuple(f"{name}/{part}" for part in (*links, "finger1", "finger2")),
    )


def _attach_arm(scene: mujoco.MjSpec, name: str, base: FloatArray, bit: int) -> None:
    """Add one arm; its geoms touch everything but the arm itself."""
    import mujoco

    geom, joint_type = mujoco.mjtGeom, mujoco.mjtJoint
    # Bit 1 is the world and its parts, one bit more for every limb.
    touch = {"contype": bit, "conaffinity": 1 | (6 & ~bit)}
    ghost = {"contype": 0, "conaffinity": 0, "mass": 0.0}

    yaw = np.arctan2(base[1, 0], base[0, 0])
    body = scene.worldbody.add_body(
        name=f"{name}/base", pos=base[:3, 3], quat=[np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
    )
    body.add_geom(
        type=geom.mjGEOM_CYLINDER, size=[0.085, 0.03, 0], pos=[0, 0, 0.03], rgba=_JOINT, **ghost
    )
    # The DH frames put both long links in one plane; the shells sit beside it as on the real arm.
    shells = (
        ([0, 0, 0.09, 0, 0, ur5e.D[0]], 0.06),
        ([0, 0, 0.12, ur5e.A[1], 0, 0.12], 0.055),
        ([0, 0, 0.01, ur5e.A[2], 0, 0.01], 0.045),
        ([0, 0, 0.06, 0, 0, ur5e.D[3]], 0.042),
        ([0, 0, 0.04, 0, 0, ur5e.D[4]], 0.042),
        ([0, 0, 0.03, 0, 0, ur5e.D[5] - 0.03], 0.036),
    )
    covers = (
        ([0, 0, ur5e.D[0] - 0.01], 0.066, 0.05),
        ([0, 0, 0.12], 0.062, 0.06),
        ([ur5e.A[2], 0, 0.03], 0.048, 0.055),
        ([0, 0, ur5e.D[3]], 0.046, 0.045),
        ([0, 0, ur5e.D[4]], 0.046, 0.045),
        ([0, 0, ur5e.D[5] - 0.008], 0.038, 0.008),
    )
    pos, quat = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]
    for i in range(6):
        body = body.add_body(name=f"{name}/link{i + 1}", pos=pos, quat=quat, gravcomp=1)
        body.add_joint(
            name=f"{name}/joint{i + 1}",
            type=joint_type.mjJNT_HINGE,
            axis=[0, 0, 1],
            range=[-2 * np.pi, 2 * np.pi],
            armature=0.1,
            damping=0.5,
        )
        (fromto, radius), (at, cover, half) = shells[i], covers[i]
        body.add_geom(
            name=f"{name}/shell{i + 1}",
            type=geom.mjGEOM_CAPSULE,
            fromto=fromto,
            size=[radius, 0, 0],
            mass=_MASS_KG[i],
            rgba=_SHELL,
            **touch,
        )
        body.add_geom(
            type=geom.mjGEOM_CYLINDER, size=[cover, half, 0], pos=at, rgba=_JOINT, **ghost
        )
        pos = [ur5e.A[i], 0.0, ur5e.D[i]]
        quat = [np.cos(ur5e.ALPHA[i] / 2), np.sin(ur5e.ALPHA[i] / 2), 0.0, 0.0]
        servo = scene.add_actuator(
            name=f"{name}/servo{i + 1}",
            target=f"{name}/joint{i + 1}",
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            forcerange=[-_TORQUE_NM[i], _TORQUE_NM[i]],
        )
        servo.set_to_position(kp=_KP[i], kv=_KV[i])
    # DH rows after a joint move the next frame along the link: A belongs to the joint before it.
    tool = body.add_body(name=f"{name}/tool", pos=[0, 0, ur5e.D[5]], gravcomp=1)
    tool.add_geom(
        name=f"{name}/palm",
        type=geom.mjGEOM_BOX,
        size=[0.054, 0.032, _PALM_M / 2],
        pos=[0, 0, _PALM_M / 2],
        mass=0.7,
        rgba=_GRIPPER,
        **touch,
    )
    tool.add_site(name=f"{name}/tcp", pos=[0, 0, TOOL_LENGTH_M])
    tool.add_site(name=f"{name}/wrist")
    for index, side in ((1, 1.0), (2, -1.0)):
        finger = tool.add_body(name=f"{name}/finger{index}", pos=[0, 0, _PALM_M], gravcomp=1)
        finger.add_joint(
            name=f"{name}/finger{index}",
            type=joint_type.mjJNT_SLIDE,
            axis=[side, 0, 0],
            range=[0, JAW_MAX_M / 2],
            # The inertia of a geared spindle as the finger feels it. It also keeps MuJoCo's soft
            # contact honest: the lighter the finger, the deeper 25 N press it into a part.
            armature=2.0,
            damping=4.0,
        )
        length = TOOL_LENGTH_M - _PALM_M
        finger.add_geom(
            name=f"{name}/pad{index}",
            type=geom.mjGEOM_BOX,
            size=[0.006, 0.011, length / 2],
            pos=[side * 0.006, 0, length / 2],
            mass=0.06,
            rgba=_RUBBER,
            condim=4,
            friction=[1.2, 0.02, 0.0005],
            solref=[0.004, 1.0],
            **touch,
        )
        jaw = scene.add_actuator(
            name=f"{name}/jaw{index}",
            target=f"{name}/finger{index}",
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            forcerange=[-25.0, 25.0],
        )
        jaw.set_to_position(kp=9000.0, kv=260.0)
    # One spindle drives both fingers of such a jaw: they move alike.
    scene.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT,
        name1=f"{name}/finger1",
        name2=f"{name}/finger2",
        data=[0, 1] + [0] * 10,
    )
    for kind, what in (("force", "mjSENS_FORCE"), ("torque", "mjSENS_TORQUE")):
        scene.add_sensor(
            name=f"{name}/{kind}",
            type=getattr(mujoco.mjtSensor, what),
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=f"{name}/wrist",
        )
