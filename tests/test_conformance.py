"""The conformance kit: it passes what keeps the contract, and names the clause that is broken."""

import re
import time
from dataclasses import replace
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from conformance_examples import NOD, ChunkBrain, FakeBrain, FakeCell, FakeSkill
from shopfloor.body.bench import Bench
from shopfloor.body.geometry import Geometry
from shopfloor.brain.classical import ClassicalBrain
from shopfloor.errors import Unreachable
from shopfloor.skill.handover import Handover
from shopfloor.skill.look import Look
from shopfloor.skill.pick import Pick
from shopfloor.skill.place import Place
from shopfloor.skill.wait import Wait
from shopfloor.testing import (
    STAGE_LOT,
    Stage,
    check_body,
    check_brain,
    check_cell,
    check_skill,
)
from shopfloor.types import (
    Exchange,
    Finish,
    Needs,
    Part,
    Reply,
    SkillCall,
    SkillResult,
    Station,
)


def clauses(check):
    """Return the clauses that a check's docstring promises."""
    return set(re.findall(r"(?m)^ +``([a-z.]+)`` ", check.__doc__))


def broken(*cases):
    """Name each case by its clause and number it, for pytest."""
    return [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(cases)]


def says(clause):
    return pytest.raises(AssertionError, match=f"^{re.escape(clause)}: ")


# --- bodies ---------------------------------------------------------------------------------------


def with_limb(**changes):
    """A bench whose left limb is specified otherwise."""

    def make():
        body = Bench()
        limbs = dict(body.spec.limbs)
        limbs["left"] = replace(limbs["left"], **changes)
        body.spec = replace(body.spec, limbs=limbs)
        return body

    return make


def with_model(**changes):
    """A bench whose left limb is looked for under other names."""

    def make():
        body = Bench()
        body.models = {**body.models, "left": replace(body.models["left"], **changes)}
        return body

    return make


def attached(change):
    """A bench that does something more to the scene."""

    def make():
        class Body(Bench):
            def attach(self, scene):
                super().attach(scene)
                change(scene)

        return Body()

    return make


def inverted(change):
    """A bench whose inverse is changed on its way out: ``change(tool, seed, answer)``."""

    def make():
        class Body(Bench):
            def inverse(self, limb, tool_in_world, seed):
                q = super().inverse(limb, tool_in_world, seed)
                return change(tool_in_world, seed, q)

        return Body()

    return make


def scribbled(tool, seed, q):
    tool[0, 0, 3] = 9.0
    return q


def unseeded(tool, seed, q):
    turned = q.copy()
    turned[:, 5] += 2 * np.pi * (1 if turned[0, 5] < 0 else -1)
    return turned


def jumping(tool, seed, q):
    turned = q.copy()
    half = len(q) // 2
    turned[half:, 5] += 2 * np.pi * (1 if turned[half, 5] < 0 else -1)
    return turned


def beside(tool, seed, q):
    return q + 0.002


class Anything(Bench):
    def inverse(self, limb, tool_in_world, seed):
        try:
            return super().inverse(limb, tool_in_world, seed)
        except Unreachable:
            return np.repeat(seed[None], len(tool_in_world), axis=0)


class Fickle(Bench):
    asked = 0

    def inverse(self, limb, tool_in_world, seed):
        self.asked += 1
        return super().inverse(limb, tool_in_world, seed) + 1e-7 * self.asked


class Narrow(Bench):
    """Its own specification says that joints end next to home."""

    def __init__(self):
        super().__init__()
        limbs = {
            name: replace(limb, q_lower=limb.q_home - 0.01, q_upper=limb.q_home + 0.01)
            for name, limb in self.spec.limbs.items()
        }
        self._wide, self.spec = self.spec, replace(self.spec, limbs=limbs)

    def inverse(self, limb, tool_in_world, seed):
        narrow, self.spec = self.spec, self._wide
        try:
            return super().inverse(limb, tool_in_world, seed)
        finally:
            self.spec = narrow


def crowded():
    """Two arms so near to each other that they touch at home."""
    body = Bench()
    limbs = dict(body.spec.limbs)
    for name, side in (("left", -1), ("right", 1)):
        base = body._base[name].copy()
        base[0, 3] = side * 0.36
        body._base[name] = base
        limbs[name] = replace(limbs[name], base_in_world=base)
    body.spec = replace(body.spec, limbs=limbs)
    return body


def left(kind, name):
    def change(scene, act):
        act(getattr(scene, kind)(f"left/{name}"))

    return change


def change_joint(scene):
    scene.joint("left/joint3").range = [-1.0, 3.0]


def weaken(scene):
    for i in range(1, 7):
        scene.body(f"left/link{i}").gravcomp = 0
        scene.actuator(f"left/servo{i}").set_to_position(kp=60.0, kv=20.0)


def motor(scene):
    scene.actuator("left/servo2").set_to_motor()


def turn_site(site, quat):
    def change(scene):
        scene.site(f"left/{site}").quat = quat

    return change


def turn_wrist_and_tool(quat):
    def change(scene):
        for site in ("tcp", "wrist"):
            scene.site(f"left/{site}").quat = quat

    return change


def lift_tool(scene):
    scene.site("left/tcp").pos = [0, 0, -0.05]


def ghost_in_one_direction(scene):
    scene.geom("left/palm").contype = 0


def hidden_fist(scene):
    scene.body("left/tool").add_body(name="left/fist").add_geom(
        name="fist", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], mass=0.01
    )


def own_gravity(scene):
    scene.option.gravity = [0, 0, -1.6]


def own_degrees(scene):
    scene.compiler.degree = True


def move_witness(scene):
    for geom in scene.worldbody.geoms:
        geom.pos = [0, 0, 0]


def soft_jaw(scene):
    scene.joint("left/finger1").stiffness = [9000.0, 0, 0]


class Wobbling(Bench):
    rng = np.random.default_rng(0)

    def attach(self, scene):
        super().attach(scene)
        scene.body("left/link3").pos = self.rng.normal(size=3)


def without(name):
    def make():
        body = Bench()
        kept = ("spec", "models", "attach", "inverse")
        return SimpleNamespace(**{k: getattr(body, k) for k in kept if k != name})

    return make


LINKS = Bench().models["left"].link_bodies
SERVOS = Bench().models["left"].actuators
HOME = Bench().spec.limbs["left"].q_home

BODIES = broken(
    ("body.protocol", without("inverse")),
    ("body.protocol", with_model() if False else lambda: _one_model_short()),
    ("body.spec", with_limb(qd_max=np.full(6, 180.0))),
    ("body.spec", with_limb(q_lower=np.full(6, -360.0), q_upper=np.full(6, 360.0))),
    ("body.spec", with_limb(q_home=HOME[:5])),
    ("body.spec", with_limb(q_home=HOME * np.nan)),
    ("body.spec", with_limb(q_home=np.zeros(6, int))),
    ("body.spec", with_limb(q_home=list(HOME))),
    ("body.spec", with_limb(jaw_max_m=85.0)),
    ("body.spec", with_limb(base_in_world=np.diag([1.0, 1.0, -1.0, 1.0]))),
    ("body.spec", with_limb(base_in_world=2 * np.eye(4))),
    ("body.spec", with_limb(q_lower=np.full(6, 1.0), q_upper=np.full(6, 1.0))),
    ("body.spec", with_limb(name="right")),
    ("body.spec", with_limb(qdd_max=np.zeros(6))),
    ("body.spec", lambda: _hashed("not a hash")),
    ("body.home", with_limb(q_home=HOME + 10.0)),
    ("body.home", crowded),
    ("body.home", with_limb(q_home=HOME + [0, 1.2, 0, 0, 0, 0])),
    ("body.attach", attached(own_gravity)),
    ("body.attach", attached(own_degrees)),
    ("body.attach", attached(move_witness)),
    ("body.attach", Wobbling),
    ("body.names", with_model(tool_site="left/nowhere")),
    ("body.names", with_model(joints=("left/finger1", *Bench().models["left"].joints[1:]))),
    ("body.names", with_model(jaw_joints=("left/finger1",))),
    ("body.names", with_model(actuators=SERVOS[:5])),
    ("body.names", with_model(finger_bodies=("left/finger1", "right/finger2"))),
    ("body.range", attached(change_joint)),
    ("body.servo", with_model(actuators=SERVOS[::-1])),
    ("body.servo", attached(motor)),
    ("body.servo", attached(weaken)),
    ("body.links", with_model(link_bodies=tuple(b for b in LINKS if b != "left/link3"))),
    ("body.links", attached(hidden_fist)),
    ("body.links", attached(ghost_in_one_direction)),
    ("body.links", with_model(link_bodies=(*LINKS, "right/link1"))),
    ("body.sensors", with_model(force_sensor="left/torque", torque_sensor="left/force")),
    ("body.sensors", with_model(torque_sensor="right/torque")),
    ("body.sensors", attached(turn_site("wrist", [0, 1, 0, 0]))),
    ("body.tool", attached(turn_wrist_and_tool([0, 1, 0, 0]))),
    ("body.tool", attached(turn_wrist_and_tool([np.sqrt(0.5), 0, 0, np.sqrt(0.5)]))),
    ("body.tool", attached(lift_tool)),
    ("body.jaw", with_model(jaw_gain=1.0)),
    ("body.jaw", with_model(jaw_offset_m=0.01)),
    ("body.jaw", attached(soft_jaw)),
    ("body.inverse.agrees", inverted(beside)),
    ("body.inverse.agrees", inverted(lambda tool, seed, q: q[:-1])),
    ("body.inverse.agrees", inverted(lambda tool, seed, q: q[:, :5])),
    ("body.inverse.agrees", inverted(lambda tool, seed, q: q * np.nan)),
    ("body.inverse.smooth", inverted(jumping)),
    ("body.inverse.seed", inverted(unseeded)),
    ("body.inverse.range", Narrow),
    ("body.inverse.far", Anything),
    ("body.inverse.pure", inverted(scribbled)),
    ("body.inverse.pure", Fickle),
)


def _one_model_short():
    body = Bench()
    body.models = {"left": body.models["left"]}
    return body


def _hashed(text):
    body = Bench()
    body.spec = replace(body.spec, sha256=text)
    return body


def test_the_bench_passes():
    check_body(Bench())


@pytest.mark.parametrize(("clause", "make"), BODIES)
def test_a_broken_body_is_named(clause, make):
    with says(clause):
        check_body(make())


# --- cells ----------------------------------------------------------------------------------------


def cell(**methods):
    """A fake cell with some methods replaced."""
    return lambda: type("Broken", (FakeCell,), methods)()


def told(change):
    """A fake cell whose timesteps are changed on their way out: ``change(cell, timestep)``."""

    def tell(self):
        return change(self, FakeCell.tell(self))

    return cell(tell=tell)


def limbed(**changes):
    """A fake cell whose left limb tells something else: ``field=change(cell, limb)``."""

    def limbs(self):
        limbs = dict(FakeCell.limbs(self))
        new = {field: change(self, limbs["left"]) for field, change in changes.items()}
        return {**limbs, "left": replace(limbs["left"], **new)}

    return cell(limbs=limbs)


def framed(**changes):
    """A fake cell whose frames are changed: ``field=change(cell, frame)``."""

    def draw(self, camera, *, native):
        frame = FakeCell.draw(self, camera, native=native)
        return replace(frame, **{field: change(self, frame) for field, change in changes.items()})

    return cell(draw=draw)


def truthful(**changes):
    """A fake cell whose truth is changed: ``field=change(cell, truth)``."""

    def truth(self):
        truth = FakeCell.truth(self)
        return replace(truth, **{field: change(self, truth) for field, change in changes.items()})

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
        new = {field: how(cell, timestep.observation) for field, how in changes.items()}
        return replace(timestep, observation=replace(timestep.observation, **new))

    return told(change)


def seconds_later(value, *, tick=60):
    """Change something only while the cell holds."""
    return lambda cell, old: value(old) if cell.tick > tick else old


def shifted(position):
    moved = position.copy()
    moved[0, 0] += 0.02
    return moved


def turned(pose, *, by):
    out = pose.copy()
    out[0, 3] += by
    return out


def drift(self):
    action = FakeCell.hold(self)
    targets = {name: q + [1e-4, 0, 0, 0, 0, 0] for name, q in action.targets.items()}
    return replace(action, targets=targets)


def no_motion(self, action):
    still = FakeCell.hold(self)
    return FakeCell.step(self, replace(action, targets=still.targets))


def cross_talk(self, action):
    by = 0.05 * min(self.tick / 40, 1.0)
    targets = {name: q + [by, 0, 0, 0, 0, 0] for name, q in action.targets.items()}
    return FakeCell.step(self, replace(action, targets=targets))


def stuck_jaw(self, action):
    return FakeCell.step(self, replace(action, jaw_m=dict.fromkeys(action.jaw_m, 0.0)))


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
    return cell(orders=lambda self, *, seed, count: BadOrders(seed, count, how=how))


DEPTH_OF = FakeCell.draw
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
    ("cell.tick", observed(tick=lambda cell, old: old.tick + 1)),
    ("cell.tick", observed(tick=lambda cell, old: old.tick // 2)),
    ("cell.tick", told(lambda cell, t: replace(t, terminated=cell.tick > 30))),
    ("cell.tick", told(lambda cell, t: replace(t, truncated=cell.tick > 30))),
    ("cell.limbs", observed(limbs=lambda cell, old: {"left": old.limbs["left"]})),
    ("cell.limbs", limbed(q=lambda cell, limb: np.degrees(limb.q))),
    ("cell.limbs", limbed(q=lambda cell, limb: np.append(limb.q, 0.0))),
    ("cell.limbs", limbed(qd=lambda cell, limb: limb.qd * np.nan)),
    ("cell.limbs", limbed(qd=lambda cell, limb: limb.qd + 1.0)),
    ("cell.limbs", limbed(jaw_m=lambda cell, limb: limb.jaw_m * 1000 + 1)),
    ("cell.limbs", limbed(wrench=lambda cell, limb: limb.wrench[:3])),
    ("cell.speed", limbed(qd=lambda cell, limb: limb.qd * 50)),
    ("cell.speed", limbed(qd=lambda cell, limb: limb.qd * 0)),
    ("cell.tool", limbed(tool_in_world=lambda cell, limb: turned(limb.tool_in_world, by=0.002))),
    ("cell.tool", limbed(tool_in_world=lambda cell, limb: limb.tool_in_world * [1, -1, 1, 1])),
    ("cell.wrench", limbed(wrench=lambda cell, limb: limb.wrench + [0, 0, 8.04, 0, 0, 0])),
    ("cell.wrench", limbed(wrench=lambda cell, limb: limb.wrench + [0, 0, 0, 0, 0.9, 0])),
    ("cell.frames", observed(frames=lambda cell, old: {})),
    ("cell.frames", framed(pixels=lambda cell, frame: frame.pixels[:, ::2])),
    ("cell.frames", framed(pixels=lambda cell, frame: frame.pixels / np.float32(255))),
    ("cell.frames", framed(pixels=lambda cell, frame: frame.pixels.astype(np.uint16))),
    ("cell.frames", framed(pixels=lambda cell, frame: frame.pixels * 0)),
    ("cell.frames", framed(camera=lambda cell, frame: "front")),
    ("cell.frames", framed(depth=lambda cell, frame: frame.depth.astype(float))),
    ("cell.frames", framed(depth=lambda cell, frame: frame.depth[:-1])),
    ("cell.frames", framed(camera_in_world=lambda cell, frame: 2 * frame.camera_in_world)),
    (
        "cell.frames",
        framed(
            intrinsics=lambda cell, frame: replace(frame.intrinsics, fx=frame.intrinsics.fy + 1)
        ),
    ),
    ("cell.frames.rate", framed(seq=lambda cell, frame: frame.seq + 1)),
    ("cell.frames.rate", framed(seq=lambda cell, frame: frame.seq * 2)),
    ("cell.frames.rate", framed(seq=lambda cell, frame: frame.seq // 2)),
    ("cell.frames.rate", framed(captured_tick=lambda cell, frame: -1)),
    ("cell.frames.rate", camera_specified(period_ticks=2)),
    ("cell.frames.rate", camera_specified(period_ticks=10)),
    (
        "cell.frames.depth",
        framed(depth=lambda cell, frame: np.where(frame.depth > 1, np.inf, 1).astype(np.float32)),
    ),
    ("cell.frames.depth", framed(depth=lambda cell, frame: frame.depth * 0)),
    ("cell.frames.true", framed(depth=lambda cell, frame: frame.depth * 1000)),
    ("cell.frames.true", framed(depth=lambda cell, frame: frame.depth / 2)),
    ("cell.frames.true", framed(pixels=lambda cell, frame: frame.pixels[..., ::-1])),
    ("cell.frames.true", framed(pixels=lambda cell, frame: frame.pixels[::-1])),
    (
        "cell.frames.true",
        framed(
            depth=lambda cell, frame: frame.depth[:, ::-1],
            pixels=lambda cell, frame: frame.pixels[:, ::-1],
        ),
    ),
    ("cell.stations", observed(stations=lambda cell, old: {"tray": old.stations["tray"]})),
    ("cell.stations", observed(stations=lambda cell, old: old.stations | {"A": old.stations["B"]})),
    (
        "cell.stations",
        observed(
            stations=lambda cell, old: (
                old.stations | {"bin": Station("bin", (3, 0, 0), (0.2, 0.2, 0.1))}
            )
        ),
    ),
    (
        "cell.stations",
        observed(
            stations=lambda cell, old: (
                old.stations | {"bin": Station("bin", (0, 0, 0), (0, 0.2, 0.1))}
            )
        ),
    ),
    ("cell.view", cell(view=lambda self, camera: self.draw(camera, native=False))),
    ("cell.view", cell(view=lambda self, camera: self.draw("front", native=True))),
    (
        "cell.view",
        cell(view=lambda self, camera: replace(FakeCell.view(self, camera), captured_tick=0)),
    ),
    ("cell.view", cell(view=lambda self, camera: None)),
    ("cell.view", Noisy),
    ("cell.view", LookingTakesTime),
    ("cell.truth", cell(truth=lambda self: None)),
    ("cell.truth", truthful(tick=lambda cell, truth: truth.tick - 1)),
    ("cell.truth", truthful(position=lambda cell, truth: truth.position[:-1])),
    ("cell.truth", truthful(position=lambda cell, truth: truth.position * 1000)),
    ("cell.truth", truthful(quat=lambda cell, truth: truth.quat * 2)),
    ("cell.truth", truthful(speed=lambda cell, truth: truth.speed - 1e-3)),
    ("cell.truth", truthful(touched=lambda cell, truth: {"left": ()})),
    ("cell.truth", truthful(touched=lambda cell, truth: {"left": (99,), "right": ()})),
    ("cell.truth", truthful(jaw_open=lambda cell, truth: {})),
    ("cell.truth", truthful(collision_n=lambda cell, truth: np.nan)),
    (
        "cell.lot",
        truthful(
            position=seconds_later(lambda t: shifted(t.position))
            and (lambda cell, t: shifted(t.position) if cell.tick > 60 else t.position)
        ),
    ),
    ("cell.lot", truthful(speed=lambda cell, truth: truth.speed + 0.01)),
    ("cell.obeys", cell(step=no_motion)),
    ("cell.obeys", cell(step=cross_talk)),
    ("cell.obeys", cell(step=stuck_jaw)),
    ("cell.hold", cell(hold=drift)),
    ("cell.hold", cell(hold=lambda self: None)),
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
    ("cell.orders", cell(orders=lambda self, *, seed, count: SimpleNamespace(lots=list))),
    ("cell.judge", cell(judge=lambda self: None)),
    (
        "cell.judge",
        cell(
            judge=lambda self: SimpleNamespace(
                reset=lambda lot, order: None, judge=lambda timestep, events: "good"
            )
        ),
    ),
)


def test_a_faithful_cell_passes():
    check_cell(FakeCell(), [STAGE_LOT])


def test_a_cell_without_truth_passes_when_nothing_can_be_repeated():
    check_cell(cell(truth=lambda self: None)(), [STAGE_LOT], repeatable=False)


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


# --- brains ---------------------------------------------------------------------------------------


def brain(base=FakeBrain, **members):
    return type("Broken", (base,), members)


def deciding(how):
    """A fake brain that decides otherwise: ``how(brain, observation, events)``."""
    return brain(decide=how)


def calling(**changes):
    def how(self, observation, events):
        (call,) = FakeBrain.decide(self, observation, events)
        return (replace(call, **changes),)

    return deciding(how)


def exchanging(**changes):
    return brain(exchange=lambda self: replace(FakeBrain.exchange(self), **changes))


def chunking(**changes):
    def how(self, observation, events):
        chunk = ChunkBrain.decide(self, observation, events)
        return replace(chunk, **{field: change(chunk) for field, change in changes.items()})

    return brain(ChunkBrain, decide=how)


def raise_without_events(self, observation, events):
    events[0]
    return FakeBrain.decide(self, observation, events)


def raise_at_odd_events(self, observation, events):
    for event in events:
        event.data["id"]
    return FakeBrain.decide(self, observation, events)


def scribble(self, observation, events):
    observation.limbs["left"].q[0] = 0.0
    return FakeBrain.decide(self, observation, events)


def cheat(self, observation, events):
    if self.order.goal.rules:
        return Finish("done")
    return FakeBrain.decide(self, observation, events)


def sleep(self, observation, events):
    time.sleep(0.02)
    return FakeBrain.decide(self, observation, events)


class Stale(FakeBrain):
    """Counts on through all of its orders."""

    asked = 0

    def reset(self, order, *, seed):
        self.order = order
        self.heard = 0

    def decide(self, observation, events):
        limb = "left" if self.asked % 31 < 20 else "right"
        return (SkillCall(f"c{self.asked}", "wait", (limb,), {"seconds": 0.5}),)


class Fickle2(FakeBrain):
    made = 0

    def __init__(self, context):
        super().__init__(context)
        type(self).made += 1

    def decide(self, observation, events):
        return (SkillCall(f"c{self.asked}", "wait", ("left",), {"seconds": 0.1 * self.made}),)


BRAINS = broken(
    ("brain.protocol", lambda context: SimpleNamespace(needs=Needs())),
    ("brain.needs", brain(needs=Needs(cameras=("belly",)))),
    ("brain.needs", brain(needs=Needs(skills=("juggle",)))),
    ("brain.needs", brain(needs=Needs(refresh="always"))),
    ("brain.needs", brain(needs=Needs(cameras="overview"))),
    ("brain.needs", brain(needs=None)),
    ("brain.reply", brain(act=lambda self, observation, events, *, deadline_s: Finish("done"))),
    ("brain.reply", deciding(lambda self, observation, events: "pick the red one")),
    ("brain.reply", deciding(lambda self, observation, events: [])),
    ("brain.reply", deciding(lambda self, observation, events: None)),
    ("brain.exchange", exchanging(model_id="")),
    ("brain.exchange", exchanging(latency_s=float("nan"))),
    ("brain.exchange", exchanging(latency_s=-1.0)),
    ("brain.exchange", exchanging(request=None)),
    ("brain.exchange", exchanging(tokens=(1.5, 2))),
    ("brain.exchange", exchanging(cost_usd=-0.1)),
    ("brain.exchange", brain(exchange=lambda self: None)),
    ("brain.calls", calling(skill="juggle")),
    ("brain.calls", calling(skill="pick")),
    ("brain.calls", calling(id="same")),
    ("brain.calls", calling(id="")),
    ("brain.calls", calling(limbs=("tail",))),
    ("brain.calls", calling(limbs=("left", "left"))),
    ("brain.calls", calling(limbs=["left"])),
    ("brain.calls", calling(arguments={"seconds": -1})),
    ("brain.calls", calling(arguments={})),
    ("brain.calls", calling(arguments={"seconds": 1, "speed": 2})),
    ("brain.calls", calling(arguments={"seconds": np.float32(1)})),
    ("brain.calls", calling(arguments={"seconds": float("nan")})),
    ("brain.chunk", chunking(targets=lambda chunk: {})),
    ("brain.chunk", chunking(targets=lambda chunk: {"tail": chunk.targets["left"]})),
    ("brain.chunk", chunking(targets=lambda chunk: {"left": chunk.targets["left"][:, :5]})),
    ("brain.chunk", chunking(targets=lambda chunk: {"left": chunk.targets["left"] * np.inf})),
    (
        "brain.chunk",
        chunking(targets=lambda chunk: {"left": chunk.targets["left"][:1]}, jaw_m=lambda chunk: {}),
    ),
    (
        "brain.chunk",
        chunking(targets=lambda chunk: {**chunk.targets, "right": chunk.targets["left"][:3]}),
    ),
    ("brain.chunk", chunking(jaw_m=lambda chunk: {"left": np.full(11, 45.0)})),
    ("brain.chunk", chunking(jaw_m=lambda chunk: {"right": np.full(11, 0.0)})),
    ("brain.chunk", chunking(jaw_m=lambda chunk: {"left": np.full(10, 0.0)})),
    ("brain.chunk", chunking(period_s=lambda chunk: 0.0)),
    ("brain.chunk", chunking(observed_tick=lambda chunk: chunk.observed_tick + 3)),
    ("brain.chunk", chunking(replan_after=lambda chunk: 0)),
    ("brain.finish", deciding(lambda self, observation, events: Finish("perfect"))),
    ("brain.finish", deciding(lambda self, observation, events: Finish("done", None))),
    ("brain.raises", deciding(raise_without_events)),
    ("brain.raises", deciding(raise_at_odd_events)),
    ("brain.raises", brain(reset=lambda self, order, *, seed: 1 / 0)),
    ("brain.reset", Stale),
    ("brain.deterministic", Fickle2),
    ("brain.honest", deciding(cheat)),
    ("brain.hands", deciding(scribble)),
    ("brain.deadline", deciding(sleep)),
)


@pytest.fixture(scope="module")
def stage():
    return Stage(Bench())


@pytest.mark.parametrize("make", [FakeBrain, ChunkBrain])
def test_a_faithful_brain_passes(make, stage):
    stage.home()
    check_brain(make, stage=stage)


def test_the_classical_brain_passes():
    check_brain(ClassicalBrain)


@pytest.mark.parametrize(("clause", "make"), BRAINS)
def test_a_broken_brain_is_named(clause, make, stage):
    deadline = 0.01 if clause == "brain.deadline" else 60.0
    with says(clause):
        check_brain(make, stage=stage, deadline_s=deadline)


def test_a_brain_that_promises_no_repetition_is_not_held_to_it(stage):
    check_brain(Fickle2, stage=stage, deterministic=False)


def test_a_brain_that_is_never_through_passes(stage):
    check_brain(deciding(lambda self, observation, events: ()), stage=stage)


# --- skills ---------------------------------------------------------------------------------------


def skill(**members):
    return type("Broken", (FakeSkill,), members)


def chunk_of(**changes):
    def chunk(self, targets, jaw, tick):
        made = FakeSkill.chunk(self, targets, jaw, tick)
        return replace(made, **{field: change(made) for field, change in changes.items()})

    return skill(chunk=chunk)


def path_of(change):
    return skill(path=lambda self, q: change(FakeSkill.path(self, q)))


def resulting(*args, **kwargs):
    return skill(result=lambda self: SkillResult(*args, **kwargs))


def swing(joint, rad, rows=26):
    """Turn one joint to and fro."""

    def change(path):
        out = np.repeat(path[:1], rows, axis=0)
        out[:, joint] += rad * np.sin(np.linspace(0, np.pi, rows)) ** 2
        return out

    return change


def at_the_middle(limb, *, beyond):
    """Joints that hold a limb's tool 30 cm over the middle of the tray, or so far beyond it."""
    body = Bench()
    home = body.spec.limbs[limb].q_home
    pose = Geometry(body).tool_pose(limb, home)
    pose[0, 3] = beyond if limb == "left" else -beyond
    return body.inverse(limb, pose[None], home)[0]


def over_the_middle(path):
    """Go where the other limb is, slowly."""
    there = at_the_middle("left", beyond=-0.05)
    return path[0] + np.linspace(0, 1, 200)[:, None] * (there - path[0])


def schema(**changes):
    return skill(schema={**FakeSkill.schema, **changes})


class Scribbling(FakeSkill):
    def act(self, observation, others):
        answer = FakeSkill.act(self, observation, others)
        observation.limbs["left"].q[:] = 0.0
        return answer


class Drunk(FakeSkill):
    runs = 0

    def reset(self, call, observation):
        type(self).runs += 1
        FakeSkill.reset(self, call, observation)

    def path(self, q):
        rows = FakeSkill.path(self, q)
        rows[1:-1, -1] += 1e-4 * self.runs
        return rows


SKILLS = broken(
    ("skill.protocol", lambda context: SimpleNamespace(name="nod", schema={})),
    ("skill.schema", skill(name="")),
    ("skill.schema", skill(name="bow")),
    ("skill.schema", schema(type="sequence")),
    ("skill.schema", schema(type="array")),
    ("skill.schema", schema(description="")),
    ("skill.schema", schema(additionalProperties=True)),
    ("skill.schema", schema(required=["times", "depth"])),
    ("skill.schema", schema(default=float("nan"))),
    ("skill.answer", skill(act=lambda self, observation, others: None)),
    ("skill.answer", skill(act=lambda self, observation, others: 1 / 0)),
    ("skill.answer", skill(reset=lambda self, call, observation: 1 / 0)),
    ("skill.limbs", chunk_of(targets=lambda c: {"right": c.targets["left"]}, jaw_m=lambda c: {})),
    ("skill.chunk", chunk_of(targets=lambda c: {})),
    ("skill.chunk", chunk_of(targets=lambda c: {"left": c.targets["left"][:, 1:]})),
    ("skill.chunk", chunk_of(targets=lambda c: {"left": c.targets["left"] + np.nan})),
    (
        "skill.chunk",
        chunk_of(targets=lambda c: {"left": c.targets["left"][:1]}, jaw_m=lambda c: {}),
    ),
    ("skill.chunk", chunk_of(period_s=lambda c: 20.0)),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"] * 1000})),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"] - 1})),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"][1:]})),
    ("skill.chunk", chunk_of(observed_tick=lambda c: c.observed_tick - 100)),
    ("skill.chunk", chunk_of(observed_tick=lambda c: c.observed_tick + 1)),
    ("skill.chunk", chunk_of(replan_after=lambda c: 0)),
    ("skill.start", path_of(lambda rows: rows + 0.1)),
    ("skill.joints", path_of(swing(5, -5.0, rows=400))),
    ("skill.joints", path_of(swing(5, 2.0))),
    ("skill.tool", path_of(swing(2, 0.5, rows=31))),
    ("skill.tool", path_of(swing(1, 1.1, rows=300))),
    ("skill.distance", path_of(over_the_middle)),
    (
        "skill.ends",
        skill(
            act=lambda self, o, others: (
                FakeSkill.reset(self, self.call, o) or FakeSkill.act(self, o, others)
            )
        ),
    ),
    ("skill.result", resulting(True, "grasp.miss")),
    ("skill.result", resulting(False)),
    ("skill.result", resulting(False, "bad.luck")),
    ("skill.result", resulting("yes")),
    (
        "skill.result",
        resulting(True, data={"width": np.float64(0.1)})
        if False
        else resulting(True, data={"at": np.zeros(2)}),
    ),
    ("skill.result", resulting(True, data={"width": float("nan")})),
    ("skill.result", resulting(True, look=("belly",))),
    ("skill.reset", Drunk),
    ("skill.hands", Scribbling),
)


def test_a_faithful_skill_passes():
    assert check_skill(FakeSkill, NOD) == SkillResult(True, data={"nods": 2})


@pytest.mark.parametrize(("clause", "make"), SKILLS)
def test_a_broken_skill_is_named(clause, make):
    start = {"right": at_the_middle("right", beyond=-0.05)}
    with says(clause):
        check_skill(make, NOD, start=start)


def call(skill, *limbs, **arguments):
    return SkillCall("c1", skill, limbs, arguments)


@pytest.mark.parametrize(
    ("make", "asked", "holding", "code"),
    [
        (Wait, call("wait", seconds=1.0), {}, None),
        (Wait, call("wait", "left", "right", seconds=1.0, clear=True), {}, None),
        (Look, call("look", camera="overview"), {}, None),
        (Look, call("look", camera="belly"), {}, "plan.invalid"),
        (Pick, call("pick", "left", camera="overview", point=[521, 421]), {}, None),
        (Pick, call("pick", "left", camera="overview", box=[496, 396, 548, 446]), {}, None),
        (Pick, call("pick", "left", camera="overview", point=[700, 480]), {}, "perception.miss"),
        (
            Pick,
            call("pick", "left", camera="overview", point=[9999, 1]),
            {},
            "perception.out_of_range",
        ),
        (Pick, call("pick", "left", camera="belly", point=[1, 1]), {}, "perception.out_of_range"),
        (Place, call("place", "left", tote="A"), {"left": 0.025}, None),
        (Place, call("place", "left", tote="A"), {}, "plan.wrong_step"),
        (Place, call("place", "left", tote="Z"), {"left": 0.025}, "perception.out_of_range"),
        (Place, call("place", "left", camera="overview", point=[640, 480]), {"left": 0.025}, None),
    ],
)
def test_our_own_skills_pass_and_end_as_they_should(make, asked, holding, code):
    result = check_skill(make, asked, holding=holding)
    assert result.code == code
    assert result.ok == (code is None)


def test_a_part_that_was_not_set_down_is_noticed():
    # On the stage nothing moves, so the taker finds an empty spot.
    asked = call("handover", "left", "right", camera="overview", point=[521, 421])
    assert check_skill(Handover, asked).code == "place.miss"


# --- the kit itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "cases"),
    [(check_body, BODIES), (check_cell, CELLS), (check_brain, BRAINS), (check_skill, SKILLS)],
    ids=["body", "cell", "brain", "skill"],
)
def test_every_clause_has_somebody_who_breaks_it(check, cases):
    promised = clauses(check)
    assert len(promised) > 10
    assert promised == {case.values[0] for case in cases}
