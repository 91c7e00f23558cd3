"""Plain words for a selection, for messages."""

from __future__ import annotations

from shopfloor.types import Rule, Select

__all__ = ["say_rule", "say_select"]


def say_select(select: Select) -> str:
    """Return a selection in plain English: ``small red cubes``, ``all parts``."""
    words = [word for word in (select.size, select.colour) if word is not None]
    if not words and select.shape is None:
        return "all parts"
    return " ".join([*words, f"{select.shape}s" if select.shape else "parts"])


def say_rule(rule: Rule) -> str:
    """Return a rule in plain English: ``2 red cubes -> A``."""
    count = "" if rule.count is None else f"{rule.count} of "
    return f"{count}{say_select(rule.select)} -> {rule.tote or 'stay'}"
