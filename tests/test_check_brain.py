"""The kit passes a brain that keeps its contract, and names the clause that is broken."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from conformance_examples import ChunkBrain, FakeBrain, always, broken, clauses, fails, says
from shopfloor.body.bench import Bench
from shopfloor.brain.classical import ClassicalBrain
from shopfloor.testing import (
    Stage,
    check_brain,
)
from shopfloor.types import (
    Finish,
    Needs,
    SkillCall,
)


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
    ("brain.protocol", always(SimpleNamespace(needs=Needs()))),
    ("brain.needs", brain(needs=Needs(cameras=("belly",)))),
    ("brain.needs", brain(needs=Needs(skills=("juggle",)))),
    ("brain.needs", brain(needs=Needs(refresh="always"))),
    ("brain.needs", brain(needs=Needs(cameras="overview"))),
    ("brain.needs", brain(needs=None)),
    ("brain.reply", brain(act=always(Finish("done")))),
    ("brain.reply", deciding(always("pick the red one"))),
    ("brain.reply", deciding(always([]))),
    ("brain.reply", deciding(always(None))),
    ("brain.exchange", exchanging(model_id="")),
    ("brain.exchange", exchanging(latency_s=float("nan"))),
    ("brain.exchange", exchanging(latency_s=-1.0)),
    ("brain.exchange", exchanging(request=None)),
    ("brain.exchange", exchanging(tokens=(1.5, 2))),
    ("brain.exchange", exchanging(cost_usd=-0.1)),
    ("brain.exchange", brain(exchange=always(None))),
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
    ("brain.chunk", chunking(targets=always({}))),
    ("brain.chunk", chunking(targets=lambda chunk: {"tail": chunk.targets["left"]})),
    ("brain.chunk", chunking(targets=lambda chunk: {"left": chunk.targets["left"][:, :5]})),
    ("brain.chunk", chunking(targets=lambda chunk: {"left": chunk.targets["left"] * np.inf})),
    (
        "brain.chunk",
        chunking(targets=lambda chunk: {"left": chunk.targets["left"][:1]}, jaw_m=always({})),
    ),
    (
        "brain.chunk",
        chunking(targets=lambda chunk: {**chunk.targets, "right": chunk.targets["left"][:3]}),
    ),
    ("brain.chunk", chunking(jaw_m=always({"left": np.full(11, 45.0)}))),
    ("brain.chunk", chunking(jaw_m=always({"right": np.full(11, 0.0)}))),
    ("brain.chunk", chunking(jaw_m=always({"left": np.full(10, 0.0)}))),
    ("brain.chunk", chunking(period_s=always(0.0))),
    ("brain.chunk", chunking(observed_tick=lambda chunk: chunk.observed_tick + 3)),
    ("brain.chunk", chunking(replan_after=always(0))),
    ("brain.finish", deciding(always(Finish("perfect")))),
    ("brain.finish", deciding(always(Finish("done", None)))),
    ("brain.raises", deciding(raise_without_events)),
    ("brain.raises", deciding(raise_at_odd_events)),
    ("brain.raises", brain(reset=fails)),
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
    check_brain(deciding(always(())), stage=stage)


def test_every_clause_has_a_brain_that_breaks_it():
    assert clauses(check_brain) == {case.values[0] for case in BRAINS}
