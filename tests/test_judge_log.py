"""What the judge makes of calls, rulings and faults."""

from __future__ import annotations

import pytest

from judge_examples import (
    BLUE_TO_A,
    IN_A,
    ONE_RED,
    REST_Z,
    Bench,
    incidents,
    slip,
)
from shopfloor.types import Goal, Rule, Select

# The log.


def test_a_miss_that_was_told_of_is_told_of_once() -> None:
    """The skill's word for a failure without a part is the order's, where nothing else was."""
    bench = Bench()
    bench.start("pick")
    failed = bench.end(ok=False, code="perception.out_of_range")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("perception.out_of_range", failed)


def test_an_unknown_word_for_a_failure_is_an_invalid_plan() -> None:
    bench = Bench()
    bench.start("pick")
    bench.end(ok=False, code="gremlins")
    assert bench.finish("gave_up").code == "plan.invalid"


def test_success_forgets_what_was_refused_but_only_of_an_act() -> None:
    acts = dict.fromkeys(("pick", "place", "handover", "insert"), "plan.gave_up")
    for skill, code in (acts | {"look": "plan.invalid", "wait": "plan.invalid"}).items():
        bench = Bench()
        bench.say("skill.refused", code="plan.invalid")
        bench.start(skill)
        bench.end()
        assert bench.finish("gave_up").code == code


def test_a_stop_within_a_call_is_its_failure() -> None:
    bench = Bench()
    bench.start("pick")
    bench.reach(0)
    bench.close(0)
    stopped = bench.say("ruling", verdict="stop", rule="limb.distance")
    bench.say("ruling", verdict="stop", rule="limb.distance")
    bench.end(ok=False, code="guard.stop")
    outcome = bench.finish("gave_up")
    assert (outcome.units[0].code, outcome.units[0].tick) == ("guard.stop", stopped)


def test_a_limit_is_no_stop() -> None:
    bench = Bench()
    bench.start("pick")
    bench.say("ruling", verdict="limit", rule="joint.velocity")
    bench.end(ok=False, code="grasp.miss")
    assert bench.finish("gave_up").code == "grasp.miss"


def test_the_first_stop_and_the_first_fault_count() -> None:
    bench = Bench()
    stopped = bench.say("ruling", verdict="stop", rule="workspace")
    bench.say("ruling", verdict="stop", rule="workspace")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("guard.stop", stopped)
    bench = Bench()
    failed = bench.say("fault", code="sensor.fault")
    bench.say("fault", code="actuator.fault")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("sensor.fault", failed)


def test_an_unknown_fault_is_the_houses_and_the_brains_an_invalid_plan() -> None:
    bench = Bench()
    bench.say("fault", code="gremlins")
    assert bench.finish("gave_up").code == "infra"
    bench = Bench()
    bench.say("fault", code="brain.freeze")
    assert bench.finish("gave_up").code == "plan.invalid"


def test_the_first_silence_counts_until_the_brain_answers() -> None:
    bench = Bench()
    silent = bench.say("fault", code="brain.timeout")
    bench.say("fault", code="brain.unreachable")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("brain.timeout", silent)
    bench = Bench()
    bench.say("fault", code="brain.timeout")
    bench.start("look")
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_a_tote_that_is_no_name_is_none() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.start("place", tote=7)
    bench.move(2, (0.325, 0.135, 0.15), "left")
    released = bench.let_go()
    bench.move(2, (0.325, 0.135, REST_Z), ticks=5)
    bench.step(12)
    bench.end()
    assert bench.finish("gave_up").code_tick == released


def test_a_part_that_slipped_in_a_failed_call_was_told_of() -> None:
    bench = Bench()
    bench.pick(0)
    bench.start("place", tote="A")
    bench.touch["left"].clear()
    gone = bench.tick + 1
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=5)
    bench.end(ok=False, code="grasp.slip")
    bench.open["left"] = True
    bench.step(15)
    outcome = bench.finish("done")
    assert (outcome.units[0].code, outcome.units[0].tick) == ("brain.false_claim", bench.claimed)
    assert bench.judge._log is not None
    assert [(one.tick, one.code, one.told) for one in bench.judge._log.live[0]] == [
        (gone, "grasp.slip", True)
    ]


def test_slipped_and_not_told_is_a_slip_whatever_is_claimed() -> None:
    bench = Bench()
    bench.pick(0)
    bench.touch["left"].clear()
    gone = bench.tick + 1
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=5)
    bench.open["left"] = True
    bench.step(15)
    outcome = bench.finish("done")
    assert (outcome.units[0].code, outcome.units[0].tick) == ("grasp.slip", gone)


# Odd events.


def test_the_end_of_what_never_began() -> None:
    bench = Bench()
    bench.say("skill.finished", id="x", skill="pick", limbs=["left"], ok=True, code=None)
    assert bench.finish("gave_up").code == "plan.gave_up"
    bench = Bench()
    failed = bench.say(
        "skill.finished", id="x", skill="pick", limbs=["left"], ok=False, code="gone"
    )
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("plan.invalid", failed)


def test_limbs_that_the_body_has_not_are_passed_over() -> None:
    bench = Bench(ONE_RED)
    call = {"id": "c", "skill": "pick", "limbs": ["tail", "left"], "arguments": {}}
    bench.say("skill.started", **call)
    bench.reach(0)
    bench.close(0)
    bench.say("skill.finished", **call, ok=True, code=None)
    assert incidents(bench, 0) == []


def test_only_a_ruling_stops() -> None:
    bench = Bench()
    bench.say("person", verdict="stop")
    assert bench.finish("gave_up").code == "plan.gave_up"


# More of calls that end.


def test_a_pick_of_two_limbs_is_the_first_ones() -> None:
    bench = Bench(ONE_RED)
    call = {"id": "c", "skill": "pick", "limbs": ["left", "right"], "arguments": {}}
    bench.say("skill.started", **call)
    bench.reach(0)
    bench.close(0)
    bench.say("skill.finished", **call, ok=True, code=None)
    assert incidents(bench, 0) == []


def test_what_a_pick_closed_on_counts_and_not_where_the_jaw_is_since() -> None:
    bench = Bench(BLUE_TO_A)
    bench.start("pick")
    bench.reach(2)
    closed = bench.close(None)
    bench.tool["left"] = bench.position[0].copy()
    bench.end(ok=True)
    assert incidents(bench, 2) == [(closed, "grasp.miss", False)]
    assert incidents(bench, 0) == []


@pytest.mark.parametrize("ok", [True, False])
def test_a_call_that_has_ended_names_no_tote_any_more(ok: bool) -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.start("place", tote="A")
    bench.end(ok=ok, code=None if ok else "perception.out_of_range")
    bench.move(2, (0.325, 0.135, 0.15), "left")
    released = bench.let_go()
    bench.move(2, (0.325, 0.135, REST_Z), ticks=5)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.units[2].code, outcome.units[2].tick) == ("plan.wrong_step", released)


def test_a_call_that_fails_at_a_sorted_part_stands_in_the_way() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.start("pick")
    bench.reach(0)
    bench.close(None)
    failed = bench.end(ok=False, code="perception.miss")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("perception.miss", failed)


def test_a_call_that_fails_with_the_part_in_the_jaw_stands_in_the_way() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.start("place", tote="A")
    bench.step(2)
    failed = bench.end(ok=False, code="perception.out_of_range")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("perception.out_of_range", failed)
    assert incidents(bench, 2) == []


def test_the_next_call_that_finds_the_jaw_empty_tells_of_the_slip() -> None:
    bench = Bench()
    gone = slip(bench)
    assert incidents(bench, 0) == [(gone, "grasp.slip", False)]
    bench.start("place", tote="A")
    bench.end(ok=False, code="plan.wrong_step")
    assert incidents(bench, 0) == [(gone, "grasp.slip", True)]


def test_of_two_limbs_the_one_that_lost_it_is_told_of() -> None:
    bench = Bench()
    gone = slip(bench, 0, "right")
    call = {"id": "c", "skill": "handover", "limbs": ["left", "right"], "arguments": {}}
    bench.say("skill.started", **call)
    bench.say("skill.finished", **call, ok=False, code="grasp.slip")
    assert incidents(bench, 0) == [(gone, "grasp.slip", True)]


def test_a_slip_that_was_made_good_is_not_told_of() -> None:
    bench = Bench()
    slip(bench, 0)
    bench.sort(0, "A")
    bench.start("pick")
    failed = bench.end(ok=False, code="perception.miss")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("perception.miss", failed)


def test_told_is_the_last_incident() -> None:
    bench = Bench(BLUE_TO_A)
    began = bench.tick + 1
    bench.move(2, bench.position[2] + [0.0, 0.06, 0.0])
    bench.step(15)
    closed = bench.miss(2)
    assert incidents(bench, 2) == [(began, "collision", False), (closed, "grasp.miss", True)]
    assert bench.finish("done").code == "brain.false_claim"  # one of two was told of


@pytest.mark.parametrize("goal", [ONE_RED, Goal((Rule(Select(colour="red"), "A"),))])
def test_a_pick_that_fails_with_the_jaw_still_closed_was_a_miss(goal: Goal) -> None:
    bench = Bench(goal)
    bench.start("pick")
    bench.reach(0)
    closed = bench.close(None)
    bench.end(ok=False, code="grasp.miss")
    assert incidents(bench, 0) == [(closed, "grasp.miss", True)]


def test_a_pick_of_a_bystander_that_fails_stands_in_the_way() -> None:
    bench = Bench(BLUE_TO_A)
    bench.start("pick")
    bench.reach(0)
    bench.close(None)
    failed = bench.end(ok=False, code="grasp.miss")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", failed)
    assert incidents(bench, 0) == []


def test_a_call_that_the_guard_stopped_failed_when_it_was_stopped() -> None:
    """Even where something came to rest rightly since, which clears the stop itself."""
    bench = Bench()
    bench.start("pick")
    stopped = bench.say("ruling", verdict="stop", rule="workspace")
    bench.step(5)
    bench.end(ok=False, code="guard.stop")
    bench.move(0, IN_A)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("guard.stop", stopped)
