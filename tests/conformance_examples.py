"""A cell, a brain and a skill that keep their contracts, made to be broken one clause at a time."""

import re
from dataclasses import replace
from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from shopfloor.body.bench import Bench
from shopfloor.cell.camera import intrinsics
from shopfloor.testing import STAGE_LOT, Stage, paint
from shopfloor.types import (
    Action,
    ActionChunk,
    Exchange,
    Finish,
    Frame,
    Needs,
    Outcome,
    Reply,
    SkillCall,
    SkillResult,
    Timestep,
    Truth,
)

FLOOR_M = 0.003
PERIOD = 5


def clauses(check):
    """Return the clauses that a check's docstring promises."""
    return set(re.findall(r"(?m)^ +``([a-z.]+)`` ", check.__doc__))


def broken(*cases):
    """Name each case by its clause and number it, for pytest."""
    return [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(cases)]


def says(clause):
    """Expect a failure that begins with the name of a clause."""
    return pytest.raises(AssertionError, match=f"^{re.escape(clause)}: ")


def always(value):
    """Return a method that answers the same whatever it is asked."""
    return lambda *_args, **_kwargs: value


def fails(*_args, **_kwargs):
    """Raise, whatever is asked."""
    raise ZeroDivisionError


@cache
def small_cameras():
    """Cameras of a stage, at a size that costs nothing."""
    stage = Stage(Bench())
    return {
        name: replace(
            camera,
            stream=intrinsics(128, 128, 0.71),
            native=intrinsics(192, 144, 0.71),
            period_ticks=PERIOD,
        )
        for name, camera in stage.spec.cameras.items()
    }


@cache
def drawn(camera, native, totes):
    spec = small_cameras()[camera]
    lens = spec.native if native else spec.stream
    stations = Stage(Bench(), STAGE_LOT).observation(0).stations
    floors = tuple(station for name, station in stations.items() if name in (*totes, "tray"))
    return paint(lens, spec.camera_in_world, STAGE_LOT.parts, floors)


class FakeOrders:
    def __init__(self, seed, count):
        self.seed, self.count, self.sha256 = seed, count, f"{seed:064d}"

    def lots(self):
        for index in range(self.count):
            yield replace(STAGE_LOT, index=index, seed=self.seed)


class FakeJudge:
    def reset(self, lot, order):
        self.ticks = 0

    def judge(self, timestep, events):
        if timestep.terminated:
            return Outcome(good=False, ever=False, code="order.timeout", code_tick=0)
        return None


class FakeCell:
    """A cell whose limbs are where they are sent to, and whose parts never move."""

    def __init__(self):
        self.body = Bench()
        self.stage = Stage(self.body, STAGE_LOT)
        self.spec = replace(self.stage.spec, cameras=small_cameras())

    def reset(self, lot, *, seed):
        self.lot, self.tick, self.seq = lot, 0, 0
        self.stage.home()
        self.frames, self.told = {}, {}
        self.seen = dict.fromkeys(self.spec.cameras, -1)
        return self.tell()

    def step(self, action):
        self.told = {limb: q.copy() for limb, q in action.targets.items()}
        self.move(action.targets, action.jaw_m)
        self.tick += 1
        return self.tell()

    def move(self, targets, jaw_m):
        for limb, q in targets.items():
            self.stage.move(limb, q, jaw_m[limb])

    def draw(self, camera, *, native):
        spec = self.spec.cameras[camera]
        pixels, depth = (a.copy() for a in drawn(camera, native, self.lot.totes))
        lens = spec.native if native else spec.stream
        seq = self.tick if native else self.tick // PERIOD
        return Frame(camera, pixels, depth, seq, self.tick, lens, spec.camera_in_world)

    def view(self, camera):
        return self.draw(camera, native=True)

    def limbs(self):
        limbs = self.stage.observation(self.tick).limbs
        return {n: replace(limb, q_target=self.told.get(n, limb.q)) for n, limb in limbs.items()}

    def truth(self):
        parts = self.lot.parts
        turns = np.array([part.yaw_rad for part in parts]) / 2
        zero = np.zeros_like(turns)
        return Truth(
            tick=self.tick,
            position=np.array([[p.x_m, p.y_m, FLOOR_M + 0.012] for p in parts]).reshape(-1, 3),
            quat=np.stack([np.cos(turns), zero, zero, np.sin(turns)], axis=1),
            speed=np.zeros(len(parts)),
            touched=dict.fromkeys(self.spec.body.limbs, ()),
            jaw_open=dict.fromkeys(self.spec.body.limbs, True),
            collision_n=0.0,
        )

    def tell(self):
        if self.tick % PERIOD == 0:
            new = {name: self.draw(name, native=False) for name in self.spec.cameras}
            self.frames = {**self.frames, **new}
        seen = self.stage.observation(self.tick)
        observation = replace(seen, limbs=self.limbs(), frames=self.frames, views={})
        return Timestep(observation, self.truth(), terminated=False, truncated=False)

    def hold(self):
        self.seq += 1
        limbs = self.stage.observation(self.tick).limbs
        targets = {name: limb.q for name, limb in limbs.items()}
        jaws = {name: limb.jaw_m for name, limb in limbs.items()}
        return Action(targets, jaws, self.tick, self.seq, "guard")

    def orders(self, *, seed, count):
        return FakeOrders(seed, count)

    def judge(self):
        return FakeJudge()

    def stop(self):
        self.step(self.hold())

    def close(self):
        pass


class FakeBrain:
    """Sends each limb away in turn, then says that it is done."""

    needs = Needs(cameras=("overview",), refresh="order", skills=("wait", "look"))

    def __init__(self, context):
        self.context = context

    def reset(self, order, *, seed):
        self.order, self.seed, self.asked, self.heard = order, seed, 0, 0

    def decide(self, observation, events):
        if self.asked > 15:
            return Finish("done")
        limb = tuple(observation.limbs)[self.asked % len(observation.limbs)]
        return (SkillCall(f"c{self.asked}", "wait", (limb,), {"seconds": 0.5}),)

    def exchange(self):
        return Exchange(f"{self.order.instruction}", "wait", "fake/1", 0.0, (10, 2), None)

    def act(self, observation, events, *, deadline_s):
        self.asked += 1
        self.heard += len(events)
        return Reply(self.decide(observation, events), self.exchange())

    def close(self):
        pass


class ChunkBrain(FakeBrain):
    """Nods with the last joint of one limb, as a policy would."""

    def decide(self, observation, events):
        if self.asked > 9:
            return Finish("done")
        q = observation.limbs["left"].q
        rows = np.repeat(q[None], 11, axis=0)
        rows[:, -1] += 0.01 * np.sin(np.linspace(0, np.pi, 11))
        return ActionChunk({"left": rows}, {"left": np.full(11, 0.02)}, 0.04, observation.tick)


class FakeSkill:
    """Nods with the last joint of its limb."""

    name = "nod"
    schema: ClassVar = {
        "type": "object",
        "description": "Nod.",
        "properties": {"times": {"type": "integer", "minimum": 1}},
        "required": ["times"],
        "additionalProperties": False,
    }

    def __init__(self, context):
        self.context = context

    def reset(self, call, observation):
        self.call, self.left = call, call.arguments["times"]

    def path(self, q):
        rows = np.repeat(q[None], 26, axis=0)
        rows[:, -1] += 0.2 * np.sin(np.linspace(0, np.pi, 26)) ** 2
        return rows

    def act(self, observation, others):
        if self.left == 0:
            return self.result()
        self.left -= 1
        (limb,) = self.call.limbs
        rows = self.path(observation.limbs[limb].q)
        return self.chunk({limb: rows}, {limb: np.full(len(rows), 0.02)}, observation.tick)

    def chunk(self, targets, jaw, tick):
        return ActionChunk(targets, jaw, self.context.control_dt, tick)

    def result(self):
        return SkillResult(True, data={"nods": self.call.arguments["times"]})


NOD = SkillCall("n1", "nod", ("left",), {"times": 2})
