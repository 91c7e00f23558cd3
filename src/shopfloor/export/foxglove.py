"""Foxglove's messages, made from what was recorded.

Those that come at every tick are made once and filled anew: a protobuf object costs ten times
what its numbers do. Imported by ``tape`` alone, for it needs the extra ``export``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.FrameTransforms_pb2 import FrameTransforms
from foxglove_schemas_protobuf.JointState_pb2 import JointState
from foxglove_schemas_protobuf.JointStates_pb2 import JointStates
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.SceneEntity_pb2 import SceneEntity
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate

from shopfloor.export.packet import CODEC, Packet
from shopfloor.export.robot import Shape, z_axis
from shopfloor.export.story import Line
from shopfloor.types import FloatArray, Intrinsics, Station

__all__ = [
    "WORLD",
    "Joints",
    "Transforms",
    "Video",
    "calibration",
    "log",
    "scene",
    "solid",
    "station",
    "way",
]

WORLD = "world"
"""The frame that all others stand in."""

Rgba = tuple[float, float, float, float]

_LEVELS = {"INFO": Log.INFO, "WARN": Log.WARNING, "ERROR": Log.ERROR}
_STATION: Rgba = (0.47, 0.51, 0.55, 0.35)
_WHITE: Rgba = (1.0, 1.0, 1.0, 1.0)
_LETTER_M = 0.05
_UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


class Transforms:
    """Where frames stand in the world, one message a tick."""

    def __init__(self, frames: Sequence[str]) -> None:
        self._message = FrameTransforms(
            transforms=[FrameTransform(parent_frame_id=WORLD, child_frame_id=f) for f in frames]
        )
        self._parts = [
            (one.timestamp, one.translation, one.rotation) for one in self._message.transforms
        ]
        self._seconds: int | None = None

    def at(self, now_ns: int, position_m: FloatArray, quat: FloatArray) -> bytes:
        """Return the message for ``(k, 3)`` positions [m] and ``(k, 4)`` w, x, y, z."""
        seconds, nanos = divmod(now_ns, 1_000_000_000)
        if seconds != self._seconds:  # 22 frames make it worth the look
            self._seconds = seconds
            for stamp, _, _ in self._parts:
                stamp.seconds = seconds
        rows = zip(self._parts, position_m.tolist(), quat.tolist(), strict=True)
        for (stamp, translation, rotation), (x, y, z), (qw, qx, qy, qz) in rows:
            stamp.nanos = nanos
            translation.x, translation.y, translation.z = x, y, z
            rotation.x, rotation.y, rotation.z, rotation.w = qx, qy, qz, qw
        data: bytes = self._message.SerializeToString()
        return data


class Joints:
    """Positions and velocities of named joints, one message a tick."""

    def __init__(self, names: Sequence[str]) -> None:
        self._message = JointStates(joints=[JointState(name=name) for name in names])
        self._joints = list(self._message.joints)

    def at(self, now_ns: int, position: FloatArray, velocity: FloatArray) -> bytes:
        """Return the message for ``(k,)`` positions and ``(k,)`` or fewer velocities."""
        _stamp(self._message.timestamp, now_ns)
        for joint, value in zip(self._joints, position.tolist(), strict=True):
            joint.position = value
        for joint, value in zip(self._joints, velocity.tolist(), strict=False):
            joint.velocity = value
        data: bytes = self._message.SerializeToString()
        return data


class Video:
    """The pictures of a camera, one message a packet."""

    def __init__(self, frame: str) -> None:
        self._message = CompressedVideo(frame_id=frame, format=CODEC)

    def at(self, now_ns: int, packet: Packet) -> bytes:
        """Return the message that shows a packet."""
        _stamp(self._message.timestamp, now_ns)
        self._message.data = packet.data
        data: bytes = self._message.SerializeToString()
        return data


def calibration(lens: Intrinsics, frame: str, now_ns: int) -> CameraCalibration:
    """Return the pinhole of a camera's pictures."""
    message = CameraCalibration(
        frame_id=frame,
        width=lens.width,
        height=lens.height,
        K=[lens.fx, 0, lens.cx, 0, lens.fy, lens.cy, 0, 0, 1],
        R=[1, 0, 0, 0, 1, 0, 0, 0, 1],
        P=[lens.fx, 0, lens.cx, 0, 0, lens.fy, lens.cy, 0, 0, 0, 1, 0],
    )
    _stamp(message.timestamp, now_ns)
    return message


def log(line: Line, now_ns: int) -> Log:
    """Return a line for the log panel."""
    message = Log(level=_LEVELS[line.level], message=line.text, name=line.topic)
    _stamp(message.timestamp, now_ns)
    return message


def scene(entities: Sequence[SceneEntity], now_ns: int) -> SceneUpdate:
    """Return things that stay until the end of the file."""
    for entity in entities:
        _stamp(entity.timestamp, now_ns)
    return SceneUpdate(entities=entities)


def solid(name: str, frame: str, shapes: Sequence[Shape]) -> SceneEntity:
    """Return a rigid thing that moves with its frame."""
    entity = SceneEntity(id=name, frame_id=frame, frame_locked=True)
    for shape in shapes:
        _add(entity, shape)
    return entity


def station(box: Station) -> SceneEntity:
    """Return the box of a station, with its name above it."""
    (x, y, z), size = box.center_m, np.array(box.size_m)
    entity = SceneEntity(id=f"station/{box.name}", frame_id=WORLD, frame_locked=True)
    _add(entity, Shape("box", size / 2, np.array([x, y, z + size[2] / 2]), _UPRIGHT, _STATION))
    name = entity.texts.add(billboard=True, font_size=_LETTER_M, text=box.name)
    _pose(name.pose, np.array([x, y, z + size[2] + _LETTER_M]), _UPRIGHT)
    _colour(name.color, _WHITE)
    return entity


def way(name: str, positions: FloatArray, colour: Rgba) -> SceneEntity:
    """Return a line in the world through ``(n, 3)`` positions [m]; those not known are left out."""
    entity = SceneEntity(id=name, frame_id=WORLD, frame_locked=True)
    line = entity.lines.add(thickness=0.003)
    line.pose.orientation.w = 1.0
    _colour(line.color, colour)
    for x, y, z in positions[np.isfinite(positions).all(axis=1)].tolist():
        line.points.add(x=x, y=y, z=z)
    return entity


def _add(entity: SceneEntity, shape: Shape) -> None:
    size = (2 * shape.half_m).tolist()
    what: Any
    if shape.vertices is not None and shape.faces is not None:
        what = entity.triangles.add(indices=shape.faces.ravel().tolist())
        for x, y, z in shape.vertices.tolist():
            what.points.add(x=x, y=y, z=z)
    elif shape.kind in {"cylinder", "capsule"}:
        what = entity.cylinders.add(bottom_scale=1, top_scale=1)
        _vector(what.size, size)
    elif shape.kind == "box":
        what = entity.cubes.add()
        _vector(what.size, size)
    else:
        what = entity.spheres.add()
        _vector(what.size, size)
    _pose(what.pose, shape.position_m, shape.quat)
    _colour(what.color, shape.rgba)
    if shape.kind == "capsule":  # which Foxglove does not know: a cylinder with a ball at each end
        for end in (-1, 1):
            ball = entity.spheres.add()
            _vector(ball.size, [size[0]] * 3)
            at = shape.position_m + end * shape.half_m[2] * z_axis(shape.quat)
            _pose(ball.pose, at, shape.quat)
            _colour(ball.color, shape.rgba)


def _stamp(stamp: Any, now_ns: int) -> None:
    stamp.seconds, stamp.nanos = divmod(now_ns, 1_000_000_000)


def _vector(vector: Any, values: Sequence[float]) -> None:
    vector.x, vector.y, vector.z = values


def _pose(pose: Any, position_m: FloatArray, quat: FloatArray) -> None:
    _vector(pose.position, position_m.tolist())
    turn = pose.orientation
    turn.w, turn.x, turn.y, turn.z = quat.tolist()


def _colour(colour: Any, rgba: Rgba) -> None:
    colour.r, colour.g, colour.b, colour.a = rgba
