"""Where the judge's rules begin and end: ticks, thresholds, and who is asked first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from judge_examples import LIMBS, PARTS, REST_Z, STATIONS, Bench, states
from shopfloor.errors import SpecMismatch
from shopfloor.order import SortingJudge
from shopfloor.types import Event, Goal, Part, Rule, Select, Timestep

ONE_RED = Goal((Rule(Select(colour="red"), "A", 1),))
BLUE_TO_A = Goal((Rule(Select(colour="blue"), "A"),))
IN_A = (-0.325, 0.135, 0.016)


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


# Jaws.


def held(bench: Bench) -> dict[int, str]:
    assert bench.judge._log is not None
    return bench.judge._log.held


@pytest.mark.parametrize(("lift_m", "holds"), [(0.0149, False), (0.0151, True)])
def test_held_is_fifteen_millimetres_up(lift_m: float, holds: bool) -> None:
    bench = Bench()
    bench.reach(0)
    bench.close(0)
    bench.move(0, bench.position[0] + [0, 0, lift_m], "left")
    assert (held(bench) == {0: "left"}) is holds


def test_an_open_jaw_holds_nothing_however_high() -> None:
    bench = Bench()
    bench.reach(0)
    bench.touch["left"].add(0)
    bench.move(0, bench.position[0] + [0, 0, 0.1], "left")
    assert held(bench) == {}


@pytest.mark.parametrize(
    ("away_m", "code"),
    [(0.0299, "grasp.miss"), (0.03, "grasp.miss"), (0.0301, "plan.gave_up")],
)
def test_a_jaw_closes_on_what_is_around_it(away_m: float, code: str) -> None:
    bench = Bench()
    bench.tool["left"] = bench.position[1] + [-away_m, 0, 0]
    bench.step(2)
    closed = bench.close(None)
    bench.open["left"] = True
    bench.step(2)
    outcome = bench.finish("gave_up")
    assert outcome.code == code
    assert outcome.code_tick == (closed if code == "grasp.miss" else bench.claimed)


@pytest.mark.parametrize(("ticks", "lost"), [(2, False), (3, True)])
def test_contact_lost_for_two_ticks_is_a_flicker(ticks: int, lost: bool) -> None:
    bench = Bench()
    bench.pick(0)
    gone = bench.tick + 1
    bench.touch["left"].clear()
    bench.step(ticks)
    assert (0 in held(bench)) is not lost
    assert bench.judge._log is not None
    slips = [(one.tick, one.code) for one in bench.judge._log.live.get(0, [])]
    assert slips == ([(gone, "grasp.slip")] if lost else [])
    bench.touch["left"].add(0)  # and flickers again: each counts for itself
    bench.step(1)
    bench.touch["left"].clear()
    bench.step(2)
    assert 0 in held(bench)


def test_contact_that_ends_as_the_jaw_opens_is_a_release() -> None:
    bench = Bench()
    bench.pick(0)
    bench.start("place", tote="A")
    bench.touch["left"].clear()
    bench.open["left"] = True
    bench.step(1)
    released = bench.tick
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=3)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("place.miss", released)


def test_contact_that_ended_two_ticks_before_the_jaw_opened_is_a_slip() -> None:
    bench = Bench()
    bench.pick(0)
    bench.start("place", tote="A")
    bench.touch["left"].clear()
    gone = bench.tick + 1
    bench.step(2)
    bench.open["left"] = True
    bench.step(1)
    bench.move(0, (-0.1, 0.0, REST_Z), ticks=3)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.slip", gone)


def test_lost_over_the_tote_of_the_call_is_no_slip() -> None:
    bench = Bench(ONE_RED)
    bench.pick(0)
    bench.start("place", tote="A")
    bench.move(0, (-0.325, 0.135, 0.12), "left")
    bench.touch["left"].clear()
    bench.move(0, (-0.325, 0.3, 0.01), ticks=5)
    bench.step(15)
    assert bench.finish("gave_up").code == "place.miss"


@pytest.mark.parametrize(
    ("touches", "closed", "by"),
    [(True, True, "right"), (True, False, "left"), (False, True, "left")],
)
def test_only_a_closed_jaw_that_touches_takes_over(touches: bool, closed: bool, by: str) -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    if touches:
        bench.touch["right"].add(2)
    bench.open["right"] = not closed
    bench.touch["left"].clear()
    bench.step(1)
    assert held(bench) == {2: by}


@pytest.mark.parametrize("handed", [True, False])
def test_three_ticks_after_it_was_taken_it_may_be_lost(handed: bool) -> None:
    bench = Bench(BLUE_TO_A)
    bench.reach(2)
    bench.close(2)
    bench.position[2, 2] += 0.02
    bench.step(1)
    if handed:
        bench.touch["left"].clear()
        bench.touch["right"].add(2)
        bench.open["right"] = False
        bench.step(1)
    bench.touch["left"].clear()
    bench.touch["right"].clear()
    gone = bench.tick + 1
    bench.step(2)
    assert 2 in held(bench)
    bench.step(1)
    assert bench.judge._log is not None
    assert [(i.tick, i.code) for i in bench.judge._log.live[2]] == [(gone, "grasp.slip")]


def test_contact_that_ended_a_tick_before_the_jaw_opened_is_a_slip() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.touch["left"].clear()
    gone = bench.tick + 1
    bench.step(1)
    bench.open["left"] = True
    bench.step(1)
    assert held(bench) == {}
    bench.move(2, (0.1, 0.0, REST_Z), ticks=3)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.slip", gone)


def test_contact_that_flickers_before_the_jaw_opens_is_no_slip() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.move(2, (0.1, 0.0, REST_Z), "left")
    bench.touch["left"].clear()
    bench.step(1)
    bench.touch["left"].add(2)
    bench.open["left"] = True
    bench.step(1)
    bench.touch["left"].clear()
    bench.step(15)
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_a_jaw_that_took_over_has_lifted() -> None:
    """Letting the part down again is no missed grasp of the second jaw."""
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.tool["right"] = bench.position[2].copy()
    bench.touch["right"].add(2)
    bench.open["right"] = False
    bench.step(2)
    bench.let_go("left")
    bench.move(2, (0.1, 0.0, REST_Z), "right")
    bench.let_go("right")
    bench.step(15)
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_a_part_set_down_and_taken_up_again_was_never_missed() -> None:
    bench = Bench(BLUE_TO_A)
    for _ in range(2):
        bench.pick(2)
        bench.move(2, (0.1, 0.0, REST_Z), "left")
        bench.let_go()
        bench.step(15)
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_a_second_miss_is_told_from_the_first() -> None:
    bench = Bench()
    first = bench.miss(0)
    bench.miss(0)
    outcome = bench.finish("gave_up")
    assert (outcome.units[0].code, outcome.units[0].tick) == ("grasp.miss", first)


def test_told_once_is_told() -> None:
    """A miss that the brain was told of, and another that nobody told it of."""
    bench = Bench()
    bench.miss(0)
    bench.reach(0)
    bench.close(None)
    bench.open["left"] = True
    bench.step(2)
    assert bench.finish("done").units[0].code == "brain.false_claim"


def test_a_jaw_that_closes_in_a_sorted_tote_misses_nothing() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.miss(0)
    assert bench.finish("done").good


def test_a_pick_that_says_it_holds_what_it_does_not() -> None:
    """Closed on the part, and lost it before the skill said that it succeeded."""
    bench = Bench(BLUE_TO_A)
    bench.start("pick")
    bench.reach(2)
    closed = bench.close(None)
    bench.end(ok=True)
    outcome = bench.finish("done")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_a_pick_that_holds_another_part_has_missed_nothing() -> None:
    bench = Bench(ONE_RED)
    bench.start("pick")
    bench.reach(0)
    bench.close(0)
    bench.end(ok=True)
    assert bench.judge._log is not None
    assert not bench.judge._log.live


# Pushing.


def test_a_jaw_that_closed_on_a_bystander_and_pushed_it_took_it_for_another() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.sort(1, "A")
    bench.reach(2)
    closed = bench.close(2)
    bench.move(2, bench.position[2] + [0.0, 0.06, 0.0], "left")
    bench.let_go()
    bench.step(15)
    outcome = bench.finish()
    assert (outcome.code, outcome.code_tick) == ("perception.wrong_object", closed)


def test_a_unit_that_a_closed_jaw_pushed_was_missed_and_not_run_into() -> None:
    bench = Bench(BLUE_TO_A)
    bench.reach(2)
    closed = bench.close(2)
    bench.move(2, bench.position[2] + [0.0, 0.06, 0.0], "left")
    bench.let_go()
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


@pytest.mark.parametrize(("far_m", "code"), [(0.0299, "plan.gave_up"), (0.0301, "collision")])
def test_a_push_of_three_centimetres_is_a_collision(far_m: float, code: str) -> None:
    bench = Bench(BLUE_TO_A)
    began = bench.tick + 1
    bench.move(2, bench.position[2] + [0.0, far_m, 0.0])
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert outcome.code == code
    assert outcome.code_tick == (began if code == "collision" else bench.claimed)


def test_a_short_push_off_the_tray_is_a_collision() -> None:
    parts = (Part("p0", "blue", "cube", "small", 0.185, 0.0, 0.0),)
    bench = Bench(BLUE_TO_A, parts=parts)
    bench.move(0, bench.position[0] + [0.01, 0.0, 0.0])
    bench.step(15)
    assert bench.finish("gave_up").code == "collision"


@pytest.mark.parametrize(("newton", "code"), [(30.0, "plan.gave_up"), (30.1, "collision")])
def test_a_press_of_thirty_newton_is_a_collision(newton: float, code: str) -> None:
    bench = Bench()
    bench.push_n = newton
    bench.step()
    pressed = bench.tick
    bench.step(5)
    bench.push_n = 0.0
    outcome = bench.finish("gave_up")
    assert outcome.code == code
    assert outcome.code_tick == (pressed if code == "collision" else bench.claimed)


@pytest.mark.parametrize("lifted", [True, False])
def test_success_clears_stops_and_presses(lifted: bool) -> None:
    bench = Bench(BLUE_TO_A)
    bench.push_n = 80.0
    bench.step()
    bench.push_n = 0.0
    bench.say("ruling", verdict="stop", rule="limb.distance")
    if lifted:
        bench.pick(2)
        bench.move(2, (0.1, 0.0, REST_Z), "left")
        bench.let_go()
        bench.step(15)
    assert bench.finish("gave_up").code == ("plan.gave_up" if lifted else "collision")


def test_arriving_clears_stops_and_presses() -> None:
    bench = Bench()
    bench.pick(0)
    bench.push_n = 80.0
    bench.step()
    bench.push_n = 0.0
    bench.say("ruling", verdict="stop", rule="limb.distance")
    bench.put(0, "A")
    assert bench.finish("gave_up").code == "plan.gave_up"


# Releases.


@pytest.mark.parametrize(
    ("where", "call", "code"),
    [
        ("B", "B", "plan.wrong_step"),
        ("B", "A", "place.miss"),
        ("tray", "A", "place.miss"),
        ("tray", "B", "place.miss"),
        ("B", None, "plan.wrong_step"),
        ("tray", None, "plan.gave_up"),
        (None, None, "place.miss"),
        (None, "A", "place.miss"),
        (None, "B", "place.miss"),
    ],
)
def test_where_a_released_part_came_to_rest(where: str | None, call: str | None, code: str) -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    arguments = {} if call is None else {"tote": call}
    began = bench.start("place", **arguments)
    x, y, _ = STATIONS[where].center_m if where else (0.25, -0.3, 0.0)
    bench.move(2, (x, y, 0.15), "left")
    released = bench.let_go()
    bench.tool["left"] = np.array([0.0, 0.6, 0.4])
    bench.move(2, (x, y, REST_Z), ticks=5)
    bench.step(12)
    bench.end()
    outcome = bench.finish("gave_up")
    assert outcome.code == code
    at = {"plan.gave_up": bench.claimed, "place.miss": released}
    at["plan.wrong_step"] = released if call is None else began
    assert outcome.code_tick == at[code]


def test_a_part_let_go_without_any_call() -> None:
    bench = Bench(BLUE_TO_A)
    bench.reach(2)
    bench.close(2)
    bench.move(2, (0.325, 0.135, 0.15), "left")
    released = bench.let_go()
    bench.move(2, (0.325, 0.135, REST_Z), ticks=5)
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("plan.wrong_step", released)


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


# More of jaws.


def again(bench: Bench) -> None:
    """Begin anew, as the bench stands now."""
    bench.judge.reset(bench.lot, bench.lot.orders[0])
    bench.tick, bench.outcome = -1, None


def test_a_jaw_that_is_closed_from_the_start_closed_then() -> None:
    bench = Bench(BLUE_TO_A)
    again(bench)
    bench.tool["left"] = bench.position[2].copy()
    bench.open["left"] = False
    bench.step(3)
    bench.open["left"] = True
    bench.step(3)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", 0)


@pytest.mark.parametrize(("up_m", "holds"), [(0.015, True), (0.0149999, False)])
def test_fifteen_millimetres_are_enough(up_m: float, holds: bool) -> None:
    bench = Bench()
    bench.position[:, 2] = 0.0
    again(bench)
    bench.reach(0)
    bench.close(0)
    bench.move(0, [*bench.position[0][:2], up_m], "left")
    assert (0 in held(bench)) is holds


def test_a_push_begins_with_the_touch() -> None:
    bench = Bench(BLUE_TO_A)
    bench.touch["right"].add(2)
    bench.step()
    touched = bench.tick
    bench.step(3)
    bench.move(2, bench.position[2] + [0, 0.06, 0])
    bench.touch["right"].clear()
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", touched)


def test_a_jaw_went_for_what_it_touches_where_nothing_is_around_it() -> None:
    bench = Bench(BLUE_TO_A)
    bench.tool["left"] = bench.position[2] + [0, 0.05, 0]
    bench.step(2)
    closed = bench.close(2)
    bench.let_go()
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_a_jaw_went_for_what_is_around_it_whatever_else_it_touches() -> None:
    bench = Bench()
    bench.reach(0)
    bench.close(1)
    bench.let_go()
    bench.step(15)
    outcome = bench.finish("done")
    assert [unit.code for unit in outcome.units[:2]] == ["grasp.miss", "brain.false_claim"]


def test_a_jaw_that_stays_closed_around_a_part_went_for_it() -> None:
    bench = Bench()
    bench.sort(0, "A")
    bench.reach(1)
    bench.close(None)
    assert bench.finish("done").units[1].code == "brain.false_claim"


def test_a_press_while_something_is_held_counts() -> None:
    bench = Bench(ONE_RED)
    bench.pick(0)
    bench.push_n = 80.0
    bench.step()
    pressed = bench.tick
    bench.push_n = 0.0
    bench.step(5)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", pressed)


def test_an_open_hand_goes_for_nothing_it_went_for_before() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.move(2, (0.1, 0.0, REST_Z), "left")
    bench.let_go()
    bench.step(15)
    bench.start("pick")
    bench.touch["left"].add(2)
    bench.step(3)
    bench.touch["left"].clear()
    failed = bench.end(ok=False, code="perception.miss")
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("perception.miss", failed)


def test_a_call_goes_for_what_its_jaw_closed_on_first() -> None:
    bench = Bench()
    bench.start("pick")
    for part in (0, 1):
        bench.reach(part)
        bench.close(None)
        bench.open["left"] = True
        bench.step(2)
    bench.end(ok=False, code="grasp.miss")
    outcome = bench.finish("done")
    assert [unit.code for unit in outcome.units[:2]] == ["brain.false_claim", "grasp.miss"]


def test_two_limbs_hold_two_parts() -> None:
    bench = Bench()
    bench.pick(0, "left")
    bench.pick(1, "right")
    bench.step(20)
    assert held(bench) == {0: "left", 1: "right"}
    assert bench.judge._log is not None
    assert not any(bench.judge._log.live.values())


def test_an_open_hand_misses_nothing_anew() -> None:
    bench = Bench(BLUE_TO_A)
    bench.miss(2, "left")
    bench.pick(2, "right")
    bench.move(2, (0.1, 0.0, REST_Z), "right")
    bench.let_go("right")
    bench.step(15)
    bench.touch["left"].add(0)
    bench.step(2)
    bench.touch["left"].clear()
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_to_be_lifted_clears_what_happened_before() -> None:
    bench = Bench(ONE_RED)
    bench.miss(0)
    bench.pick(0)
    assert bench.finish("gave_up").code == "plan.gave_up"


@pytest.mark.parametrize(("skill", "of_the_call"), [("pick", True), ("wait", False)])
def test_a_bystander_is_lifted_in_the_call_that_acts(skill: str, of_the_call: bool) -> None:
    bench = Bench(ONE_RED)
    began = bench.start(skill)
    bench.reach(2)
    bench.close(2)
    lifted = bench.tick + 1
    bench.position[2, 2] += 0.02
    bench.step(20)
    outcome = bench.finish("gave_up")
    assert outcome.units[2].code == "perception.wrong_object"
    assert outcome.units[2].tick == (began if of_the_call else lifted)


# More of rest.


def incidents(bench: Bench, part: int) -> list[tuple[int, str, bool]]:
    assert bench.judge._log is not None
    return [(one.tick, one.code, one.told) for one in bench.judge._log.live.get(part, [])]


def test_of_two_parts_in_a_jaw_the_lost_one_was_told_of() -> None:
    bench = Bench()
    bench.start("place", tote="A")
    bench.reach(0)
    bench.close(0)
    bench.touch["left"].add(1)
    bench.position[:2, 2] += 0.1
    bench.step(2, speed=np.array([0.1, 0.1, 0]))
    bench.touch["left"].discard(1)
    gone = bench.tick + 1
    bench.move(1, (0.0, 0.0, REST_Z), ticks=5)
    bench.end(ok=False, code="grasp.slip")
    assert held(bench) == {0: "left"}
    assert incidents(bench, 1) == [(gone, "grasp.slip", True)]


def test_a_part_that_was_set_down_can_be_run_into() -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2)
    bench.move(2, (0.1, 0.0, REST_Z), "left")
    bench.let_go()
    bench.step(15)
    began = bench.tick + 1
    bench.move(2, (0.1, 0.06, REST_Z))
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", began)


def test_exactly_three_centimetres_are_no_collision() -> None:
    bench = Bench()
    bench.move(1, (0.03, 0.0, REST_Z))
    bench.step(15)
    assert bench.finish("gave_up").code == "plan.gave_up"


def test_a_nudge_within_its_tote_delivers_nothing_anew() -> None:
    bench = Bench(ONE_RED)
    bench.sort(0, "A")
    bench.step(5)
    assert bench.judge._log is not None
    arrived = bench.judge._log.arrived[0]
    bench.move(0, bench.position[0] + [0.02, 0, 0])
    bench.step(15)
    assert bench.finish().good
    assert bench.judge.delivered == (arrived,)


def test_what_lay_in_its_tote_is_delivered_when_it_first_comes_to_rest_there() -> None:
    parts = (Part("p0", "red", "cube", "small", *IN_A[:2], 0.0), PARTS[2])
    bench = Bench(parts=parts)
    bench.move(0, bench.position[0] + [0.02, 0, 0])
    first = bench.tick + 1
    bench.step(15)
    bench.move(0, bench.position[0] - [0.02, 0, 0])
    bench.step(15)
    assert bench.finish().good
    assert bench.judge.delivered == (first,)


def test_from_one_right_tote_to_another_it_is_delivered_anew() -> None:
    bench = Bench(Goal((Rule(Select(colour="red"), "A", 1), Rule(Select(colour="red"), "B"))))
    bench.sort(0, "A")
    early = bench.tick
    bench.sort(0, "B")
    late = bench.tick
    bench.sort(1, "A")
    assert bench.finish().good
    assert early < bench.judge.delivered[0] <= late < bench.judge.delivered[1]


def test_coming_to_rest_where_it_should_clears_what_happened_before() -> None:
    bench = Bench(BLUE_TO_A)
    bench.miss(2)
    bench.move(2, IN_A)
    bench.step(15)
    began = bench.tick + 1
    bench.move(2, (-0.325, 0.3, 0.01))
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", began)


def test_what_was_taken_out_again_can_be_missed() -> None:
    bench = Bench(BLUE_TO_A)
    bench.sort(2, "A")
    bench.pick(2)
    bench.move(2, (0.1, 0.0, REST_Z), "left")
    bench.let_go()
    bench.step(15)
    closed = bench.miss(2)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_what_lies_where_it_should_is_not_missed() -> None:
    bench = Bench(BLUE_TO_A)
    bench.sort(2, "A")
    bench.miss(2)
    began = bench.tick + 1
    bench.move(2, (-0.325, 0.3, 0.01))
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("collision", began)


def test_a_unit_in_a_jaw_that_did_not_lift_was_only_missed() -> None:
    bench = Bench(BLUE_TO_A)
    bench.reach(2)
    closed = bench.close(2)
    bench.move(2, bench.position[2] + [0.0, 0.06, 0.0], "left")
    bench.let_go()
    bench.step(15)
    assert incidents(bench, 2) == [(closed, "grasp.miss", False)]


def test_a_bystander_in_a_jaw_that_hardly_moved_it_is_no_matter() -> None:
    bench = Bench(ONE_RED)
    bench.reach(2)
    bench.close(2)
    bench.move(2, bench.position[2] + [0.0, 0.02, 0.0], "left")
    bench.let_go()
    bench.step(15)
    assert incidents(bench, 2) == []


def test_a_part_that_the_other_limb_holds_was_not_missed() -> None:
    bench = Bench(BLUE_TO_A)
    bench.start("pick")
    bench.reach(2)
    bench.close(2)
    bench.move(2, bench.position[2] + [0, 0, 0.1], "left")
    bench.touch["right"].add(2)
    bench.open["right"] = False
    bench.step(2)
    bench.touch["left"].clear()
    bench.step(2)
    bench.end(ok=True)
    assert held(bench) == {2: "right"}
    assert incidents(bench, 2) == []


def test_one_of_a_counted_kind_can_be_missed() -> None:
    bench = Bench(ONE_RED)
    closed = bench.miss(0)
    outcome = bench.finish("gave_up")
    assert (outcome.code, outcome.code_tick) == ("grasp.miss", closed)


def test_a_grasp_that_the_guard_stopped_was_not_missed() -> None:
    bench = Bench()
    bench.start("pick")
    bench.reach(0)
    bench.close(0)
    stopped = bench.say("ruling", verdict="stop", rule="limb.distance")
    bench.end(ok=False, code="guard.stop")
    bench.let_go()
    bench.step(15)
    outcome = bench.finish("gave_up")
    assert incidents(bench, 0) == [(stopped, "guard.stop", True)]
    assert (outcome.units[0].code, outcome.units[0].tick) == ("guard.stop", stopped)


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


def slip(bench: Bench, part: int = 0, limb: str = "left") -> int:
    bench.pick(part, limb)
    bench.touch[limb].clear()
    gone = bench.tick + 1
    bench.move(part, [*bench.position[part][:2], REST_Z], ticks=5)
    bench.open[limb] = True
    bench.step(15)
    return gone


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
