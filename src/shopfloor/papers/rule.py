"""Rules as dated data: what is asked, from which source, and until when that counts as read.

One TOML file a rule set, in ``data/rules``; the predicate that answers is found by the rule's id.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from shopfloor.errors import PapersError, UnknownName

__all__ = ["ALWAYS", "Rule", "RuleSet", "chosen", "facts_of", "rule_sets"]

ALWAYS = "licence"
"""The rule set that is asked in every regime."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One question.

    Attributes:
        id: Its name (``eu.gpai``), which names the predicate too.
        asks, asks_zh: The question, in English and Chinese.
        source: The law, clause or practice that it is from.
        valid_from: First day on which it is held to be so.
        review_by: First day on which it has to be read again; from then on it is unknown.
        reads: Fields of the papers that the answer needs; where one is null it is unknown.
        evidence: Kinds of evidence that can answer it.
        waivable: Whether a signed waiver may answer for it.
        of_copy: Whether it asks about the files here, and not about the model as such.
        facts: Names, dates and parts that the predicate looks at.
    """

    id: str
    asks: str
    asks_zh: str
    source: str
    valid_from: date
    review_by: date
    reads: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    waivable: bool = True
    of_copy: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one regime.

    Attributes:
        name: As the command line calls it (``eu``).
        title, title_zh: For people.
        dated: The day of this edition.
        rules: In the order in which they are told.
    """

    name: str
    title: str
    title_zh: str
    dated: date
    rules: tuple[Rule, ...]


@cache
def rule_sets() -> Mapping[str, RuleSet]:
    """All rule sets, by name; that of licences first.

    Raises:
        PapersError: A file of rules is damaged.
    """
    folder = files("shopfloor.papers") / "data" / "rules"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda f: (f.name != f"{ALWAYS}.toml", f.name)):
        if file.name.endswith(".toml"):
            made = _rule_set(file.name, file.read_text(encoding="utf-8"))
            found[made.name] = made
    return found


def chosen(regimes: str) -> tuple[RuleSet, ...]:
    """Find the rule sets of a list such as ``eu,us``; that of licences is always among them.

    Raises:
        UnknownName: No such regime.
    """
    known = rule_sets()
    wanted = [name.strip().lower() for name in regimes.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise UnknownName("regime", name, set(known) - {ALWAYS})
    return tuple(known[name] for name in dict.fromkeys((ALWAYS, *wanted)))


def facts_of(sets: tuple[RuleSet, ...]) -> Mapping[str, Mapping[str, Any]]:
    """What the rules of some sets hold, by their ids."""
    return {rule.id: rule.facts for each in sets for rule in each.rules}


def _rule_set(name: str, text: str) -> RuleSet:
    try:
        table = tomllib.loads(text)
        rules = tuple(Rule(**_tuples(rule)) for rule in table.pop("rules"))
        made = RuleSet(**table, rules=rules)
    except (KeyError, TypeError, ValueError) as error:
        raise PapersError(f"{name} is no rule set: {error}; install shopfloor again") from error
    for rule in rules:
        if not made.dated <= rule.valid_from < rule.review_by and not (
            rule.valid_from <= made.dated < rule.review_by
        ):
            raise PapersError(f"rule {rule.id} of {name} ends before it begins")
    return made


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(Rule)}
    if stray := sorted(set(table) - names):
        raise ValueError(f"unknown key {stray[0]!r}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
