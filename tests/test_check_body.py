"""The kit passes a body that keeps its contract, and names the clause that is broken."""

from dataclasses import replace
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from conformance_examples import broken, clauses, says
from shopfloor.body.bench import Bench
from shopfloor.errors import Unreachable
from shopfloor.testing import (
    check_body,
)


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


def one_model_short():
    body = Bench()
    body.models = {"left": body.models["left"]}
    return body


def hashed(text):
    body = Bench()
    body.spec = replace(body.spec, sha256=text)
    return body


LINKS = Bench().models["left"].link_bodies
SERVOS = Bench().models["left"].actuators
HOME = Bench().spec.limbs["left"].q_home

BODIES = broken(
    ("body.protocol", without("inverse")),
    ("body.protocol", one_model_short),
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
    ("body.spec", lambda: hashed("not a hash")),
    ("body.home", with_limb(q_home=HOME + 10.0)),
    ("body.home", crowded),
    ("body.home", with_limb(q_home=HOME + np.array([0, 1.2, 0, 0, 0, 0]))),
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
    ("body.inverse.agrees", inverted(lambda _, __, q: q[:-1])),
    ("body.inverse.agrees", inverted(lambda _, __, q: q[:, :5])),
    ("body.inverse.agrees", inverted(lambda _, __, q: q * np.nan)),
    ("body.inverse.smooth", inverted(jumping)),
    ("body.inverse.seed", inverted(unseeded)),
    ("body.inverse.range", Narrow),
    ("body.inverse.far", Anything),
    ("body.inverse.pure", inverted(scribbled)),
    ("body.inverse.pure", Fickle),
)


def test_the_bench_passes():
    check_body(Bench())


@pytest.mark.parametrize(("clause", "make"), BODIES)
def test_a_broken_body_is_named(clause, make):
    with says(clause):
        check_body(make())


def test_every_clause_has_a_body_that_breaks_it():
    assert clauses(check_body) == {case.values[0] for case in BODIES}
