"""What a jaw holds, takes over, lets go of, loses and misses."""

from __future__ import annotations

import pytest

from judge_examples import (
    BLUE_TO_A,
    LIMBS,
    ONE_RED,
    REST_Z,
    Bench,
    again,
    held,
)

# Jaws.


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


@pytest.mark.parametrize(("taker", "giver"), [("left", None), ("left", "right"), ("right", "left")])
def test_three_ticks_after_it_was_taken_it_may_be_lost(taker: str, giver: str | None) -> None:
    bench = Bench(BLUE_TO_A)
    bench.reach(2, giver or taker)
    bench.close(2, giver or taker)
    bench.position[2, 2] += 0.02
    bench.step(1)
    if giver:
        bench.touch[giver].clear()
        bench.touch[taker].add(2)
        bench.open[taker] = False
        bench.step(1)
    bench.touch[taker].clear()
    gone = bench.tick + 1
    bench.step(2)
    assert held(bench) == {2: taker}
    bench.step(1)
    assert bench.judge._log is not None
    assert [(i.tick, i.code) for i in bench.judge._log.live[2]] == [(gone, "grasp.slip")]


@pytest.mark.parametrize(("first", "second"), [LIMBS, LIMBS[::-1]])
def test_of_two_jaws_that_hold_a_part_it_is_the_first_ones(first: str, second: str) -> None:
    bench = Bench(BLUE_TO_A)
    bench.pick(2, first)
    bench.touch[second].add(2)
    bench.open[second] = False
    bench.step(5)
    assert held(bench) == {2: first}
    bench.touch[first].clear()
    bench.step(1)
    assert held(bench) == {2: second}


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


# More of jaws.


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
