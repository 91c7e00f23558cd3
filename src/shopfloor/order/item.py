"""From coordinated chunks to selections: "red and blue cubes", "small, red cubes"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shopfloor.order.node import AND, COMMA, Chunk
from shopfloor.types import Select

__all__ = ["Item", "items"]


@dataclass(slots=True)
class Item:
    """One selection of a clause.

    Attributes:
        select: What it is about.
        count: How many, or None for all.
        minus: What does not belong to it.
    """

    select: Select
    count: int | None
    minus: tuple[Select, ...]


def _headless(chunk: Chunk) -> bool:
    return bool(chunk.attrs) and not (chunk.noun or chunk.pronoun)


def _merge(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Join "small, red cubes" to one: different kinds of property, nothing counted anew."""
    found: list[Chunk] = []
    for chunk in chunks:
        before = found[-1] if found else None
        if (
            before is not None
            and _headless(before)
            and chunk.gap in (AND, COMMA)
            and not (chunk.verb or chunk.either or chunk.det or chunk.all or chunk.rest)
            and chunk.count is None
            and chunk.attrs
            and not (chunk.noun and len(chunk.attrs) == 1 and "shape" in chunk.attrs)
            and not set(chunk.attrs) & set(before.attrs)
            and not (_headless(chunk) and chunk.gap == COMMA)
        ):
            before.attrs |= chunk.attrs
            before.noun, before.generic = chunk.noun, chunk.generic
            before.strength = chunk.strength
            before.minus += chunk.minus
            before.excs += chunk.excs
        else:
            found.append(chunk)
    return found


def _share(left: Chunk, right: Chunk) -> None:
    """Let "small red and blue cubes" share what stands before and after the contrast."""
    common = [kind for kind in left.attrs if kind in right.attrs]
    if common and not (right.det or right.all or right.count):
        kind = common[0]
        names = list(left.attrs)
        for name in names[: names.index(kind)]:
            right.attrs.setdefault(name, left.attrs[name])
        names = list(right.attrs)
        for name in names[names.index(kind) + 1 :]:
            left.attrs.setdefault(name, right.attrs[name])
    if "shape" in right.attrs and "shape" not in left.attrs:
        left.attrs["shape"] = right.attrs["shape"]
    left.noun, left.generic = right.noun, right.generic


def _distribute(chunks: Sequence[Chunk]) -> None:
    """Let "red cubes and cylinders" be red cylinders too; not "red cubes and all cylinders"."""
    head = chunks[0]
    if not (head.noun and "shape" in head.attrs and len(head.attrs) > 1 and not head.tight):
        return
    followers = chunks[1:]
    if all(
        list(c.attrs) == ["shape"]
        and not (c.det or c.all or c.rest or c.verb or c.minus)
        and c.count is None
        and c.gap in (AND, COMMA)
        for c in followers
    ):
        for chunk in followers:
            for kind, value in head.attrs.items():
                chunk.attrs.setdefault(kind, value)


def _echo(chunk: Chunk, before: Item | None) -> None:
    """Let "the blue ones" after "red cubes" be blue cubes, and "two" be two of the same."""
    if before is None:
        return
    said = before.select
    if not chunk.attrs and chunk.ellipsis and not chunk.rest and said != Select():
        for kind in ("colour", "shape", "size"):
            if (value := getattr(said, kind)) is not None:
                chunk.attrs[kind] = value
        return
    if (
        chunk.attrs
        and not chunk.noun
        and "shape" not in chunk.attrs
        and said.shape is not None
        and not chunk.all
        and not (chunk.rest and before.count is None)
    ):
        said_kinds = {kind for kind in ("colour", "size") if getattr(said, kind) is not None}
        differs = any(getattr(said, kind) != value for kind, value in chunk.attrs.items())
        if said_kinds and set(chunk.attrs) == said_kinds and (differs or chunk.rest):
            chunk.attrs["shape"] = said.shape


def items(chunks: Sequence[Chunk], before: Item | None) -> list[Item]:
    """Return the selections that the chunks of one clause name.

    Args:
        chunks: In their order.
        before: The last selection of the clause before, which "ones" may refer to.
    """
    merged = _merge(chunks)
    # A word such as "parts" in front only introduces what is named after it.
    if any(c.attrs or c.rest or c.minus for c in merged):
        merged = [c for i, c in enumerate(merged) if not (c.bare and i < len(merged) - 1)]
    _coordinate(merged)
    found: list[Item] = []
    for chunk in merged:
        _echo(chunk, found[-1] if found else before)
        found.append(Item(chunk.select, chunk.count, tuple(chunk.minus)))
    return found


def _coordinate(merged: Sequence[Chunk]) -> None:
    """Let neighbours share what they have in common."""
    for i in range(len(merged) - 2, -1, -1):
        left, right = merged[i], merged[i + 1]
        if _headless(left) and right.attrs and not right.rest and right.gap in (0, AND, COMMA):
            if right.verb or (right.gap == COMMA and right.all):
                continue
            _share(left, right)
    for i in range(len(merged) - 1):  # what stands in front goes on to the third and fourth
        left, right = merged[i], merged[i + 1]
        if set(left.attrs) - set(right.attrs) and _linked(left, right):
            names = list(left.attrs)
            common = [kind for kind in names if kind in right.attrs and kind != "shape"]
            if common:
                for name in names[: names.index(common[0])]:
                    right.attrs.setdefault(name, left.attrs[name])
    if merged:
        _distribute(merged)


def _linked(left: Chunk, right: Chunk) -> bool:
    return (
        not left.noun
        and right.gap in (0, AND, COMMA)
        and not (right.det or right.all or right.rest or right.verb)
        and right.count is None
    )
