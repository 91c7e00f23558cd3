"""The episodes of one or more runs as a list to choose from: what became of each, in one row."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from shopfloor.errors import UsageError
from shopfloor.record import Entry, RunFolder

__all__ = ["SORTS", "Register", "Row", "RunState", "Tally", "register", "row_of", "rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One episode.

    Attributes:
        run: What its run is called here.
        lot, order, instruction, language: As in its entry.
        brain: Who was in charge.
        good, ever, code, code_tick: The judge's outcome.
        code_s: When the failure began [s], or None.
        ticks, seconds: Length.
        units: (good, all that the order was about).
        picks: (held, attempted).
        guard: (actions limited, actions stopped).
        decisions: How often the brain was asked.
    """

    run: str
    lot: int
    order: str
    instruction: str
    language: str
    brain: str
    good: bool
    ever: bool
    code: str | None
    code_tick: int | None
    code_s: float | None
    ticks: int
    seconds: float
    units: tuple[int, int]
    picks: tuple[int, int]
    guard: tuple[int, int]
    decisions: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; pairs by their names."""
        return asdict(self) | _named(self)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the episodes that were asked for come to; pairs as in ``Row``.

    ``codes`` are the root causes and how often each was, most first.
    """

    episodes: int
    good: int
    seconds: float
    units: tuple[int, int]
    picks: tuple[int, int]
    guard: tuple[int, int]
    decisions: int
    codes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; pairs by their names."""
        return asdict(self) | _named(self)


def _named(of: Row | Tally) -> dict[str, dict[str, int]]:
    return {
        "units": dict(zip(("good", "total"), of.units, strict=True)),
        "picks": dict(zip(("held", "attempted"), of.picks, strict=True)),
        "guard": dict(zip(("limited", "stopped"), of.guard, strict=True)),
    }


@dataclass(frozen=True, slots=True)
class RunState:
    """One run, and whether it is whole.

    Attributes:
        name: What it is called here.
        path: Where it lies.
        brain, cell, body, seed: From its manifest.
        asked: Orders asked for, or None where hours were.
        committed: Episodes that it has, asked for or not.
        missing: Lots below the highest committed one that have no episode, the first few.
        in_flight: Lots that were begun and are not committed.
        interrupted: Lots of which is kept what had happened before they were cut off.
        written_s: Seconds since one of those in flight was last written to, or None.
        ended: How the last process that worked on it ended; None where none has said so.
    """

    name: str
    path: str
    brain: str
    cell: str
    body: str
    seed: int
    asked: int | None
    committed: int
    missing: tuple[int, ...]
    in_flight: tuple[int, ...]
    interrupted: tuple[int, ...]
    written_s: float | None
    ended: str | None

    @property
    def whole(self) -> bool:
        """Whether nothing is under way, cut off or missing."""
        short = self.asked is not None and self.committed < self.asked
        return not (short or self.missing or self.in_flight)


@dataclass(frozen=True, slots=True)
class Register:
    """What was asked for.

    Attributes:
        runs: In the order in which they were named.
        rows: Of the episodes that match, sorted, as many as were asked for.
        total: Over all that match, shown or not.
    """

    runs: tuple[RunState, ...]
    rows: tuple[Row, ...]
    total: Tally


SORTS: Mapping[str, Callable[[Row], Any]] = {
    "lot": lambda row: row.lot,
    "seconds": lambda row: -row.seconds,
    "decisions": lambda row: -row.decisions,
    "picks": lambda row: row.picks[0] - row.picks[1],
    "guard": lambda row: (-row.guard[1], -row.guard[0]),
    "code": lambda row: (row.code is None, row.code or "", row.code_tick or 0),
}
"""What rows can be sorted by: as worked, or the worst first (``picks`` by those that missed)."""

_MISSING = 8


class _Sum:
    """Adds rows up."""

    def __init__(self) -> None:
        self.episodes = self.good = self.decisions = 0
        self.seconds = 0.0
        self.pairs = [0] * 6
        self.codes: Counter[str] = Counter()

    def add(self, row: Row) -> Row:
        self.episodes += 1
        self.good += row.good
        self.seconds += row.seconds
        self.decisions += row.decisions
        pairs = (*row.units, *row.picks, *row.guard)
        self.pairs = [a + b for a, b in zip(self.pairs, pairs, strict=True)]
        if row.code is not None:
            self.codes[row.code] += 1
        return row

    def total(self) -> Tally:
        a, b, c, d, e, f = self.pairs
        codes = dict(sorted(self.codes.items(), key=lambda item: (-item[1], item[0])))
        return Tally(
            self.episodes,
            self.good,
            round(self.seconds, 6),
            (a, b),
            (c, d),
            (e, f),
            self.decisions,
            codes,
        )


class _Run:
    """An open run, and which of its lots have gone by."""

    def __init__(self, name: str, folder: RunFolder) -> None:
        self.name, self.folder = name, folder
        self.committed = self.next = 0
        self.missing: list[int] = []

    def rows(self, matches: Callable[[Entry], bool]) -> Iterator[Row]:
        manifest = self.folder.manifest
        for entry in self.folder.iter_entries():
            self.committed += 1
            gap = range(self.next, min(entry.lot, self.next + _MISSING))
            self.missing = [*self.missing, *gap][:_MISSING]
            self.next = entry.lot + 1
            if matches(entry):
                yield row_of(self.name, manifest.brain, manifest.control_dt, entry)

    def state(self) -> RunState:
        manifest, sessions = self.folder.manifest, self.folder.sessions()
        flights = self.folder.in_flight()
        lots = {int(path.name.partition("-")[0]) for path in flights if path.name[:6].isdigit()}
        written = [stat.st_mtime for path in flights for stat in _stats(path)]
        return RunState(
            name=self.name,
            path=str(self.folder.path),
            brain=manifest.brain,
            cell=manifest.cell,
            body=manifest.body,
            seed=manifest.seed,
            asked=manifest.orders,
            committed=self.committed,
            missing=tuple(lot for lot in self.missing if lot not in lots),
            in_flight=tuple(sorted(lots)),
            interrupted=tuple(sorted({left.lot for left in self.folder.interrupted()})),
            written_s=max(0.0, time.time() - max(written)) if written else None,
            ended=sessions[-1].ended if sessions else None,
        )


def register(
    runs: Sequence[Path],
    matches: Callable[[Entry], bool],
    *,
    sort: str = "lot",
    limit: int | None = None,
) -> Register:
    """List episodes. In memory are as many as are shown, however long the runs are.

    Args:
        runs: Their folders.
        matches: Which episodes.
        sort: One of ``SORTS``.
        limit: How many rows to keep; None for all.

    Raises:
        RunError, UsageError: A run is not there or damaged, or one is named twice.
    """
    opened, total = _opened(runs), _Sum()
    found = map(total.add, chain.from_iterable(run.rows(matches) for run in opened))
    if sort != "lot":
        kept = sorted(found, key=SORTS[sort]) if limit is None else _first(found, sort, limit)
    else:
        kept = list(islice(found, limit))
        for _ in found:  # the rest is counted
            pass
    return Register(tuple(run.state() for run in opened), tuple(kept), total.total())


def rows(runs: Sequence[Path], matches: Callable[[Entry], bool]) -> Iterator[Row]:
    """Yield the rows of ``register`` as worked, with one in memory at a time; raises as it."""
    for run in _opened(runs):
        yield from run.rows(matches)


def _first(found: Iterator[Row], sort: str, limit: int) -> list[Row]:
    return heapq.nsmallest(limit, found, key=SORTS[sort])


def _opened(runs: Sequence[Path]) -> list[_Run]:
    folders = [RunFolder.open(path) for path in runs]
    paths = [folder.path.resolve() for folder in folders]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise UsageError(f"{twice} is named twice; every episode would count double. Name it once")
    short = [path.name for path in paths]
    alike = len(set(short)) < len(short)
    names = [str(path) for path in runs] if alike else short
    return [_Run(name, folder) for name, folder in zip(names, folders, strict=True)]


def row_of(run: str, brain: str, dt: float, entry: Entry) -> Row:
    """Return the row of an episode; ``dt`` is the length of a tick [s]."""
    about = [unit for unit in entry.units if unit.state != "bystander"]
    return Row(
        run=run,
        lot=entry.lot,
        order=entry.order,
        instruction=entry.instruction,
        language=entry.language,
        brain=brain,
        good=entry.good,
        ever=entry.ever,
        code=entry.code,
        code_tick=entry.code_tick,
        code_s=None if entry.code_tick is None else round(entry.code_tick * dt, 6),
        ticks=entry.ticks,
        seconds=round(entry.ticks * dt, 6),
        units=(sum(unit.state == "good" for unit in about), len(about)),
        picks=(entry.picks[1], entry.picks[0]),
        guard=entry.guard,
        decisions=entry.decisions,
    )


def _stats(flight: Path) -> Iterator[Any]:
    """Look at what is being written; it may be committed or removed meanwhile."""
    with suppress(OSError):
        yield flight.stat()
        for path in flight.iterdir():
            yield path.stat()
