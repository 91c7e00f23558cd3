"""Runs lots in a cell and holds what it tells against its own specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from shopfloor.cell.noise import NoiseLevel
from shopfloor.testing.clause import Clause
from shopfloor.testing.picture import Pictures, check_lens
from shopfloor.testing.slack import Slack
from shopfloor.testing.timestep import Told, check_kept, fingerprint
from shopfloor.types import (
    Action,
    Cell,
    CellSpec,
    FloatArray,
    Frame,
    Judge,
    LimbSpec,
    LimbState,
    Lot,
    OrderSource,
    Outcome,
    Timestep,
)

__all__ = ["check_cell"]

_MOVE_TICKS, _SETTLE_TICKS, _HOLD_TICKS = 30, 20, 100
_WAVE_RAD = 0.12
_FOLLOW_RAD, _FOLLOW_JAW_M = 0.02, 3e-3
_DRIFT_M = 1e-3
_REST_RAD_S = 0.05


def check_cell(
    cell: Cell,
    lots: Sequence[Lot],
    *,
    repeatable: bool = True,
    noise: NoiseLevel | None = None,
) -> None:
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
    ``cell.frames.depth``     depth is finite and positive, or 0 where a noisy camera reads nothing
    ``cell.frames.true``      calibrated poses, depth and colours agree with where the parts are
    ``cell.stations``         the lot's totes are there, and some camera sees each station's floor
    ``cell.view``             a native picture of this very tick, which moves nothing
    ``cell.truth``            in the order of the lot's parts, of this tick, in plausible units
    ``cell.lot``              parts lie where the lot says, and lie still
    ``cell.obeys``            joints and jaws go where they are sent, only those, and say so
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

        noise: How noisy the cell's sensors are by its own account: tolerances are wider by what
            that level can do, six deviations of it, and depth may have holes.

    Raises:
        AssertionError: A clause is broken; the message begins with its name.
    """
    if not lots:
        raise ValueError("give at least one lot to try the cell with")
    Clause("cell.protocol").holds(
        isinstance(cell, Cell), f"{type(cell).__name__} lacks a method of shopfloor.types.Cell"
    )
    _check_spec(cell.spec)
    slack = Slack.of(noise, cell.spec.control_dt)
    for lot in lots:
        trial = _Trial(cell, lot, slack, truth=repeatable)
        first = trial.begin()
        told = [fingerprint(first)]
        kept = [first]
        for timestep in trial.wave(first):
            told.append(fingerprint(timestep))
            kept.append(timestep)
        trial.hold(kept[-1])
        trial.look()
        trial.check_judge(first)
        for timestep, was in zip(kept, told, strict=True):
            check_kept(timestep, was)
        trial.stop()
        if repeatable:
            _check_again(cell, lot, slack, told)
    _check_orders(cell)


def _check_again(cell: Cell, lot: Lot, slack: Slack, told: Sequence[str]) -> None:
    trial = _Trial(cell, lot, slack, truth=True)
    again = trial.begin()
    Clause("cell.reset").holds(
        fingerprint(again) == told[0],
        f"begun again with the same seed, lot {lot.index} starts from another state or picture",
    )
    for timestep, was in zip(trial.wave(again), told[1:], strict=True):
        Clause("cell.repeats").holds(
            fingerprint(timestep) == was,
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
        clause.whole(camera.period_ticks, 1, f"period_ticks of camera {name!r}")
        clause.pose(camera.camera_in_world, f"camera_in_world of {name!r}")
        for lens, what in ((camera.stream, "stream"), (camera.native, "native")):
            check_lens(clause, lens, f"{what} of {name!r}")


class _Trial:
    """One lot, from reset on."""

    def __init__(self, cell: Cell, lot: Lot, slack: Slack, *, truth: bool) -> None:
        self.slack = slack
        self.cell, self.lot, self.spec = cell, lot, cell.spec
        self.needs_truth = truth
        self.limbs: Mapping[str, LimbSpec] = cell.spec.body.limbs
        self.seq = 0

    def begin(self) -> Timestep:
        """Reset the cell and look at the first timestep closely."""
        self.told = Told(self.cell, self.lot, self.slack)
        self.pictures = Pictures(self.spec, self.lot, self.slack)
        timestep = self.cell.reset(self.lot, seed=self.lot.seed)
        self._check(timestep, 0)
        self.pictures.check_first(timestep.observation, timestep.truth)
        self.told.check_rest(timestep.observation.limbs)
        self.told.check_lot(timestep.truth)
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
            told = fingerprint(now)
            after = self._step(targets, jaws, now)
            check_kept(now, told)
            if 1 < i < _MOVE_TICKS:
                self.told.check_speed(before.observation, now.observation, after.observation)
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
        for name, limb in timestep.observation.limbs.items():
            Clause("cell.obeys").holds(
                np.allclose(limb.q_target, targets[name], rtol=0, atol=1e-6),
                f"{name!r} was sent to {targets[name]} and says that it is heading for "
                f"{limb.q_target}",
            )
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
                off < _FOLLOW_RAD + self.slack.angle_rad,
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
                    drift <= _DRIFT_M + self.slack.tool_m,
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
        self.told.check_lot(now.truth)

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
            self.pictures.check_frame(frame)
            self.pictures.check_sight(frame, self.now.truth)
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
                fastest < _REST_RAD_S + self.slack.speed_rad_s,
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
        self.told.check_limbs(observation.limbs)
        self.pictures.check_stream(observation.frames, tick)
        if timestep.truth is None:
            Clause("cell.truth").holds(
                not self.needs_truth, "a simulated cell tells its truth, and this is None"
            )
        else:
            self.told.check_truth(timestep.truth, tick)


def _wave(limb: LimbSpec, q: FloatArray) -> FloatArray:
    """How far each joint turns in the trial [rad]: the last a little, away from its range's end."""
    turn = np.zeros(limb.dof)
    room = limb.q_upper[-1] - q[-1] > 2 * _WAVE_RAD
    turn[-1] = _WAVE_RAD if room else -_WAVE_RAD
    return turn


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
