"""Which part goes where, who is named, and when a goal holds."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.errors import OrderError
from shopfloor.order import (
    assign,
    canonical,
    choices,
    follow,
    named_units,
    needed,
    satisfied,
    standings,
    validate,
)
from shopfloor.types import Goal, Part, Rule, Select


def part(name: str, colour: str = "red", shape: str = "cube", size: str = "small") -> Part:
    return Part(name, colour, shape, size, 0.0, 0.0, 0.0)


RED, CUBE, ANY = Select(colour="red"), Select(shape="cube"), Select()
PARTS = (part("a"), part("b"), part("c", "blue"), part("d", "blue", "bar"))


def test_first_match_wins() -> None:
    goal = Goal((Rule(RED, "A"), Rule(CUBE, "B"), Rule(ANY, None)))
    assert assign(goal, PARTS) == {"a": "A", "b": "A", "c": "B", "d": None}
    assert [follow(goal, p) for p in PARTS] == [goal.rules[i] for i in (0, 0, 1, 2)]
    assert named_units(goal, PARTS) == ("a", "b", "c")
    assert needed(goal, PARTS) == 3


def test_counts_take_exactly_so_many() -> None:
    goal = Goal((Rule(RED, "A", 1),))
    assert needed(goal, PARTS) == 1
    assert named_units(goal, PARTS) == ("a", "b")
    assert choices(goal, PARTS[0]) == ("A", None)
    assert choices(goal, PARTS[2]) == (None,)
    tray = "tray"
    assert satisfied(goal, PARTS, ["A", tray, tray, tray])
    assert satisfied(goal, PARTS, [tray, "A", tray, tray])
    assert not satisfied(goal, PARTS, [tray] * 4)
    assert not satisfied(goal, PARTS, ["A", "A", tray, tray])
    assert not satisfied(goal, PARTS, ["A", None, tray, tray])
    assert not satisfied(goal, PARTS, ["A", tray, "A", tray])


def test_what_a_count_leaves_goes_on() -> None:
    goal = Goal((Rule(RED, "A", 1), Rule(ANY, "B")))
    assert needed(goal, PARTS) == 4
    assert satisfied(goal, PARTS, ["B", "A", "B", "B"])
    assert not satisfied(goal, PARTS, ["A", "A", "B", "B"])
    assert not satisfied(goal, PARTS, ["B", "B", "B", "B"])


def test_a_count_may_stay() -> None:
    goal = Goal((Rule(RED, None, 1), Rule(ANY, "A")))
    assert needed(goal, PARTS) == 3
    assert satisfied(goal, PARTS, ["A", "tray", "A", "A"])
    assert not satisfied(goal, PARTS, ["A", "A", "A", "A"])


def test_standings_are_in_the_parts_favour() -> None:
    goal = Goal((Rule(RED, "A", 1),))
    found = standings(goal, PARTS, [None, "A", "tray", "tray"])
    assert (found[1].want, found[1].good) == ("A", True)
    assert (found[0].want, found[0].good, found[0].counted) == (None, False, True)


def brute_force(goal: Goal, parts: tuple[Part, ...], places: list[str | None]) -> bool:
    """Try every way to hand the counted places out."""
    per_part = []
    for one in parts:
        options: list[tuple[int | None, str | None]] = []
        for i, rule in enumerate(goal.rules):
            if rule.select.matches(one):
                options.append((None if rule.count is None else i, rule.tote))
                if rule.count is None:
                    break
        else:
            options.append((None, None))
        per_part.append(options)
    for chosen in product(*per_part):
        counts = [i for i, _ in chosen if i is not None]
        if all(
            counts.count(i) == rule.count
            for i, rule in enumerate(goal.rules)
            if rule.count is not None
        ) and all(
            (tote or "tray") == place for (_, tote), place in zip(chosen, places, strict=True)
        ):
            return True
    return False


rules = st.builds(
    Rule,
    select=st.sampled_from([RED, CUBE, ANY, Select(colour="blue"), Select(size="small")]),
    tote=st.sampled_from(["A", "B", None]),
    count=st.sampled_from([None, 1, 2]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(rules, min_size=1, max_size=4),
    st.lists(st.sampled_from(["A", "B", "tray", None]), min_size=4, max_size=4),
)
def test_satisfied_agrees_with_brute_force(rules: list[Rule], places: list[str | None]) -> None:
    goal = Goal(tuple(rules))
    assert satisfied(goal, PARTS, places) == brute_force(goal, PARTS, places)


@settings(max_examples=200, deadline=None)
@given(st.lists(rules, min_size=1, max_size=4))
def test_what_is_valid_can_be_met(rules: list[Rule]) -> None:
    goal = Goal(tuple(rules))
    try:
        validate(goal, PARTS, ("A", "B"))
    except OrderError:
        return
    places = [tote or "tray" for tote in assign(goal, PARTS).values()]
    assert satisfied(goal, PARTS, places)
    assert needed(goal, PARTS) >= 1


@pytest.mark.parametrize("count", [None, 1, 2])
def test_goals_that_can_be_met_are_let_be(count: int | None) -> None:
    """Some parts stay, and the counts go from 1 to all there are."""
    goal = Goal((Rule(RED, "A", count),))
    validate(goal, PARTS, ("A", "B"))
    assert needed(goal, PARTS) == (count or 2)


def test_a_part_that_another_rule_could_take_makes_room() -> None:
    """Only the bar is left for A, so the cube that came first goes on to B."""
    goal = Goal((Rule(RED, "A", 1), Rule(CUBE, "B", 1)))
    parts = (part("cube"), part("bar", shape="bar"))
    validate(goal, parts, ("A", "B"))
    assert assign(goal, parts) == {"cube": "B", "bar": "A"}
    assert satisfied(goal, parts, ["B", "A"])


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((Rule(RED, "C"),), "totes A, B"),
        ((Rule(RED, "A", 0),), "counts 0 of .*1 to 2 are possible"),
        ((Rule(RED, "A", 3),), "1 to 2 are possible"),
        ((Rule(Select(colour="green"), "A", 1),), "has none"),
        ((Rule(RED, "A", 2), Rule(CUBE, "B", 2)), "1 parts more"),
        ((Rule(Select(colour="green"), "A"),), "moves no part"),
        ((Rule(ANY, None), Rule(RED, "A")), "moves no part"),
        ((), "moves no part"),
    ],
)
def test_goals_that_cannot_be_met_are_refused(rules: tuple[Rule, ...], said: str) -> None:
    with pytest.raises(OrderError, match=said):
        validate(Goal(rules), PARTS, ("A", "B"))


# The canonical form.


def test_canonical_order() -> None:
    red_cube = Select(colour="red", shape="cube")
    goal = canonical(
        [Rule(ANY, "A"), Rule(CUBE, "B"), Rule(Select(size="large"), None), Rule(red_cube, "C")]
    )
    assert goal.rules == (
        Rule(Select(size="large"), None),
        Rule(red_cube, "C"),
        Rule(CUBE, "B"),
        Rule(ANY, "A"),
    ) or goal.rules[0] == Rule(red_cube, "C")
    assert goal.rules[-1] == Rule(ANY, "A")


def test_canonical_leaves_out_what_says_nothing() -> None:
    yellow = Select(colour="yellow")
    assert canonical([Rule(RED, "A"), Rule(yellow, None), Rule(ANY, None)]).rules == (
        Rule(RED, "A"),
    )
    assert canonical([Rule(RED, "A"), Rule(RED, "A"), Rule(ANY, "A")]).rules == (Rule(ANY, "A"),)


def test_contradictions_are_refused() -> None:
    with pytest.raises(OrderError, match="one place"):
        canonical([Rule(RED, "A"), Rule(RED, "B")])


@settings(max_examples=200, deadline=None)
@given(st.lists(rules, min_size=1, max_size=5))
def test_canonical_is_a_fixed_point(rules: list[Rule]) -> None:
    try:
        goal = canonical(rules)
    except OrderError:
        return
    assert canonical(goal.rules) == goal


def test_disjoint_stays_do_not_depend_on_the_words_order() -> None:
    said = [Rule(RED, "A"), Rule(Select(colour="blue"), None), Rule(ANY, "B")]
    assert len({canonical(order) for order in permutations(said)}) == 1
