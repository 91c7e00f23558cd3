"""The fitting of ALOHA: two ViperX 300 arms with 6 joints and sliding fingers, face to face.

The model's table, frame and cameras belong to its scene file, which is not loaded: the cell brings
its own. The arms stand nearer together than on that table, see ``_BASE_X_M``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shopfloor.body.fitting import ArmFitting, Fitting

if TYPE_CHECKING:
    import mujoco

__all__ = ["FITTING"]

_JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")

_BASE_X_M = 0.39
"""Half the distance between the bases. The model's table has 0.469, from where a jaw that points
down misses half of the totes that both arms are to reach; docs/bodies.md has the numbers."""
_BASE_Z_M = 0.02
"""The bases stand on rails of this height, as on the model's table."""

_TIP_M = (0.1461, 0.0, -0.0034)
"""Between the fingertips, in the frame of ``gripper_link``: read off the finger meshes."""
_AXES = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""Jaw out along x of ``gripper_link``, closing along its y."""
_FINGER_AT_0_M = 0.0079
"""How far each fingertip of the meshes reaches past the middle when its joint is at 0: the tips
meet there, and a joint position below it has no meaning for a jaw."""
_FINGER_MAX_M = 0.037
"""Upper end of the fingers' control range, measured on a real gripper by the model's authors."""

_TOUCHES = {"mass": 0.0, "group": 3, "contype": 1, "conaffinity": 1}
"""Shapes that are felt and not seen, on links whose inertia is stated."""

_QD_MAX = (np.pi,) * 6
"""Interbotix URDF of the ViperX 300: pi rad/s for every joint. Its largest servo, the DYNAMIXEL
XM540-W270, turns 30 rev/min without load at 12 V (ROBOTIS e-Manual), which is the same."""
_QDD_MAX = (6.0, 8.0, 8.0, 16.0, 16.0, 32.0)
"""What the servos follow within 20 mrad and, when they stand again, within 3 mm at the tool; no
vendor states it. The servos are soft: more acceleration is less accuracy, not more speed."""
_Q_HOME = (0.8, -0.6387, 0.8318, 0.0, 1.3777, 0.0)
"""Jaw straight down, 150 mm over the table, swung out to the side on which the arm has no tote: the
wrist camera sticks out 0.1 m past the jaw, into the other arm's way if that arm is near."""


def _arm(side: str) -> ArmFitting:
    tool = np.eye(4)
    tool[:3, :3], tool[:3, 3] = _AXES, _TIP_M
    return ArmFitting(
        base=f"{side}/base_link",
        joints=tuple(f"{side}/{joint}" for joint in _JOINTS),
        actuators=tuple(f"{side}/{joint}" for joint in _JOINTS),
        jaw_joints=(f"{side}/left_finger", f"{side}/right_finger"),
        jaw_actuators=(f"{side}/gripper", f"{side}/gripper2"),
        jaw_offset_m=-2 * _FINGER_AT_0_M,
        jaw_gain=2.0,
        jaw_max_m=2 * (_FINGER_MAX_M - _FINGER_AT_0_M),
        hand=f"{side}/gripper_link",
        tool_in_hand=tool,
        finger_bodies=(f"{side}/left_finger_link", f"{side}/right_finger_link"),
        q_home=np.array(_Q_HOME),
        qd_max=np.array(_QD_MAX),
        qdd_max=np.array(_QDD_MAX),
    )


def _prepare(model: mujoco.MjSpec) -> None:
    """Place the arms, give the fingers their shape and the servos what a controller adds."""
    for side, sign in (("left", -1.0), ("right", 1.0)):
        model.body(f"{side}/base_link").pos = [sign * _BASE_X_M, 0.0, _BASE_Z_M]
        _servos(model, side)
        _wrist_camera(model, side)
        for finger, mirror in (("left", 1.0), ("right", -1.0)):
            _finger(model, side, finger, mirror)
            _start_closed(model, side, finger)
        _jaw_servos(model, side)


def _servos(model: mujoco.MjSpec, side: str) -> None:
    for joint in _JOINTS:
        hinge, servo = model.joint(f"{side}/{joint}"), model.actuator(f"{side}/{joint}")
        # The model has the servo's own damping in the joint. It is the same force from either
        # place, but only in the servo does the cell see it and lead its targets by the lag.
        damping = np.asarray(hinge.damping, float)  # a number, or from MuJoCo 4 on a polynomial
        servo.biasprm[2] -= damping.flat[0]
        hinge.damping = 0 * damping
        hinge.actgravcomp = True
    # Gravity is carried by offsets of the targets, within the torque limits of the servos: bare,
    # the tool sags by 8 mm at home and by 18 mm outstretched.
    stack = list(model.body(f"{side}/base_link").bodies)
    while stack:
        body = stack.pop()
        body.gravcomp = 1.0
        stack += body.bodies


def _wrist_camera(model: mujoco.MjSpec, side: str) -> None:
    """Put a box around the wrist camera and its mount.

    The model has a sphere around the camera, which is too large, and nothing around the mount.
    """
    import mujoco

    model.delete(model.geom(f"{side}_camera"))
    model.body(f"{side}/gripper_link").add_geom(
        name=f"{side}/camera",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[0.0210, 0.0236, 0.0394],
        pos=[0.0141, 0.0, 0.0746],
        **_TOUCHES,
    )


def _jaw_servos(model: mujoco.MjSpec, side: str) -> None:
    """Split the one servo of the jaw, which the second finger is tied to, into two alike.

    They keep its stiffness, so the grip is as strong as before, and lose its damping: with that of
    the fingers' rails alone the jaw is just not oscillating, and follows in 0.04 s what takes
    the model as it comes 0.1 s.
    """
    import mujoco

    first = model.actuator(f"{side}/gripper")
    second = model.add_actuator(
        name=f"{side}/gripper2",
        target=f"{side}/right_finger",
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
    )
    stiffness = first.gainprm[0] / 2
    for servo in (first, second):
        servo.set_to_position(kp=stiffness)
        servo.ctrlrange = [_FINGER_AT_0_M, _FINGER_MAX_M]


def _finger(model: mujoco.MjSpec, side: str, finger: str, mirror: float) -> None:
    """Replace a finger's contact shapes.

    The model has a capsule around each finger that is 6 mm thicker than the tip on the inside, so
    that a jaw at its widest would take 45 mm instead of 58. Three boxes along the mesh take
    its place: knuckle, finger and pad.
    """
    import mujoco

    body = model.body(f"{side}/{finger}_finger_link")
    for geom in list(body.geoms):
        if geom.contype:
            model.delete(geom)
    # Frame of a finger: y from tip to knuckle for the left one, z towards the other finger.
    boxes = {
        "knuckle": ((0.0220, 0.0250, 0.0095), (0.0147, -0.0156, 0.0096), 0.0),
        "rod": ((0.0050, 0.0190, 0.0030), (0.0213, -0.0563, 0.0136), -0.38),
        "pad": ((0.0050, 0.0080, 0.0025), (0.0177, -0.0819, 0.0245), 0.0),
    }
    for name, (size, (x, y, z), tilt) in boxes.items():
        half = 0.5 * mirror * tilt
        body.add_geom(
            name=f"{side}/{finger}_{name}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=size,
            pos=[x, mirror * y, z],
            quat=[np.cos(half), np.sin(half), 0.0, 0.0],
            condim=4,
            friction=[1.0, 0.02, 0.0005],
            solref=[0.008, 1.0],
            **_TOUCHES,
        )


def _start_closed(model: mujoco.MjSpec, side: str, finger: str) -> None:
    """Let a finger's joint begin and end where the tips meet, in the model's own coordinate."""
    import mujoco

    body, joint = model.body(f"{side}/{finger}_finger_link"), model.joint(f"{side}/{finger}_finger")
    shift = np.empty(3)
    quat = np.asarray(body.quat, float)
    mujoco.mju_rotVecQuat(
        shift, np.asarray(joint.axis, float) * _FINGER_AT_0_M, quat / np.linalg.norm(quat)
    )
    body.pos = body.pos + shift
    joint.ref = _FINGER_AT_0_M
    joint.range = [_FINGER_AT_0_M, joint.range[1]]


FITTING = Fitting(arms={side: _arm(side) for side in ("left", "right")}, prepare=_prepare)
