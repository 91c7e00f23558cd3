"""The one form in which goals are written down, so that equal meaning is equal data.

1. Rules that leave parts alone come first, so that what is to stay stays; then totes in the
   order in which they first appear; within a tote, selections in their order of appearance.
2. A rule whose selection lies wholly within another's comes before it, and of two rules
   with one selection the counted one: so "everything else" is always last, and a rule
   that is more specific wins.
3. Rules of different totes, or with a count, whose selections merely overlap keep their
   order.
4. A rule without which the meaning would be the same is left out: "leave the yellow ones"
   where no later rule would take them, or "leave everything else" at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product

from shopfloor.errors import OrderError
from shopfloor.order.phrase import say_select
from shopfloor.types import COLOURS, SHAPES, SIZES, Goal, Part, Rule, Select

__all__ = ["canonical", "meet", "within"]

_ROUNDS = 10

_KINDS = tuple(
    Part("", colour, shape, size, 0.0, 0.0, 0.0)
    for colour, shape, size in product(COLOURS, SHAPES, SIZES)
)


def within(a: Select, b: Select) -> bool:
    """Return whether everything that ``a`` selects is selected by ``b`` too."""
    return b.colour in (None, a.colour) and b.shape in (None, a.shape) and b.size in (None, a.size)


def meet(a: Select, b: Select) -> Select | None:
    """Return what both select, or None where that is nothing."""
    values = []
    for x, y in ((a.colour, b.colour), (a.shape, b.shape), (a.size, b.size)):
        if x is not None and y is not None and x != y:
            return None
        values.append(x if x is not None else y)
    return Select(*values)


def _path(rules: Sequence[Rule], kind: Part) -> tuple[tuple[int, ...], str | None]:
    """Return which counted rules a kind of part meets, and where it goes at last."""
    counted: list[int] = []
    for rule in rules:
        if rule.select.matches(kind):
            if rule.count is None:
                return tuple(counted), rule.tote
            counted.append(id(rule))
    return tuple(counted), None


def _meaning(rules: Sequence[Rule]) -> list[tuple[tuple[int, ...], str | None]]:
    return [_path(rules, kind) for kind in _KINDS]


def _must(rules: Sequence[Rule], i: int, j: int) -> bool:
    """Return whether rule i has to come before rule j, whatever the words' order was."""
    a, b = rules[i], rules[j]
    if a.select == b.select:
        return a.count is not None and b.count is None
    return within(a.select, b.select)


def _wish(rules: Sequence[Rule], i: int, j: int) -> int:
    """Return how much rule i wants to be before rule j: 2 as it stays, 1 as it was first."""
    a, b = rules[i], rules[j]
    if b.tote is None or meet(a.select, b.select) is None:
        return 0
    if a.tote is None:
        return 2
    counted = a.count is not None or b.count is not None
    return int(i < j and (a.tote != b.tote or counted))


def _ordered(rules: Sequence[Rule], before: Collection[tuple[int, int]]) -> list[Rule]:
    totes: list[str] = []
    for rule in rules:
        if rule.tote is not None and rule.tote not in totes:
            totes.append(rule.tote)
    left = sorted(
        range(len(rules)),
        key=lambda i: -1 if (tote := rules[i].tote) is None else totes.index(tote),
    )

    def waits(j: int, least: int) -> bool:
        """Return whether rule j has to wait for one that is left; wishes below least lapse."""
        return any(
            i != j
            and not _must(rules, j, i)
            and (_must(rules, i, j) or (i, j) in before or _wish(rules, i, j) >= least)
            for i in left
        )

    found: list[Rule] = []
    while left:
        # Wishes can go round in a circle; then the weaker ones give way.
        free = (next((j for j in left if not waits(j, least)), None) for least in (1, 2, 3))
        chosen = next((j for j in free if j is not None), left[0])
        left.remove(chosen)
        found.append(rules[chosen])
    return found


def canonical(rules: Sequence[Rule], before: Collection[tuple[int, int]] = ()) -> Goal:
    """Return the goal that the rules mean, in the form this module describes.

    Args:
        rules: In the order in which the words named them.
        before: Pairs (i, j) of indices: rule i has to come before rule j.

    Raises:
        OrderError: A rule can never apply because others send the same parts elsewhere.
    """
    # Equal rules are made distinct objects, because counted rules are told apart by id.
    left = _pruned(_ordered([Rule(r.select, r.tote, r.count) for r in rules], before))
    for _ in range(_ROUNDS):  # what was left out may have held another rule in its place
        again = _pruned(_ordered(left, ()))
        if again == left or _meaning(again) != _meaning(left):
            break
        left = again
    return Goal(tuple(left))


def _pruned(rules: Sequence[Rule]) -> list[Rule]:
    """Leave out what changes nothing; a contradiction raises."""
    left = list(rules)
    meaning = _meaning(left)
    for rule in reversed(rules):
        if rule.count is not None:
            continue
        without = [other for other in left if other is not rule]
        if _meaning(without) != meaning:
            continue
        ends = {
            end for kind, (_, end) in zip(_KINDS, meaning, strict=True) if rule.select.matches(kind)
        }
        if rule.tote is not None and rule.tote not in ends:
            named = ", ".join(sorted(f"tote {end}" if end else "the tray" for end in ends))
            raise OrderError(
                f"{say_select(rule.select)} are sent to tote {rule.tote} and also to {named}; "
                "a part can go to one place"
            )
        left = without
    return left
