"""The guard looks ahead: braking, people, contact; and hostile commands in the physics."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_examples import LIMBS, joints_at
from shopfloor.body.geometry import Geometry
from shopfloor.body.separation import KINDS, Separation
from shopfloor.errors import SpecMismatch, UnknownName
from shopfloor.guard import EnvelopeGuard
from shopfloor.guard.braking import Brakes
from shopfloor.guard.people import pace, separation_m
from shopfloor.testing.fuzz import Fuzzer
from shopfloor.testing.hostile import KINDS as HOSTILE
from shopfloor.testing.hostile import HostileBrain
from shopfloor.types import (
    Action,
    ActionChunk,
    BrainContext,
    LimbState,
    Observation,
    People,
    PeopleLimits,
    SkillCall,
)

DT = 0.02
PEOPLE = PeopleLimits(1.6, 0.1, 0.2, 0.1)


@pytest.fixture(scope="module")
def guard(bench):
    return EnvelopeGuard(bench, DT)


@pytest.fixture(scope="module")
def home(bench):
    return {limb: bench.spec.limbs[limb].q_home.copy() for limb in LIMBS}


def seen(tick, q, *, people=None, wrench=None, qd=None):
    limbs = {
        name: LimbState(
            np.array(row),
            np.zeros(6) if qd is None else qd[name],
            np.eye(4),
            0.02,
            np.zeros(6) if wrench is None else wrench[name],
            np.array(row),
        )
        for name, row in q.items()
    }
    return Observation(tick, limbs, {}, {}, {}, people=people or People())


def action(q, tick, *, source="brain"):
    return Action(dict(q), dict.fromkeys(q, 0.02), tick, tick, source)


class Perfect:
    """Arms that do exactly what they are told."""

    def __init__(self, guard, limits, q):
        self.guard, self.q, self.tick = guard, dict(q), 0
        self.state, self.last = guard.start(limits), {limb: np.zeros(6) for limb in q}

    def ask(self, targets, **kwargs):
        qd = {limb: step / DT for limb, step in self.last.items()}
        now = seen(self.tick, self.q, qd=qd, **kwargs)
        hold = action(self.q, self.tick, source="guard")
        asked = action(targets, self.tick)
        ruling, self.state = self.guard.check(asked, now, hold, self.state)
        self.last = {limb: ruling.action.targets[limb] - self.q[limb] for limb in self.q}
        self.q = dict(ruling.action.targets)
        self.tick += 1
        return ruling


# --- braking --------------------------------------------------------------------------------------

STEPS = st.lists(st.floats(-0.06, 0.06), min_size=12, max_size=12).map(np.array)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_a_ramp_loses_no_more_speed_in_a_tick_than_allowed_and_ends_standing(step):
    loss = np.tile([0.0088, 0.0088, 0.011, 0.013, 0.008, 0.014], 2)
    brakes = Brakes(loss, (slice(0, 6), slice(6, 12)))
    way = np.concatenate([np.zeros((1, 12)), brakes.way(step)])
    steps = np.concatenate([step[None], np.diff(way, axis=0), np.zeros((1, 12))])
    assert np.all(np.abs(np.diff(steps, axis=0)) <= loss * (1 + 1e-6))
    assert brakes.length(step) == pytest.approx(way[-1], abs=1e-12)
    assert brakes.next(step) == pytest.approx(steps[1], abs=1e-12)


def test_a_tool_at_full_speed_towards_a_wall_brakes_in_time(bench, guard, fenced, arms, home):
    edge = -0.25
    box = fenced.limbs["left"]
    upper = np.array([edge, *box.workspace_upper_m[1:]])
    limits = replace(fenced, limbs={**fenced.limbs, "left": replace(box, workspace_upper_m=upper)})
    start = {**home, "left": joints_at(bench, "left", -0.5, 0.1, 0.3)}
    beyond = joints_at(bench, "left", 0.0, 0.1, 0.3)
    cell = Perfect(guard, limits, start)
    rules, fastest, furthest = set(), 0.0, -1.0
    for _ in range(60):
        was = arms.tools(cell.q)["left"]
        rules.add(cell.ask({**cell.q, "left": beyond}).rule)
        now = arms.tools(cell.q)["left"]
        fastest = max(fastest, float(np.linalg.norm(now - was)) / DT)
        furthest = max(furthest, float(now[0]))
    assert "workspace" in rules
    assert fastest > 0.5, "it never got fast, so it had nothing to brake"
    assert furthest <= edge - limits.servo.tracking_m + 1e-6


def test_a_stop_is_a_ramp_and_not_a_jump(guard, fenced, home):
    cell = Perfect(guard, fenced, home)
    for _ in range(8):
        cell.ask({limb: q + np.array([0.03, 0, 0, 0, 0, 0.03]) for limb, q in cell.q.items()})
    speed = cell.last["left"].copy()
    assert speed[0] > 0.01
    start = cell.q["left"].copy()
    ticks = 0
    while np.abs(cell.last["left"]).max() > 0:
        ruling = cell.ask({limb: q * np.nan for limb, q in cell.q.items()})
        assert (ruling.verdict, ruling.rule) == ("stop", "message.finite")
        lost = np.abs(cell.last["left"] - speed)
        assert np.all(lost <= fenced.limbs["left"].qdd_max * DT**2 * 1.02 + 1e-9)
        speed = cell.last["left"].copy()
        ticks += 1
        assert ticks < 20
    assert ticks >= 2
    assert np.all(cell.q["left"] >= start - 1e-12), "it never goes back to where it started"


MOVES = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(["bang", "noise", "far", "bad"])),
    min_size=1,
    max_size=8,
)


@given(MOVES)
@settings(max_examples=15, deadline=None)
def test_what_is_let_through_never_leaves_the_envelope_and_can_always_stop(
    guard, fenced, arms, home, moves
):
    cell = Perfect(guard, fenced, home)
    for seed, kind in moves:
        rng = np.random.default_rng(seed)
        sign = {limb: rng.choice([-1.0, 1.0], 6) for limb in LIMBS}
        for _ in range(12):
            step = {
                "bang": {limb: 0.06 * s for limb, s in sign.items()},
                "noise": {limb: rng.normal(0, 0.05, 6) for limb in LIMBS},
                "far": {limb: 5 * s for limb, s in sign.items()},
                "bad": {limb: s * np.nan for limb, s in sign.items()},
            }[kind]
            cell.ask({limb: cell.q[limb] + step[limb] for limb in LIMBS})
            inside(arms, fenced, cell.q)
    for _ in range(20):  # and now a stop
        cell.ask({limb: q * np.nan for limb, q in cell.q.items()})
        inside(arms, fenced, cell.q)
    assert all(np.abs(step).max() < 1e-12 for step in cell.last.values())


def inside(arms, limits, q):
    """Hold a place against the envelope, in a model of our own."""
    tools = arms.tools(q)
    for limb in LIMBS:
        limit = limits.limbs[limb]
        assert np.all(q[limb] >= limit.q_lower)
        assert np.all(q[limb] <= limit.q_upper)
        assert np.all(tools[limb] >= limit.workspace_lower_m)
        assert np.all(tools[limb] <= limit.workspace_upper_m)
    assert arms.distance(q, fingers=0.01) >= limits.limb_distance_m


def test_a_guard_without_limits_says_so(bench, home):
    asked = action(home, 0)
    with pytest.raises(SpecMismatch, match="start it with some first"):
        EnvelopeGuard(bench, DT).check(asked, seen(0, home), asked, None)


# --- distances ------------------------------------------------------------------------------------


def test_slack_is_what_mujoco_measures_pair_by_pair(bench, fenced, rng):
    import mujoco

    geometry = Geometry(bench, fenced.keep_out)
    apart = Separation(geometry, limbs_m=0.03, self_m=0.01, boxes_m=[0.004])
    pairs, near = apart.pairs, 0.15
    model, data = geometry.model, geometry.data
    exact_ones = 0
    for _ in range(200):
        geometry.place_all(rng.uniform(-np.pi, np.pi, 12))
        got = apart.slack(near)
        for kind in range(len(KINDS)):
            mine = pairs.kind == kind
            wanted = min(
                mujoco.mj_geomDistance(model, data, int(a), int(b), 9.0, None) - keep
                for a, b, keep in zip(
                    pairs.first[mine], pairs.second[mine], pairs.keep_m[mine], strict=True
                )
            )
            if wanted <= near:
                exact_ones += 1
                assert got[kind] == pytest.approx(wanted, abs=1e-6)
            else:
                assert got[kind] > near
    assert exact_ones > 200


def test_no_point_of_a_limb_moves_further_than_its_reach_says(bench, geometry, rng):
    reach = geometry.reach()
    for _ in range(200):
        q = rng.uniform(-np.pi, np.pi, 12)
        geometry.place_all(q)
        before = geometry.data.geom_xpos.copy()
        change = rng.normal(0, 0.2, 12)
        geometry.place_all(q + change)
        moved = np.linalg.norm(geometry.data.geom_xpos - before, axis=1)
        for i, limb in enumerate(LIMBS):
            most = float((np.abs(change) * reach)[6 * i : 6 * i + 6].sum())
            assert moved[geometry.shapes[limb]].max() <= most


# --- people and contact ---------------------------------------------------------------------------


def test_the_separation_distance_is_the_sum_that_is_stated():
    assert separation_m(PEOPLE, 0.15) == pytest.approx(1.6 * 0.25 + 0.2 + 0.1)
    assert pace(People(), PEOPLE, 0.15)[0] == 1
    assert pace(People((5.0, 0.45)), PEOPLE, 0.15) == (0.0, 0.45)
    share, nearest = pace(People((0.58,)), PEOPLE, 0.15)
    assert share == pytest.approx(0.5)
    assert nearest == 0.58


@pytest.mark.parametrize("bad", [float("nan"), -1.0, float("inf")])
def test_a_distance_that_is_no_number_stops(bad):
    assert pace(People((bad, 3.0)), PEOPLE, 0.15)[0] == 0


def test_a_person_who_is_too_near_stops_the_limbs_until_somebody_resets(guard, fenced, home):
    cell = Perfect(guard, fenced, home)

    def go(**people):
        turned = {limb: q + np.array([0, 0, 0, 0, 0, 0.005]) for limb, q in cell.q.items()}
        return cell.ask(turned, people=People(**people))

    assert go().verdict == "pass"
    near = go(distances_m=(0.3,))
    assert (near.verdict, near.rule) == ("stop", "people.separation")
    assert go().rule == "people.separation", "gone, but nobody has reset"
    assert go(distances_m=(0.3,), reset=True).rule == "people.separation", "a reset opens no zone"
    assert go(reset=True).verdict == "pass"
    assert go().verdict == "pass"


def test_a_person_who_comes_nearer_slows_the_limbs(guard, fenced, home):
    cell = Perfect(guard, fenced, home)
    for _ in range(10):
        turned = {limb: q + np.array([0, 0, 0, 0, 0, 0.05]) for limb, q in cell.q.items()}
        ruling = cell.ask(turned, people=People((0.56,)))
    assert (ruling.verdict, ruling.rule) == ("limit", "people.separation")
    assert 0 < np.abs(cell.last["left"]).max() < 0.04


def test_a_limb_that_presses_too_hard_may_only_draw_back(guard, fenced, home):
    pressed = {limb: np.zeros(6) for limb in LIMBS}
    pressed["left"] = np.array([0, 0, fenced.contact_force_n + 1, 0, 0, 0.0])
    bent = {**home, "left": home["left"] - 0.005}  # where the arm really is
    state = guard.start(fenced)
    hold = action(home, 0, source="guard")
    _, state = guard.check(action(home, 0), seen(0, home), hold, state)
    on = action({**home, "left": home["left"] + 0.002}, 1)
    ruling, _ = guard.check(on, seen(1, bent, wrench=pressed), hold, state)
    assert (ruling.verdict, ruling.rule) == ("stop", "contact.force")
    assert ruling.detail["force_n"] == pytest.approx(fenced.contact_force_n + 1)
    assert np.all(ruling.action.targets["left"] <= home["left"]), "it yields to where the arm is"
    back = action({**home, "left": home["left"] - 0.001}, 1)
    ruling, _ = guard.check(back, seen(1, bent, wrench=pressed), hold, state)
    assert ruling.rule != "contact.force"


def test_a_limb_that_does_not_follow_is_stopped(guard, fenced, home):
    state = guard.start(fenced)
    hold = action(home, 0, source="guard")
    _, state = guard.check(action(home, 0), seen(0, home), hold, state)
    pushed = {**home, "right": home["right"] + 0.05}
    asked = action({**home, "right": home["right"] - 0.001}, 1)
    ruling, _ = guard.check(asked, seen(1, pushed), hold, state)
    assert (ruling.verdict, ruling.rule) == ("stop", "limb.following")


# --- hostile commands in the physics --------------------------------------------------------------


@pytest.mark.parametrize("limits", ["fenced", "collaborative"])
def test_hostile_commands_leave_no_limit_in_the_physics(limits):
    found = Fuzzer(body="bench", limits=limits, seed=1).episode(2)
    assert found.commands == 500
    assert {"message.finite", "message.shape", "tool.speed"} <= found.rules.keys()
    assert (found.breaches, found.failing) == (0, [])


def test_an_episode_is_the_same_again():
    first, second = (
        Fuzzer(body="bench", limits="fenced", seed=3).episode(5, 150) for _ in range(2)
    )
    assert first.rules == second.rules
    assert first.most == second.most


# --- hostile brains -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind not in ("liar", "slow")])
def test_a_hostile_brain_moves_limbs_or_calls_skills(bench, dark_cell, fenced, home, kind):
    brain = HostileBrain(kind, BrainContext(dark_cell.spec, fenced, {}))
    brain.reset(None, seed=1)
    answers = [brain.act(seen(0, home), (), deadline_s=1.0).decision for _ in range(2)]
    if kind == "flooding":
        assert len(answers[0]) > 1000
        assert len(answers[1].targets["left"]) > 10_000
    elif kind == "jailbroken":
        assert isinstance(answers[0][0], SkillCall)
    else:
        assert all(isinstance(answer, ActionChunk) for answer in answers)
        rows = answers[0].targets["left"]
        assert np.isnan(rows).any() == (kind == "nan")
        assert (answers[0] is answers[1]) == (kind == "replay")


def test_a_hostile_brain_of_no_kind_is_named(dark_cell, fenced):
    with pytest.raises(UnknownName, match="full-speed"):
        HostileBrain("polite", BrainContext(dark_cell.spec, fenced, {}))
