"""Where two recordings of one lot first differ: the tick, and what differs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.record import Episode
from shopfloor.record.canonical import pack
from shopfloor.record.digest import NOT_HASHED

__all__ = ["Divergence", "divergence"]

_SHOWN = 60
"""Longest value that is quoted [characters]."""
_NO_TICK = ("begin", "stations")
_ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first tick at which two recordings differ.

    Attributes:
        lot: Which lot.
        tick: Since its start.
        columns: What differs at that tick: ``left.q`` of the rows, ``truth.position`` of the
            simulator's truth, ``event.kind`` and the like of the other records.
        was, now: The first of these in the original and in the replica; of an array the number
            that differs most.
    """

    lot: int
    tick: int
    columns: tuple[str, ...]
    was: str
    now: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        more = f" (and {len(self.columns) - 1} more)" if len(self.columns) > 1 else ""
        return (
            f"lot {self.lot}, tick {self.tick}, {self.columns[0]}{more}: {self.was} in the "
            f"original, {self.now} in the replica"
        )


@dataclass(frozen=True, slots=True)
class _Spot:
    """One thing that differs."""

    tick: int
    column: str
    was: str
    now: str


def divergence(was: Episode, now: Episode) -> Divergence | None:
    """Find the first tick at which two recordings of a lot differ in what is hashed.

    Raises:
        RunCorrupt: One of them is damaged.
    """
    spots = [*_notes(was, now), *_tables(was.ticks(), now.ticks(), "")]
    truths = was.truth(), now.truth()
    if truths[0] is not None and truths[1] is not None:
        spots += _tables(truths[0], truths[1], "truth.")
    elif truths[0] is not truths[1]:
        there = ["nothing" if truth is None else "recorded" for truth in truths]
        spots.append(_Spot(0, "truth", *there))
    if not spots:
        return None
    tick = min(spot.tick for spot in spots)
    first = [spot for spot in spots if spot.tick == tick]
    columns = tuple(dict.fromkeys(spot.column for spot in first))
    return Divergence(was.entry.lot, tick, columns, first[0].was, first[0].now)


def _tables(was: npt.NDArray[Any], now: npt.NDArray[Any], prefix: str) -> Iterator[_Spot]:
    """First difference of each column, to the last bit."""
    if was.dtype != now.dtype:
        yield _Spot(0, f"{prefix}columns", _short(was.dtype.names), _short(now.dtype.names))
        return
    rows = min(len(was), len(now))
    for name in was.dtype.names if rows and was.dtype.names else ():
        before, after = (
            np.ascontiguousarray(table[name][:rows]).reshape(rows, max(1, table[name][0].size))
            for table in (was, now)
        )
        # As bits: a number that is none equals itself, and 0.0 is not -0.0, as in the hash.
        unlike = before.view(np.uint64) != after.view(np.uint64)
        if (found := np.flatnonzero(unlike.any(axis=1))).size:
            row = int(found[0])
            with np.errstate(invalid="ignore"):
                apart = np.where(unlike[row], np.abs(before[row] - after[row]), -1.0)
            at = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
            values = (f"{float(side[row, at])!r}" for side in (before, after))
            yield _Spot(int(was["tick"][row]), f"{prefix}{name}", *values)
    if len(was) != len(now):
        yield _Spot(rows, f"{prefix}length", f"{len(was)} ticks", f"{len(now)} ticks")


def _notes(was: Episode, now: Episode) -> Iterator[_Spot]:
    """Differences of the first records, other than rows, that are not the same."""
    for before, after in zip_longest(_hashed(was), _hashed(now)):
        if before == after:
            continue
        if before is not None and after is not None and before.kind == after.kind:
            tick = min(before.tick, after.tick)
            for path, mine, theirs in _unlike(before.body, after.body, ""):
                yield _Spot(tick, f"{before.name}{path}", _short(mine), _short(theirs))
            return
        there = [note for note in (before, after) if note is not None]
        first = min(there, key=lambda note: note.tick)
        sides = (_ABSENT if note is None else note.told for note in (before, after))
        yield _Spot(first.tick, first.name, *sides)
        return


@dataclass(frozen=True, slots=True)
class _Note:
    """A record without what is not hashed; two are the same if their bytes are."""

    kind: str
    body: Mapping[str, Any] = field(compare=False)
    packed: bytes

    @property
    def tick(self) -> int:
        """When it was written; pictures for the brain, and outcomes, say it by other names."""
        if self.kind in _NO_TICK:
            return 0
        body = self.body
        return int(body.get("tick", body.get("captured_tick", body.get("ticks", 0))))

    @property
    def name(self) -> str:
        """What it is called; pictures by their camera."""
        pictured = self.kind in ("frame", "view")
        return f"{self.kind}({self.body['camera']})" if pictured else self.kind

    @property
    def told(self) -> str:
        """What it is, in a few words."""
        what = self.body.get("kind", self.body.get("rule", ""))
        return f"{self.name} {what} at tick {self.tick}".replace("  ", " ")


def _hashed(episode: Episode) -> Iterator[_Note]:
    for record in episode.records():
        if record.kind not in ("rows", "end"):
            left_out = NOT_HASHED.get(record.kind, ())
            body = {k: v for k, v in record.body.items() if k not in left_out}
            yield _Note(record.kind, body, pack(body) if left_out else record.payload)


def _unlike(was: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the paths at which two plain values differ, with both values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            if pack(was.get(key)) != pack(now.get(key)) or (key in was) != (key in now):
                yield from _unlike(was.get(key, _ABSENT), now.get(key, _ABSENT), f"{path}.{key}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (mine, theirs) in enumerate(zip(was, now, strict=True)):
            if pack(mine) != pack(theirs):
                yield from _unlike(mine, theirs, f"{path}[{i}]")
    else:
        yield path, was, now


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
