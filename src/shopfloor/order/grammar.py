"""Sorting instructions in English and Chinese, read into goals.

No sentence templates: words that matter are spotted (``token``), grouped to chunks such as
"two red cubes" and destinations such as "tote B" (``chunk``), and every chunk is given to
the destination that it stands closest to (``clause``), so that "put red into A", "A gets
red" and "A: red" all mean the same. What the goal then looks like is set by ``canonical``.

How ambiguous words are read:

- "the red cube", "red cubes", "把红色方块放进A箱": all that match; "a red cube", "one red
  cube", "一个红色方块": exactly one.
- "red cubes in A and the blue ones in B": blue cubes. "blue parts": parts of any shape.
- "red cubes and cylinders": red cylinders too; "red cubes and all cylinders" are all.
- "block" is a cube unless another word says otherwise ("long block", "round block").
- Of two selections that overlap, the one that is more specific wins; otherwise the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from shopfloor.errors import OrderError
from shopfloor.order.canonical import canonical, meet, within
from shopfloor.order.chunk import chunks
from shopfloor.order.clause import clauses
from shopfloor.order.item import Item, items
from shopfloor.order.node import Chunk
from shopfloor.order.token import Token, tokens
from shopfloor.types import Goal, Language, Rule

__all__ = ["parse"]

_READINGS = ((True, False), (False, False), (True, True), (False, True))
"""(whether "A and B" may be one destination, whether "on the tray" may be one)."""


class _Rules:
    """Collects the rules of all clauses, with what must come before what."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.owner: dict[int, int] = {}  # stay rule of an exception -> rule it is cut from

    def add(self, item: Item, tote: str | None, excs: Sequence[Item]) -> None:
        mine = len(self.rules) + len(excs) + len(item.minus)
        cuts = [(cut.select, cut.count) for cut in excs] + [(cut, None) for cut in item.minus]
        kept = []
        for select, count in cuts:
            both = meet(select, item.select)
            if both is not None:
                kept.append(Rule(both, None, count))
        mine = len(self.rules) + len(kept)
        for rule in kept:
            self.owner[len(self.rules)] = mine
            self.rules.append(rule)
        self.rules.append(Rule(item.select, tote, item.count))

    def goal(self) -> Goal:
        """Return the goal; a part that an exception leaves may be named by another clause."""
        before: set[tuple[int, int]] = set()
        gone: set[int] = set()
        for cut, owner in self.owner.items():
            for i, rule in enumerate(self.rules):
                named = i not in self.owner and i != owner and i not in self.owner.values()
                if (
                    named
                    and within(self.rules[cut].select, rule.select)
                    and (
                        rule.tote is not None
                        and self.rules[cut].count is None
                        and not within(self.rules[owner].select, rule.select)
                    )
                ):
                    gone.add(cut)
                    before.add((i, owner))
        keep = [i for i in range(len(self.rules)) if i not in gone]
        place = {i: n for n, i in enumerate(keep)}
        return canonical([self.rules[i] for i in keep], {(place[i], place[j]) for i, j in before})


def _exceptions(chunks_: Sequence[Chunk], heads: Sequence[Item]) -> list[Item]:
    found = items(list(chunks_), heads[-1] if heads else None) if chunks_ else []
    if any(item.count is not None for item in found) and len(heads) > 1:
        raise OrderError("an exception with a number was made to several selections; say it of one")
    return found


def _pair(found: Sequence[Item], totes: Sequence[str]) -> list[tuple[Item, str | None]]:
    """Return which item goes to which tote."""
    if not totes:
        return [(item, None) for item in found]
    if len(totes) == 1:
        return [(item, totes[0]) for item in found]
    if len(found) == len(totes):
        return list(zip(found, totes, strict=True))
    raise OrderError(
        f"{len(found)} selections are sent to totes {' and '.join(totes)} at once; say which "
        "goes where"
    )


def _read(spotted: tuple[Token, ...], *, lists: bool, tray: bool) -> Goal:
    rules = _Rules()
    before: Item | None = None
    named: list[str] = []
    spare: list[Chunk] = []
    for clause in clauses(chunks(spotted, tray=tray), lists=lists):
        dest = clause.dest
        totes: list[str] = list(dest.totes)
        if dest.same:
            if not named:
                raise OrderError("a tote is called 'the same' before any was named")
            totes = named[-1:]
        named += totes
        found = items(clause.chunks, before)
        if not found and totes:
            if not spare:
                raise OrderError(f"nothing is said of what goes to tote {' and '.join(totes)}")
            found, spare = items(spare, before), []
        if dest.negated and (not found or totes):
            raise OrderError("what must not be put somewhere has no place of its own")
        said = [*dest.excs, *(exc for chunk in clause.chunks for exc in chunk.excs)]
        if said:
            spare = [_copy(chunk) for chunk in said]
        excs = _exceptions(said, found)
        for item, tote in _pair(found, totes):
            rules.add(item, tote, excs)
        before = found[-1] if found else before
    goal = rules.goal()
    if all(rule.tote is None for rule in goal.rules):
        raise OrderError("no part is sent to any tote")
    return goal


def _copy(chunk: Chunk) -> Chunk:
    return Chunk(
        gap=chunk.gap,
        attrs=dict(chunk.attrs),
        strength=chunk.strength,
        noun=chunk.noun,
        generic=chunk.generic,
        count=chunk.count,
        minus=list(chunk.minus),
    )


def _understood(spotted: Sequence[Token]) -> str:
    kinds = ("COLOUR", "SHAPE", "SIZE", "PART", "ALL", "ALLPRON", "REST", "NUM", "TOTE", "STAY")
    words = [token.text for token in spotted if token.kind in kinds]
    return ", ".join(words) if words else "nothing"


def parse(instruction: str, language: Language | None = None) -> Goal:
    """Read a sorting instruction.

    Args:
        instruction: In English or Chinese; words of the other language are understood too.
        language: Which of them it is in; None looks for Chinese characters. It only decides
            whether a lone "a" may be an article.

    Returns:
        The goal in canonical form (see ``shopfloor.order.canonical``), so that instructions
        with the same meaning give equal goals.

    Raises:
        OrderError: No tote is named, nothing is said of what goes there, or a word asks for
            what no goal can hold (pink, "some", tote F). The message names what was
            understood.
    """
    spotted = tokens(instruction, language)
    first: OrderError | None = None
    if not any(token.kind == "TOTE" for token in spotted):
        first = OrderError("no tote is named (A, B, C or D)")
    else:
        for lists, tray in _READINGS:
            try:
                return _read(spotted, lists=lists, tray=tray)
            except OrderError as error:
                first = first or error
    raise OrderError(
        f"the instruction {instruction!r} is not understood: {first}. Understood: "
        f"{_understood(spotted)}. Say what goes where, as in 'put the red cubes into tote A'"
    )
