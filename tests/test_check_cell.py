"""The kit passes a cell that keeps its contract, and names the clause that is broken."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from conformance_examples import FakeCell, always, broken, clauses, says
from shopfloor.testing import (
    STAGE_LOT,
    check_cell,
)
from shopfloor.types import (
    Station,
)


def cell(**methods):
    """A fake cell with some methods replaced."""
    return type("Broken", (FakeCell,), methods)


def told(change):
    """A fake cell whose timesteps are changed on their way out: ``change(cell, timestep)``."""

    def tell(self):
        return change(self, FakeCell.tell(self))

    return cell(tell=tell)


def limbed(**changes):
    """A fake cell whose left limb tells something else: ``field=change(limb)``."""

    def limbs(self):
        limbs = dict(FakeCell.limbs(self))
        new = {field: change(limbs["left"]) for field, change in changes.items()}
        return {**limbs, "left": replace(limbs["left"], **new)}

    return cell(limbs=limbs)


def framed(**changes):
    """A fake cell whose frames are changed: ``field=change(frame)``."""

    def draw(self, camera, *, native):
        frame = FakeCell.draw(self, camera, native=native)
        return replace(frame, **{field: change(frame) for field, change in changes.items()})

    return cell(draw=draw)


def truthful(**changes):
    """A fake cell whose truth is changed: ``field=change(truth)``."""

    def truth(self):
        truth = FakeCell.truth(self)
        return replace(truth, **{field: change(truth) for field, change in changes.items()})

    return cell(truth=truth)


def specified(**changes):
    """A fake cell that is specified otherwise."""

    def init(self):
        FakeCell.__init__(self)
        self.spec = replace(self.spec, **changes)

    return cell(__init__=init)


def camera_specified(**changes):
    def init(self):
        FakeCell.__init__(self)
        cameras = dict(self.spec.cameras)
        cameras["front"] = replace(cameras["front"], **changes)
        self.spec = replace(self.spec, cameras=cameras)

    return cell(__init__=init)


def observed(**changes):
    def change(cell, timestep):
        new = {field: how(timestep.observation) for field, how in changes.items()}
        return replace(timestep, observation=replace(timestep.observation, **new))

    return told(change)


class Slipping(FakeCell):
    """A part slides away while the cell holds."""

    def truth(self):
        truth = FakeCell.truth(self)
        truth.position[0, 0] += 0.02 * (self.tick > 60)
        return truth


def turned(pose, *, by):
    out = pose.copy()
    out[0, 3] += by
    return out


def drift(self):
    action = FakeCell.hold(self)
    targets = {name: q + np.array([1e-4, 0, 0, 0, 0, 0]) for name, q in action.targets.items()}
    return replace(action, targets=targets)


def no_motion(self, targets, jaw_m):
    FakeCell.move(self, FakeCell.hold(self).targets, jaw_m)


def cross_talk(self, targets, jaw_m):
    by = 0.05 * min(self.tick / 40, 1.0)
    moved = {name: q + np.array([by, 0, 0, 0, 0, 0]) for name, q in targets.items()}
    FakeCell.move(self, moved, jaw_m)


def stuck_jaw(self, targets, jaw_m):
    FakeCell.move(self, targets, dict.fromkeys(jaw_m, 0.0))


class Scribbler(FakeCell):
    """Writes each tick's joints into one array for all ticks."""

    def limbs(self):
        limbs = FakeCell.limbs(self)
        self.q = getattr(self, "q", None)
        if self.q is None:
            self.q = limbs["left"].q
        self.q[:] = limbs["left"].q
        return {**limbs, "left": replace(limbs["left"], q=self.q)}


class OneBuffer(FakeCell):
    """Draws every picture into the same memory."""

    def draw(self, camera, *, native):
        frame = FakeCell.draw(self, camera, native=native)
        if native:
            return frame
        self.buffers = getattr(self, "buffers", {})
        buffer = self.buffers.setdefault(camera, frame.pixels)
        buffer[:] = frame.pixels
        buffer[0, 0, 0] = self.tick
        return replace(frame, pixels=buffer)


class Restless(FakeCell):
    """Each reset has a picture of its own."""

    resets = 0

    def reset(self, lot, *, seed):
        self.resets += 1
        return FakeCell.reset(self, lot, seed=seed)

    def draw(self, camera, *, native):
        frame = FakeCell.draw(self, camera, native=native)
        frame.pixels[0, 0, 0] = self.resets
        return frame


class Remembering(FakeCell):
    """A jaw that was opened once opens a little further in the next lot."""

    resets = 0

    def reset(self, lot, *, seed):
        self.resets += 1
        return FakeCell.reset(self, lot, seed=seed)

    def step(self, action):
        jaws = {name: jaw + 1e-6 * self.resets for name, jaw in action.jaw_m.items()}
        return FakeCell.step(self, replace(action, jaw_m=jaws))


class Coasting(FakeCell):
    """Goes on after a stop."""

    stopped = False

    def stop(self):
        self.stopped = True

    def limbs(self):
        limbs = FakeCell.limbs(self)
        fast = {name: replace(limb, qd=limb.qd + 1.0) for name, limb in limbs.items()}
        return fast if self.stopped else limbs


class Noisy(FakeCell):
    """Two looks in one tick differ."""

    looks = 0

    def view(self, camera):
        frame = FakeCell.view(self, camera)
        self.looks += 1
        frame.pixels[0, 0, 0] = self.looks
        return frame


class LookingTakesTime(FakeCell):
    def view(self, camera):
        frame = FakeCell.view(self, camera)
        self.tick += self.tick < 1000
        return frame


class BadOrders:
    def __init__(self, seed, count, *, how):
        self.orders, self.how = FakeCell.orders(None, seed=seed, count=count), how
        self.sha256 = self.orders.sha256

    def lots(self):
        yield from self.how(list(self.orders.lots()))


def ordered(how):
    return cell(orders=lambda _self, *, seed, count: BadOrders(seed, count, how=how))


CELLS = broken(
    ("cell.protocol", lambda: SimpleNamespace(spec=FakeCell().spec)),
    ("cell.spec", specified(control_dt=20.0)),
    ("cell.spec", specified(changeover_s=-1.0)),
    ("cell.spec", specified(sha256="")),
    ("cell.spec", specified(cameras={})),
    ("cell.spec", camera_specified(name="back")),
    ("cell.spec", camera_specified(period_ticks=0)),
    ("cell.spec", camera_specified(period_ticks=2.5)),
    ("cell.spec", camera_specified(camera_in_world=np.diag([1.0, -1.0, 1.0, 1.0]))),
    ("cell.spec", camera_specified(stream=replace(FakeCell().spec.cameras["front"].stream, fx=3))),
    ("cell.spec", camera_specified(native=replace(FakeCell().spec.cameras["front"].native, cx=-1))),
    ("cell.tick", observed(tick=lambda old: old.tick + 1)),
    ("cell.tick", observed(tick=lambda old: old.tick // 2)),
    ("cell.tick", told(lambda cell, t: replace(t, terminated=cell.tick > 30))),
    ("cell.tick", told(lambda cell, t: replace(t, truncated=cell.tick > 30))),
    ("cell.limbs", observed(limbs=lambda old: {"left": old.limbs["left"]})),
    ("cell.limbs", limbed(q=lambda limb: np.degrees(limb.q))),
    ("cell.limbs", limbed(q=lambda limb: np.append(limb.q, 0.0))),
    ("cell.limbs", limbed(qd=lambda limb: limb.qd * np.nan)),
    ("cell.limbs", limbed(qd=lambda limb: limb.qd + 1.0)),
    ("cell.limbs", limbed(jaw_m=lambda limb: limb.jaw_m * 1000 + 1)),
    ("cell.limbs", limbed(wrench=lambda limb: limb.wrench[:3])),
    ("cell.speed", limbed(qd=lambda limb: limb.qd * 50)),
    ("cell.speed", limbed(qd=lambda limb: limb.qd * 0)),
    ("cell.tool", limbed(tool_in_world=lambda limb: turned(limb.tool_in_world, by=0.002))),
    ("cell.tool", limbed(tool_in_world=lambda limb: limb.tool_in_world * [1, -1, 1, 1])),
    ("cell.wrench", limbed(wrench=lambda limb: limb.wrench + np.array([0, 0, 8.04, 0, 0, 0]))),
    ("cell.wrench", limbed(wrench=lambda limb: limb.wrench + np.array([0, 0, 0, 0, 0.9, 0]))),
    ("cell.frames", observed(frames=always({}))),
    ("cell.frames", framed(pixels=lambda frame: frame.pixels[:, ::2])),
    ("cell.frames", framed(pixels=lambda frame: frame.pixels / np.float32(255))),
    ("cell.frames", framed(pixels=lambda frame: frame.pixels.astype(np.uint16))),
    ("cell.frames", framed(pixels=lambda frame: frame.pixels * 0)),
    ("cell.frames", framed(camera=always("front"))),
    ("cell.frames", framed(depth=lambda frame: frame.depth.astype(float))),
    ("cell.frames", framed(depth=lambda frame: frame.depth[:-1])),
    ("cell.frames", framed(camera_in_world=lambda frame: 2 * frame.camera_in_world)),
    (
        "cell.frames",
        framed(intrinsics=lambda frame: replace(frame.intrinsics, fx=frame.intrinsics.fy + 1)),
    ),
    ("cell.frames.rate", framed(seq=lambda frame: frame.seq + 1)),
    ("cell.frames.rate", framed(seq=lambda frame: frame.seq * 2)),
    ("cell.frames.rate", framed(seq=lambda frame: frame.seq // 2)),
    ("cell.frames.rate", framed(captured_tick=always(-1))),
    ("cell.frames.rate", camera_specified(period_ticks=2)),
    ("cell.frames.rate", camera_specified(period_ticks=10)),
    (
        "cell.frames.depth",
        framed(depth=lambda frame: np.where(frame.depth > 1, np.inf, 1).astype(np.float32)),
    ),
    ("cell.frames.depth", framed(depth=lambda frame: frame.depth * 0)),
    ("cell.frames.true", framed(depth=lambda frame: frame.depth * 1000)),
    ("cell.frames.true", framed(depth=lambda frame: frame.depth / 2)),
    ("cell.frames.true", framed(pixels=lambda frame: frame.pixels[..., ::-1])),
    ("cell.frames.true", framed(pixels=lambda frame: frame.pixels[::-1])),
    (
        "cell.frames.true",
        framed(
            depth=lambda frame: frame.depth[:, ::-1],
            pixels=lambda frame: frame.pixels[:, ::-1],
        ),
    ),
    ("cell.stations", observed(stations=lambda old: {"tray": old.stations["tray"]})),
    ("cell.stations", observed(stations=lambda old: old.stations | {"A": old.stations["B"]})),
    (
        "cell.stations",
        observed(
            stations=lambda old: old.stations | {"bin": Station("bin", (3, 0, 0), (0.2, 0.2, 0.1))}
        ),
    ),
    (
        "cell.stations",
        observed(
            stations=lambda old: old.stations | {"bin": Station("bin", (0, 0, 0), (0, 0.2, 0.1))}
        ),
    ),
    ("cell.view", cell(view=lambda self, camera: self.draw(camera, native=False))),
    ("cell.view", cell(view=lambda self, _camera: self.draw("front", native=True))),
    (
        "cell.view",
        cell(view=lambda self, camera: replace(FakeCell.view(self, camera), captured_tick=0)),
    ),
    ("cell.view", cell(view=always(None))),
    ("cell.view", Noisy),
    ("cell.view", LookingTakesTime),
    ("cell.truth", cell(truth=always(None))),
    ("cell.truth", truthful(tick=lambda truth: truth.tick - 1)),
    ("cell.truth", truthful(position=lambda truth: truth.position[:-1])),
    ("cell.truth", truthful(position=lambda truth: truth.position * 1000)),
    ("cell.truth", truthful(quat=lambda truth: truth.quat * 2)),
    ("cell.truth", truthful(speed=lambda truth: truth.speed - 1e-3)),
    ("cell.truth", truthful(touched=always({"left": ()}))),
    ("cell.truth", truthful(touched=always({"left": (99,), "right": ()}))),
    ("cell.truth", truthful(jaw_open=always({}))),
    ("cell.truth", truthful(collision_n=always(np.nan))),
    ("cell.lot", Slipping),
    ("cell.lot", truthful(speed=lambda truth: truth.speed + 0.01)),
    ("cell.obeys", cell(move=no_motion)),
    ("cell.obeys", limbed(q_target=lambda limb: limb.q_target + 1e-3)),
    ("cell.limbs", limbed(q_target=lambda limb: limb.q_target[1:])),
    ("cell.obeys", cell(move=cross_talk)),
    ("cell.obeys", cell(move=stuck_jaw)),
    ("cell.hold", cell(hold=drift)),
    ("cell.hold", cell(hold=always(None))),
    ("cell.hold", cell(hold=lambda self: replace(FakeCell.hold(self), tick=self.tick + 1))),
    ("cell.hold", cell(hold=lambda self: replace(FakeCell.hold(self), source="skill"))),
    ("cell.hold", cell(hold=lambda self: replace(FakeCell.hold(self), jaw_m={"left": 0.0}))),
    (
        "cell.hold",
        cell(
            hold=lambda self: replace(
                FakeCell.hold(self), jaw_m=dict.fromkeys(self.spec.body.limbs, 0.0)
            )
        ),
    ),
    ("cell.stop", Coasting),
    ("cell.keeps", Scribbler),
    ("cell.keeps", OneBuffer),
    ("cell.reset", Restless),
    ("cell.repeats", Remembering),
    ("cell.orders", ordered(lambda lots: lots[:1])),
    ("cell.orders", ordered(lambda lots: [lots[0], lots[0]])),
    ("cell.orders", ordered(lambda lots: [replace(lot, orders=()) for lot in lots])),
    ("cell.orders", ordered(lambda lots: [replace(lot, seed=0) for lot in lots])),
    (
        "cell.orders",
        ordered(lambda lots: [replace(lot, seed=time.perf_counter_ns()) for lot in lots]),
    ),
    ("cell.orders", cell(orders=always(SimpleNamespace(lots=list)))),
    ("cell.judge", cell(judge=always(None))),
    (
        "cell.judge",
        cell(judge=always(SimpleNamespace(reset=always(None), judge=always("good")))),
    ),
)


def test_a_faithful_cell_passes():
    check_cell(FakeCell(), [STAGE_LOT])


def test_a_cell_without_truth_passes_when_nothing_can_be_repeated():
    check_cell(cell(truth=always(None))(), [STAGE_LOT], repeatable=False)


@pytest.mark.parametrize(("clause", "make"), CELLS)
def test_a_broken_cell_is_named(clause, make):
    with says(clause):
        check_cell(make(), [STAGE_LOT])


def test_a_lot_that_the_cell_sets_up_elsewhere_is_named():
    class Elsewhere(FakeCell):
        def reset(self, lot, *, seed):
            return FakeCell.reset(self, STAGE_LOT, seed=seed)

    first = STAGE_LOT.parts[0]
    lot = replace(STAGE_LOT, parts=(replace(first, y_m=first.y_m + 0.01), *STAGE_LOT.parts[1:]))
    with says("cell.lot"):
        check_cell(Elsewhere(), [lot])


def test_a_cell_is_tried_with_something():
    with pytest.raises(ValueError, match="at least one lot"):
        check_cell(FakeCell(), [])


def test_every_clause_has_a_cell_that_breaks_it():
    assert clauses(check_cell) == {case.values[0] for case in CELLS}
