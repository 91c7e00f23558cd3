"""What would change an answer: changed papers, asked again; nothing here is typed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shopfloor.papers.card import Card, Catalogue
from shopfloor.papers.check import WORST, Checked, check
from shopfloor.papers.draft import model_of_card
from shopfloor.papers.paper import Evidence, Papers
from shopfloor.papers.rule import RuleSet
from shopfloor.types import RuleAnswer

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
_BOTH = "move inference and the arm to "
_NOTHING = "0" * 64
_MOST = 4
"""Changes told for one rule at most."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One change: what is done, to what it leads, and the papers then."""

    what: str
    to: str
    papers: Papers


def with_changes(
    checked: Checked, papers: Papers, *, cards: Catalogue, of_copy: bool = True
) -> Checked:
    """Add to each answer that is no pass what would better it, found by asking again.

    Args:
        checked: What the rules say.
        papers: Of the cell.
        cards: All models.
        of_copy: Whether the rules about the files here were asked, and are still to be asked again.
    """
    if checked.verdict == "pass":
        return checked
    tried = [
        (change, _again(change.papers, checked.sets, checked.today, cards))
        for change in _changes(checked, papers, cards)
    ]
    told = tuple(
        answer if answer.passes else replace(answer, change=_better(answer, tried, of_copy=of_copy))
        for answer in checked.answers
    )
    return replace(checked, answers=told)


def _better(
    answer: RuleAnswer, tried: Sequence[tuple[_Change, Checked]], *, of_copy: bool
) -> tuple[str, ...]:
    """What betters one answer, the best first; changes of one kind and effect share a line."""
    lines: dict[tuple[int, int, str, str], list[str]] = {}
    for change, after in tried:
        now = next((each for each in after.answers if each.rule == answer.rule), None)
        if now is None or WORST.index(now.verdict) <= WORST.index(answer.verdict):
            continue
        left = sum(1 for each in after.answers if not each.passes)
        if now.verdict != "pass":
            effect = f"{now.verdict} instead of {answer.verdict}"
        elif left:
            effect = f"this passes, {left} other{'s do' if left > 1 else ' does'} not"
        else:
            effect = "passes, once the files are hashed" if of_copy else "passes"
        kind = (-WORST.index(now.verdict), left, change.what, effect)
        lines.setdefault(kind, []).append(change.to)
    # To move both is no news where to move one does the same.
    single = {effect for _, _, what, effect in lines if what.startswith("move") and what != _BOTH}
    kept = [each for each in sorted(lines) if each[2] != _BOTH or each[3] not in single]
    return tuple(f"{each[2]}{' or '.join(lines[each])}: {each[3]}" for each in kept[:_MOST])


def _again(papers: Papers, sets: tuple[RuleSet, ...], today: date, cards: Catalogue) -> Checked:
    return check(papers, sets, today=today, cards=cards, of_copy=False)


def _changes(checked: Checked, papers: Papers, cards: Catalogue) -> Iterator[_Change]:
    yield from _other_models(papers, cards)
    yield from _other_places(papers)
    for name, value, label in _FACTS:
        if getattr(papers.cell, name) != value:
            yield _Change("", label, _of_cell(papers, {name: value}))
    rules = {rule.id: rule for each in checked.sets for rule in each.rules}
    for answer in checked.answers:
        kinds = rules[answer.rule].evidence
        if kinds and not answer.passes:
            yield _Change("add evidence of ", " and ".join(kinds), _proved(papers, kinds))


def _other_models(papers: Papers, cards: Catalogue) -> Iterator[_Change]:
    for at, model in enumerate(papers.models):
        own = cards.of_package(model.address)
        for card in _siblings(own, cards):
            models = (*papers.models[:at], model_of_card(card, cards), *papers.models[at + 1 :])
            what = f"{own.title if own else model.name} → "
            yield _Change(what, card.title, papers.model_copy(update={"models": models}))


def _other_places(papers: Papers) -> Iterator[_Change]:
    cell = papers.cell
    for name, what in (("inference_region", "inference"), ("actuation_region", "the arm")):
        for country in _COUNTRIES:
            if country != getattr(cell, name):
                yield _Change(f"move {what} to ", country, _of_cell(papers, {name: country}))
    for country in _COUNTRIES:
        if country not in (cell.inference_region, cell.actuation_region):
            both = {"inference_region": country, "actuation_region": country}
            yield _Change(_BOTH, country, _of_cell(papers, both))


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
