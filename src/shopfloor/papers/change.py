"""What would change an answer: changed papers, asked again; nothing here is typed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shopfloor.papers.card import Card, Catalogue
from shopfloor.papers.check import Checked, check
from shopfloor.papers.draft import model_of_card
from shopfloor.papers.paper import Evidence, Papers
from shopfloor.papers.rule import RuleSet

__all__ = ["with_changes"]

_COUNTRIES = ("CH", "CN", "DE", "SG", "US")
"""Where it is tried to move to."""
_FACTS: tuple[tuple[str, Any, str], ...] = (
    ("commercial", False, "use it without gain"),
    ("log_reuse", "none", "use the logs for nothing"),
    ("log_reuse", "analysis", "only look at the logs"),
    ("online_learning", False, "do not change the model while it works"),
    ("safety_function", False, "let no safety depend on the model"),
)
_NOTHING = "0" * 64
_MOST = 4
"""Changes told for one rule at most."""


@dataclass(frozen=True, slots=True)
class _Change:
    label: str
    papers: Papers


def with_changes(
    checked: Checked, papers: Papers, *, cards: Catalogue, of_copy: bool = True
) -> Checked:
    """Add to each answer that is no pass what would make it one, found by asking again."""
    if checked.verdict == "pass":
        return checked
    tried = [
        (change.label, _again(change.papers, checked.sets, checked.today, cards))
        for change in _changes(checked, papers, cards)
    ]
    told = []
    for answer in checked.answers:
        lines = []
        for label, after in tried if not answer.passes else ():
            now = {each.rule: each for each in after.answers}.get(answer.rule)
            if now is None or now.verdict != "pass":
                continue
            left = sum(1 for each in after.answers if not each.passes)
            rest = f"this passes, {left} other{'s do' if left > 1 else ' does'} not"
            copy = ", once the files are hashed" if of_copy else ""
            lines.append((left, f"{label}: {rest if left else 'passes' + copy}"))
        lines.sort(key=lambda line: line[0])
        told.append(replace(answer, change=tuple(line for _, line in lines[:_MOST])))
    return replace(checked, answers=tuple(told))


def _again(papers: Papers, sets: tuple[RuleSet, ...], today: date, cards: Catalogue) -> Checked:
    return check(papers, sets, today=today, cards=cards, of_copy=False)


def _changes(checked: Checked, papers: Papers, cards: Catalogue) -> Iterator[_Change]:
    yield from _other_models(papers, cards)
    yield from _other_places(papers)
    for name, value, label in _FACTS:
        if getattr(papers.cell, name) != value:
            yield _Change(label, _of_cell(papers, {name: value}))
    rules = {rule.id: rule for each in checked.sets for rule in each.rules}
    for answer in checked.answers:
        kinds = rules[answer.rule].evidence
        if kinds and not answer.passes:
            yield _Change(f"add evidence of {' and '.join(kinds)}", _proved(papers, kinds))


def _other_models(papers: Papers, cards: Catalogue) -> Iterator[_Change]:
    for at, model in enumerate(papers.models):
        own = cards.of_package(model.address)
        for card in _siblings(own, cards):
            models = (*papers.models[:at], model_of_card(card, cards), *papers.models[at + 1 :])
            label = f"{own.title if own else model.name} → {card.title}"
            yield _Change(label, papers.model_copy(update={"models": models}))


def _other_places(papers: Papers) -> Iterator[_Change]:
    cell = papers.cell
    for name, what in (("inference_region", "inference"), ("actuation_region", "the arm")):
        for country in _COUNTRIES:
            if country != getattr(cell, name):
                yield _Change(f"move {what} to {country}", _of_cell(papers, {name: country}))
    for country in _COUNTRIES:
        if country not in (cell.inference_region, cell.actuation_region):
            both = {"inference_region": country, "actuation_region": country}
            yield _Change(f"move inference and arm to {country}", _of_cell(papers, both))


def _siblings(card: Card | None, cards: Catalogue) -> Iterator[Card]:
    """Other models of the same family that can be had the same way."""
    if card is not None and card.family is not None:
        for each in cards:
            if each.family == card.family and each.id != card.id and each.weights == card.weights:
                yield each


def _of_cell(papers: Papers, facts: dict[str, Any]) -> Papers:
    return papers.model_copy(update={"cell": papers.cell.model_copy(update=facts)})


def _proved(papers: Papers, kinds: tuple[str, ...]) -> Papers:
    """Suppose that evidence of some kinds was there; it stands in no file."""
    supposed = tuple(
        Evidence(kind=kind, sha256=_NOTHING, issuer="supposed", expires=None) for kind in kinds
    )
    return papers.model_copy(update={"evidence": (*(papers.evidence or ()), *supposed)})
