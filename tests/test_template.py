"""Goals put into words and read back: the same goal in both languages."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.errors import OrderError
from shopfloor.order import GeneratedOrders, canonical, parse, render
from shopfloor.order.template import FRAMES
from shopfloor.types import COLOURS, SHAPES, SIZES, Goal, Rule, Select

selects = st.builds(
    Select,
    colour=st.none() | st.sampled_from(COLOURS),
    shape=st.none() | st.sampled_from(SHAPES),
    size=st.none() | st.sampled_from(SIZES),
).filter(lambda select: select != Select())


@st.composite
def goals(draw: st.DrawFn) -> Goal:
    rules = []
    for select in draw(st.lists(selects, min_size=1, max_size=5)):
        tote = draw(st.sampled_from(["A", "B", "C", "D"]))
        count = draw(st.none() | st.integers(1, 4)) if draw(st.booleans()) else None
        rules.append(Rule(select, tote, count))
    rest = draw(st.none() | st.sampled_from(["A", "B", "C", "D"]))
    if rest is not None:
        rules.append(Rule(Select(), rest))
        rules = [Rule(stay, None) for stay in draw(st.lists(selects, max_size=2))] + rules
    try:
        goal = canonical(rules)
    except OrderError:  # contradictory
        goal = canonical([rules[0]] if rules[0].tote else rules[-1:])
    return goal


@settings(max_examples=250, deadline=None)
@given(goals(), st.integers(0, 2**32 - 1))
def test_both_languages_mean_the_goal(goal: Goal, seed: int) -> None:
    english = render(goal, "en", np.random.default_rng(seed))
    chinese = render(goal, "zh", np.random.default_rng(seed))
    assert parse(english) == goal, english
    assert parse(chinese) == goal, chinese
    assert parse(english) == parse(chinese)


def test_generated_orders_are_read_as_they_are_meant() -> None:
    for seed in (3, 4):
        for lot in GeneratedOrders(seed, 150).lots():
            order = lot.orders[0]
            assert parse(order.instruction, order.language) == order.goal, order.instruction
            for language in ("en", "zh"):
                words = render(order.goal, language, np.random.default_rng(lot.index))
                assert parse(words) == order.goal, words


def test_wordings_vary() -> None:
    goal = parse("red cubes to A, blue cylinders to B, everything else to C")
    for language in ("en", "zh"):
        assert len(FRAMES[language]) >= 12
        assert len({frame.clause for frame in FRAMES[language]}) == len(FRAMES[language])
        said = {render(goal, language, np.random.default_rng(i)) for i in range(300)}
        assert len(said) > 280
        assert not any("{" in text or "[" in text for text in said)


def test_wording_is_repeatable() -> None:
    goal = parse("red cubes to A, the rest to B")
    assert render(goal, "zh", np.random.default_rng(5)) == render(
        goal, "zh", np.random.default_rng(5)
    )


def test_languages_do_not_mix() -> None:
    for lot in GeneratedOrders(9, 60).lots():
        order = lot.orders[0]
        han = any("\u4e00" <= c <= "\u9fff" for c in order.instruction)
        assert han == (order.language == "zh")
