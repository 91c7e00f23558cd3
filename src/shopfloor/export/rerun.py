"""An ``.rrd`` an episode: the whole of it on one timeline, to be scrubbed in the Rerun viewer.

Why a file an episode: a recording is what Rerun's viewer lists and what its catalogue takes as a
segment of a data set, and a file has its index at the end for one recording. Recordings laid end
to end in one file can be played but no longer be looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.errors import UsageError
from shopfloor.export.choice import Chosen
from shopfloor.export.extra import need
from shopfloor.export.job import Options, Tell, Written
from shopfloor.export.layout import entity, layout
from shopfloor.export.part import part_shape
from shopfloor.export.robot import Poses, Shape, z_axis
from shopfloor.export.scene import Film
from shopfloor.export.stage import Stage, Staging
from shopfloor.export.story import TOPICS, states, story

__all__ = ["write"]

_APPLICATION = "shopfloor"
_DONE, _ASKED = (70, 160, 255), (255, 160, 40)
_STATION = (120, 130, 140)


def write(chosen: Sequence[Chosen], out: Path, options: Options, tell: Tell) -> Written:
    """Write one ``.rrd`` for each episode.

    Raises:
        UsageError: The extra ``export`` is not installed, or another codec was asked for.
        RunCorrupt: An episode is damaged.
        OSError: The disk cannot take it.
    """
    rr = need("rerun", "rerun")
    staging = Staging(chosen, options)
    frames = 0
    with _strict(rr):
        for done, stage in enumerate(staging, 1):
            (out / f"{stage.stem}.rrd").write_bytes(_Recording(rr, stage).bytes(options))
            frames += sum(len(film.packets) for film in stage.scene.films)
            tell(done, len(chosen))
    return Written(out, len(chosen), frames, notes=staging.notes)


@contextmanager
def _strict(rr: Any) -> Iterator[None]:
    """Have the library raise what it would otherwise only warn of."""
    before = rr.strict_mode()
    rr.set_strict_mode(True)
    try:
        yield
    finally:
        rr.set_strict_mode(before)


class _Recording:
    """One episode as a recording of Rerun's, in memory: so a full disk is ours to notice."""

    def __init__(self, rr: Any, stage: Stage) -> None:
        self._rr = rr
        self._stage = stage
        self._scene = stage.scene
        self._to = rr.RecordingStream(
            _APPLICATION, recording_id=stage.stem, send_properties=False, default_enabled=True
        )

    def bytes(self, options: Options) -> bytes:
        """Return the whole file."""
        rr = self._rr
        if not rr.is_enabled(self._to):
            raise UsageError(
                "the Rerun SDK is switched off by the environment variable RERUN, and would write "
                "empty files; unset RERUN and try again"
            )
        memory = self._to.memory_recording()
        try:
            self._about()
            self._still()
            self._robot()
            for film in self._scene.films:
                self._film(film)
            self._numbers()
            self._happenings()
            if options.truth:
                self._truth()
            self._to.send_blueprint(
                layout(rr, self._scene, truth=options.truth), make_active=False, make_default=True
            )
            data: bytes = memory.drain_as_bytes()
        finally:
            self._to.disconnect()
        return data

    def _about(self) -> None:
        """What the episode is, as properties that a viewer lists."""
        rr, entry = self._rr, self._scene.episode.entry
        self._to.send_recording_name(f"{self._stage.stem} {'good' if entry.good else entry.code}")
        run = self._stage.chosen.run
        values = {
            "run": run.path.name,
            "lot": entry.lot,
            "order": entry.order,
            "instruction": entry.instruction,
            "good": entry.good,
            "code": entry.code or "",
            "seed": entry.seed,
            "start_s": self._scene.start * self._scene.control_dt,
            "cell": run.manifest.cell,
            "body": run.manifest.body,
            "brain": run.manifest.brain,
            "limits": run.manifest.limits,
            "log_sha256": entry.log_sha256,
        }
        self._to.send_property("episode", rr.AnyValues(**values))

    def _static(self, path: str, *what: Any) -> None:
        self._to.log(entity(self._rr, path), *what, static=True, strict=True)

    def _columns(self, path: str, ticks: npt.ArrayLike, *columns: Any) -> None:
        rr = self._rr
        times = [
            rr.TimeColumn("tick", sequence=np.asarray(ticks, np.int64)),
            rr.TimeColumn("time", duration=self._scene.seconds(ticks)),
        ]
        flat = [column for group in columns for column in group]
        self._to.send_columns(entity(self._rr, path), times, flat, strict=True)

    def _still(self) -> None:
        """What stands where it stands."""
        rr = self._rr
        self._static("/", rr.ViewCoordinates.RIGHT_HAND_Z_UP)
        for station in self._scene.stations:
            (x, y, z), size = station.center_m, np.array(station.size_m)
            self._static(
                f"stations/{station.name}",
                rr.Boxes3D(
                    centers=[(x, y, z + size[2] / 2)],
                    half_sizes=[size / 2],
                    colors=[_STATION],
                    labels=[station.name],
                ),
            )
        for name, limb in self._scene.limbs.items():
            base = limb.base_in_world
            self._static(
                f"base/{name}",
                rr.Transform3D(translation=base[:3, 3], mat3x3=base[:3, :3]),
                rr.TransformAxes3D(0.1),
            )

    def _robot(self) -> None:
        """Links, tools, and the way of each tool as it was asked for and as it went."""
        robot, scene = self._stage.robot, self._scene
        if robot is None:
            return
        ticks = scene.ticks["tick"]
        links, tools = robot.poses(scene.ticks)
        _, asked = robot.poses(scene.ticks, "requested")
        for k, link in enumerate(robot.links):
            path = f"robot/{link.name}"
            self._moves(path, ticks, links, k)
            for place, shape in enumerate(link.shapes):
                self._shape(f"{path}/{place}", shape)
        for name, tool in tools.items():
            self._moves(f"tool/{name}", ticks, tool, 0)
            self._static(f"tool/{name}", self._rr.TransformAxes3D(0.06))
            self._way(f"path/{name}/done", ticks, tool, _DONE)
            self._way(f"path/{name}/requested", ticks, asked[name], _ASKED)

    def _moves(self, path: str, ticks: npt.ArrayLike, poses: Poses, k: int) -> None:
        columns = self._rr.Transform3D.columns(
            translation=poses.position_m[:, k], quaternion=poses.quat[:, k][:, [1, 2, 3, 0]]
        )
        self._columns(path, ticks, columns)

    def _way(
        self, path: str, ticks: npt.NDArray[Any], tool: Poses, colour: tuple[int, int, int]
    ) -> None:
        """Each tick's step as a line of its own: the viewer shows those of the last seconds."""
        at = tool.position_m[:, 0]
        steps = np.stack([at[:-1], at[1:]], axis=1)
        there = np.isfinite(steps).all(axis=(1, 2))
        if there.any():
            self._columns(
                path, ticks[1:][there], self._rr.LineStrips3D.columns(strips=list(steps[there]))
            )
            self._static(path, self._rr.LineStrips3D.from_fields(colors=[colour], radii=[0.002]))

    def _shape(self, path: str, shape: Shape) -> None:
        rr = self._rr
        colour = [round(255 * c) for c in shape.rgba]
        if shape.kind == "mesh":
            self._static(
                path,
                rr.Transform3D(translation=shape.position_m, quaternion=shape.quat[[1, 2, 3, 0]]),
                rr.Mesh3D(
                    vertex_positions=shape.vertices,
                    triangle_indices=shape.faces,
                    albedo_factor=colour,
                ),
            )
            return
        radius, _, half = shape.half_m
        turned = {"quaternions": [shape.quat[[1, 2, 3, 0]]], "colors": [colour]}
        solid = {**turned, "fill_mode": "solid"}
        if shape.kind == "capsule":
            # Rerun's begins where MuJoCo's has one end of its axis.
            begin = shape.position_m - half * z_axis(shape.quat)
            what = rr.Capsules3D(lengths=[2 * half], radii=[radius], translations=[begin], **solid)
        elif shape.kind == "cylinder":
            what = rr.Cylinders3D(
                lengths=[2 * half], radii=[radius], centers=[shape.position_m], **solid
            )
        else:
            kind = rr.Boxes3D if shape.kind == "box" else rr.Ellipsoids3D
            what = kind(half_sizes=[shape.half_m], centers=[shape.position_m], **solid)
        self._static(path, what)

    def _film(self, film: Film) -> None:
        """A camera and its pictures, as the packets that were recorded."""
        rr, lens = self._rr, film.intrinsics
        path = f"{'views' if film.views else 'cameras'}/{film.camera}"
        self._static(
            path,
            rr.Transform3D(
                translation=film.camera_in_world[:3, 3], mat3x3=film.camera_in_world[:3, :3]
            ),
            rr.Pinhole(
                focal_length=(lens.fx, lens.fy),
                principal_point=(lens.cx, lens.cy),
                resolution=(lens.width, lens.height),
                camera_xyz=rr.ViewCoordinates.RDF,
                image_plane_distance=0.2,
            ),
        )
        if film.packets:
            self._static(path, rr.VideoStream(codec=rr.VideoCodec.H264))
            self._columns(
                path,
                film.ticks,
                rr.VideoStream.columns(
                    sample=[packet.data for packet in film.packets],
                    is_keyframe=[packet.key for packet in film.packets],
                ),
            )

    def _numbers(self) -> None:
        """What a limb's own sensors said, as curves."""
        rr, table = self._rr, self._scene.ticks
        ticks = table["tick"]
        for name, limb in self._scene.limbs.items():
            wrench = table[f"{name}.wrench"]
            curves = {
                "position": (table[f"{name}.q"], limb.joints),
                "velocity": (table[f"{name}.qd"], limb.joints),
                "force": (wrench[:, :3], [f"{name} {axis}" for axis in "xyz"]),
                "torque": (wrench[:, 3:], [f"{name} {axis}" for axis in "xyz"]),
                "jaw": (
                    np.stack([table[f"{name}.{c}"] for c in ("jaw_m", "applied_jaw_m")], axis=1),
                    [f"{name} measured", f"{name} applied"],
                ),
            }
            for what, (values, names) in curves.items():
                path = f"sensors/{name}/{what}"
                columns = rr.Scalars.columns(scalars=np.ascontiguousarray(values).ravel())
                lengths = np.full(len(values), values.shape[1])
                self._columns(path, ticks, columns.partition(lengths))
                self._static(path, rr.SeriesLines(names=list(names)))

    def _happenings(self) -> None:
        """Who said and did what, line by line, and what lasted."""
        rr = self._rr
        lines = story(self._scene)
        for topic in TOPICS:
            if said := [line for line in lines if line.topic == topic]:
                self._columns(
                    f"log/{topic}",
                    [line.tick for line in said],
                    rr.TextLog.columns(
                        text=[line.text for line in said], level=[line.level for line in said]
                    ),
                )
        for lane, changes in states(self._scene).items():
            if changes:
                self._columns(
                    f"state/{lane}",
                    [tick for tick, _ in changes],
                    rr.StateChange.columns(state=[state for _, state in changes]),
                )

    def _truth(self) -> None:
        """What only the simulator knows."""
        table = self._scene.episode.truth()
        if table is None:
            return
        parts: Sequence[Mapping[str, Any]] = self._scene.lot["parts"]
        for k, part in enumerate(parts):
            path = f"truth/parts/{part['id']}"
            self._moves(path, table["tick"], Poses(table["position"], table["quat"]), k)
            self._shape(f"{path}/0", part_shape(part))
        self._columns(
            "truth/collision_n",
            table["tick"],
            self._rr.Scalars.columns(scalars=table["collision_n"]),
        )
