"""Where the judge's rules begin and end: ticks, what holds, and whose fault comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from judge_examples import (
    BLUE_TO_A,
    IN_A,
    LIMBS,
    ONE_RED,
    PARTS,
    REST_Z,
    Bench,
    states,
)
from shopfloor.errors import SpecMismatch
from shopfloor.order import SortingJudge
from shopfloor.types import Event, Goal, Part, Rule, Select, Timestep

# Ticks.


@pytest.mark.parametrize(
    ("dt", "settle", "patience"),
    [(0.02, 10, 150), (0.1, 2, 30), (0.2, 1, 15), (1.0, 1, 3), (0.03, 7, 100), (0.002, 100, 1500)],
)
def test_waits_are_whole_ticks(dt: float, settle: int, patience: int) -> None:
    judge = SortingJudge(control_dt=dt, limbs=LIMBS)
    assert (judge._settle_ticks, judge._patience_ticks) == (settle, patience)


@pytest.mark.parametrize("dt", [0.0, -0.02])
def test_a_tick_lasts(dt: float) -> None:
    with pytest.raises(SpecMismatch, match="more than 0"):
        SortingJudge(control_dt=dt, limbs=LIMBS)


@pytest.mark.parametrize(("limit_s", "ticks"), [(4.0, 200), (3.99, 200), (3.98, 199), (0.6, 30)])
def test_the_limit_is_whole_ticks(limit_s: float, ticks: int) -> None:
    bench = Bench(limit_s=limit_s)
    assert bench.run_out().ticks == ticks == bench.tick


@pytest.mark.parametrize(("speed", "moves"), [(0.00501, True), (0.005, True), (0.00499, False)])
def test_still_is_below_five_millimetres_a_second(speed: float, moves: bool) -> None:
    bench = Bench()
    bench.step(5, speed=np.array([speed, 0, 0]))
    moved = bench.tick
    bench.say("brain.finish", claim="done", note="")
    bench.step(30)
    assert bench.outcome is not None
    assert bench.tick == (moved + 10 if moves else moved + 1)


def test_a_finish_at_rest_is_decided_at_once() -> None:
    bench = Bench()
    bench.finish()
    assert bench.tick == bench.claimed


def test_the_first_finish_counts() -> None:
    bench = Bench()
    bench.step(1, speed=np.full(3, 0.1))
    said = bench.say("brain.finish", claim="gave_up", note="")
    bench.say("brain.finish", claim="refused", note="")
    bench.step(20)
    assert bench.outcome is not None
    assert (bench.outcome.code, bench.outcome.code_tick) == ("plan.gave_up", said)


def test_a_lot_that_ends_by_itself_is_infra() -> None:
    bench = Bench()
    shown = bench.timestep(np.zeros(3))
    tick = bench.tick + 1
    truth = replace(shown.truth, tick=tick)
    outcome = bench.judge.judge(Timestep(shown.observation, truth, True, False), ())
    assert outcome is not None
    assert (outcome.code, outcome.code_tick, outcome.ticks) == ("infra", tick, tick)


def test_ticks_count_from_the_lots_start_and_then_from_each_orders() -> None:
    """A first order is charged from tick 0, however late it is first shown."""
    for which, expected in ((0, 107), (1, 7)):
        bench = Bench()
        first, second = bench.lot.orders[0], replace(bench.lot.orders[0], id="o2")
        lot = replace(bench.lot, orders=(first, second))
        bench.judge.reset(lot, lot.orders[which])
        bench.tick, bench.outcome = 99, None
        bench.step(7)
        bench.say("brain.finish", claim="done", note="")
        assert bench.outcome is not None
        assert bench.tick == 107
        assert bench.outcome.ticks == expected
    bench = Bench(limit_s=1.0)
    bench.judge.reset(replace(bench.lot, orders=()), bench.lot.orders[0])
    bench.tick, bench.outcome = 499, None
    bench.step(200)
    assert bench.outcome is not None
    assert (bench.tick, bench.outcome.ticks) == (550, 50)


def test_the_next_order_knows_nothing_of_the_last() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    assert bench.finish().good
    assert len(bench.judge.delivered) == 1
    bench.judge.reset(bench.lot, bench.lot.orders[0])
    assert bench.judge.delivered == ()


def test_other_parts_than_the_lots_are_refused() -> None:
    bench = Bench()
    shown = bench.timestep(np.zeros(3))
    fewer = replace(shown.truth, position=shown.truth.position[:2])
    with pytest.raises(SpecMismatch, match="truth has 2 parts, the lot 3"):
        bench.judge.judge(Timestep(shown.observation, fewer, False, False), ())


# What holds, and when.


def test_what_holds_from_the_start_held_once() -> None:
    parts = (Part("p0", "red", "cube", "small", *IN_A[:2], 0.0), PARTS[2])
    bench = Bench(parts=parts, limit_s=2.0)
    outcome = bench.run_out()
    assert (outcome.ever, outcome.good, outcome.code) == (True, False, "order.timeout")
    assert states(outcome) == ["good", "bystander"]


def test_it_does_not_hold_while_one_bystander_of_two_lies_elsewhere() -> None:
    bench = Bench(BLUE_TO_A)
    bench.move(0, bench.position[0] + [0.0, 0.05, 0.0])
    bench.step(20)
    bench.sort(2, "A")
    bench.step(20)
    bench.move(0, bench.position[0] - [0.0, 0.05, 0.0])
    bench.pick(2)
    bench.put(2, "B")
    outcome = bench.finish()
    assert not outcome.ever
    assert outcome.code == "plan.wrong_step"


def test_three_centimetres_are_not_more_than_three_centimetres() -> None:
    bench = Bench(BLUE_TO_A)
    bench.sort(2, "A")
    bench.move(1, (0.03, 0.0, REST_Z))
    bench.step(15)
    assert bench.finish().good


@pytest.mark.parametrize("limb", LIMBS)
def test_a_touched_part_is_not_let_go_of(limb: str) -> None:
    """One open jaw at a part is enough to wait for, and the part is then work in progress."""
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    bench.touch[limb].add(0)
    outcome = bench.finish()
    assert bench.tick - bench.claimed == 150
    assert states(outcome) == ["wip", "bystander", "bystander"]
    assert not outcome.good


def test_held_in_the_air_it_never_holds() -> None:
    """A part over its tote in a jaw, all still for long: that is no settled moment."""
    bench = Bench(ONE_RED, limit_s=6.0)
    bench.pick(0)
    bench.start("place", tote="A")
    bench.move(0, (-0.325, 0.135, 0.06), "left")
    bench.step(100)
    outcome = bench.run_out()
    assert not outcome.ever
    assert states(outcome)[0] == "wip"


def test_a_part_that_rolls_in_another_tote_is_in_quarantine() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "B")
    bench.events.append(Event(0, "brain.finish", {"claim": "done", "note": ""}))
    bench.step(200, speed=np.array([0.02, 0, 0]))
    assert bench.outcome is not None
    assert states(bench.outcome)[0] == "quarantine"


def test_bystanders_that_a_count_left_may_lie_anywhere_on_the_tray() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    bench.move(1, bench.position[1] + [0.0, 0.1, 0.0])
    bench.step(15)
    assert bench.finish().good
    for spot in ((-0.3, -0.3, 0.01), (0.0, 0.3, 0.01)):
        bench = Bench(ONE_RED)
        bench.sort(0, "A")
        began = bench.tick + 1
        bench.move(1, spot)
        bench.step(15)
        outcome = bench.finish()
        assert (outcome.code, outcome.code_tick) == ("collision", began)


def test_a_bystander_that_creeps_away_was_pushed_when_it_last_moved() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    for _ in range(2):
        bench.move(2, bench.position[2] + [0, 0.02, 0])
        moved = bench.tick
        bench.step(15)
    outcome = bench.finish()
    assert (outcome.code, outcome.code_tick) == ("collision", moved)


def test_one_too_many_is_told_from_when_it_arrived() -> None:
    """Nothing went wrong with either part, and yet there is one too many."""
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    bench.pick(1)
    bench.start("place", tote="A")
    bench.move(1, (-0.325, 0.135, 0.15), "left")
    bench.let_go()
    bench.move(1, (-0.3, 0.1, 0.016), ticks=5)
    rested = bench.tick + 1
    bench.step(20)
    outcome = bench.finish()
    assert (outcome.code, outcome.code_tick) == ("plan.wrong_step", rested)


def test_a_held_bystander_is_not_left() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    began = bench.pick(2)
    bench.move(2, [*bench.position[2][:2], 0.05], "left")
    outcome = bench.finish()
    assert (outcome.code, outcome.code_tick) == ("perception.wrong_object", began)


def test_what_was_good_is_delivered_in_order_of_rest() -> None:
    bench = Bench()
    bench.sort(1, "A")
    second = bench.tick
    bench.sort(0, "A")
    assert bench.finish().good
    first, last = bench.judge.delivered
    assert first < second < last


def test_what_lay_there_from_the_start_was_delivered_then() -> None:
    parts = (Part("p0", "red", "cube", "small", *IN_A[:2], 0.0), PARTS[2])
    bench = Bench(parts=parts)
    assert bench.finish().good
    assert bench.judge.delivered == (-9,)


# Who is asked first.


def test_a_fault_comes_before_silence_and_silence_before_claims() -> None:
    for claim in ("done", "refused", "gave_up"):
        bench = Bench()
        bench.say("fault", code="brain.timeout")
        bench.say("fault", code="actuator.fault")
        assert bench.finish(claim).code == "actuator.fault"
        bench = Bench()
        bench.say("fault", code="brain.timeout")
        assert bench.finish(claim).code == "brain.timeout"


def test_what_broke_off_is_put_down_to_its_fault() -> None:
    for fault, code in (("sensor.fault", "sensor.fault"), (None, "infra")):
        bench = Bench()
        if fault:
            failed = bench.say("fault", code=fault)
        bench.truncated = True
        bench.step()
        assert bench.outcome is not None
        assert (bench.outcome.code, bench.outcome.code_tick) == (
            (code, failed) if fault else (code, bench.tick)
        )


def test_what_broke_off_though_all_was_good_is_infra() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    bench.truncated = True
    bench.step()
    assert bench.outcome is not None
    assert (bench.outcome.good, bench.outcome.code, bench.outcome.code_tick) == (
        False, "infra", bench.tick,
    )  # fmt: skip


def test_broken_physics_loses_no_part() -> None:
    """Positions mean nothing then: what was let go is not a miss."""
    bench = Bench(ONE_RED)
    bench.pick(0)
    bench.start("place", tote="A")
    bench.move(0, (-0.6, 0.4, 0.15), "left")
    bench.let_go()
    bench.truncated = True
    bench.step(1, speed=np.array([9.0, 0, 0]))
    assert bench.outcome is not None
    assert bench.outcome.code == "infra"


def test_of_two_units_the_earlier_incident_is_the_root() -> None:
    for first, second in ((0, 1), (1, 0)):
        bench = Bench()
        closed = bench.miss(first)
        bench.miss(second)
        outcome = bench.finish("gave_up")
        assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_of_two_incidents_of_a_unit_the_earlier_is_its_cause() -> None:
    bench = Bench(BLUE_TO_A)
    began = bench.tick + 1
    bench.move(2, bench.position[2] + [0.0, 0.06, 0.0])
    bench.step(15)
    bench.miss(2)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", began)


def test_of_what_stood_in_the_way_the_earliest() -> None:
    bench = Bench()
    bench.push_n = 80.0
    bench.step()
    pressed = bench.tick
    bench.push_n = 0.0
    bench.say("ruling", verdict="stop", rule="workspace")
    bench.say("skill.refused", code="plan.invalid")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", pressed)
    bench = Bench()
    refused = bench.say("skill.refused", code="plan.invalid")
    bench.say("ruling", verdict="stop", rule="workspace")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("plan.invalid", refused)


def test_done_after_one_of_two_was_tried_and_neither_lies_right() -> None:
    """It was tried and lies where it lay: a false claim; the other was overlooked."""
    bench = Bench()
    bench.pick(0)
    bench.move(0, (-0.1, 0.0, REST_Z), "left")
    bench.let_go()
    bench.step(15)
    outcome = bench.finish("done")
    assert [unit.code for unit in outcome.units[:2]] == ["brain.false_claim", "perception.miss"]


def test_a_lot_without_parts_breaks_nothing() -> None:
    bench = Bench(parts=())
    bench.close(None)
    bench.let_go()
    outcome = bench.finish("gave_up")
    assert bench.tick == bench.claimed
    assert (outcome.units, bench.judge.delivered) == ((), ())


def test_a_part_in_the_jaw_is_work_in_progress_over_no_station() -> None:
    bench = Bench(ONE_RED)
    bench.pick(0)
    bench.move(0, (-0.25, -0.3, 0.2), "left")
    assert states(bench.finish())[0] == "wip"


def test_a_part_in_the_jaw_is_work_in_progress_while_contact_flickers() -> None:
    bench = Bench(ONE_RED, limit_s=3.0)
    bench.pick(0)
    bench.move(0, (-0.25, -0.3, 0.2), "left")
    bench.step(149 - bench.tick)
    bench.touch["left"].clear()
    bench.step(1)
    assert bench.outcome is not None
    assert states(bench.outcome)[0] == "wip"


def test_a_part_that_is_touched_in_another_tote_is_work_in_progress() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "B")
    bench.touch["right"].add(0)
    assert states(bench.finish())[0] == "wip"


def test_good_at_the_end_is_good_once() -> None:
    """With a jaw closed far from everything no moment is settled, but the end counts."""
    bench = Bench(ONE_RED)
    bench.open["right"] = False
    bench.sort(0, "A")
    outcome = bench.finish()
    assert outcome.good
    assert outcome.ever


@pytest.mark.parametrize("how", ["lifted", "crept", "counted"])
def test_a_disturbed_bystander_comes_before_what_stood_in_the_way_of_others(how: str) -> None:
    """The refusal is earlier, but nobody's own; what became of the bystander is."""
    reds = Goal((Rule(Select(colour="red"), "A", 1), Rule(Select(colour="blue"), "B")))
    bench = Bench(reds if how == "counted" else Goal((Rule(Select(colour="red"), "A"),)))
    bench.sort(0, "A")
    bench.say("skill.refused", code="plan.invalid")
    if how == "lifted":
        bench.reach(2)
        bench.close(2)
        bench.move(2, bench.position[2] + [0, 0, 0.1], "left")
        code = "perception.wrong_object"
    elif how == "crept":
        for _ in range(2):
            bench.move(2, bench.position[2] + [0, 0.02, 0])
            bench.step(15)
        code = "collision"
    else:
        bench.move(1, (-0.3, 0.1, 0.016), ticks=5)
        bench.step(15)
        code = "plan.wrong_step"
    outcome = bench.finish("gave_up")
    assert outcome.code == code


# Whose fault comes first.


@pytest.mark.parametrize("kind", ["fault", "silence", "refusal", "broken"])
def test_what_happened_to_a_unit_comes_before_what_happened_to_all(kind: str) -> None:
    """The other unit's cause is earlier and not its own."""
    bench = Bench()
    if kind in {"fault", "broken"}:
        bench.say("fault", code="sensor.fault")
    elif kind == "silence":
        bench.say("fault", code="brain.timeout")
    else:
        bench.say("skill.refused", code="plan.invalid")
    began = bench.tick + 1
    bench.move(1, bench.position[1] + [0.0, 0.06, 0.0])
    bench.step(15)
    if kind == "broken":
        bench.truncated = True
        bench.step()
        outcome = bench.outcome
        assert outcome is not None
    else:
        outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", began)


@pytest.mark.parametrize("claim", ["done", "gave_up", "refused"])
def test_what_happened_to_a_unit_after_the_claim_comes_before_the_claim(claim: str) -> None:
    bench = Bench()
    bench.step(1, speed=np.array([0.0, 0.0, 0.1]))
    bench.say("brain.finish", claim=claim, note="")
    began = bench.tick + 1
    bench.move(1, bench.position[1] + [0.0, 0.06, 0.0])
    bench.step(30)
    assert bench.outcome is not None
    assert (bench.outcome.code, bench.outcome.code_tick) == ("collision", began)


def test_a_claim_against_better_knowledge_comes_before_one_overlooked() -> None:
    bench = Bench()
    bench.miss(1)
    outcome = bench.finish("done")
    assert [unit.code for unit in outcome.units[:2]] == ["perception.miss", "brain.false_claim"]
    assert outcome.code == "brain.false_claim"
