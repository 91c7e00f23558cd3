"""Runs lots in a cell and holds what it tells against its own specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

import numpy as np
from xxhash import xxh3_128

from shopfloor.testing.clause import Clause
from shopfloor.types import (
    Action,
    Cell,
    CellSpec,
    FloatArray,
    Frame,
    Intrinsics,
    Judge,
    LimbSpec,
    LimbState,
    Lot,
    Observation,
    OrderSource,
    Outcome,
    Part,
    Station,
    Timestep,
    Truth,
)

__all__ = ["check_cell"]

_MOVE_TICKS, _SETTLE_TICKS, _HOLD_TICKS = 30, 20, 100
_WAVE_RAD = 0.12
_FOLLOW_RAD, _FOLLOW_JAW_M = 0.02, 3e-3
_DRIFT_M = 1e-3
_TOOL_M, _TOOL_RAD = 1e-3, 5e-4
_REST_RAD_S = 0.05
_REST_N, _REST_NM = 5.0, 0.5
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


def check_cell(cell: Cell, lots: Sequence[Lot], *, repeatable: bool = True) -> None:
    """Check that a cell keeps its contract on each of some lots.

    Every limb turns its last joint a little and opens its jaw half, then the cell holds for
    100 ticks, looks, and stops; then the lot is begun again. Nothing is touched. The cell stays
    open.

    ========================  ====================================================================
    ``cell.protocol``         has ``spec``, ``reset``, ``step``, ``view``, ``hold``, ``orders``,
                              ``judge``, ``stop`` and ``close``
    ``cell.spec``             shapes and plausible SI units of every field
    ``cell.tick``             reset gives tick 0, each step one more; a lot at rest does not end
    ``cell.limbs``            all limbs, with the shapes, units and ranges of the body
    ``cell.speed``            ``qd`` is how fast ``q`` changes
    ``cell.tool``             the tool's pose is right-handed, and the body's for these joints
    ``cell.wrench``           at rest with an empty jaw the wrist feels next to nothing
    ``cell.frames``           every camera, with the pixels, depth and intrinsics it promises
    ``cell.frames.rate``      the first frame has seq 0, and no frame is left out or late
    ``cell.frames.depth``     depth is finite and positive
    ``cell.frames.true``      calibrated poses, depth and colours agree with where the parts are
    ``cell.stations``         the lot's totes are there, and some camera sees each station's floor
    ``cell.view``             a native picture of this very tick, which moves nothing
    ``cell.truth``            in the order of the lot's parts, of this tick, in plausible units
    ``cell.lot``              parts lie where the lot says, and lie still
    ``cell.obeys``            joints and jaws go where they are sent, and only those
    ``cell.hold``             holding is a whole action, and moves no tool by more than 1 mm
    ``cell.stop``             after ``stop`` every joint is at rest
    ``cell.keeps``            a step never changes an earlier timestep
    ``cell.reset``            the same lot and seed give the same frames and state, bit for bit,
                              whatever was done before
    ``cell.repeats``          and the same actions then give the same again
    ``cell.orders``           makes the lots it is asked for, the same for the same seed
    ``cell.judge``            makes a judge that can read this cell
    ========================  ====================================================================

    Args:
        cell: Ready to work.
        lots: What to try; one is enough, several see more.
        repeatable: False for a real cell, where nothing happens twice; then truth may be None
            and the clauses about repetition are left out.

    Raises:
        AssertionError: A clause is broken; the message begins with its name.
    """
    if not lots:
        raise ValueError("give at least one lot to try the cell with")
    Clause("cell.protocol").holds(
        isinstance(cell, Cell), f"{type(cell).__name__} lacks a method of shopfloor.types.Cell"
    )
    _check_spec(cell.spec)
    for lot in lots:
        trial = _Trial(cell, lot, truth=repeatable)
        first = trial.begin()
        told = [_fingerprint(first)]
        kept = [first]
        for timestep in trial.wave(first):
            told.append(_fingerprint(timestep))
            kept.append(timestep)
        trial.hold(kept[-1])
        trial.look()
        trial.check_judge(first)
        for timestep, was in zip(kept, told, strict=True):
            _unchanged(timestep, was)
        trial.stop()
        if repeatable:
            _check_again(cell, lot, told)
    _check_orders(cell)


def _check_again(cell: Cell, lot: Lot, told: Sequence[str]) -> None:
    trial = _Trial(cell, lot, truth=True)
    again = trial.begin()
    Clause("cell.reset").holds(
        _fingerprint(again) == told[0],
        f"begun again with the same seed, lot {lot.index} starts from another state or picture",
    )
    for timestep, was in zip(trial.wave(again), told[1:], strict=True):
        Clause("cell.repeats").holds(
            _fingerprint(timestep) == was,
            f"the same actions gave something else at tick {timestep.observation.tick}",
        )


def _check_spec(spec: CellSpec) -> None:
    clause = Clause("cell.spec")
    clause.holds(isinstance(spec, CellSpec), "spec is no CellSpec")
    clause.sha256(spec.sha256, "sha256")
    clause.number(spec.control_dt, 1e-4, 1.0, "control_dt", "s", hint="; are these ms?")
    clause.number(spec.changeover_s, 0.0, 86400.0, "changeover_s", "s")
    clause.holds(spec.body.limbs, "the body has no limbs")
    clause.holds(spec.cameras, "the cell has no cameras")
    for name, camera in spec.cameras.items():
        clause.holds(camera.name == name, f"camera {name!r} calls itself {camera.name!r}")
        clause.holds(
            isinstance(camera.period_ticks, int) and camera.period_ticks >= 1,
            f"camera {name!r} has period_ticks {camera.period_ticks!r}; at least 1",
        )
        clause.pose(camera.camera_in_world, f"camera_in_world of {name!r}")
        for lens, what in ((camera.stream, "stream"), (camera.native, "native")):
            _check_lens(clause, lens, f"{what} of {name!r}")


def _check_lens(clause: Clause, lens: Intrinsics, what: str) -> None:
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


class _Trial:
    """One lot, from reset on."""

    def __init__(self, cell: Cell, lot: Lot, *, truth: bool) -> None:
        self.cell, self.lot, self.spec = cell, lot, cell.spec
        self.needs_truth = truth
        self.limbs: Mapping[str, LimbSpec] = cell.spec.body.limbs
        self.seq = 0

    def begin(self) -> Timestep:
        """Reset the cell and look at the first timestep closely."""
        self.last: dict[str, Frame] = {}
        timestep = self.cell.reset(self.lot, seed=self.lot.seed)
        self._check(timestep, 0)
        for name, frame in timestep.observation.frames.items():
            Clause("cell.frames.rate").holds(
                frame.seq == 0 and frame.captured_tick == 0,
                f"the first frame of {name!r} has seq {frame.seq} and is of tick "
                f"{frame.captured_tick}; both must be 0",
            )
            self._check_sight(frame, timestep.truth)
        for name, limb in timestep.observation.limbs.items():
            fastest = float(np.abs(limb.qd).max())
            Clause("cell.limbs").holds(
                fastest < _REST_RAD_S, f"at tick 0 a joint of {name!r} moves at {fastest:.2f} rad/s"
            )
            force, torque = np.linalg.norm(limb.wrench[:3]), np.linalg.norm(limb.wrench[3:])
            Clause("cell.wrench").holds(
                force < _REST_N and torque < _REST_NM,
                f"at rest with an empty jaw the wrist of {name!r} feels {force:.1f} N and "
                f"{torque:.2f} N m; the weight of the gripper is to be taken off",
            )
        self._check_stations(timestep.observation.stations)
        self._check_lot(timestep.truth)
        return timestep

    def wave(self, first: Timestep) -> Iterator[Timestep]:
        """Turn every limb's last joint a little, open every jaw half; yields each timestep."""
        start = {name: limb.q.copy() for name, limb in first.observation.limbs.items()}
        goal = {name: q + _wave(self.limbs[name], q) for name, q in start.items()}
        jaws = {name: limb.jaw_max_m / 2 for name, limb in self.limbs.items()}
        before, now = first, first
        for i in range(1, _MOVE_TICKS + _SETTLE_TICKS + 1):
            share = 0.5 - 0.5 * np.cos(np.pi * min(i / _MOVE_TICKS, 1.0))
            targets = {name: q + share * (goal[name] - q) for name, q in start.items()}
            told = _fingerprint(now)
            after = self._step(targets, jaws, now)
            _unchanged(now, told)
            if 1 < i < _MOVE_TICKS:
                self._check_speed(before.observation, now.observation, after.observation)
            before, now = now, after
            yield after
        self._check_obeyed(now.observation.limbs, goal, jaws)

    def _step(
        self, targets: Mapping[str, FloatArray], jaws: Mapping[str, float], now: Timestep
    ) -> Timestep:
        self.seq += 1
        tick = now.observation.tick
        timestep = self.cell.step(Action(targets, dict(jaws), tick, self.seq, "person"))
        self._check(timestep, tick + 1)
        return timestep

    def _check_obeyed(
        self,
        limbs: Mapping[str, LimbState],
        goal: Mapping[str, FloatArray],
        jaws: Mapping[str, float],
    ) -> None:
        clause = Clause("cell.obeys")
        for name, limb in limbs.items():
            off = float(np.abs(limb.q - goal[name]).max())
            clause.holds(
                off < _FOLLOW_RAD,
                f"{name!r} is {off:.3f} rad from where it was sent {_SETTLE_TICKS} ticks ago",
            )
            clause.holds(
                abs(limb.jaw_m - jaws[name]) < _FOLLOW_JAW_M,
                f"the jaw of {name!r} was sent to {jaws[name] * 1000:.1f} mm and is at "
                f"{limb.jaw_m * 1000:.1f} mm",
            )

    def hold(self, now: Timestep) -> None:
        """Hold, asked anew at every tick as the loop does."""
        clause, begun = Clause("cell.hold"), now
        for _ in range(_HOLD_TICKS):
            tick = now.observation.tick
            action = self.cell.hold()
            clause.holds(isinstance(action, Action), f"hold returned a {type(action).__name__}")
            clause.keys(action.targets, self.limbs, "the targets of a hold")
            clause.keys(action.jaw_m, self.limbs, "the jaws of a hold")
            for name, target in action.targets.items():
                clause.array(target, (self.limbs[name].dof,), f"the hold of {name!r}")
            clause.holds(
                action.tick == tick and action.source == "guard",
                f"at tick {tick} the hold is of tick {action.tick} from {action.source!r}; it must "
                "be of this tick from 'guard'",
            )
            now = self.cell.step(action)
            self._check(now, tick + 1)
            for name, limb in now.observation.limbs.items():
                was = begun.observation.limbs[name]
                drift = float(np.linalg.norm((limb.tool_in_world - was.tool_in_world)[:3, 3]))
                clause.holds(
                    drift <= _DRIFT_M,
                    f"after {now.observation.tick - begun.observation.tick} ticks of holding the "
                    f"tool of {name!r} has moved by {drift * 1000:.2f} mm; at most "
                    f"{_DRIFT_M * 1000:g}",
                )
                clause.holds(
                    abs(limb.jaw_m - was.jaw_m) <= _FOLLOW_JAW_M,
                    f"while holding the jaw of {name!r} went from {was.jaw_m * 1000:.1f} to "
                    f"{limb.jaw_m * 1000:.1f} mm",
                )
        self.now = now
        self._check_lot(now.truth)

    def look(self) -> None:
        """Take native pictures; the world does not move meanwhile."""
        clause, tick = Clause("cell.view"), self.now.observation.tick
        for name, camera in self.spec.cameras.items():
            frame = self.cell.view(name)
            clause.holds(isinstance(frame, Frame), f"view returned a {type(frame).__name__}")
            clause.holds(frame.camera == name, f"asked for {name!r}, view shows {frame.camera!r}")
            clause.holds(
                frame.captured_tick == tick,
                f"the view of {name!r} is of tick {frame.captured_tick}, and it is tick {tick}",
            )
            clause.holds(
                frame.intrinsics == camera.native,
                f"the view of {name!r} is not of its native resolution",
            )
            self._check_frame(frame)
            self._check_sight(frame, self.now.truth)
            clause.holds(
                np.array_equal(self.cell.view(name).pixels, frame.pixels),
                f"two views of {name!r} in one tick differ",
            )
        after = self.cell.step(self.cell.hold())
        clause.holds(after.observation.tick == tick + 1, "looking moved the clock")
        self._check(after, tick + 1)

    def stop(self) -> None:
        """Stop in the middle of a motion; afterwards everything is at rest."""
        now = self.cell.step(self.cell.hold())
        for i in range(1, 6):
            targets = {
                name: limb.q + i / 5 * 0.5 * _wave(self.limbs[name], limb.q)
                for name, limb in now.observation.limbs.items()
            }
            jaws = {name: limb.jaw_max_m / 2 for name, limb in self.limbs.items()}
            tick = now.observation.tick + i - 1
            self.cell.step(Action(targets, jaws, tick, self.seq + i, "person"))
        self.cell.stop()
        for name, limb in self.cell.step(self.cell.hold()).observation.limbs.items():
            fastest = float(np.abs(limb.qd).max())
            Clause("cell.stop").holds(
                fastest < _REST_RAD_S,
                f"after a stop a joint of {name!r} still moves at {fastest:.2f} rad/s",
            )

    def check_judge(self, first: Timestep) -> None:
        """The cell's judge takes its first timestep."""
        clause = Clause("cell.judge")
        judge = self.cell.judge()
        clause.holds(isinstance(judge, Judge), f"judge() made a {type(judge).__name__}")
        if not self.lot.orders:
            return
        judge.reset(self.lot, self.lot.orders[0])
        said: object = judge.judge(first, ())
        clause.holds(
            said is None or isinstance(said, Outcome),
            f"the judge said {said!r}; it says None or an Outcome",
        )

    def _check(self, timestep: Timestep, tick: int) -> None:
        clause, observation = Clause("cell.tick"), timestep.observation
        clause.holds(
            observation.tick == tick, f"after tick {tick - 1} comes tick {observation.tick}"
        )
        clause.holds(
            not timestep.terminated and not timestep.truncated,
            f"the lot ended at tick {tick}, though nothing was done",
        )
        self._check_limbs(observation.limbs)
        Clause("cell.frames").keys(observation.frames, self.spec.cameras, "frames")
        for name, frame in observation.frames.items():
            self._check_stream(name, frame, tick)
        if timestep.truth is None:
            Clause("cell.truth").holds(
                not self.needs_truth, "a simulated cell tells its truth, and this is None"
            )
        else:
            self._check_truth(timestep.truth, tick)

    def _check_limbs(self, limbs: Mapping[str, LimbState]) -> None:
        clause = Clause("cell.limbs")
        clause.keys(limbs, self.limbs, "limbs")
        body = getattr(self.cell, "body", None)
        for name, limb in limbs.items():
            spec = self.limbs[name]
            clause.array(limb.q, (spec.dof,), f"q of {name!r}")
            clause.array(limb.qd, (spec.dof,), f"qd of {name!r}")
            clause.array(limb.wrench, (6,), f"wrench of {name!r}")
            clause.holds(
                np.all(limb.q >= spec.q_lower - 0.01) and np.all(limb.q <= spec.q_upper + 0.01),
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

    def _check_stream(self, name: str, frame: Frame, tick: int) -> None:
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
        self._check_frame(frame)

    def _check_frame(self, frame: Frame) -> None:
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
        clause.holds(depth.min() > 0, f"depth {what} is {depth.min():g} m somewhere; above 0")

    def _check_sight(self, frame: Frame, truth: Truth | None) -> None:
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
                    reads <= z + _BEHIND_M,
                    f"{frame.camera!r} sees {reads:.3f} m far where part {part.id!r} is {z:.3f} m "
                    "away: pose, intrinsics, depth or the order of the rows is wrong",
                )
                if reads < z - _BEFORE_M:
                    continue
            seen += 1
            coloured += _looks(part, frame.pixels[row, column])
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

    def _check_truth(self, truth: Truth, tick: int) -> None:
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

    def _check_lot(self, truth: Truth | None) -> None:
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

    def _check_speed(self, before: Observation, now: Observation, after: Observation) -> None:
        for name, limb in now.limbs.items():
            ends = before.limbs[name].q, after.limbs[name].q
            wanted = (ends[1] - ends[0]) / (2 * self.spec.control_dt)
            off = float((np.abs(limb.qd - wanted) - 0.15 * np.abs(wanted)).max())
            Clause("cell.speed").holds(
                off < 0.05,
                f"at tick {now.tick} a joint of {name!r} tells another speed than it has "
                f"({limb.qd} and {wanted} rad/s)",
            )


def _unchanged(timestep: Timestep, told: str) -> None:
    Clause("cell.keeps").holds(
        _fingerprint(timestep) == told,
        f"the timestep of tick {timestep.observation.tick} was changed by a later step",
    )


def _wave(limb: LimbSpec, q: FloatArray) -> FloatArray:
    """How far each joint turns in the trial [rad]: the last a little, away from its range's end."""
    turn = np.zeros(limb.dof)
    room = limb.q_upper[-1] - q[-1] > 2 * _WAVE_RAD
    turn[-1] = _WAVE_RAD if room else -_WAVE_RAD
    return turn


def _looks(part: Part, rgb: FloatArray) -> bool:
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


def _check_orders(cell: Cell) -> None:
    clause = Clause("cell.orders")
    first, second = (cell.orders(seed=5, count=2) for _ in range(2))
    clause.holds(isinstance(first, OrderSource), f"orders() made a {type(first).__name__}")
    clause.sha256(first.sha256, "sha256 of the orders")
    lots = list(first.lots())
    clause.holds(len(lots) == 2, f"asked for 2 lots, it made {len(lots)}")
    clause.holds(
        [lot.index for lot in lots] == [0, 1],
        f"two lots have the indices {[lot.index for lot in lots]}; they count from 0",
    )
    clause.holds(all(lot.orders for lot in lots), "a lot has no order")
    clause.holds(
        list(second.lots()) == lots and second.sha256 == first.sha256,
        "the same seed made other lots",
    )
    clause.holds(
        list(cell.orders(seed=6, count=2).lots()) != lots, "another seed made the same lots"
    )


def _fingerprint(value: object) -> str:
    """Hash of every bit that a timestep holds."""
    digest = xxh3_128()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: xxh3_128, value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value))
    elif isinstance(value, Mapping):
        for key, item in sorted(value.items()):
            digest.update(repr(key).encode())
            _feed(digest, item)
    elif is_dataclass(value):
        for field in fields(value):
            _feed(digest, getattr(value, field.name))
    else:
        digest.update(repr(value).encode())
