"""Which chunk goes to which destination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from shopfloor.errors import OrderError
from shopfloor.order.node import AND, COLON, COMMA, HARD, Chunk, Dest, Node

__all__ = ["Clause", "clauses"]


@dataclass(slots=True)
class Clause:
    """A destination and the chunks that go there."""

    dest: Dest
    chunks: list[Chunk]


Runs = list[list[Chunk]]


def _split(nodes: Sequence[Node]) -> tuple[Runs, list[Dest]]:
    """Return the destinations, and the chunks before, between and after them."""
    runs: Runs = [[]]
    dests: list[Dest] = []
    for node in nodes:
        if isinstance(node, Dest):
            dests.append(node)
            runs.append([])
        elif isinstance(node, Chunk):
            runs[-1].append(node)
    return runs, dests


def _join_stays(runs: Runs, dests: list[Dest]) -> None:
    """Make one of "leave ... where they are"."""
    i = 0
    while i + 1 < len(dests):
        a, b, between = dests[i], dests[i + 1], runs[i + 1]
        parted = b.gap >= COMMA or any(c.gap >= COMMA or c.verb or c.exc for c in between)
        stays = not (a.totes or a.same or b.totes or b.same)
        if stays and not between:
            a.negated = a.negated and b.negated
            del dests[i + 1], runs[i + 1]
        elif stays and not parted and not runs[i]:
            del dests[i + 1]
            runs[i + 1] += runs.pop(i + 2)
        else:
            i += 1


def _join_lists(runs: Runs, dests: list[Dest]) -> None:
    """Make one destination of "totes A, B and C", and forget it where it only introduces."""
    i = 0
    while i < len(dests):
        j = i
        while (
            j + 1 < len(dests)
            and not runs[j + 1]
            and dests[j].totes
            and dests[j + 1].totes
            and not dests[j + 1].prep
            and not dests[j + 1].verb
            and dests[j + 1].gap in (0, AND, COMMA)
        ):
            j += 1
        # A mere comma between two totes parts two clauses: "red to A, B gets blue".
        if (
            j > i
            and (j > i + 1 or dests[j].gap < COMMA)
            and any(d.gap < COMMA for d in dests[i + 1 : j + 1])
        ):
            one = dests[i]
            one.totes = [tote for dest in dests[i : j + 1] for tote in dest.totes]
            one.zip = any(dest.zip for dest in dests[i : j + 1])
            del dests[i + 1 : j + 1], runs[i + 1 : j + 1]
            later = {tote for dest in dests[i + 1 :] for tote in dest.totes}
            if later and set(one.totes) <= later and all(c.bare for c in runs[i]):
                del dests[i]
                runs[i : i + 2] = [runs[i + 1]]
                continue
        i += 1


def _cut_exceptions(runs: Runs, dests: list[Dest]) -> None:  # noqa: C901, PLR0912 - one case a wording
    """Take exceptions out of the runs and hang them on what they are made to."""
    for r, run in enumerate(runs):
        start = next((n for n, chunk in enumerate(run) if chunk.exc), None)
        if start is None:
            continue
        left = dests[r - 1] if r > 0 else None
        right = dests[r] if r < len(dests) else None
        heads, tail = run[:start], run[start:]
        # A new verb or sentence ends the exception.
        end = next(
            (n for n, c in enumerate(tail) if n and (c.verb or c.gap == HARD or c.closed)),
            len(tail),
        )
        if heads and heads[-1].gap < HARD:
            excs, rest = tail[:end], tail[end:]
            heads[-1].excs += excs
            runs[r] = heads + rest
            continue
        head = next(
            (n for n, c in enumerate(tail) if n and (c.rest or c.closed or (c.all and c.bare))),
            None,
        )
        if head is not None:
            tail[head].excs += tail[:head]
            runs[r] = tail[head:]
            continue
        closed = right is not None and right.closed and not (tail[0].post and left is not None)
        opening = left is None or tail[0].gap == HARD
        rest = tail[end:]
        if not rest and opening:
            commas = [n for n, c in enumerate(tail) if n and c.gap == COMMA]
            end = commas[-1] if commas and right is not None else end
            rest = tail[end:]
        excs = tail[:end]
        if right is None:
            if left is None:
                raise OrderError("an exception is made, but to nothing")
            left.excs += excs
            runs[r] = [*heads, *rest]
        elif rest:
            if opening and left is None:
                rest[0].excs += excs
            elif left is not None and tail[0].gap != HARD:
                left.excs += excs
            else:
                rest[0].excs += excs
            runs[r] = rest
        elif closed or (left is None and right.gap >= COMMA):
            everything = Chunk(noun=True, generic=True, all=True, det=True, excs=excs)
            runs[r] = [*heads, everything]
        elif left is not None and right.gap >= COMMA and runs[r + 1]:
            left.excs += excs
            runs[r] = heads
        else:  # "everything stays, except the red ones, which go to A"
            for chunk in tail:
                chunk.exc = False


def _gap_cost(gap: int) -> float:
    return {0: 0.0, AND: 1.0, COMMA: 1.0, COLON: 0.0, HARD: 6.0}[gap]


def _inner(group: Sequence[Chunk]) -> float:
    cost = 0.0
    for chunk in group[1:]:
        cost += 5.0 if chunk.gap == HARD else 0.2 if chunk.gap == COMMA else 0.0
        cost += 1.0 if chunk.verb else 0.0
    return cost


def _cut_cost(chunk: Chunk) -> float:
    if chunk.verb:
        return 0.0
    return {0: 3.0, AND: 1.5, COMMA: 0.5, COLON: 0.0, HARD: 0.0}[chunk.gap]


def _share_out(runs: Runs, dests: list[Dest]) -> list[int]:
    """Return for each run between destinations how many chunks go to the one before it."""
    last = len(dests) - 1

    def own(i: int, before: Sequence[Chunk], after: Sequence[Chunk]) -> float:
        dest = dests[i]
        stay = not (dest.totes or dest.same)
        cost = 0.0
        if before:
            cost += _gap_cost(dest.gap) + _inner(before)
        if after:
            cost += _gap_cost(after[0].gap) + _inner(after)
        if before and after and not (before[0].bare and len(before) == 1):
            cost += 1.0 if after[0].also or after[-1].also else 3.0 if stay else 6.0
        if not before and not after:
            cost += 3.0 if stay else 20.0
        return cost

    @cache
    def best(i: int, start: int) -> tuple[float, tuple[int, ...]]:
        before = runs[i][start:]
        if i == last:
            return own(i, before, runs[i + 1]), ()
        found: list[tuple[float, tuple[int, ...]]] = []
        run = runs[i + 1]
        for k in range(len(run) + 1):
            cost = own(i, before, run[:k]) + (_cut_cost(run[k]) if 0 < k < len(run) else 0.0)
            more, cuts = best(i + 1, k)
            found.append((cost + more, (k, *cuts)))
        return min(found, key=lambda pair: pair[0])

    return list(best(0, 0)[1])


def _drop_introduction(runs: Runs, dests: list[Dest]) -> None:
    """Forget "Sort the parts:" in front of what is said of them."""
    first = runs[0]
    if first and first[0].bare and not first[0].excs:
        follower = first[1] if len(first) > 1 else dests[0]
        if follower.gap >= COLON or (len(first) > 1 and follower.gap == COMMA):
            del first[0]
    colon = next((n for n, chunk in enumerate(first) if n and chunk.gap == COLON), None)
    if colon is not None:  # "keep cubes and bars apart: cubes to A, bars to B"
        said = [chunk.attrs for run in (first[colon:], *runs[1:]) for chunk in run]
        if all(chunk.attrs in said and not chunk.excs for chunk in first[:colon]):
            del first[:colon]


def clauses(nodes: Sequence[Node], *, lists: bool) -> list[Clause]:
    """Return every destination with its chunks, in the order of the words.

    Args:
        nodes: Chunks and destinations in their order.
        lists: Whether "A and B" may be one destination.

    Raises:
        OrderError: No destination, or a chunk that belongs to none.
    """
    runs, dests = _split(nodes)
    if not dests:
        raise OrderError("no destination is named")
    _join_stays(runs, dests)
    if lists:
        _join_lists(runs, dests)
    if not dests:
        raise OrderError("no destination is named")
    _drop_introduction(runs, dests)
    _cut_exceptions(runs, dests)
    cuts = _share_out(runs, dests)
    found: list[Clause] = []
    for i, dest in enumerate(dests):
        before = runs[i][cuts[i - 1] if i else 0 :]
        after = runs[i + 1][: cuts[i]] if i < len(cuts) else runs[i + 1]
        if before and after and dest.totes:
            if all(chunk.bare for chunk in before):
                before = []  # "put them all in A: red cubes and blue bars"
            elif not (after[0].also or after[-1].also):
                raise OrderError("a selection at the end has no tote of its own")
        if not before and not after and dest.totes and _again(dest, dests):
            continue
        found.append(Clause(dest, [*before, *after]))
    return found


def _again(dest: Dest, dests: Sequence[Dest]) -> bool:
    return any(other is not dest and set(dest.totes) <= set(other.totes) for other in dests)
