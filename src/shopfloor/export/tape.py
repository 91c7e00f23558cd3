"""One episode as an MCAP file: its topics, each in the order of time.

``log_time`` is the shift's virtual clock [ns], so that episodes that are opened together lie one
after the other as they were worked.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from foxglove_schemas_protobuf.FrameTransforms_pb2 import FrameTransforms
from foxglove_schemas_protobuf.JointStates_pb2 import JointStates
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate
from mcap.writer import CompressionType, Writer
from mcap_protobuf.schema import register_schema

from shopfloor import __version__
from shopfloor.export import foxglove
from shopfloor.export.part import part_shape
from shopfloor.export.robot import Poses, quats_of
from shopfloor.export.scene import Film, Scene
from shopfloor.export.stage import Stage
from shopfloor.export.story import TOPICS, states, story
from shopfloor.record import SOURCES, VERDICTS
from shopfloor.record.episode import EPISODE_FILE
from shopfloor.types import FloatArray

__all__ = ["write_tape"]

_DONE, _ASKED = (0.27, 0.63, 1.0, 1.0), (1.0, 0.63, 0.16, 1.0)

Message = tuple[int, int, bytes]
"""``log_time`` [ns], channel, data."""


def write_tape(file: BinaryIO, stage: Stage, *, truth: bool) -> None:
    """Write an episode into an open file.

    Raises:
        OSError: The disk cannot take it.
    """
    # Against Zstandard a fifth larger and written an eighth faster (bench export).
    writer = Writer(file, compression=CompressionType.LZ4)
    writer.start(profile="", library=f"shopfloor {__version__}")
    tape = _Tape(writer, stage)
    topics = [*tape.still(), *tape.moving(), *tape.sensed(), *tape.seen(), *tape.told()]
    if truth:
        topics += tape.truth()
    for now_ns, channel, data in heapq.merge(*topics):
        writer.add_message(channel, log_time=now_ns, publish_time=now_ns, data=data)
    entry, run = stage.scene.episode.entry, stage.chosen.run
    writer.add_metadata("manifest", _texts(run.manifest.to_json()))
    writer.add_metadata("episode", _texts({"run": run.path.name, **entry.to_json()}))
    record = (stage.scene.episode.path / EPISODE_FILE).read_bytes()
    begin = stage.scene.clock_ns(0)
    writer.add_attachment(begin, begin, EPISODE_FILE, "application/json", record)
    writer.finish()  # type: ignore[no-untyped-call] # the library leaves it out


class _Tape:
    """Makes the topics of one episode; each is an iterator in the order of time."""

    def __init__(self, writer: Writer, stage: Stage) -> None:
        self._writer = writer
        self._stage = stage
        self._scene: Scene = stage.scene
        table = self._scene.ticks
        self._clock = [self._scene.clock_ns(tick) for tick in table["tick"].tolist()]
        self._first = self._clock[0] if self._clock else self._scene.clock_ns(0)
        self._schemas: dict[str, int] = {}

    def still(self) -> Iterator[Iterator[Message]]:
        """What stands where it stands: bases and cameras, stations, shapes of links."""
        scene = self._scene
        frames: dict[str, FloatArray] = {
            f"base/{name}": limb.base_in_world for name, limb in scene.limbs.items()
        } | {_frame(film): film.camera_in_world for film in scene.films}
        poses = np.array(list(frames.values())).reshape(-1, 4, 4)
        placed = foxglove.Transforms(tuple(frames)).at(
            self._first, poses[:, :3, 3], quats_of(poses[:, :3, :3])
        )
        yield self._once("/tf/static", FrameTransforms, placed)
        boxes = foxglove.scene([foxglove.station(each) for each in scene.stations], self._first)
        yield self._once("/stations", SceneUpdate, boxes.SerializeToString())
        if (robot := self._stage.robot) is not None:
            solids = [foxglove.solid(link.name, link.name, link.shapes) for link in robot.links]
            shown = foxglove.scene(solids, self._first)
            yield self._once("/robot", SceneUpdate, shown.SerializeToString())

    def moving(self) -> Iterator[Iterator[Message]]:
        """Where the links and tools are, and the tools' ways as asked for and as they went."""
        if (robot := self._stage.robot) is None:
            return
        links, tools = robot.poses(self._scene.ticks)
        _, asked = robot.poses(self._scene.ticks, "requested")
        names = [link.name for link in robot.links]
        kept = [k for k, name in enumerate(names) if name != foxglove.WORLD]
        parts = [Poses(links.position_m[:, kept], links.quat[:, kept]), *tools.values()]
        frames = [*(names[k] for k in kept), *(f"tool/{name}" for name in tools)]
        yield self._transforms("/tf", frames, _beside(parts))
        ways = [
            foxglove.way(f"{what}/{name}", poses[name].position_m[:, 0], colour)
            for what, poses, colour in (("done", tools, _DONE), ("requested", asked, _ASKED))
            for name in poses
        ]
        shown = foxglove.scene(ways, self._first)
        yield self._once("/path", SceneUpdate, shown.SerializeToString())

    def sensed(self) -> Iterator[Iterator[Message]]:
        """What the limbs' own sensors said, what was asked of them, and what was let through."""
        table, limbs = self._scene.ticks, self._scene.limbs
        for topic, position, jaw, speed in (
            ("/joints", "q", "jaw_m", "qd"),
            ("/joints/requested", "requested", "requested_jaw_m", None),
            ("/joints/applied", "applied", "applied_jaw_m", None),
        ):
            yield self._joints(topic, position, jaw, speed)
        yield self._rows("/wrench", {name: table[f"{name}.wrench"] for name in limbs})
        source, verdict = (
            _named(names, table[column])
            for column, names in (("source", SOURCES), ("verdict", VERDICTS))
        )
        channel = self._json("/control", {"source": "string", "verdict": "string"})
        states = list(zip(source, verdict, strict=True))
        yield iter(
            [
                (self._clock[k], channel, _json({"source": state[0], "verdict": state[1]}))
                for k, state in enumerate(states)
                if not k or state != states[k - 1]
            ]
        )

    def seen(self) -> Iterator[Iterator[Message]]:
        """Pictures as they were recorded, and their cameras."""
        for film in self._scene.films:
            topic = f"/camera/{film.camera}{'/views' if film.views else ''}"
            lens = foxglove.calibration(film.intrinsics, _frame(film), self._first)
            yield self._once(f"{topic}/calibration", CameraCalibration, lens.SerializeToString())
            if film.packets:
                yield self._video(f"{topic}/video", film)

    def told(self) -> Iterator[Iterator[Message]]:
        """What happened: a line for the log panel, and in full; and what lasted."""
        lines = story(self._scene)
        times = [self._scene.clock_ns(line.tick) for line in lines]
        channel = self._protobuf("/log", Log)
        yield iter(
            [
                (now, channel, foxglove.log(line, now).SerializeToString())
                for now, line in zip(times, lines, strict=True)
            ]
        )
        for topic in TOPICS:
            told = [(now, x) for now, x in zip(times, lines, strict=True) if x.topic == topic]
            if told:
                channel = self._json(f"/{topic}", {"text": "string", "level": "string"})
                yield iter(
                    [
                        (now, channel, _json({"text": x.text, "level": x.level, **x.data}))
                        for now, x in told
                    ]
                )
        for lane, changes in states(self._scene).items():
            if changes:
                channel = self._json(f"/state/{lane}", {"state": "string"})
                clock = self._scene.clock_ns
                yield iter([(clock(t), channel, _json({"state": s})) for t, s in changes])

    def truth(self) -> Iterator[Iterator[Message]]:
        """What only the simulator knows."""
        table = self._scene.episode.truth()
        if table is None:
            return
        parts: Sequence[Mapping[str, Any]] = self._scene.lot["parts"]
        frames = [f"truth/{part['id']}" for part in parts]
        solids = [
            foxglove.solid(frame, frame, [part_shape(part)])
            for frame, part in zip(frames, parts, strict=True)
        ]
        shown = foxglove.scene(solids, self._first)
        yield self._once("/truth/parts", SceneUpdate, shown.SerializeToString())
        clock = [self._scene.clock_ns(tick) for tick in table["tick"].tolist()]
        poses = Poses(table["position"], table["quat"])
        yield self._transforms("/truth/tf", frames, poses, clock)
        forces = {"collision_n": table["collision_n"], "speed": table["speed"]}
        jaws = {
            f"{name}_jaw_open": table[f"{name}.jaw_open"].astype(bool) for name in self._scene.limbs
        }
        yield self._rows("/truth/state", forces | jaws, clock)

    def _once(self, topic: str, schema: type[Any], data: bytes) -> Iterator[Message]:
        return iter([(self._first, self._protobuf(topic, schema), data)])

    def _transforms(
        self, topic: str, frames: Sequence[str], poses: Poses, clock: Sequence[int] | None = None
    ) -> Iterator[Message]:
        channel = self._protobuf(topic, FrameTransforms)
        fill = foxglove.Transforms(frames)
        known = np.isfinite(poses.position_m[:, 0, 0])  # of a tick all are, or none
        times = self._clock if clock is None else clock
        for now, there, at, turned in zip(times, known, poses.position_m, poses.quat, strict=True):
            if there:
                yield now, channel, fill.at(now, at, turned)

    def _joints(self, topic: str, position: str, jaw: str, speed: str | None) -> Iterator[Message]:
        """All limbs' joints and jaws, from these columns of the log."""
        channel = self._protobuf(topic, JointStates)
        table, limbs = self._scene.ticks, self._scene.limbs
        names = [joint for limb in limbs.values() for joint in limb.joints]
        fill = foxglove.Joints([*names, *(f"{name}/jaw" for name in limbs)])
        at = np.column_stack([table[f"{name}.{c}"] for c in (position, jaw) for name in limbs])
        known = np.isfinite(at).all(axis=1)
        speeds = np.empty((len(at), 0))
        if speed is not None:
            speeds = np.column_stack([table[f"{name}.{speed}"] for name in limbs])
        for now, there, row, fast in zip(self._clock, known, at, speeds, strict=True):
            if there:  # what a brain asks for need not fit the body; then there is nothing to show
                yield now, channel, fill.at(now, row, fast)

    def _video(self, topic: str, film: Film) -> Iterator[Message]:
        channel = self._protobuf(topic, CompressedVideo)
        fill = foxglove.Video(_frame(film))
        for tick, packet in zip(film.ticks.tolist(), film.packets, strict=True):
            now = self._scene.clock_ns(tick)
            yield now, channel, fill.at(now, packet)

    def _rows(
        self,
        topic: str,
        columns: Mapping[str, npt.NDArray[Any] | list[str | None]],
        clock: Sequence[int] | None = None,
    ) -> Iterator[Message]:
        values = {
            name: column if isinstance(column, list) else column.tolist()
            for name, column in columns.items()
        }
        kinds = {name: _kind(column) for name, column in columns.items()}
        channel = self._json(topic, kinds)
        for now, *row in zip(
            self._clock if clock is None else clock, *values.values(), strict=True
        ):
            yield now, channel, _json(dict(zip(values, row, strict=True)))

    def _protobuf(self, topic: str, schema: type[Any]) -> int:
        name = schema.DESCRIPTOR.full_name
        if name not in self._schemas:
            self._schemas[name] = register_schema(self._writer, schema)
        return self._writer.register_channel(topic, "protobuf", self._schemas[name])

    def _json(self, topic: str, kinds: Mapping[str, str]) -> int:
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": topic.strip("/"),
            "type": "object",
            "properties": {name: {"type": [kind, "null"]} for name, kind in kinds.items()},
        }
        name = f"shopfloor.{topic.strip('/').replace('/', '.')}"
        number = self._writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
        return self._writer.register_channel(topic, "json", number)


def _frame(film: Film) -> str:
    return f"camera/{film.camera}{'/views' if film.views else ''}"


def _beside(poses: Sequence[Poses]) -> Poses:
    """Return all of them as one, side by side."""
    return Poses(
        np.concatenate([each.position_m for each in poses], axis=1),
        np.concatenate([each.quat for each in poses], axis=1),
    )


def _named(names: Sequence[str], places: npt.NDArray[Any]) -> list[str | None]:
    """Return the name for each place in ``names``; None where there is no place."""
    return [names[int(place)] if np.isfinite(place) else None for place in places]


def _kind(column: npt.NDArray[Any] | list[str | None]) -> str:
    if isinstance(column, list):
        return "string"
    if column.ndim > 1:
        return "array"
    return "boolean" if column.dtype == bool else "number"


def _reference(value: object) -> str:
    """Documents of an order are bytes, which JSON does not know: named by size and hash."""
    if isinstance(value, bytes):
        return f"[{len(value)} bytes, sha256 {sha256(value).hexdigest()}]"
    raise TypeError(f"{type(value).__name__} is no JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_reference).encode


def _json(value: Any) -> bytes:
    try:
        text = _encode(value)
    except ValueError:  # JSON knows no NaN: what was not a number is null
        text = _encode(_plain(value))
    return text.encode(errors="backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return each value as text, which is all that an MCAP's metadata may hold."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in values.items()
    }
