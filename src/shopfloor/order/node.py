"""What an instruction consists of: chunks of words about parts, and destinations."""

from __future__ import annotations

from dataclasses import dataclass, field

from shopfloor.types import Select

__all__ = ["AND", "COLON", "COMMA", "HARD", "Chunk", "Dest", "Node"]

AND, COMMA, COLON, HARD = 1, 2, 3, 4
"""How strongly two neighbours are kept apart; 0 is nothing between them."""


@dataclass(slots=True, kw_only=True)
class Node:
    """What chunks and destinations share.

    Attributes:
        gap: What separates it from the node before.
        either: Whether an "or" was there.
        verb: Whether a verb was there.
        also: Whether "too" or "also" stands beside it.
        closed: Whether an exception was closed ("以外") before it.
    """

    gap: int = 0
    either: bool = False
    verb: bool = False
    also: bool = False
    closed: bool = False


@dataclass(slots=True, kw_only=True)
class Chunk(Node):
    """Words that describe parts, without a separator inside.

    Attributes:
        attrs: Property by kind, in the order of the words.
        strength: How much a word insists on its shape.
        noun: Whether a noun closes it.
        generic: Whether that noun says no shape (``parts``).
        open_end: Whether adjectives may follow the noun (``everything red``).
        rest, all, det: Whether such a word stands before.
        count: Number, or None.
        ellipsis: Whether it is only a number or a pronoun for what was named before.
        pronoun: Whether "ones" closes it.
        loose: Whether 的 stands after its first property.
        tight: Whether a Chinese noun follows its property without 的, so that the
            property is that noun's alone ("红色方块和长条").
        minus: What does not belong to it (``non-red``).
        scope: Whether it only says among which parts those named after it are.
        exc: Whether an exception begins here.
        post: Whether that was said after it ("red ones excepted").
        excs: Exceptions that belong to it.
    """

    attrs: dict[str, str] = field(default_factory=dict)
    strength: int = 0
    noun: bool = False
    generic: bool = False
    open_end: bool = False
    rest: bool = False
    all: bool = False
    det: bool = False
    count: int | None = None
    ellipsis: bool = False
    pronoun: bool = False
    loose: bool = False
    tight: bool = False
    minus: list[Select] = field(default_factory=list)
    scope: bool = False
    exc: bool = False
    post: bool = False
    excs: list[Chunk] = field(default_factory=list)

    @property
    def bare(self) -> bool:
        """Whether it names nothing but "parts" in general, with no word such as "rest"."""
        return not (self.attrs or self.rest or self.minus or self.count or self.ellipsis)

    @property
    def full(self) -> bool:
        """Whether it already says what it is about."""
        return bool(self.attrs or self.noun or self.minus)

    @property
    def select(self) -> Select:
        """What it selects, exceptions not counted."""
        return Select(**self.attrs)


@dataclass(slots=True, kw_only=True)
class Dest(Node):
    """Where parts go: several totes for "A and B", none where parts stay.

    Attributes:
        totes: Labels; empty for "stay".
        same: Whether it is the tote named before ("the same box").
        negated: Whether it came from "do not put".
        excs: Exceptions that were said after it.
        zip: Whether "respectively" was said.
        each: Whether "each" was said of several totes.
    """

    totes: list[str] = field(default_factory=list)
    same: bool = False
    negated: bool = False
    excs: list[Chunk] = field(default_factory=list)
    zip: bool = False
    prep: bool = False
