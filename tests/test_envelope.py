"""The guard: every rule, and thousands of hostile commands against limits computed elsewhere."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_examples import LIMBS, joints_at
from shopfloor.cell.audit import Audit
from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import SpecMismatch
from shopfloor.guard import MODES, EnvelopeGuard, load_limits
from shopfloor.types import Action, Guard, LimbState, Observation, People

DT = 0.02
ROUND = 1e-4
"""Share by which a limit may be left through rounding."""


FINGERS_M = 0.01
"""How far each finger is out where the jaw is told to be open by 20 mm."""
SERVO = 1 / 1.08
"""Share of a speed limit that commands may use."""


def unbound(limits):
    """Limits for drives that are strong without bound and exact: every rule but acceleration."""
    limbs = {
        name: replace(limb, qdd_max=limb.qdd_max * 1e6, carry=0 * limb.carry, gain=0 * limb.gain)
        for name, limb in limits.limbs.items()
    }
    servo = replace(limits.servo, tracking_m=1e-9, tracking_rad=1e-9)
    return replace(limits, limbs=limbs, servo=servo, tool_acceleration_m_s2=1e6)


@pytest.fixture(scope="module")
def stated(bench):
    """The limits as their files state them."""
    return {mode: load_limits("sorting", bench.spec, mode) for mode in MODES}


@pytest.fixture(scope="module")
def fenced(stated):
    return unbound(stated["fenced"])


@pytest.fixture(scope="module")
def collaborative(stated):
    return unbound(stated["collaborative"])


@pytest.fixture(scope="module")
def real(bench):
    return EnvelopeGuard(bench, DT)


@pytest.fixture(scope="module")
def guard(bench):
    return EnvelopeGuard(bench, DT)


@pytest.fixture(scope="module")
def home(bench):
    return {limb: bench.spec.limbs[limb].q_home.copy() for limb in LIMBS}


def seen(tick, q):
    limbs = {
        name: LimbState(row.copy(), np.zeros(6), np.eye(4), 0.02, np.zeros(6), row.copy())
        for name, row in q.items()
    }
    return Observation(tick, limbs, {}, {}, {}, People())


def test_who_says_nothing_of_people_has_no_observation():
    with pytest.raises(TypeError, match="people"):
        Observation(0, {}, {}, {}, {})


def action(q, *, tick=0, seq=0, jaw=0.02, source="skill"):
    return Action(dict(q), dict.fromkeys(q, jaw), tick, seq, source)


def moved(home, **changes):
    """Joints at home with some joints moved: ``moved(home, left=(5, 0.01))``."""
    out = {limb: q.copy() for limb, q in home.items()}
    for limb, (joint, by) in changes.items():
        out[limb][joint] += by
    return out


def standing(bench, home, **tools):
    """Joints that put tools at (x, y, z), the others at home."""
    out = dict(home)
    for limb, at in tools.items():
        out[limb] = joints_at(bench, limb, *at)
    return out


def rule(guard, limits, q, asked, *, tick=0, hold=None):
    """Rule on one action of a cell that stands at ``q``."""
    state = guard.start(limits)
    return guard.check(asked, seen(tick, q), hold or action(q, tick=tick, source="guard"), state)


def test_it_is_a_guard(guard):
    assert isinstance(guard, Guard)


# --- each rule ------------------------------------------------------------------------------------


def test_what_is_inside_passes_as_it_is(guard, fenced, home):
    asked = action(moved(home, left=(5, 0.01), right=(0, -0.005)))
    ruling, state = rule(guard, fenced, home, asked)
    assert (ruling.verdict, ruling.rule) == ("pass", None)
    assert ruling.action is asked
    assert state.seq == 0


def test_too_fast_a_joint_is_slowed_on_its_way(guard, fenced, home):
    by = np.array([0.01, 0, 0, 0, 0, 0.2])
    asked = action({**home, "left": home["left"] + by})
    ruling, _ = rule(guard, fenced, home, asked)
    assert (ruling.verdict, ruling.rule) == ("limit", "joint.velocity")
    step = ruling.action.targets["left"] - home["left"]
    most = np.pi * DT * SERVO  # 180 deg/s
    assert step[5] == pytest.approx(most, rel=1e-6)
    assert step == pytest.approx(by * most / 0.2, rel=1e-6)
    assert np.array_equal(ruling.action.targets["right"], home["right"])
    assert ruling.detail["times_over"] == pytest.approx(0.2 / most)


def test_a_limited_action_keeps_all_else_of_it(guard, fenced, home):
    asked = action(moved(home, left=(5, 0.5)), tick=3, seq=7, jaw=0.03, source="brain")
    ruling, state = rule(guard, fenced, home, asked, tick=4)
    allowed = ruling.action
    assert (allowed.tick, allowed.seq, allowed.source) == (3, 7, "brain")
    assert allowed.jaw_m == {"left": 0.03, "right": 0.03}
    assert state.seq == 7


def test_a_joint_past_its_range_stops_at_its_range(guard, fenced, home):
    near = {**home, "left": home["left"].copy()}
    near["left"][5] = 2 * np.pi - 0.001
    asked = action(moved(near, left=(5, 0.01)))
    ruling, _ = rule(guard, fenced, near, asked)
    assert (ruling.verdict, ruling.rule) == ("limit", "joint.position")
    assert ruling.action.targets["left"][5] == pytest.approx(2 * np.pi)
    assert ruling.detail["over_rad"] == pytest.approx(0.009)


@pytest.mark.parametrize("mode", ["fenced", "collaborative"])
def test_too_fast_a_tool_is_slowed_to_its_speed(request, guard, arms, home, mode):
    limits = request.getfixturevalue(mode)
    asked = action(moved(home, left=(2, 0.055)))
    ruling, _ = rule(guard, limits, home, asked)
    assert (ruling.verdict, ruling.rule) == ("limit", "tool.speed")
    way = arms.tools(ruling.action.targets)["left"] - arms.tools(home)["left"]
    assert np.linalg.norm(way) / DT == pytest.approx(SERVO * limits.tool_speed_m_s, rel=2e-3)
    assert np.linalg.norm(way) / DT <= SERVO * limits.tool_speed_m_s * (1 + ROUND)
    assert ruling.detail["tool_speed_m_s"] > SERVO * limits.tool_speed_m_s


def test_a_joint_gains_no_more_speed_in_a_tick_than_its_drive_gives(real, stated, home):
    fenced = stated["fenced"]
    limb = fenced.limbs["left"]
    most = limb.qdd_max[5] * DT**2 * 1.02
    state, q = real.start(fenced), home
    last = np.zeros(6)
    # Full speed at once, then full speed back: the jump is what an arm cannot follow.
    for seq, by in enumerate([0.05] * 6 + [-0.05] * 12):
        asked = action(moved(q, left=(5, by)), tick=seq, seq=seq)
        ruling, state = real.check(asked, seen(seq, q), action(q, source="guard"), state)
        step = ruling.action.targets["left"] - q["left"]
        assert np.abs(step - last).max() <= most * (1 + ROUND)
        if ruling.verdict == "limit":
            assert ruling.rule == "joint.acceleration"
        last, q = step, ruling.action.targets
    assert step[5] == pytest.approx(-0.05), "it gets there in the end"


@pytest.mark.parametrize("mode", ["fenced", "collaborative"])
def test_a_swing_at_full_speed_leaves_no_limit_in_the_physics(stated, bench, real, mode):
    # What the servos make of commands that the guard lets through, seen by the independent reader.
    limits = stated[mode]
    cell = SortingCell(bench, render=False)
    (lot,) = cell.orders(seed=1, count=1).lots()
    timestep = cell.reset(lot, seed=lot.seed)
    audit, state = Audit(cell, limits), real.start(limits)
    q = {limb: bench.spec.limbs[limb].q_home.copy() for limb in LIMBS}
    reach = float(
        np.linalg.norm(timestep.observation.limbs["left"].tool_in_world[:2, 3] + [0.76, 0])
    )
    full = min(np.pi, limits.tool_speed_m_s / reach) * DT
    asked_of = 0
    for tick in range(80):
        q = moved(q, left=(0, full * (1 if tick // 10 % 2 == 0 else -1)))
        asked = action(q, tick=tick, seq=tick, jaw=0.0, source="brain")
        ruling, state = real.check(asked, timestep.observation, cell.hold(), state)
        asked_of += ruling.verdict == "limit"
        q = dict(ruling.action.targets)
        timestep = cell.step(ruling.action)
        audit.look()
    cell.close()
    assert asked_of > 40, "the swing is no harder than what is allowed"
    assert (audit.breaches, audit.worst) == (0, {})


def narrowed(limits):
    """Limits with a wall for the left tool where the arm can reach beyond it, and its x [m]."""
    box, edge = limits.limbs["left"], -0.25
    upper = np.array([edge, *box.workspace_upper_m[1:]])
    limbs = {**limits.limbs, "left": replace(box, workspace_upper_m=upper)}
    return replace(limits, limbs=limbs), edge


def test_a_tool_that_would_leave_its_workspace_is_stopped(bench, guard, fenced, arms, home):
    limits, edge = narrowed(fenced)
    q = standing(bench, home, left=(edge - 0.003, 0.1, 0.3))
    asked = action(standing(bench, home, left=(edge + 0.004, 0.1, 0.3)))
    hold = action(q, source="guard")
    ruling, state = rule(guard, limits, q, asked, hold=hold)
    assert (ruling.verdict, ruling.rule) == ("stop", "workspace")
    assert ruling.action is hold
    assert ruling.detail == {"limb": "left", "outside_m": pytest.approx(0.004)}
    assert state.seq == -1


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_each_wall_of_the_workspace_holds(bench, guard, fenced, home, axis, side):
    box = fenced.limbs["left"]
    inside = np.array([-0.35, 0.05, 0.25])
    wall = getattr(box, f"workspace_{side}_m")[axis]
    out = inside.copy()
    # Walls that the arm can't reach are moved to where it can.
    wall = float(np.clip(wall, inside[axis] - 0.15, inside[axis] + 0.15))
    edge = getattr(box, f"workspace_{side}_m").copy()
    edge[axis] = wall
    limits = replace(
        fenced, limbs={**fenced.limbs, "left": replace(box, **{f"workspace_{side}_m": edge})}
    )
    away = 1 if side == "upper" else -1
    inside[axis], out[axis] = wall - away * 0.004, wall + away * 0.004
    q = standing(bench, home, left=inside)
    ruling, _ = rule(guard, limits, q, action(standing(bench, home, left=out)))
    assert (ruling.verdict, ruling.rule) == ("stop", "workspace")
    back, _ = rule(guard, limits, q, action(q))
    assert back.verdict == "pass"


def test_a_tool_that_is_outside_may_come_back_but_go_no_further(bench, guard, fenced, home):
    limits, edge = narrowed(fenced)
    q = standing(bench, home, left=(edge + 0.02, 0.1, 0.3))
    back = action(standing(bench, home, left=(edge + 0.01, 0.1, 0.3)))
    on = action(standing(bench, home, left=(edge + 0.025, 0.1, 0.3)))
    assert rule(guard, limits, q, back)[0].verdict == "pass"
    assert rule(guard, limits, q, on)[0].rule == "workspace"


def test_one_limb_outside_does_not_bind_the_other(bench, guard, fenced, home):
    limits, edge = narrowed(fenced)
    q = standing(bench, home, left=(edge + 0.02, 0.1, 0.3))
    asked = action(moved(q, right=(2, 0.005)))
    assert rule(guard, limits, q, asked)[0].verdict == "pass"


def test_limbs_that_would_come_too_near_are_stopped(bench, guard, fenced, arms, home):
    q = standing(bench, home, left=(-0.1, 0.05, 0.2), right=(0.1, 0.05, 0.2))
    keep = fenced.limb_distance_m
    for gap in np.arange(0.1, -0.1, -0.004):
        asked = action(standing(bench, home, left=(-0.1, 0.05, 0.2), right=(gap, 0.05, 0.2)))
        ruling, _ = rule(guard, fenced, q, asked)
        if arms.distance(asked.targets, fingers=FINGERS_M) < keep:
            assert (ruling.verdict, ruling.rule) == ("stop", "limb.distance")
            short = keep - arms.distance(asked.targets, fingers=FINGERS_M)
            assert ruling.detail["short_m"] == pytest.approx(short, abs=1e-6)
            return
        assert ruling.verdict == "pass"
        q = asked.targets
    pytest.fail("the limbs never met")


def test_limbs_that_are_too_near_may_part_but_come_no_nearer(bench, guard, fenced, arms, home):
    q = standing(bench, home, left=(-0.06, 0.05, 0.2), right=(0.06, 0.05, 0.2))
    assert arms.distance(q) < fenced.limb_distance_m
    apart = standing(bench, home, left=(-0.06, 0.05, 0.2), right=(0.064, 0.05, 0.2))
    nearer = standing(bench, home, left=(-0.06, 0.05, 0.2), right=(0.056, 0.05, 0.2))
    assert rule(guard, fenced, q, action(apart))[0].verdict == "pass"
    assert rule(guard, fenced, q, action(nearer))[0].rule == "limb.distance"


@pytest.mark.parametrize(
    ("tick", "now", "verdict"),
    [(5, 5, "pass"), (5, 15, "pass"), (5, 16, "stop"), (5, 500, "stop"), (6, 5, "stop")],
)
def test_a_command_must_be_young_and_not_of_the_future(guard, fenced, home, tick, now, verdict):
    assert fenced.command_age_ticks == 10
    ruling, _ = rule(guard, fenced, home, action(home, tick=tick), tick=now)
    assert ruling.verdict == verdict
    assert ruling.rule == (None if verdict == "pass" else "message.age")


def test_a_command_that_was_heard_before_is_stopped(guard, fenced, home):
    first = action(moved(home, left=(5, 0.01)), seq=4)
    hold = action(home, source="guard")
    ruling, state = guard.check(first, seen(0, home), hold, guard.start(fenced))
    assert ruling.verdict == "pass"
    for replayed in (first, replace(first, seq=3)):
        ruling, after = guard.check(replayed, seen(1, home), hold, state)
        assert (ruling.verdict, ruling.rule) == ("stop", "message.sequence")
        assert after.seq == 4
    ruling, _ = guard.check(replace(first, seq=5), seen(1, home), hold, state)
    assert ruling.verdict == "pass"


def test_after_a_stop_speed_is_counted_from_the_hold(guard, fenced, home):
    elsewhere = moved(home, left=(5, 0.3))
    hold = action(elsewhere, source="guard")
    ruling, state = rule(guard, fenced, home, action(home, tick=99), hold=hold)
    assert ruling.verdict == "stop"
    asked = action(moved(elsewhere, left=(5, 0.01)))
    assert guard.check(asked, seen(0, elsewhere), hold, state)[0].verdict == "pass"


@pytest.mark.parametrize(
    "limbs", [lambda limbs: {"left": limbs["left"]}, lambda limbs: {"a": limbs["left"]}]
)
def test_limits_for_another_body_are_refused_before_the_first_action(guard, fenced, limbs):
    with pytest.raises(SpecMismatch, match="do not cover limb"):
        guard.start(replace(fenced, limbs=limbs(fenced.limbs)))


# --- messages that make no sense ------------------------------------------------------------------

BAD_TARGETS = {
    "nan": lambda q: np.where(np.arange(6) == 3, np.nan, q),
    "inf": lambda q: np.where(np.arange(6) == 0, np.inf, q),
    "both infinities": lambda _: np.where(np.arange(6) < 3, np.inf, -np.inf),
    "all nan": lambda q: q * np.nan,
    "five joints": lambda q: q[:5],
    "seven joints": lambda q: np.append(q, 0.0),
    "a column": lambda q: q[:, None],
    "a number": lambda _: np.array(1.0),
    "nothing": lambda _: None,
    "a list": list,
    "text": lambda _: "home",
    "integers": lambda _: np.zeros(6, int),
    "booleans": lambda _: np.zeros(6, bool),
    "objects": lambda q: q.astype(object),
    "complex": lambda q: q.astype(complex),
    "strings": lambda q: q.astype(str),
    "dates": lambda _: np.zeros(6, "datetime64[s]"),
    "masked": lambda q: np.ma.masked_array(q * np.nan, mask=True),
}
BAD_JAWS = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": -float("inf"),
    "shut through": -0.01,
    "too wide": 0.09,
    "millimetres": 20.0,
    "nothing": None,
    "text": "open",
    "a list": [0.02],
    "an array": np.array([0.02, 0.02]),
    "complex": 0.02j,
    "numpy nan": np.float32("nan"),
}
BAD_TIMES = {
    "nan": float("nan"),
    "nothing": None,
    "text": "3",
    "inf": float("inf"),
    "a list": [3],
    "negative": -1000,
}


def stops(guard, limits, home, asked):
    hold = action(home, tick=20, source="guard")
    state = guard.start(limits)
    ruling, after = guard.check(asked, seen(20, home), hold, state)
    assert ruling.verdict == "stop"
    assert ruling.action is hold
    assert after.seq == state.seq
    return ruling.rule


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("bad", BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_a_message_with_one_bad_target_is_refused_whole(guard, fenced, home, limb, bad):
    asked = action(moved(home, left=(5, 0.01), right=(5, 0.01)), tick=20)
    asked = replace(asked, targets={**asked.targets, limb: bad(home[limb])})
    assert stops(guard, fenced, home, asked).startswith("message.")


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("bad", BAD_JAWS.values(), ids=BAD_JAWS)
def test_a_message_with_one_bad_jaw_is_refused_whole(guard, fenced, home, limb, bad):
    asked = action(moved(home, left=(5, 0.01), right=(5, 0.01)), tick=20)
    asked = replace(asked, jaw_m={**asked.jaw_m, limb: bad})
    assert stops(guard, fenced, home, asked) in ("jaw.range", "message.shape")


@pytest.mark.parametrize("bad", BAD_TIMES.values(), ids=BAD_TIMES)
def test_a_message_of_no_time_is_refused(guard, fenced, home, bad):
    asked = action(home, tick=20)
    assert stops(guard, fenced, home, replace(asked, tick=bad)) == "message.age"
    assert stops(guard, fenced, home, replace(asked, seq=bad)) == "message.sequence"


@pytest.mark.parametrize(
    "names", [(), ("left",), ("right",), ("left", "right", "tail"), ("a", "b")]
)
def test_a_message_for_other_limbs_is_refused(guard, fenced, home, names):
    targets = dict.fromkeys(names, home["left"])
    asked = Action(targets, dict.fromkeys(targets, 0.02), 20, 0, "skill")
    assert stops(guard, fenced, home, asked) == "message.shape"
    asked = Action(home, dict.fromkeys(names, 0.02), 20, 0, "skill")
    assert stops(guard, fenced, home, asked) == "message.shape"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_other_floats_are_numbers_too(guard, fenced, home, dtype):
    asked = action({limb: q.astype(dtype) for limb, q in home.items()})
    here = {limb: q.astype(float) for limb, q in asked.targets.items()}
    assert rule(guard, fenced, here, asked)[0].verdict == "pass"


# --- thousands of commands ------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats(-0.3, 0.3),
    st.floats(-7, 7),
    st.floats(),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 6.2832, 2 * np.pi]),
)


@st.composite
def hostile(draw):
    """Draw how a command differs from a sensible one."""
    kind = draw(st.sampled_from(["small", "small", "small", "large", "bad"]))
    size = {"small": 0.08, "large": 7.0, "bad": 0.02}[kind]
    steps = draw(st.lists(st.floats(-size, size), min_size=12, max_size=12))
    flaw = None
    if kind == "bad":
        flaw = draw(
            st.one_of(
                st.tuples(st.just("number"), st.integers(0, 11), NUMBERS),
                st.tuples(
                    st.just("target"), st.sampled_from(LIMBS), st.sampled_from([*BAD_TARGETS])
                ),
                st.tuples(st.just("jaw"), st.sampled_from(LIMBS), st.floats()),
                st.tuples(st.just("tick"), st.just(""), st.integers(-30, 30)),
                st.tuples(st.just("seq"), st.just(""), st.integers(-3, 1)),
            )
        )
    return steps, flaw


def made(q, steps, flaw, *, tick, seq):
    """Make the command that was drawn."""
    targets = {limb: q[limb] + np.array(steps[6 * i : 6 * i + 6]) for i, limb in enumerate(LIMBS)}
    asked = action(targets, tick=tick, seq=seq)
    match flaw:
        case ("number", index, value):
            targets[LIMBS[index // 6]][index % 6] = value
        case ("target", limb, name):
            targets[limb] = BAD_TARGETS[name](targets[limb])
        case ("jaw", limb, value):
            asked = replace(asked, jaw_m={**asked.jaw_m, limb: value})
        case ("tick", _, by):
            return replace(asked, tick=tick + by)
        case ("seq", _, by):
            return replace(asked, seq=seq + by)
    return replace(asked, targets=targets)


def obeyed(arms, limits, before, after):
    """Hold one tick's motion against every limit, in a model of our own."""
    for limb in LIMBS:
        limit, q = limits.limbs[limb], after[limb]
        assert np.isfinite(q).all()
        assert np.all(q >= limit.q_lower - 1e-9)
        assert np.all(q <= limit.q_upper + 1e-9)
        assert np.all(np.abs(q - before[limb]) <= limit.qd_max * DT * (1 + ROUND))
    was, tools = arms.tools(before), arms.tools(after)
    for limb in LIMBS:
        limit = limits.limbs[limb]
        way = np.linalg.norm(tools[limb] - was[limb])
        assert way <= limits.tool_speed_m_s * DT * (1 + ROUND) + 1e-12
        assert np.all(tools[limb] >= limit.workspace_lower_m - 1e-6)
        assert np.all(tools[limb] <= limit.workspace_upper_m + 1e-6)
    assert arms.distance(after, fingers=FINGERS_M) >= limits.limb_distance_m - 1e-6


@pytest.mark.parametrize("mode", ["fenced", "collaborative"])
@given(st.lists(hostile(), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_whatever_is_asked_for_stays_within_every_limit(request, guard, arms, home, mode, commands):
    limits = request.getfixturevalue(mode)
    q, state = home, guard.start(limits)
    for tick, (steps, flaw) in enumerate(commands, 20):
        asked = made(q, steps, flaw, tick=tick, seq=tick)
        hold = action(q, tick=tick, seq=tick, source="guard")
        ruling, state = guard.check(asked, seen(tick, q), hold, state)
        if ruling.verdict == "stop":
            assert ruling.action is hold
        else:
            assert all(-1e-8 <= jaw <= 0.0861 for jaw in ruling.action.jaw_m.values())
            obeyed(arms, limits, q, ruling.action.targets)
        if ruling.verdict == "pass":
            assert ruling.action is asked
        q = {limb: np.asarray(t, float) for limb, t in ruling.action.targets.items()}


def test_thousands_of_random_commands_near_all_limits(bench, guard, fenced, arms, home):
    """Walk at random about the middle of the tray, where both arms meet, for 4,000 ticks."""
    rng = np.random.default_rng(5)
    q = standing(bench, home, left=(-0.07, 0.0, 0.12), right=(0.09, 0.0, 0.12))
    state, count, took = guard.start(fenced), {}, 0.0
    for tick in range(4000):
        wild = rng.random() < 0.3
        targets = {limb: row + rng.normal(0, 0.3 if wild else 0.03, 6) for limb, row in q.items()}
        asked, now = action(targets, tick=tick, seq=tick), seen(tick, q)
        hold = action(q, tick=tick, seq=tick, source="guard")
        began = time.thread_time()
        ruling, state = guard.check(asked, now, hold, state)
        took += time.thread_time() - began
        count[ruling.rule] = count.get(ruling.rule, 0) + 1
        if ruling.verdict != "stop":
            if tick % 4 == 0:  # brute force is dear; the walk visits every rule hundreds of times
                obeyed(arms, fenced, q, ruling.action.targets)
            q = ruling.action.targets
    assert took < 10
    assert {"tool.speed", "workspace", "limb.distance"} <= count.keys(), count


@given(hostile())
@settings(max_examples=100, deadline=None)
def test_the_same_arguments_give_the_same_ruling(guard, fenced, collaborative, home, command):
    steps, flaw = command
    asked = made(home, steps, flaw, tick=20, seq=20)
    hold, now, state = action(home, tick=20, source="guard"), seen(20, home), guard.start(fenced)
    before = {limb: np.array(t, copy=True) for limb, t in asked.targets.items() if t is not None}
    first = guard.check(asked, now, hold, state)
    # What else it is asked in between must not matter.
    other = standing_elsewhere(home)
    guard.check(action(other, tick=3, seq=9), seen(3, other), action(other), first[1])
    second = guard.check(asked, now, hold, state)
    for a, b in zip(first, second, strict=True):
        assert same(a, b)
    for limb, was in before.items():
        np.testing.assert_array_equal(np.asarray(asked.targets[limb]), was)


def standing_elsewhere(home):
    return {limb: q + 0.02 for limb, q in home.items()}


def same(a, b):
    """Whether two rulings or states say the same, to the last bit."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if hasattr(a, "__slots__"):
        return all(same(getattr(a, name), getattr(b, name)) for name in a.__slots__)
    return a == b or (a != a and b != b)  # noqa: PLR0124 - NaN is the same as NaN here


def test_who_begins_anew_within_a_lot_forgets_where_limbs_are_and_nothing_else(bench, fenced):
    guard = EnvelopeGuard(bench, 0.02)
    before = replace(guard.start(fenced), seq=7, waits=True)
    again = guard.start(fenced, before)
    assert (again.place, again.seq, again.waits) == (None, 7, True)


def followed(guard, limits, home, reads, ticks=60):
    """Ask a limb to hold for some ticks, read as ``reads`` makes of its command; all commands."""
    state, sent, out = guard.start(limits), home, []
    for tick in range(ticks):
        q = dict(sent, left=reads(tick, sent["left"]))
        told = dict(home, left=sent["left"])
        limbs = {n: replace(limb, q_target=told[n]) for n, limb in seen(tick, q).limbs.items()}
        now = replace(seen(tick, q), limbs=limbs)
        asked = action(told, tick=tick, seq=tick, source="guard")
        ruling, state = guard.check(asked, now, asked, state)
        sent = dict(ruling.action.targets)
        out.append((ruling.verdict, sent["left"]))
    return out


def test_a_limb_is_yielded_to_but_a_reading_that_stays_wrong_is_not_followed_for_good(bench, guard):
    fenced = load_limits("sorting", bench.spec, "fenced")  # as it stands, nothing taken out
    home = {limb: bench.spec.limbs[limb].q_home.copy() for limb in LIMBS}
    off = np.eye(6)[2] * 0.1
    wrong = followed(guard, fenced, home, lambda tick, q: q + off if tick else q)
    went = [abs(q[2] - home["left"][2]) for _, q in wrong]
    assert {verdict for verdict, _ in wrong[1:]} == {"stop"}
    assert 0.01 < went[-1] < 0.2  # it went some way,
    assert went[-15:] == pytest.approx([went[-1]] * 15, abs=1e-9)  # and stands
    stuck = followed(guard, fenced, home, lambda tick, q: home["left"] + off if tick else q)
    assert abs(stuck[-1][1][2] - home["left"][2] - 0.1) <= fenced.servo.following_rad
