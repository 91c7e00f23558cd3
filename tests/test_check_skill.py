"""The kit passes a skill that keeps its contract, and names the clause that is broken."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from conformance_examples import NOD, FakeSkill, always, broken, clauses, fails, says
from shopfloor.body.bench import Bench
from shopfloor.body.geometry import Geometry
from shopfloor.skill.handover import Handover
from shopfloor.skill.look import Look
from shopfloor.skill.pick import Pick
from shopfloor.skill.place import Place
from shopfloor.skill.wait import Wait
from shopfloor.testing import (
    check_skill,
)
from shopfloor.types import (
    SkillCall,
    SkillResult,
)


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
    return skill(result=always(SkillResult(*args, **kwargs)))


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
    ("skill.protocol", always(SimpleNamespace(name="nod", schema={}))),
    ("skill.schema", skill(name="")),
    ("skill.schema", skill(name="bow")),
    ("skill.schema", schema(type="sequence")),
    ("skill.schema", schema(type="array")),
    ("skill.schema", schema(description="")),
    ("skill.schema", schema(additionalProperties=True)),
    ("skill.schema", schema(required=["times", "depth"])),
    ("skill.schema", schema(default=float("nan"))),
    ("skill.answer", skill(act=always(None))),
    ("skill.answer", skill(act=fails)),
    ("skill.answer", skill(reset=fails)),
    ("skill.limbs", chunk_of(targets=lambda c: {"right": c.targets["left"]}, jaw_m=always({}))),
    ("skill.chunk", chunk_of(targets=always({}))),
    ("skill.chunk", chunk_of(targets=lambda c: {"left": c.targets["left"][:, 1:]})),
    ("skill.chunk", chunk_of(targets=lambda c: {"left": c.targets["left"] + np.nan})),
    (
        "skill.chunk",
        chunk_of(targets=lambda c: {"left": c.targets["left"][:1]}, jaw_m=always({})),
    ),
    ("skill.chunk", chunk_of(period_s=always(20.0))),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"] * 1000})),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"] - 1})),
    ("skill.chunk", chunk_of(jaw_m=lambda c: {"left": c.jaw_m["left"][1:]})),
    ("skill.chunk", chunk_of(observed_tick=lambda c: c.observed_tick - 100)),
    ("skill.chunk", chunk_of(observed_tick=lambda c: c.observed_tick + 1)),
    ("skill.chunk", chunk_of(replan_after=always(0))),
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
        resulting(True, data={"at": np.zeros(2)}),
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
        # As wide as the jaw opens: it cannot open further to let go, and may not be told to.
        (Place, call("place", "left", tote="A"), {"left": 0.085}, "actuator.fault"),
        (Place, call("place", "left", tote="A"), {"left": 0.080}, None),
        # Something is in the jaw that is far wider than what was seen: it lets go.
        (
            Pick,
            call("pick", "left", camera="overview", point=[521, 421]),
            {"left": 0.08},
            "grasp.miss",
        ),
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


def test_every_clause_has_a_skill_that_breaks_it():
    assert clauses(check_skill) == {case.values[0] for case in SKILLS}
