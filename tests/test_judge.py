"""The judge against episodes made by hand, among them the known-bad ones of other benches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from judge_examples import DT, LIMBS, REST_Z, Bench, states
from shopfloor.errors import SpecMismatch
from shopfloor.order import FAILURE_CODES, FAILURE_MEANINGS, SortingJudge
from shopfloor.types import (
    Event,
    Goal,
    Rule,
    Select,
    Timestep,
)

# Good orders.


def test_a_clean_order_is_good_and_delivered() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    outcome = bench.finish()
    assert outcome.good
    assert outcome.ever
    assert states(outcome) == ["good", "good", "bystander"]
    assert outcome.ticks == bench.tick
    first, second = bench.judge.delivered
    assert 0 < first < second < bench.claimed


def test_delivery_is_the_tick_of_coming_to_rest() -> None:
    bench = Bench(Goal((Rule(Select(colour="red"), "A", 1),)))
    bench.pick(0)
    bench.start("place", tote="A")
    bench.move(0, (-0.325, 0.135, 0.15), "left")
    bench.let_go()
    bench.move(0, (-0.325, 0.135, 0.016), ticks=5)
    rested = bench.tick + 1
    bench.step(30)
    assert bench.finish().good
    assert bench.judge.delivered == (rested,)


def test_gave_up_is_a_claim_and_the_parts_decide() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    assert bench.finish("gave_up").good


def test_a_miss_that_is_made_good_does_not_count() -> None:
    bench = Bench()
    bench.miss(0)
    bench.sort(0, "A")
    bench.sort(1, "A")
    assert bench.finish().good


def test_counted_rules_take_any_of_a_kind() -> None:
    for chosen in (0, 1):
        bench = Bench(Goal((Rule(Select(colour="red"), "A", 1),)))
        bench.sort(chosen, "A")
        outcome = bench.finish()
        assert outcome.good
        assert states(outcome)[chosen] == "good"
        assert states(outcome).count("bystander") == 2


def test_handed_over_is_held_all_the_way() -> None:
    bench = Bench(Goal((Rule(Select(colour="blue"), "A"),)))
    bench.pick(2, "right")
    bench.touch["left"].add(2)
    bench.open["left"] = False
    bench.step(5)
    bench.let_go("right")
    bench.put(2, "A", "left")
    assert bench.finish().good


def test_closed_jaws_far_from_everything_do_not_spoil_a_good_order() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.open["right"] = False
    outcome = bench.finish()
    assert outcome.good
    assert bench.tick - bench.claimed == 150  # it waited as long as it may


def test_ever_and_end_differ() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.step(20)
    bench.sort(1, "B")
    outcome = bench.finish()
    assert outcome.ever
    assert not outcome.good


# Known-bad episodes.


def test_done_while_the_part_still_moves_is_not_a_success() -> None:
    """Every one of another bench's 88 successes was declared while something moved."""
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.325, 0.135, 0.06), "left")
    assert not bench.judge._ever
    bench.let_go()
    bench.say("brain.finish", claim="done", note="")
    assert bench.outcome is None  # it rolls on
    bench.claimed = bench.tick
    bench.move(1, (-0.325, 0.30, 0.02), ticks=40)  # and out of the tote
    bench.step(200)
    assert bench.outcome is not None
    assert not bench.outcome.good
    assert not bench.outcome.ever
    assert bench.outcome.code == "place.miss"


def test_never_at_rest_is_decided_after_three_seconds() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.events.append(Event(0, "brain.finish", {"claim": "done", "note": ""}))
    claimed = bench.tick + 1
    bench.step(400, speed=np.array([0.0, 0.02, 0.0]))
    assert bench.outcome is not None
    assert bench.tick - claimed == 150
    assert states(bench.outcome) == ["good", "wip", "bystander"]
    assert not bench.outcome.good


def test_slower_than_five_millimetres_a_second_is_still() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.say("brain.finish", claim="done", note="")
    bench.step(3, speed=np.full(3, 0.0049))
    assert bench.outcome is not None
    assert bench.outcome.good


def test_an_open_hand_grabs_nothing() -> None:
    """64 % of another bench's grabs were made with an open hand."""
    bench = Bench(Goal((Rule(Select(colour="blue"), "A"),)))
    bench.start("pick")
    bench.reach(2)
    bench.touch["left"].add(2)  # open, and only touching
    bench.step(5)
    claimed_grab = bench.end(ok=True)
    bench.touch["left"].clear()
    outcome = bench.finish()
    assert outcome.code == "grasp.miss"
    assert outcome.code_tick == claimed_grab
    assert states(outcome)[2] == "quarantine"


def test_a_part_in_the_jaw_is_work_in_progress_even_over_its_tote() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.325, 0.135, 0.05), "left")
    outcome = bench.finish()
    assert states(outcome) == ["good", "wip", "bystander"]
    assert outcome.code == "brain.false_claim"
    assert not outcome.ever


def test_wrong_tote() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    called = bench.put(1, "B")
    outcome = bench.finish()
    assert states(outcome) == ["good", "quarantine", "bystander"]
    assert (outcome.code, outcome.code_tick) == ("plan.wrong_step", called)


def test_one_too_many_is_a_wrong_step() -> None:
    bench = Bench(Goal((Rule(Select(colour="red"), "A", 1),)))
    bench.sort(0, "A")
    bench.sort(1, "A")
    outcome = bench.finish()
    assert outcome.code == "plan.wrong_step"
    assert sorted(states(outcome)) == ["bystander", "bystander", "good"]


def test_dropped_on_the_table_is_scrap() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.21, 0.28, 0.15), "left")
    bench.touch["left"].clear()  # slips out, jaw still closed
    lost = bench.tick + 1
    bench.move(1, (-0.21, 0.28, 0.01), ticks=5)
    bench.open["left"] = True
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert states(outcome) == ["good", "scrap", "bystander"]
    assert outcome.code == "grasp.slip"
    assert abs(outcome.code_tick - lost) <= 1


def test_lost_on_the_floor_is_scrap() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.6, 0.4, 0.15), "left")
    released = bench.let_go()
    bench.move(1, (-0.6, 0.4, -0.7), ticks=5)
    bench.step(15)
    outcome = bench.finish()
    assert states(outcome)[1] == "scrap"
    assert (outcome.code, outcome.code_tick) == ("place.miss", released)


def test_what_falls_for_ever_was_lost_when_it_was_let_go() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.6, 0.4, 0.15), "left")
    released = bench.let_go()
    bench.end()
    bench.say("brain.finish", claim="done", note="")
    bench.move(1, (-0.6, 0.7, -40.0), ticks=300)
    assert bench.outcome is not None
    assert states(bench.outcome) == ["good", "scrap", "bystander"]
    assert (bench.outcome.code, bench.outcome.code_tick) == ("place.miss", released)


def test_a_bystander_that_falls_for_ever_was_pushed_when_it_began_to_move() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    began = bench.tick + 1
    bench.move(2, (0.1, -0.7, REST_Z), ticks=20)
    bench.say("brain.finish", claim="done", note="")
    bench.move(2, (0.1, -0.9, -40.0), ticks=300)
    assert bench.outcome is not None
    assert not bench.outcome.good
    assert (bench.outcome.code, bench.outcome.code_tick) == ("collision", began)


def test_still_falling_into_its_tote_when_the_time_is_over_is_no_miss() -> None:
    bench = Bench(Goal((Rule(Select(colour="red"), "A", 1),)), limit_s=3.0)
    bench.pick(0)
    bench.start("place", tote="A")
    bench.move(0, (-0.325, 0.135, 0.3), "left")
    bench.step(140 - bench.tick)
    bench.let_go()
    bench.move(0, (-0.325, 0.135, 0.2), ticks=20)
    assert bench.outcome is not None
    assert (bench.outcome.code, bench.outcome.code_tick) == ("order.timeout", 150)


def test_bystander_pushed_out_of_place() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.tool["right"] = bench.position[2] + [0.1, 0, 0.05]
    bench.touch["right"].add(2)
    bench.step()
    began = bench.tick
    bench.move(2, (0.135, 0.0, REST_Z))
    bench.touch["right"].clear()
    bench.sort(1, "A")
    outcome = bench.finish()
    assert states(outcome) == ["good", "good", "bystander"]
    assert not outcome.good
    assert not outcome.ever
    assert outcome.code == "collision"
    assert abs(outcome.code_tick - began) <= 1
    assert outcome.units[2].code == "collision"


@pytest.mark.parametrize(("shift_m", "good"), [(0.029, True), (0.031, False)])
def test_bystanders_may_move_three_centimetres(shift_m: float, good: bool) -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    for _ in range(2):  # in two small pushes
        bench.move(2, bench.position[2] + [0, shift_m / 2, 0])
        bench.step(15)
    outcome = bench.finish()
    assert outcome.good is good
    assert outcome.code == (None if good else "collision")


def test_bystander_picked_up_and_sorted() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    began = bench.pick(2)
    bench.put(2, "A")
    outcome = bench.finish()
    assert (outcome.code, outcome.code_tick) == ("perception.wrong_object", began)


def test_bystander_put_back_where_it_was_is_no_failure() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    home = bench.position[2].copy()
    bench.pick(2)
    bench.move(2, home, "left")
    bench.let_go()
    bench.step(15)
    assert bench.finish().good


# Time.


def test_time_over() -> None:
    bench = Bench(limit_s=4.0)
    outcome = bench.run_out()
    assert bench.tick == 200
    assert (outcome.code, outcome.code_tick) == ("order.timeout", 200)
    assert states(outcome) == ["quarantine", "quarantine", "bystander"]


def test_everything_done_but_nobody_said_so() -> None:
    bench = Bench(limit_s=8.0)
    bench.sort(0, "A")
    bench.sort(1, "A")
    outcome = bench.run_out()
    assert outcome.ever
    assert not outcome.good
    assert outcome.code == "order.timeout"
    assert len(bench.judge.delivered) == 2


def test_a_finish_just_in_time_may_settle_after_it() -> None:
    bench = Bench(limit_s=8.0)
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.step(398 - bench.tick)
    bench.move(2, bench.position[2] + [0.001, 0, 0], ticks=1)
    bench.say("brain.finish", claim="done", note="")
    bench.step(20)
    assert bench.outcome is not None
    assert bench.tick > 400
    assert bench.outcome.good


def test_before_the_time_is_over_a_slip_stays_the_root() -> None:
    bench = Bench(limit_s=12.0)
    bench.pick(0)
    bench.touch["left"].clear()
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=5)
    bench.open["left"] = True
    assert bench.run_out().code == "grasp.slip"


def test_cut_off_is_infra() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.truncated = True
    bench.step()
    assert bench.outcome is not None
    assert bench.outcome.code == "infra"
    assert not bench.outcome.good


def test_decided_is_decided() -> None:
    bench = Bench()
    outcome = bench.finish()
    assert bench.judge.judge(bench.timestep(np.zeros(3)), []) is outcome


# Claims.


def test_done_with_nothing_tried() -> None:
    bench = Bench()
    outcome = bench.finish("done")
    assert (outcome.code, outcome.code_tick) == ("brain.false_claim", bench.claimed)


def test_done_with_one_part_overlooked() -> None:
    bench = Bench()
    bench.sort(0, "A")
    outcome = bench.finish("done")
    assert (outcome.code, outcome.code_tick) == ("perception.miss", bench.claimed)


def test_done_though_told_of_the_miss() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.miss(1)
    assert bench.finish("done").code == "brain.false_claim"


def test_gave_up_after_a_miss() -> None:
    bench = Bench()
    bench.sort(0, "A")
    closed = bench.miss(1)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_a_miss_of_a_bystander_is_not_the_cause() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.miss(2)
    assert bench.finish("done").code == "perception.miss"


def test_the_earliest_incident_is_the_root() -> None:
    bench = Bench()
    closed = bench.miss(1)
    bench.pick(0)
    bench.put(0, "B")
    outcome = bench.finish("gave_up")
    assert [unit.code for unit in outcome.units[:2]] == ["plan.wrong_step", "grasp.miss"]
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_own_incidents_come_before_later_faults_and_claims() -> None:
    bench = Bench()
    bench.say("fault", code="brain.malformed")
    bench.pick(0)  # it answered again
    called = bench.put(0, "B")
    bench.say("fault", code="brain.unreachable")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("plan.wrong_step", called)
    assert outcome.units[1].code == "brain.unreachable"


# Every code can be reached.


def _slip(bench: Bench) -> None:
    bench.pick(0)
    bench.touch["left"].clear()
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=5)
    bench.open["left"] = True
    bench.step(12)


def _place_miss(bench: Bench) -> None:
    bench.pick(0)
    bench.put(0, "tray", call="A")


def _stop(bench: Bench) -> None:
    bench.start("pick")
    bench.say("ruling", verdict="stop", rule="limb.distance")
    bench.end(ok=False, code="guard.stop")


def _push(bench: Bench) -> None:
    bench.move(0, (-0.3, -0.3, 0.01))
    bench.step(15)


def _failed(skill: str, code: str) -> Any:
    def scene(bench: Bench) -> None:
        bench.start(skill)
        bench.end(ok=False, code=code)

    return scene


def _fault(code: str) -> Any:
    return lambda bench: bench.say("fault", code=code)


def _sort_bystander(bench: Bench) -> None:
    bench.sort(2, "A")


def _nothing(bench: Bench) -> None:
    del bench


REACH = {
    "perception.miss": (lambda bench: bench.sort(1, "A"), "done"),
    "perception.wrong_object": (_sort_bystander, "done"),
    "perception.out_of_range": (
        lambda bench: bench.say("skill.refused", code="perception.out_of_range"),
        "gave_up",
    ),
    "plan.invalid": (lambda bench: bench.say("skill.refused", code="plan.invalid"), "gave_up"),
    "plan.wrong_step": (lambda bench: bench.sort(0, "B"), "done"),
    "plan.gave_up": (_nothing, "gave_up"),
    "grasp.miss": (lambda bench: bench.miss(0), "gave_up"),
    "grasp.slip": (_slip, "done"),
    "place.miss": (_place_miss, "done"),
    "insert.jam": (_failed("insert", "insert.jam"), "gave_up"),
    "collision": (_push, "done"),
    "guard.stop": (_stop, "gave_up"),
    "brain.timeout": (_fault("brain.timeout"), "gave_up"),
    "brain.malformed": (_fault("brain.malformed"), "gave_up"),
    "brain.unreachable": (_fault("brain.unreachable"), "gave_up"),
    "brain.refused": (_nothing, "refused"),
    "brain.false_claim": (_nothing, "done"),
    "sensor.fault": (_fault("sensor.fault"), "gave_up"),
    "actuator.fault": (_fault("actuator.fault"), "gave_up"),
    "order.timeout": (_nothing, None),
    "infra": (_fault("infra"), "gave_up"),
}


def test_codes_are_the_metrics_pages() -> None:
    assert set(REACH) == set(FAILURE_CODES) == set(FAILURE_MEANINGS)
    assert len(FAILURE_CODES) == 21


@pytest.mark.parametrize("code", FAILURE_CODES)
def test_every_code_can_be_reached(code: str) -> None:
    bench = Bench(limit_s=30.0)
    scene, claim = REACH[code]
    scene(bench)
    outcome = bench.run_out() if claim is None else bench.finish(claim)
    assert outcome.code == code
    assert 0 <= outcome.code_tick <= bench.tick


def test_hard_contact_that_moves_nothing_is_a_collision() -> None:
    bench = Bench()
    bench.push_n = 80.0
    bench.step(3)
    bench.push_n = 0.0
    assert bench.finish("gave_up").code == "collision"


# Seams.


def test_no_truth_is_refused() -> None:
    bench = Bench()
    shown = bench.timestep(np.zeros(3))
    with pytest.raises(SpecMismatch, match="no truth"):
        bench.judge.judge(Timestep(shown.observation, None, False, False), [])


def test_judging_before_reset_is_refused() -> None:
    bench = Bench()
    with pytest.raises(SpecMismatch, match="before reset"):
        SortingJudge(control_dt=DT, limbs=LIMBS).judge(bench.timestep(np.zeros(3)), [])


def test_unknown_limbs_are_refused() -> None:
    bench = Bench()
    judge = SortingJudge(control_dt=DT, limbs=("left", "tail"))
    judge.reset(bench.lot, bench.lot.orders[0])
    with pytest.raises(SpecMismatch, match="right, tail"):
        judge.judge(bench.timestep(np.zeros(3)), [])


def test_one_judge_judges_many_orders() -> None:
    bench = Bench()
    bench.sort(0, "A")
    assert not bench.finish().good
    again = Bench()
    again.judge = bench.judge
    again.judge.reset(again.lot, again.lot.orders[0])
    again.tick, again.outcome = -1, None
    again.step(12)
    again.sort(0, "A")
    again.sort(1, "A")
    assert again.finish().good
