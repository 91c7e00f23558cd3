"""What a goal asks of a set of parts: who is named, who is left, and whether it holds.

A part tries the rules from the first to the last. A rule without a count takes every part
that comes to it. A rule with a count takes exactly so many of the parts that come to it,
no matter which, and lets the others go on. What no rule takes stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shopfloor.errors import OrderError
from shopfloor.order.phrase import say_select
from shopfloor.types import Goal, Part, Rule

__all__ = [
    "TRAY",
    "Standing",
    "assign",
    "choices",
    "follow",
    "named_units",
    "needed",
    "satisfied",
    "standings",
    "validate",
]

TRAY = "tray"
"""Name of the station from which parts are taken."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one part stands with a goal, given where every part is.

    Attributes:
        want: Tote that it should be in; None where it should stay.
        good: Whether it is there.
        counted: Whether a rule with a count could have taken it, so that it matters how
            many of its kind were taken, not which.
    """

    want: str | None
    good: bool
    counted: bool


def follow(goal: Goal, part: Part) -> Rule | None:
    """Return the first rule that matches the part, or None."""
    return next((rule for rule in goal.rules if rule.select.matches(part)), None)


def _options(goal: Goal, part: Part) -> tuple[list[int], str | None]:
    """Return the counted rules that come to the part, and where it goes after them."""
    counted: list[int] = []
    for index, rule in enumerate(goal.rules):
        if rule.select.matches(part):
            if rule.count is None:
                return counted, rule.tote
            counted.append(index)
    return counted, None


def choices(goal: Goal, part: Part) -> tuple[str | None, ...]:
    """Return every place that the goal may send a part to; None where it may stay.

    ``(None,)`` is a part that the goal leaves alone.
    """
    counted, tote = _options(goal, part)
    return (*(goal.rules[rule].tote for rule in counted), tote)


def _match(edges: Sequence[Sequence[int]], order: Sequence[int]) -> dict[int, int]:
    """Return slot -> part of a largest matching that covers early parts of ``order`` first."""
    owner: dict[int, int] = {}

    def try_part(part: int, seen: set[int]) -> bool:
        for slot in edges[part]:
            if slot not in seen:
                seen.add(slot)
                if slot not in owner or try_part(owner[slot], seen):
                    owner[slot] = part
                    return True
        return False

    for part in order:
        try_part(part, set())
    return owner


def _resolve(
    goal: Goal, parts: Sequence[Part], places: Sequence[str | None]
) -> tuple[tuple[Standing, ...], int]:
    """Return every part's standing, and how many counted places nobody could take."""
    options = [_options(goal, part) for part in parts]
    slots = [i for i, rule in enumerate(goal.rules) for _ in range(rule.count or 0)]
    home = [(tote or TRAY) == place for (_, tote), place in zip(options, places, strict=True)]
    # Parts that are wrong unless a counted rule takes them come first, in both rounds.
    order = sorted(range(len(parts)), key=lambda p: home[p])

    here = [
        [
            s
            for s, rule in enumerate(slots)
            if rule in options[p][0] and (goal.rules[rule].tote or TRAY) == places[p]
        ]
        for p in range(len(parts))
    ]
    filled = _match(here, order)
    taken = {part: slots[slot] for slot, part in filled.items()}
    anywhere = [
        [s for s, rule in enumerate(slots) if s not in filled and rule in options[p][0]]
        for p in range(len(parts))
    ]
    late = _match(anywhere, [p for p in order if p not in taken])
    owed = {part: slots[slot] for slot, part in late.items()}

    found: list[Standing] = []
    for p in range(len(parts)):
        counted = bool(options[p][0])
        if p in taken:
            found.append(Standing(goal.rules[taken[p]].tote, True, counted))
        elif p in owed:
            found.append(Standing(goal.rules[owed[p]].tote, False, counted))
        else:
            found.append(Standing(options[p][1], home[p], counted))
    return tuple(found), len(slots) - len(filled) - len(late)


def standings(
    goal: Goal, parts: Sequence[Part], places: Sequence[str | None]
) -> tuple[Standing, ...]:
    """Return how each part stands, with counted rules read in the parts' favour.

    Args:
        goal: What is asked.
        parts: All parts of the lot.
        places: For each part the name of the station that it is in, None for nowhere.
    """
    return _resolve(goal, parts, places)[0]


def satisfied(goal: Goal, parts: Sequence[Part], places: Sequence[str | None]) -> bool:
    """Return whether every part is in a station that the goal allows, counts included."""
    found, short = _resolve(goal, parts, places)
    return short == 0 and all(standing.good for standing in found)


def assign(goal: Goal, parts: Sequence[Part]) -> dict[str, str | None]:
    """Return one way to meet the goal from the tray: tote by part id, None to stay.

    Counted rules take the first parts that match, and prefer such as must be moved anyway.
    """
    start = standings(goal, parts, [TRAY] * len(parts))
    return {part.id: one.want for part, one in zip(parts, start, strict=True)}


def named_units(goal: Goal, parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the ids of the parts that the goal names; of a counted rule all candidates."""
    return tuple(part.id for part in parts if any(choices(goal, part)))


def needed(goal: Goal, parts: Sequence[Part]) -> int:
    """Return how many units must be moved to meet the goal from the tray."""
    return sum(tote is not None for tote in assign(goal, parts).values())


def validate(goal: Goal, parts: Sequence[Part], totes: Sequence[str]) -> None:
    """Check that a goal can be met and asks for something.

    Raises:
        OrderError: A rule names a tote that is not there or counts more parts than match,
            or no part is to be moved.
    """
    for rule in goal.rules:
        if rule.tote is not None and rule.tote not in totes:
            raise OrderError(
                f"the goal sends {say_select(rule.select)} to tote {rule.tote!r}; this lot has "
                f"totes {', '.join(totes)}"
            )
        if rule.count is not None:
            there = sum(rule.select.matches(part) for part in parts)
            if not 1 <= rule.count <= there:
                raise OrderError(
                    f"the goal counts {rule.count} of {say_select(rule.select)}; 1 to {there} "
                    "are possible with these parts"
                    if there
                    else f"the goal counts {rule.count} of {say_select(rule.select)}; this lot "
                    "has none"
                )
    found, short = _resolve(goal, parts, [TRAY] * len(parts))
    if short:
        raise OrderError(
            f"the goal's counts ask for {short} parts more than are left after earlier rules; "
            "lower a count or add parts"
        )
    if all(standing.want is None for standing in found):
        raise OrderError("the goal moves no part of this lot; name parts that are there")
