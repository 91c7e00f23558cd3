"""Looks at a cell's pictures: their shapes, their rate, and whether they show what is there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopfloor.testing.clause import Clause
from shopfloor.testing.slack import Slack
from shopfloor.types import (
    CellSpec,
    FloatArray,
    Frame,
    Intrinsics,
    Lot,
    Observation,
    Part,
    Station,
    Truth,
    UInt8Array,
)

__all__ = ["Pictures", "check_lens"]

_BEHIND_M, _BEFORE_M = 0.005, 0.06
_SEEN = 0.5
"""Share of the parts that each camera must show; arms may hide the others."""
_LEADS: Mapping[str, str] = {
    "red": "r>g r>b",
    "orange": "r>g g>b",
    "yellow": "r>b g>b",
    "green": "g>r g>b",
    "blue": "b>r b>g",
    "purple": "r>g b>g",
}
"""Which channels lead in a picture of each colour."""


def check_lens(clause: Clause, lens: Intrinsics, what: str) -> None:
    """A lens must be one of a picture in pixels."""
    clause.holds(
        lens.width > 0 and lens.height > 0, f"the {what} is {lens.width} x {lens.height} px"
    )
    for axis, size in (("fx", lens.width), ("fy", lens.height)):
        # Fields of view from 5 to 170 degrees; focal lengths in mm fall out of that.
        clause.number(getattr(lens, axis), 0.04 * size, 12 * size, f"{axis} of the {what}", "px")
    clause.holds(
        0 < lens.cx < lens.width and 0 < lens.cy < lens.height,
        f"the {what} has its centre ({lens.cx:g}, {lens.cy:g}) outside the picture",
    )


class Pictures:
    """The pictures of one lot, in their order."""

    def __init__(self, spec: CellSpec, lot: Lot, slack: Slack) -> None:
        self.slack = slack
        self.spec, self.lot = spec, lot
        self.last: dict[str, Frame] = {}

    def check_first(self, observation: Observation, truth: Truth | None) -> None:
        """The first frames, closely."""
        for name, frame in observation.frames.items():
            Clause("cell.frames.rate").holds(
                frame.seq == 0 and frame.captured_tick == 0,
                f"the first frame of {name!r} has seq {frame.seq} and is of tick "
                f"{frame.captured_tick}; both must be 0",
            )
            self.check_sight(frame, truth)
        self._check_stations(observation.stations)

    def check_stream(self, frames: Mapping[str, Frame], tick: int) -> None:
        """The newest frame of each camera at a tick."""
        Clause("cell.frames").keys(frames, self.spec.cameras, "frames")
        for name, frame in frames.items():
            self._check_newest(name, frame, tick)

    def _check_newest(self, name: str, frame: Frame, tick: int) -> None:
        clause, camera = Clause("cell.frames.rate"), self.spec.cameras[name]
        Clause("cell.frames").holds(
            frame.camera == name, f"frames[{name!r}] is of camera {frame.camera!r}"
        )
        late = tick - frame.captured_tick
        clause.holds(
            0 <= late < 2 * camera.period_ticks,
            f"at tick {tick} the newest frame of {name!r} is of tick {frame.captured_tick}; one is "
            f"due every {camera.period_ticks} ticks",
        )
        old = self.last.get(name)
        if old is not None and old.seq == frame.seq:
            clause.holds(old is frame or old.captured_tick == frame.captured_tick,
                         f"two frames of {name!r} have seq {frame.seq}")  # fmt: skip
            return
        if old is not None:
            clause.holds(
                frame.seq == old.seq + 1, f"after frame {old.seq} of {name!r} comes {frame.seq}"
            )
            gap = frame.captured_tick - old.captured_tick
            clause.holds(
                gap == camera.period_ticks,
                f"between frames {old.seq} and {frame.seq} of {name!r} lie {gap} ticks; the period "
                f"is {camera.period_ticks}",
            )
        self.last[name] = frame
        Clause("cell.frames").holds(
            frame.intrinsics == camera.stream,
            f"a stream frame of {name!r} has other intrinsics than CameraSpec.stream",
        )
        self.check_frame(frame)

    def check_frame(self, frame: Frame) -> None:
        """What every frame must be, stream or view."""
        clause, lens = Clause("cell.frames"), frame.intrinsics
        what = f"of {frame.camera!r}"
        pixels = clause.array(
            frame.pixels, (lens.height, lens.width, 3), f"pixels {what}", kind="u"
        )
        clause.holds(pixels.dtype == np.uint8, f"pixels {what} are {pixels.dtype}, not uint8")
        clause.holds(pixels.std() > 1.0, f"the picture {what} is blank")
        clause.pose(frame.camera_in_world, f"camera_in_world {what}")
        if frame.depth is None:
            return
        depth = clause.array(frame.depth, (lens.height, lens.width), f"depth {what}", finite=False)
        clause.holds(depth.dtype == np.float32, f"depth {what} is {depth.dtype}, not float32")
        clause = Clause("cell.frames.depth")
        clause.holds(np.isfinite(depth).all(), f"depth {what} is not finite everywhere")
        lost, most = float((depth == 0).mean()), self.slack.lost
        least = float(depth.min())
        clause.holds(
            least > 0 or (least == 0 and lost <= most),
            f"depth {what} is {least:g} m somewhere, and {100 * lost:.1f} % of it 0; above 0"
            + (f", or 0 in at most {100 * most:.1f} %" if most else ""),
        )

    def check_sight(self, frame: Frame, truth: Truth | None) -> None:
        """Where the truth has a part, the picture must show that part, or something before it."""
        if truth is None or not len(truth.position):
            return
        clause = Clause("cell.frames.true")
        inside, seen, coloured = 0, 0, 0
        for part, at in zip(self.lot.parts, truth.position, strict=True):
            x, y, z = frame.camera_in_world[:3, :3].T @ (at - frame.camera_in_world[:3, 3])
            lens = frame.intrinsics
            if z <= 0:
                continue
            column, row = int(lens.fx * x / z + lens.cx), int(lens.fy * y / z + lens.cy)
            if not (0 <= column < lens.width and 0 <= row < lens.height):
                continue
            inside += 1
            if frame.depth is not None:
                reads = float(frame.depth[row, column])
                clause.holds(
                    reads <= z + _BEHIND_M + self.slack.depth_m(z),
                    f"{frame.camera!r} sees {reads:.3f} m far where part {part.id!r} is {z:.3f} m "
                    "away: pose, intrinsics, depth or the order of the rows is wrong",
                )
                if reads == 0:
                    inside -= 1  # nothing was measured there, so nothing is told of it
                    continue
                if reads < z - _BEFORE_M - self.slack.depth_m(z):
                    continue
            seen += 1
            r = self.slack.aside_px(frame, z)
            near = frame.pixels[max(row - r, 0) : row + r + 1, max(column - r, 0) : column + r + 1]
            coloured += any(_looks(part, rgb) for rgb in near.reshape(-1, 3))
        clause.holds(inside == 0 or seen >= _SEEN * inside,
                     f"{frame.camera!r} shows {seen} of {inside} parts at their depth")  # fmt: skip
        clause.holds(
            coloured >= _SEEN * seen,
            f"where {frame.camera!r} shows {seen} parts, {coloured} have their colour: are the "
            "channels RGB and the rows from the top?",
        )

    def _check_stations(self, stations: Mapping[str, Station]) -> None:
        clause = Clause("cell.stations")
        lost = [tote for tote in self.lot.totes if tote not in stations]
        clause.holds(not lost, f"totes {lost} of the lot are no stations of the cell")
        for name, station in stations.items():
            clause.holds(station.name == name, f"station {name!r} calls itself {station.name!r}")
            clause.holds(min(station.size_m) > 0, f"station {name!r} has the size {station.size_m}")
            clause.holds(
                any(_sees(camera.native, camera.camera_in_world, station)
                    for camera in self.spec.cameras.values()),
                f"no camera sees the whole floor of station {name!r}",
            )  # fmt: skip


def _looks(part: Part, rgb: UInt8Array) -> bool:
    value = dict(zip("rgb", (int(c) for c in rgb), strict=True))
    return all(value[a] > value[b] for a, b in (p.split(">") for p in _LEADS[part.colour].split()))


def _sees(lens: Intrinsics, camera_in_world: FloatArray, station: Station) -> bool:
    half = np.array(station.size_m[:2]) / 2
    corners = np.array([[a, b, 0.0] for a in (-1, 1) for b in (-1, 1)]) * [*half, 0.0]
    seen = (corners + station.center_m - camera_in_world[:3, 3]) @ camera_in_world[:3, :3]
    if seen[:, 2].min() <= 0:
        return False
    u = lens.fx * seen[:, 0] / seen[:, 2] + lens.cx
    v = lens.fy * seen[:, 1] / seen[:, 2] + lens.cy
    return bool(u.min() >= 0 and u.max() <= lens.width and v.min() >= 0 and v.max() <= lens.height)
