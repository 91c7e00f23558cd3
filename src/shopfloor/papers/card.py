"""Licence cards: the terms of a model as data, bound to the hash of the text they were read from.

One TOML file a model, in ``data/cards``. A card without ``text_sha256`` says what is known from
elsewhere; its text was not read byte for byte, and nothing that it allows counts. What it forbids
does: a brain is refused either way.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from shopfloor.brain.chat.profile import models
from shopfloor.errors import PapersError

__all__ = ["COMMON", "Card", "Catalogue", "Terms", "catalogue"]

Outputs = Literal["free", "attribution", "not-other-models"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence asks of who uses a model.

    Attributes:
        non_commercial: Only use without gain is allowed.
        no_military: Military use is not allowed.
        no_safety_decisions: It may not decide by itself where somebody's safety depends on it.
        outputs: What may be made of its answers: anything; anything with a credit; no other model.
        user_cap: With more monthly active users than this a licence of its own is needed, or None.
        territory_excluded: Where it grants nothing: countries (ISO 3166-1), or ``EU``.
        territory_covers_outputs: Whether that holds for where answers are used, too.
        attribution: What has to be shown, or None.
        governing_law: Whose law it is under, or None.
    """

    non_commercial: bool
    no_military: bool
    no_safety_decisions: bool
    outputs: Outputs
    user_cap: int | None = None
    territory_excluded: tuple[str, ...] = ()
    territory_covers_outputs: bool = False
    attribution: str | None = None
    governing_law: str | None = None

    @property
    def restricts_field(self) -> bool:
        """Whether it limits where or by whom it is used, which open-source licences do not."""
        return bool(
            self.non_commercial or self.no_military or self.no_safety_decisions
            or self.user_cap is not None or self.territory_excluded
            or self.outputs == "not-other-models"
        )  # fmt: skip


_FREE = Terms(non_commercial=False, no_military=False, no_safety_decisions=False, outputs="free")
_NO_GAIN = Terms(non_commercial=True, no_military=False, no_safety_decisions=False, outputs="free")
COMMON: Mapping[str, Terms] = {
    **dict.fromkeys(("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0"), _FREE),
    **dict.fromkeys(("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"), _NO_GAIN),
}
"""What well-known licences ask, for models that have no card."""


@dataclass(frozen=True, slots=True)
class Card:
    """The terms of one model.

    Attributes:
        id: Name of the card (``qwen2.5-vl-72b``).
        title: What people call the model.
        package: Its package address without revision (``pkg:huggingface/ORG/NAME``).
        ids: Patterns of the ids under which servers offer it, lower case.
        publisher: Who published it.
        weights: Whether the weights can be had (``open``, ``closed``, ``none`` for a program).
        declared: The licence that its page names (SPDX id or ``LicenseRef-…``).
        concluded: The licence that its text is.
        covers: What the text says that it covers.
        source: Where this was read, or from whom it was heard.
        family: Its name in the catalogue of brains, or None for one that is no brain here.
        bases: Cards of what it was made from; empty for nothing; None: not known.
        terms: What the licence asks; None: not known.
        quote, clause: The words that bind, and where they stand.
        address: The text, at a fixed revision.
        read: When the text was read byte for byte.
        text_sha256: Of these bytes.
        vouched: What shows, besides its address, that the text is the publisher's own; None:
            nothing does, as an address can be of a contribution that was never taken in.
        note: What a reader has to know besides.
    """

    id: str
    title: str
    package: str
    ids: tuple[str, ...]
    publisher: str
    weights: Literal["open", "closed", "none"]
    declared: str
    concluded: str
    covers: Literal["weights", "code", "both", "service", "unknown"]
    source: str
    family: str | None = None
    bases: tuple[str, ...] | None = None
    terms: Terms | None = None
    quote: str | None = None
    clause: str | None = None
    address: str | None = None
    read: date | None = None
    text_sha256: str | None = None
    vouched: str | None = None
    note: str | None = None

    @property
    def was_read(self) -> bool:
        """Whether its text was read byte for byte."""
        return self.text_sha256 is not None

    @property
    def cited(self) -> str:
        """Where its terms stand, for people."""
        if not self.was_read:
            return f"{self.concluded}: {self.source}"
        return (
            f"{self.concluded}, {self.clause}: \u201c{self.quote}\u201d; {self.address}, read "
            f"{self.read}, SHA-256 {str(self.text_sha256)[:12]}…"
        )


class Catalogue:
    """All cards, by id, by package and by what servers call a model."""

    __slots__ = ("_cards", "_packages")

    def __init__(self, cards: Iterable[Card]) -> None:
        """Index the cards.

        Raises:
            PapersError: Two speak of one thing, or one names what is not there.
        """
        self._cards: dict[str, Card] = {}
        self._packages: dict[str, Card] = {}
        for card in cards:
            if card.id in self._cards or card.package.lower() in self._packages:
                raise PapersError(f"two licence cards for {card.id} ({card.package}); keep one")
            self._cards[card.id] = self._packages[card.package.lower()] = card
        for card in self._cards.values():
            if lost := sorted(set(card.bases or ()) - set(self._cards)):
                raise PapersError(f"card {card.id} has the base {lost[0]!r}, which has no card")
            if card.family is not None and card.family not in models():
                raise PapersError(
                    f"card {card.id} is of {card.family!r}, which the catalogue of brains lacks"
                )

    def __iter__(self) -> Any:
        """In the order of their ids."""
        return iter(self._cards[name] for name in sorted(self._cards))

    def __getitem__(self, name: str) -> Card:
        """Find a card by its id."""
        return self._cards[name]

    def of_package(self, address: str) -> Card | None:
        """Find the card of a package address, or None."""
        return self._packages.get(address.lower())

    def of_model(self, model_id: str) -> Card | None:
        """Find the card of what a server calls a model: the longest pattern that fits, or None."""
        wanted = model_id.lower().rpartition("/")[2]
        fitting = [
            (len(pattern), card.id) for card in self._cards.values()
            for pattern in card.ids if fnmatch(wanted, pattern)
        ]  # fmt: skip
        return self._cards[max(fitting)[1]] if fitting else None


def catalogue(more: Path | None = None) -> Catalogue:
    """All cards of the package, and those of a folder, which stand before ours of the same model.

    Raises:
        PapersError: A card is wrong; the message names the file and the field.
    """
    own = _own()
    if more is None:
        return Catalogue(own)
    if not more.is_dir():
        raise PapersError(f"{more} is no folder; --cards takes one with a TOML file for each model")
    theirs = [
        _card(file.name, file.read_text(encoding="utf-8")) for file in sorted(more.glob("*.toml"))
    ]
    packages, names = {card.package.lower() for card in theirs}, {card.id for card in theirs}
    kept = (c for c in own if c.package.lower() not in packages and c.id not in names)
    return Catalogue((*kept, *theirs))


@cache
def _own() -> tuple[Card, ...]:
    folder = files("shopfloor.papers") / "data" / "cards"
    return tuple(
        _card(file.name, file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda f: f.name)
        if file.name.endswith(".toml")
    )


def _card(name: str, text: str) -> Card:
    try:
        table = tomllib.loads(text)
        if (terms := table.get("terms")) is not None:
            table["terms"] = Terms(**_known(terms, Terms))
        card = Card(**_known(table, Card))
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise PapersError(f"{name} is no licence card: {error}; see docs/papers.md") from error
    bound = (card.text_sha256, card.quote, card.clause, card.address, card.read)
    if card.was_read and None in bound:
        raise PapersError(
            f"{name} has a text_sha256 and lacks quote, clause, address or read; a card is bound "
            "to all of them or to none"
        )
    if card.text_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", card.text_sha256):
        raise PapersError(f"{name} has a text_sha256 that is no SHA-256: {card.text_sha256!r}")
    if not card.was_read and card.quote is not None:
        raise PapersError(f"{name} quotes a text that was not read; leave quote out")
    return card


def _known(table: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    if stray := sorted(set(table) - names):
        raise ValueError(f"unknown key {stray[0]!r}; known: {', '.join(sorted(names))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
