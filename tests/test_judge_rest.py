"""Where parts come to rest, and what pushed or released them."""

from __future__ import annotations

import numpy as np
import pytest

from judge_examples import (
    BLUE_TO_A,
    IN_A,
    ONE_RED,
    PARTS,
    REST_Z,
    STATIONS,
    Bench,
    held,
    incidents,
)
from shopfloor.types import Goal, Part, Rule, Select

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


# More of rest.


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
