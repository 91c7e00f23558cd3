"""What is counted on the way: cycles of parts, relays, and standby."""

import numpy as np
import pytest

from shopfloor.shift.tally import Tally
from shopfloor.types import Action, Event, Exchange, LimbState, Observation, People, Ruling

LIMBS = ("left", "right")


def told(tally, tick, kind, skill, *limbs, ok=True, **arguments):
    data = {"id": "c", "skill": skill, "limbs": list(limbs), "arguments": arguments, "ok": ok}
    tally.event(Event(tick, f"skill.{kind}", data))


def pick(tally, limb, begun, ended, point, *, ok=True):
    told(tally, begun, "started", "pick", limb, camera="overview", point=point)
    told(tally, ended, "finished", "pick", limb, ok=ok, camera="overview", point=point)


def place(tally, limb, begun, ended, **where):
    told(tally, begun, "started", "place", limb, **where)
    told(tally, ended, "finished", "place", limb, **where)


def test_a_part_counts_once_from_the_first_reach_for_it():
    tally = Tally(LIMBS, 0.02)
    pick(tally, "left", 10, 60, [100, 200])
    place(tally, "left", 60, 110, tote="A")
    assert tally.cycles_s == [2.0]
    assert (tally.attempted, tally.succeeded, tally.relays) == (1, 1, 0)


def test_a_try_that_failed_is_part_of_the_cycle_of_that_part_and_of_no_other():
    tally = Tally(LIMBS, 0.02)
    pick(tally, "left", 0, 50, [100, 200], ok=False)
    pick(tally, "left", 60, 100, [900, 500])
    place(tally, "left", 100, 150, tote="A")
    pick(tally, "right", 200, 240, [110, 190])
    place(tally, "right", 240, 300, tote="B")
    assert tally.cycles_s == pytest.approx([(150 - 60) * 0.02, 300 * 0.02])
    assert (tally.attempted, tally.succeeded) == (3, 2)


def test_a_relayed_part_is_one_part_whose_way_began_with_the_first_limb():
    tally = Tally(LIMBS, 0.02)
    pick(tally, "left", 0, 40, [100, 200])
    place(tally, "left", 40, 100, camera="overview", point=[640, 480])
    pick(tally, "right", 150, 200, [645, 478])
    place(tally, "right", 200, 250, tote="B")
    assert tally.cycles_s == [5.0]
    assert (tally.attempted, tally.relays) == (2, 1)


def ticked(tally, source, verdict="pass", *, thinking=False):
    state = LimbState(np.zeros(6), np.zeros(6), np.eye(4), 0.0, np.zeros(6), np.zeros(6))
    observation = Observation(tally.ticks, dict.fromkeys(LIMBS, state), {}, {}, {}, People())
    action = Action({}, {}, tally.ticks, tally.ticks, source)
    tally.tick(observation, Ruling(verdict, action), thinking=thinking)


def test_ticks_in_which_nobody_was_told_anything_are_standby():
    tally = Tally(LIMBS, 0.02)
    for source, thinking in [("guard", True)] * 3 + [("skill", True)] * 4 + [("guard", False)] * 2:
        ticked(tally, source, thinking=thinking)
    assert tally.segments == [("SBY", 3), ("PRD", 4), ("SBY", 2)]
    assert tally.think_ticks == 3
    assert sum(ticks for _, ticks in tally.segments) == tally.ticks == 9


def asked(tokens, usd):
    return Exchange("?", "!", "model", 1.0, tokens=tokens, cost_usd=usd)


def test_tokens_and_prices_are_summed_and_what_nobody_counted_is_said():
    tally = Tally(LIMBS, 0.02)
    for said in (asked((900, 50), 0.02), asked(None, None), asked((1100, 70), None)):
        tally.exchange(said)
    assert (tally.decisions, tally.tokens, tally.uncounted) == (3, (2000, 120), 1)
    assert (tally.model_usd, tally.unpriced) == (0.02, 2)


def test_a_brain_without_tokens_has_no_count_and_not_a_count_of_zero():
    tally = Tally(LIMBS, 0.02)
    tally.exchange(asked(None, None))
    assert (tally.tokens, tally.model_usd) == (None, None)
    tally.exchange(asked((0, 0), 0.0))
    assert (tally.tokens, tally.model_usd) == ((0, 0), 0.0)
