"""An order's words in both languages: as it was told, and as the house would say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from shopfloor.errors import OrderError
from shopfloor.order import parse, render, rng
from shopfloor.types import Goal, Language, Rule, Select

__all__ = ["both_languages", "goal_of"]

_TRIES = 8


def goal_of(order: Mapping[str, Any]) -> Goal:
    """Return the goal of an order as it stands in a log."""
    return Goal(
        tuple(
            Rule(Select(**rule["select"]), rule["tote"], rule["count"])
            for rule in order["goal"]["rules"]
        )
    )


def both_languages(order: Mapping[str, Any], lot: int) -> dict[str, str | None]:
    """Return an order's instruction by language (``en``, ``zh``).

    The language that it was not told in is put into words from its goal, and read back: None
    where the words would not mean the same.

    Args:
        order: As it stands in a log.
        lot: Index of its lot, by which the wording is drawn.
    """
    told = cast("Language", order["language"])
    other: Language = "zh" if told == "en" else "en"
    return {told: order["instruction"], other: _said(goal_of(order), other, lot)}


def _said(goal: Goal, language: Language, lot: int) -> str | None:
    if not any(rule.tote for rule in goal.rules):
        return None
    for attempt in range(_TRIES):
        try:
            text = render(goal, language, rng(attempt, lot, "wording"))
            if parse(text, language) == goal:
                return text
        except (OrderError, KeyError, IndexError, ValueError):
            continue  # a goal from a file may hold what the house has no words for
    return None
