"""A body on an empty floor, lit and framed, for a picture of it."""

from __future__ import annotations

import mujoco
import numpy as np

from shopfloor.body.contract import Body
from shopfloor.body.menagerie import Menagerie
from shopfloor.errors import SpecMismatch
from shopfloor.types import FloatArray, UInt8Array

__all__ = ["CAMERA", "png", "stage"]

CAMERA = "portrait"
"""Name of the one camera."""

_FOVY_DEG = 32.0
_MARGIN = 1.06
_FLOOR_RGBA = (0.93, 0.93, 0.92, 1.0)
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


def stage(
    body: Body | Menagerie, *, azimuth_deg: float, elevation_deg: float, width: int, height: int
) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """Put a body on a floor and a camera in front of it that sees all of it.

    Args:
        body: Anything that can be attached; with limbs it stands at home, jaws half open.
        azimuth_deg: Direction in which the camera looks, about the vertical; 90 looks along y.
        elevation_deg: Its slope; below 0 it looks down.
        width, height: Size of the picture [px].
    """
    scene = mujoco.MjSpec()
    scene.compiler.degree = False
    scene.visual.quality.shadowsize = 0
    scene.visual.quality.offsamples = 0
    scene.visual.global_.offwidth, scene.visual.global_.offheight = width, height
    scene.visual.headlight.ambient = [0.34] * 3
    scene.visual.headlight.diffuse = [0.30] * 3
    scene.visual.headlight.specular = [0.05] * 3
    for direction, level in (([0.5, 0.8, -1.0], 0.55), ([-0.8, 0.2, -0.5], 0.20)):
        scene.worldbody.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            dir=direction,
            diffuse=[level] * 3,
            specular=[0.15] * 3,
            castshadow=False,
        )
    scene.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 1],
        rgba=_FLOOR_RGBA,
        contype=0,
        conaffinity=0,
    )
    scene.worldbody.add_camera(name=CAMERA, fovy=_FOVY_DEG)
    body.attach(scene)
    model = scene.compile()
    data = mujoco.MjData(model)
    _stand(model, data, body)
    mujoco.mj_kinematics(model, data)
    seen = _outline(model, data)
    model.geom("floor").pos[2] = min(float(seen[:, 2].min()), 0.0)
    _frame(model, seen, np.radians(azimuth_deg), np.radians(elevation_deg), width / height)
    mujoco.mj_forward(model, data)
    return model, data


def png(pixels: UInt8Array, shrink: int) -> bytes:
    """Encode ``(H, W, 3)`` RGB as PNG, ``shrink`` times smaller on each side and smoother."""
    import cv2

    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(
        ".png", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    return bytes(data)


def _stand(model: mujoco.MjModel, data: mujoco.MjData, body: Body | Menagerie) -> None:
    """Joints at home, or as in the model's first keyframe."""
    stance = body.stance() if isinstance(body, Menagerie) else {}
    for joint, value in stance.items():
        start = model.joint(joint).qposadr[0]
        data.qpos[start : start + len(value)] = value
    try:
        limbs = body.spec.limbs
    except SpecMismatch:  # nothing but a model: fine to look at
        return
    for name, limb in limbs.items():
        names = body.models[name]
        for joint, angle in zip(names.joints, limb.q_home, strict=True):
            data.joint(joint).qpos[0] = angle
        for joint in names.jaw_joints:
            half = (0.5 * limb.jaw_max_m - names.jaw_offset_m) / names.jaw_gain
            data.joint(joint).qpos[0] = half


def _outline(model: mujoco.MjModel, data: mujoco.MjData) -> FloatArray:
    """``(n, 3)`` corners in the world [m] of the boxes around all that is drawn."""
    drawn = np.flatnonzero(
        (model.geom_group < 3) & (model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE)
    )
    turn = data.geom_xmat[drawn].reshape(-1, 3, 3)
    box = model.geom_aabb[drawn]
    corners = box[:, None, :3] + _CORNERS * box[:, None, 3:]
    corners = np.einsum("nij,nkj->nki", turn, corners) + data.geom_xpos[drawn][:, None]
    return np.asarray(corners.reshape(-1, 3))


def _frame(
    model: mujoco.MjModel, seen: FloatArray, azimuth: float, elevation: float, aspect: float
) -> None:
    """Move the camera to the nearest place from which all points are in the picture."""
    forward = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    up = np.cross(right, forward)
    tall = np.tan(np.radians(_FOVY_DEG) / 2) / _MARGIN
    axes = ((right, tall * aspect), (up, tall))
    # A point is inside one edge of the picture if |offset| <= slope * depth: from the two points
    # that bind on each axis follow where the camera stands across, and how far back.
    depth = seen @ forward
    back, across = np.inf, np.zeros(3)
    for axis, slope in axes:
        offset = seen @ axis
        high = float((offset / slope - depth).max())
        low = float((-offset / slope - depth).max())
        across += axis * slope * (high - low) / 2
        back = min(back, -(high + low) / 2)
    position = across + forward * back
    model.cam_pos[0] = position
    rotation = np.stack([right, up, -forward], axis=1)  # MuJoCo looks along -z
    mujoco.mju_mat2Quat(model.cam_quat[0], np.ascontiguousarray(rotation).ravel())
    reach = float((depth - back).max())
    model.stat.extent = 1.0
    model.vis.map.znear = max(0.02, 0.3 * float((depth - back).min()))
    model.vis.map.zfar = 40.0 * reach
