"""Which of all known models may work in a cell, regime by regime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shopfloor.papers.card import Catalogue
from shopfloor.papers.check import WORST, check
from shopfloor.papers.draft import with_card
from shopfloor.papers.paper import Papers
from shopfloor.papers.rule import ALWAYS, RuleSet
from shopfloor.types import Verdict

__all__ = ["Choice", "choose"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What one regime says of one model in this cell.

    Attributes:
        id: Name of its card.
        title: What people call it.
        regime: The rule set that was asked besides that of licences.
        verdict: The strictest answer.
        reasons: Of those rules that do not pass, the strictest first.
    """

    id: str
    title: str
    regime: str
    verdict: Verdict
    reasons: tuple[str, ...]


def choose(
    papers: Papers, sets: tuple[RuleSet, ...], *, today: date, cards: Catalogue
) -> tuple[Choice, ...]:
    """Ask for every known model what can be asked without its files.

    Args:
        papers: Of the cell; its models are put aside.
        sets: The licence rules and the regimes to ask.
        today: The day to ask for.
        cards: All models.
    """
    always = tuple(each for each in sets if each.name == ALWAYS)
    regimes = tuple(each for each in sets if each.name != ALWAYS)
    found = []
    for card in cards:
        facts = with_card(papers, card, cards)
        for regime in regimes or always:
            asked = always if regime in always else (*always, regime)
            said = check(facts, asked, today=today, cards=cards, of_copy=False)
            against = sorted(
                (answer for answer in said.answers if not answer.passes),
                key=lambda answer: WORST.index(answer.verdict),
            )
            reasons = tuple(f"{answer.rule}: {answer.reason}" for answer in against)
            found.append(Choice(card.id, card.title, regime.name, said.verdict, reasons))
    return tuple(found)
