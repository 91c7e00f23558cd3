"""Who is busy, what comes next, and where each limb goes at a tick."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.shift.dispatch import Dispatcher
from shopfloor.types import (
    ActionChunk,
    LimbState,
    Observation,
    People,
    Plan,
    SkillCall,
    SkillResult,
)

LIMBS = ("left", "right")
DT = 0.02
DONE = SkillResult(True)
MISSED = SkillResult(False, "grasp.miss", {"reason": "slippery"}, look=("overview",))


def seen(tick):
    limbs = {
        name: LimbState(np.zeros(2), np.zeros(2), np.eye(4), 0.0, np.zeros(6), np.zeros(2))
        for name in LIMBS
    }
    return Observation(tick, limbs, {"overview": None}, {}, {}, People())


def call(name, *limbs, id_=None):
    return SkillCall(id_ or f"{name}-{'-'.join(limbs)}", name, limbs or ("left",))


def path(*values):
    """Return rows of two joints: the first as given, the second ten times as large."""
    return np.array([[value, 10.0 * value] for value in values], float)


@dataclass
class Scripted:
    """Answers as it was told to; a number is a chunk of so many ticks from now."""

    answers: list
    limbs: tuple = ("left",)
    asked: list = field(default_factory=list)
    others: list = field(default_factory=list)
    began: list = field(default_factory=list)

    name = "scripted"
    schema = {}  # noqa: RUF012 - a dataclass field would be one more argument

    def reset(self, call, observation):
        self.limbs = call.limbs
        self.began.append(observation.tick)

    def act(self, observation, others):
        self.asked.append(observation.tick)
        self.others.append(others)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, int):
            rows = path(*range(answer + 1))
            return ActionChunk(dict.fromkeys(self.limbs, rows), {}, DT, observation.tick)
        if callable(answer):
            return answer(observation)
        return answer


class Floor:
    """A dispatcher with scripted skills, moved on tick by tick."""

    def __init__(self, refuse=(), **answers):
        self.skills = {name: [] for name in answers}
        self.answers = answers
        self.dispatcher = Dispatcher(
            limbs=LIMBS,
            make=self.make,
            validate=lambda call: "no such thing" if call.skill in refuse else None,
            control_dt=DT,
        )
        self.tick = 0
        self.events = []

    def make(self, name):
        skill = Scripted(list(self.answers[name]))
        self.skills[name].append(skill)
        return skill

    def submit(self, *calls, asked=None):
        told = self.dispatcher.submit(calls, asked or seen(self.tick), self.tick)
        self.events += told
        return told

    def run(self, ticks=1):
        """Advance, and note where each limb is sent."""
        rows = []
        for _ in range(ticks):
            self.events += self.dispatcher.advance(seen(self.tick))
            rows.append({limb: self.dispatcher.row(limb, self.tick) for limb in LIMBS})
            self.tick += 1
        return rows

    def told(self):
        return [
            (event.tick, event.kind.removeprefix("skill."), event.data["id"])
            for event in self.events
        ]


def first_joint(rows, limb="left"):
    return [None if row[limb] is None else float(row[limb][0][0]) for row in rows]


# --- one limb -------------------------------------------------------------------------------------


def test_a_call_is_started_followed_and_finished():
    floor = Floor(pick=[3, DONE])
    floor.submit(call("pick", "left", id_="a"))
    rows = floor.run(5)
    assert first_joint(rows) == [1.0, 2.0, 3.0, None, None]
    assert floor.told() == [(0, "started", "a"), (3, "finished", "a")]
    assert floor.skills["pick"][0].asked == [0, 3]
    assert floor.dispatcher.idle


def test_a_chunk_is_followed_by_the_next_without_a_gap():
    floor = Floor(pick=[2, 4, DONE])
    floor.submit(call("pick", "left"))
    assert first_joint(floor.run(7)) == [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, None]


def test_calls_for_one_limb_are_carried_out_in_their_order():
    floor = Floor(pick=[2, DONE], place=[3, DONE])
    floor.submit(call("pick", "left", id_="a"), call("place", "left", id_="b"))
    rows = floor.run(6)
    assert first_joint(rows) == [1.0, 2.0, 1.0, 2.0, 3.0, None]
    assert floor.told() == [
        (0, "started", "a"),
        (2, "finished", "a"),
        (2, "started", "b"),
        (5, "finished", "b"),
    ]


def test_a_skill_sees_what_the_brain_saw_when_it_decided():
    floor = Floor(pick=[2, DONE], place=[DONE])
    floor.tick = 30
    floor.submit(call("pick", "left"), call("place", "left"), asked=seen(7))
    floor.run(4)
    assert floor.skills["pick"][0].began == [7]
    assert floor.skills["place"][0].began == [7]


def test_two_limbs_work_side_by_side():
    floor = Floor(pick=[2, DONE], wait=[4, DONE])
    floor.submit(call("pick", "left"), call("wait", "right"))
    rows = floor.run(5)
    assert first_joint(rows, "left") == [1.0, 2.0, None, None, None]
    assert first_joint(rows, "right") == [1.0, 2.0, 3.0, 4.0, None]


def test_a_limb_is_free_once_nothing_comes_for_it():
    floor = Floor(pick=[2, DONE], place=[2, DONE])
    assert floor.dispatcher.free() == LIMBS
    floor.submit(call("pick", "left"), call("place", "left"))
    assert floor.dispatcher.free() == ("right",)
    floor.run(4)
    assert floor.dispatcher.free() == ("right",)
    floor.run(1)
    assert floor.dispatcher.free() == LIMBS


def test_a_skill_that_ends_at_once_does_not_cost_a_tick():
    floor = Floor(look=[DONE], pick=[2, DONE])
    floor.submit(call("look", "left"), call("pick", "left"))
    assert first_joint(floor.run(1)) == [1.0]


def test_a_skill_without_limbs_runs_beside_everything():
    floor = Floor(pick=[3, DONE], look=[DONE])
    floor.submit(call("pick", "left"), SkillCall("l", "look", ()))
    floor.run(1)
    assert (0, "finished", "l") in floor.told()


# --- two limbs at once ----------------------------------------------------------------------------


def test_a_job_for_two_limbs_waits_for_both():
    floor = Floor(pick=[2, DONE], wait=[4, DONE], handover=[3, DONE])
    floor.submit(
        call("pick", "left"), call("wait", "right"), call("handover", "left", "right", id_="h")
    )
    floor.run(8)
    assert (4, "started", "h") in floor.told()
    assert (7, "finished", "h") in floor.told()


def test_nobody_overtakes_a_job_that_waits_for_two_limbs():
    floor = Floor(wait=[4, DONE], handover=[2, DONE], pick=[2, DONE])
    floor.submit(call("wait", "right"), call("handover", "left", "right", id_="h"))
    floor.run(1)
    floor.submit(call("pick", "left", id_="p"))
    floor.run(9)
    started = [name for _, kind, name in floor.told() if kind == "started"]
    assert started.index("h") < started.index("p")


def test_a_job_for_two_limbs_moves_both_and_is_asked_once():
    floor = Floor(handover=[3, DONE])
    floor.submit(call("handover", "left", "right"))
    rows = floor.run(4)
    assert first_joint(rows, "left") == first_joint(rows, "right") == [1.0, 2.0, 3.0, None]
    assert floor.skills["handover"][0].asked == [0, 3]


def test_a_job_that_moves_one_of_its_limbs_holds_the_other():
    def one(observation):
        return ActionChunk({"left": path(0, 1, 2)}, {}, DT, observation.tick)

    floor = Floor(handover=[one, DONE])
    floor.submit(call("handover", "left", "right"))
    rows = floor.run(3)
    assert first_joint(rows, "right") == [None, None, None]
    assert floor.told()[-1] == (2, "finished", "handover-left-right")


# --- failures -------------------------------------------------------------------------------------


def test_a_failure_drops_the_queue_behind_it():
    floor = Floor(pick=[2, MISSED], place=[2, DONE], wait=[9, DONE])
    floor.submit(
        call("pick", "left", id_="a"),
        call("place", "left", id_="b"),
        call("wait", "right", id_="c"),
        call("place", "left", id_="d"),
    )
    floor.run(4)
    assert floor.told() == [
        (0, "started", "a"),
        (0, "started", "c"),
        (2, "finished", "a"),
        (2, "dropped", "b"),
        (2, "dropped", "d"),
    ]
    finished = floor.events[2].data
    assert (finished["ok"], finished["code"], finished["reason"]) == (
        False,
        "grasp.miss",
        "slippery",
    )
    assert floor.dispatcher.looks == {"overview"}
    assert floor.dispatcher.free() == ("left",)


def test_a_failure_of_one_limb_drops_what_needs_it_and_another():
    floor = Floor(pick=[2, MISSED], wait=[9, DONE], handover=[2, DONE])
    floor.submit(
        call("pick", "left"), call("wait", "right"), call("handover", "left", "right", id_="h")
    )
    floor.run(4)
    assert (2, "dropped", "h") in floor.told()


def test_a_call_that_makes_no_sense_is_refused_and_says_why():
    floor = Floor(refuse=("juggle",), pick=[2, DONE])
    (event,) = floor.submit(call("juggle", "left", id_="j"))
    assert event.kind == "skill.refused"
    assert event.data["code"] == "plan.invalid"
    assert event.data["reason"] == "no such thing"
    assert floor.dispatcher.idle


def test_a_refused_call_drops_what_was_queued_for_its_limb():
    floor = Floor(refuse=("juggle",), pick=[2, DONE], place=[2, DONE])
    floor.submit(call("pick", "left", id_="a"), call("place", "left", id_="b"))
    floor.run(1)
    floor.submit(call("juggle", "left", id_="j"))
    floor.run(4)
    assert (1, "dropped", "b") in floor.told()
    assert (2, "finished", "a") in floor.told(), "what was under way goes on"


def test_a_refused_call_drops_what_follows_it_in_the_same_answer():
    # "Several calls for the same limb are carried out in their order; the first that fails drops
    # the rest of that limb's queue": a place must not run after the pick that was refused.
    floor = Floor(refuse=("juggle",), place=[2, DONE], wait=[2, DONE])
    floor.submit(
        call("juggle", "left", id_="j"),
        call("place", "left", id_="b"),
        call("wait", "right", id_="w"),
    )
    floor.run(3)
    told = floor.told()
    assert (0, "dropped", "b") in told
    assert (0, "started", "b") not in told
    assert (2, "finished", "w") in told, "the other limb has nothing to do with it"


def test_a_skill_that_raises_has_failed_and_the_shift_goes_on():
    def breaks(observation):
        raise ZeroDivisionError("ours")

    floor = Floor(pick=[2, breaks], place=[2, DONE])
    floor.submit(call("pick", "left", id_="a"), call("place", "left", id_="b"))
    floor.run(4)
    finished = next(event for event in floor.events if event.kind == "skill.finished")
    assert finished.data["code"] == "infra"
    assert "ZeroDivisionError: ours" in finished.data["reason"]
    assert (2, "dropped", "b") in floor.told()


def test_a_skill_that_answers_nonsense_has_failed():
    floor = Floor(pick=["there you are"])
    floor.submit(call("pick", "left"))
    floor.run(1)
    assert floor.events[-1].data["code"] == "infra"
    assert "a str" in floor.events[-1].data["reason"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("rows", [1, 0])
def test_a_skill_whose_chunks_never_reach_ahead_does_not_hang_the_loop(rows):
    def still(observation):
        return ActionChunk({"left": np.zeros((rows, 2))}, {}, DT, observation.tick)

    floor = Floor(pick=[])
    floor.answers["pick"] = [still]
    floor.submit(call("pick", "left"))
    floor.run(1)
    assert floor.events[-1].kind == "skill.finished"
    assert not floor.events[-1].data["ok"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("limbs", [("left",), ()])
def test_a_skill_that_moves_only_the_limbs_of_others_has_failed(limbs):
    def stray(observation):
        return ActionChunk({"right": path(0, 1, 2)}, {}, DT, observation.tick)

    floor = Floor(pick=[stray])
    floor.submit(SkillCall("p", "pick", limbs))
    floor.run(1)
    assert floor.events[-1].data["code"] == "infra"
    assert "moves no limb of the call" in floor.events[-1].data["reason"]
    assert floor.dispatcher.idle


def test_what_waits_for_a_dropped_job_is_dropped_too():
    floor = Floor(pick=[2, MISSED], wait=[5, DONE], handover=[2, DONE], place=[2, DONE])
    floor.submit(
        call("pick", "left", id_="p"),
        call("wait", "right", id_="w"),
        call("handover", "left", "right", id_="h"),
        call("place", "right", id_="b"),
    )
    floor.run(8)
    told = floor.told()
    assert (2, "dropped", "h") in told
    assert (2, "dropped", "b") in told
    assert (5, "finished", "w") in told


def test_abandoning_drops_everything_and_says_so():
    floor = Floor(pick=[9, DONE], place=[2, DONE])
    floor.submit(call("pick", "left", id_="a"), call("place", "left", id_="b"))
    floor.run(2)
    dropped = floor.dispatcher.abandon(2)
    assert [(event.kind, event.data["id"]) for event in dropped] == [
        ("skill.dropped", "a"),
        ("skill.dropped", "b"),
    ]
    assert floor.dispatcher.idle
    assert floor.dispatcher.row("left", 2) is None


# --- time -----------------------------------------------------------------------------------------


def test_row_zero_is_now_so_the_first_step_goes_to_row_one():
    floor = Floor(pick=[lambda o: ActionChunk({"left": path(5, 6, 7)}, {}, DT, o.tick), DONE])
    floor.submit(call("pick", "left"))
    assert first_joint(floor.run(2)) == [6.0, 7.0]


def test_rows_whose_time_has_passed_are_dropped():
    floor = Floor()
    floor.tick = 13
    floor.dispatcher.follow(ActionChunk({"left": path(*range(10))}, {}, DT, 10), 13)
    assert first_joint(floor.run(7)) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, None]


def test_a_chunk_that_is_stale_altogether_changes_nothing():
    floor = Floor()
    floor.tick = 20
    floor.dispatcher.follow(ActionChunk({"left": path(*range(10))}, {}, DT, 10), 20)
    assert floor.dispatcher.idle
    floor.dispatcher.follow(ActionChunk({"left": path(*range(10))}, {}, DT, 15), 20)
    floor.dispatcher.follow(ActionChunk({"left": path(*range(10))}, {}, DT, 5), 20)
    assert first_joint(floor.run(2)) == [6.0, 7.0]


def test_a_brains_chunk_is_followed_to_its_end_and_says_whose_it_is():
    floor = Floor()
    chunk = ActionChunk({"left": path(0, 1, 2)}, {"left": np.array([0.0, 0.01, 0.02])}, DT, 0)
    floor.dispatcher.follow(chunk, 0)
    assert floor.dispatcher.free() == ("right",)
    rows = floor.run(3)
    assert [(row["left"][1], row["left"][2]) for row in rows[:2]] == [
        (0.01, "brain"),
        (0.02, "brain"),
    ]
    assert floor.dispatcher.free() == LIMBS


def test_a_jaw_that_is_left_out_stays_as_it_was_told():
    floor = Floor(pick=[2, DONE])
    floor.submit(call("pick", "left"))
    assert floor.run(1)[0]["left"][1] is None


def test_a_chunk_that_is_to_be_replanned_is_asked_about_before_its_end():
    def short(observation):
        return ActionChunk({"left": path(*range(10))}, {}, DT, observation.tick, replan_after=3)

    floor = Floor(pick=[short, short, DONE])
    floor.submit(call("pick", "left"))
    rows = floor.run(7)
    assert floor.skills["pick"][0].asked == [0, 3, 6]
    assert first_joint(rows)[:6] == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


def test_rows_40_ms_apart_are_filled_in_between():
    floor = Floor()
    jaw = {"left": np.array([0.0, 0.02, 0.04])}
    floor.dispatcher.follow(ActionChunk({"left": path(0, 1, 3)}, jaw, 0.04, 0), 0)
    rows = floor.run(5)
    assert first_joint(rows) == [0.5, 1.0, 2.0, 3.0, None]
    assert [float(row["left"][0][1]) for row in rows[:4]] == [5.0, 10.0, 20.0, 30.0]
    assert [row["left"][1] for row in rows[:4]] == pytest.approx([0.01, 0.02, 0.03, 0.04])


def test_rows_10_ms_apart_are_thinned_out():
    floor = Floor()
    floor.dispatcher.follow(ActionChunk({"left": path(*range(9))}, {}, 0.01, 0), 0)
    assert first_joint(floor.run(5)) == [2.0, 4.0, 6.0, 8.0, None]


@given(st.floats(0.001, 0.3), st.integers(2, 30))
def test_any_period_gives_the_same_motion_in_time_and_reaches_its_end(period_s, count):
    # A straight line stays one, whatever it is sampled at; its last row is where it ends.
    floor = Floor()
    rows = path(*np.linspace(0.0, (count - 1) * period_s, count))
    floor.dispatcher.follow(ActionChunk({"left": rows}, {}, period_s, 0), 0)
    end = (count - 1) * period_s
    got = [at for at in first_joint(floor.run(int(end / DT) + 3)) if at is not None]
    wanted = np.minimum(DT * np.arange(1, len(got) + 1), end)
    assert got == pytest.approx(wanted, abs=1e-9)
    if got:
        assert got[-1] == pytest.approx(end, abs=1e-9)
    else:
        assert end < DT, "a chunk that reaches ahead was taken for stale"


# --- plans of the others --------------------------------------------------------------------------


def test_a_skill_is_told_where_the_others_will_be():
    floor = Floor(wait=[4, DONE], pick=[2, DONE])
    floor.submit(call("wait", "right"))
    floor.run(2)
    floor.submit(call("pick", "left"))
    floor.run(1)
    (others,) = floor.skills["pick"][0].others
    assert set(others) == {"right"}
    assert others["right"].tick == 0
    assert others["right"].q[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_whoever_stands_still_is_planned_to_stand():
    floor = Floor(pick=[2, DONE])
    floor.tick = 9
    floor.submit(call("pick", "left"))
    floor.run(1)
    plan = floor.skills["pick"][0].others[0]["right"]
    assert isinstance(plan, Plan)
    assert (plan.tick, plan.q.tolist()) == (9, [[0.0, 0.0]])


def test_who_is_asked_second_knows_of_the_first():
    floor = Floor(pick=[5, DONE], place=[5, DONE])
    floor.submit(call("pick", "left"), call("place", "right"))
    floor.run(1)
    assert len(floor.skills["pick"][0].others[0]["right"].q) == 1
    assert len(floor.skills["place"][0].others[0]["left"].q) == 6


# --- whatever is asked ----------------------------------------------------------------------------

CALLS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["short", "long", "misses", "refused"]),
        st.sampled_from([("left",), ("right",), ("left", "right"), ("right", "left"), ()]),
    ),
    max_size=12,
)


@given(CALLS)
def test_every_call_ends_exactly_once_and_nobody_is_busy_for_ever(calls):
    floor = Floor(refuse=("refused",), short=[1, DONE], long=[4, 2, DONE], misses=[2, MISSED])
    floor.answers["now"], floor.skills["now"] = [DONE], []
    for i, (pause, skill, limbs) in enumerate(calls):
        floor.run(pause)
        # Without limbs there is nothing to move, so such a skill ends at once.
        name = skill if limbs or skill == "refused" else "now"
        floor.submit(SkillCall(f"c{i}", name, limbs))
    floor.run(80)
    assert floor.dispatcher.idle
    assert floor.dispatcher.free() == LIMBS
    ends = [name for _, kind, name in floor.told() if kind in ("finished", "refused", "dropped")]
    assert sorted(ends) == sorted(f"c{i}" for i in range(len(calls)))
    begun = [name for _, kind, name in floor.told() if kind == "started"]
    finished = [name for _, kind, name in floor.told() if kind == "finished"]
    assert sorted(begun) == sorted(finished)
    busy = {}
    limbs_of = {f"c{i}": limbs for i, (_, _, limbs) in enumerate(calls)}
    for _, kind, name in floor.told():
        for limb in limbs_of[name]:
            if kind == "started":
                assert busy.get(limb) is None, "one limb was given to two skills at once"
                busy[limb] = name
            elif kind == "finished":
                busy[limb] = None


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (SkillResult(True, data={"why": object()}), "holds a object"),
        (SkillResult(True, look=("belly",)), "'belly', which is no camera"),
    ],
)
def test_a_result_that_cannot_be_logged_or_shown_is_a_failure_of_the_skill(result, said):
    floor = Floor(pick=[result])
    floor.submit(call("pick", "left", id_="a"))
    floor.run(1)
    data = floor.events[-1].data
    assert (data["ok"], data["code"]) == (False, "infra")
    assert said in data["reason"]


def test_what_a_skill_says_cannot_rewrite_how_it_ended():
    floor = Floor(pick=[SkillResult(False, "grasp.miss", {"ok": True, "code": None, "id": "z"})])
    floor.submit(call("pick", "left", id_="a"))
    floor.run(1)
    data = floor.events[-1].data
    assert (data["ok"], data["code"], data["id"]) == (False, "grasp.miss", "a")
