"""What rules look at: the papers, the day, the cards, and what is known of the files themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from shopfloor.papers.card import COMMON, Card, Catalogue, Terms
from shopfloor.papers.paper import Evidence, ModelFacts, Papers
from shopfloor.papers.weight import Hashed

__all__ = ["Case", "Chain", "Link"]

_MOST_LINKS = 64


@dataclass(frozen=True, slots=True)
class Link:
    """A model, or one that it was made from.

    Attributes:
        title: What people call it.
        licence: What its text is (SPDX id or ``LicenseRef-…``), or None where nobody said.
        publisher: Who published it, or None.
        terms: What that licence asks; None: not known.
        was_read: Whether its text was read byte for byte.
        card: Where this is from, or None for what has no card.
    """

    title: str
    licence: str | None
    publisher: str | None
    terms: Terms | None
    was_read: bool
    card: Card | None


@dataclass(frozen=True, slots=True)
class Chain:
    """A model and all that it was made from, as far as it is known.

    Attributes:
        links: The model first, then its bases, each once.
        gaps: Where the chain breaks off, each in English and Chinese.
    """

    links: tuple[Link, ...]
    gaps: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Case:
    """One cell on one day.

    Attributes:
        papers: Of the cell.
        today: The day that rules are asked for.
        cards: What is known of models.
        facts: Names, dates and parts that rules hold, by the id of the rule.
        hashed: What hashing the weight files found, or None where nobody hashed.
    """

    papers: Papers
    today: date
    cards: Catalogue
    facts: Mapping[str, Mapping[str, Any]]
    hashed: Hashed | None = None

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        """The chain of each model, in the order of the papers."""
        return tuple(_chain(model, self.cards) for model in self.papers.models)

    @property
    def learned(self) -> tuple[ModelFacts, ...]:
        """The models that were trained: all but programs of this house."""
        return tuple(model for model in self.papers.models if not model.is_program)

    def evidence(self, kind: str) -> Evidence | None:
        """Find evidence of a kind that counts today, or None."""
        found = (each for each in self.papers.evidence or () if each.kind == kind)
        good = (each for each in found if each.expires is None or self.today < each.expires)
        return next(good, None)


def _chain(model: ModelFacts, cards: Catalogue) -> Chain:
    links: list[Link] = []
    gaps: list[tuple[str, str]] = []
    card = cards.of_package(model.address)
    if card is None:
        concluded = model.licence.concluded
        links.append(
            Link(model.name, concluded, model.publisher, COMMON.get(concluded or ""), False, None)
        )
        gaps.append((f"no card speaks of {model.address}", f"没有关于 {model.address} 的许可卡"))
    else:
        links.extend(_of_cards(card, cards, gaps))
    if model.base == "undisclosed":
        said: tuple[str, ...] = ()
        gaps.append(
            (f"the papers do not say what {model.name} was made from",
             f"文件未说明 {model.name} 的基础模型")
        )  # fmt: skip
    else:
        said = model.base
    known = {link.card.package.lower() for link in links if link.card is not None}
    for address in said:
        base = cards.of_package(address.partition("@")[0])
        if base is None:
            gaps.append(
                (f"no card speaks of its base {address}", f"没有关于基础模型 {address} 的许可卡")
            )
        elif base.package.lower() not in known:
            found = _of_cards(base, cards, gaps)
            links.extend(found)
            known |= {link.card.package.lower() for link in found if link.card is not None}
    return Chain(tuple(links), tuple(dict.fromkeys(gaps)))


def _of_cards(card: Card, cards: Catalogue, gaps: list[tuple[str, str]]) -> list[Link]:
    """Follow a card to its roots; what is met twice is taken once."""
    links: dict[str, Link] = {}
    waiting = [card]
    while waiting and len(links) < _MOST_LINKS:
        now = waiting.pop(0)
        if now.id in links:
            continue
        links[now.id] = Link(now.title, now.concluded, now.publisher, now.terms, now.was_read, now)
        if now.bases is None:
            gaps.append((f"what {now.title} was made from was not read",
                         f"未查明 {now.title} 的基础模型"))  # fmt: skip
        waiting.extend(_bases(now, cards))
    return list(links.values())


def _bases(card: Card, cards: Catalogue) -> Iterator[Card]:
    return (cards[name] for name in card.bases or ())
