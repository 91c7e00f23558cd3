"""The runs that are shown: read once, and again only where something is new."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from shopfloor.errors import RunCorrupt, ShopfloorError
from shopfloor.record import Entry, Episode, Follower, Manifest, RunFolder
from shopfloor.report import Rate, Summary, anytime, summarise
from shopfloor.report.interval import Interval
from shopfloor.report.load import load
from shopfloor.report.register import Row, row_of
from shopfloor.report.story import Story
from shopfloor.report.tell import tell
from shopfloor.report.timeline import timeline
from shopfloor.view.border import Border
from shopfloor.view.condition import Condition, condition
from shopfloor.view.find import Found, Search, find
from shopfloor.view.sound import refuse_unsound

__all__ = ["Figures", "Glance", "Library", "Shown", "reading"]

_MOST_RUNS = 8
"""So many runs are kept with all that their index says; of the others only the figures."""
_MOST_LISTED = 256
"""Of so many more runs the manifest is kept: more than a page of the list has."""
_MOST_STORIES = 16
_SEARCH_S = 1.0
"""So long is known which folders there are [s]: pages that go on ask again and again."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run has come to so far.

    Attributes:
        n: Orders that were worked.
        good: How many of them are good.
        band: 95 % interval of that share which holds however often one looks; None without one.
        units: Good units.
        uph: Good units per hour of the shift; None where no time has passed.
        sim_s: Length of the shift so far [s].
        codes: Failed orders by root cause, most first.
    """

    n: int
    good: Rate
    band: Interval | None
    units: int
    uph: float | None
    sim_s: float
    codes: Mapping[str, int]

    @classmethod
    def of(cls, manifest: Manifest, entries: tuple[Entry, ...]) -> Figures:
        """Add up a run; raises RunCorrupt where it contradicts itself."""
        n, good = len(entries), sum(entry.good for entry in entries)
        ticks = sum(span.ticks for span in timeline(manifest, entries))
        sim_s = ticks * manifest.control_dt
        units = sum(unit.state == "good" for entry in entries for unit in entry.units)
        codes = Counter(entry.code for entry in entries if entry.code is not None)
        return cls(
            n=n,
            good=Rate.of(good, n),
            band=anytime(good, n) if n else None,
            units=units,
            uph=3600 * units / sim_s if sim_s else None,
            sim_s=sim_s,
            codes=dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        )


@dataclass(frozen=True, slots=True)
class Glance:
    """One line of the list: a run and its figures, or what is wrong with it."""

    found: Found
    manifest: Manifest | None = None
    condition: Condition | None = None
    figures: Figures | None = None
    wrong: str | None = None


@contextmanager
def reading(what: Path | str) -> Iterator[None]:
    """Turn whatever foreign data may do to their reader into one kind of error.

    Raises:
        RunCorrupt: In place of any error that is none of ours.
    """
    try:
        yield
    except ShopfloorError:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError,
            ValueError) as error:  # fmt: skip
        raise RunCorrupt(
            f"{what} is not what was written ({type(error).__name__}: {str(error)[:200]}); look "
            "with `shopfloor check`, and restore it from a copy"
        ) from error


class Shown:
    """One run, and what was read of it. May be used by several threads.

    Attributes:
        found: Where it is.
        folder: It, open for reading.
    """

    def __init__(self, found: Found) -> None:
        """Open it; raises as ``RunFolder.open``, and RunCorrupt for what no run can have."""
        self.found = found
        self.folder = RunFolder.open(found.path)
        refuse_unsound(self.folder.manifest)
        self._follower = Follower(self.folder)
        self._border = Border(found.path)
        self._bounded: object = None
        self._lock = Lock()
        self._known: dict[str, tuple[object, object]] = {}
        self._stories: OrderedDict[int, Story] = OrderedDict()

    @property
    def manifest(self) -> Manifest:
        """What it depends on."""
        return self.folder.manifest

    def entries(self) -> tuple[Entry, ...]:
        """Return its entries; raises RunCorrupt."""
        with self._lock, reading(self.found.path):
            return self._entries()

    def _entries(self) -> tuple[Entry, ...]:
        if (state := self._follower.state()) != self._bounded:
            self._border.episodes()
            self._bounded = state
        return self._follower.entries()

    def episode(self, lot: int) -> Episode:
        """Open an episode; raises UsageError where there is none, RunCorrupt."""
        with reading(f"episode {lot} of {self.found.path}"):
            self._border.episode(lot)
            return self.folder.episode(lot)

    def refuse_links(self) -> None:
        """See that nothing in any of its episodes leads out of it; raises RunCorrupt."""
        entries = self.entries()
        with reading(self.found.path):
            for entry in entries:
                self._border.episode(entry.lot)

    def rows(self) -> tuple[Row, ...]:
        """Return a row for each episode, in lot order; raises RunCorrupt."""
        brain, dt = self.manifest.brain, self.manifest.control_dt
        return self.once(
            "rows",
            lambda entries: tuple(row_of(self.found.name, brain, dt, entry) for entry in entries),
        )

    def figures(self) -> Figures:
        """Return what it has come to; raises RunCorrupt."""
        return self.once("figures", lambda entries: Figures.of(self.manifest, entries))

    def summary(self) -> Summary:
        """Return every figure; raises RunCorrupt."""

        def make(entries: tuple[Entry, ...]) -> Summary:
            run = load(self.found.path)
            return summarise(run.manifest, entries, wall_s=run.wall_s, ended=run.ended)

        return self.once("summary", make)

    def condition(self) -> Condition:
        """Look what it is doing just now; raises RunCorrupt."""
        with reading(self.found.path):
            return condition(self.folder, len(self.entries()))

    def story(self, lot: int) -> Story:
        """Tell what happened in a lot, which never changes; raises UsageError, RunCorrupt."""
        with self._lock:
            if (known := self._stories.get(lot)) is not None:
                self._stories.move_to_end(lot)
                return known
        with reading(f"episode {lot} of {self.found.path}"):
            self._border.episode(lot)
            told = tell(self.folder, lot)
        with self._lock:
            self._stories[lot] = told
            while len(self._stories) > _MOST_STORIES:
                self._stories.popitem(last=False)
        return told

    def once(self, what: str, make: Callable[[tuple[Entry, ...]], _T]) -> _T:
        """Make something of the entries, unless it was made of the same ones before.

        Raises:
            RunCorrupt: The run is damaged.
        """
        with self._lock, reading(self.found.path):
            state = self._follower.state()
            known = self._known.get(what)
            if known is None or known[0] != state:
                known = self._known[what] = (state, make(self._entries()))
            return known[1]  # type: ignore[return-value]


class Library:
    """All runs below a folder. May be used by several threads.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = Lock()
        self._open: OrderedDict[str, tuple[object, Shown]] = OrderedDict()
        self._listed: OrderedDict[str, tuple[object, RunFolder]] = OrderedDict()
        self._seen: dict[str, tuple[object, Figures]] = {}
        self._created: dict[str, tuple[object, str]] = {}
        self._search: tuple[float, Search] | None = None

    def search(self, *, anew: bool = False) -> Search:
        """Look which there are; what was found a moment ago still holds.

        Args:
            anew: Look again all the same.

        Raises:
            UsageError: The folder cannot be read.
        """
        now = time.monotonic()
        with self._lock:
            if not anew and self._search is not None and now < self._search[0] + _SEARCH_S:
                return self._search[1]
        search = find(self.root)
        there = {each.id for each in search.found}
        with self._lock:
            self._search = time.monotonic(), search
            for known in (self._open, self._listed, self._seen, self._created):
                for gone in known.keys() - there:
                    del known[gone]
        return search

    def get(self, name: str) -> Shown | None:
        """Open a run by its id; None where there is none.

        The id is looked up among those that were found: no path is ever made of it.

        Raises:
            RunError, UsageError: It cannot be read.
        """
        for anew in (False, True):  # it may have been begun since somebody last looked
            search = self.search(anew=anew)
            if (found := next((one for one in search.found if one.id == name), None)) is not None:
                return self._shown(found)
        return None

    def newest(self, search: Search) -> tuple[Found, ...]:
        """Return what was found, the newest first and what has no date last.

        A run says once when it was made; of one that is known only its manifest's state is asked.
        """
        return tuple(
            sorted(search.found, key=lambda one: (self._made(one), one.name), reverse=True)
        )

    def _made(self, found: Found) -> str:
        try:
            state = _state(found)
            known = self._created.get(found.id)
            if known is None or known[0] != state:
                try:
                    made = str(self._folder(found).manifest.created)
                except ShopfloorError:
                    made = ""
                known = self._created[found.id] = (state, made)
            return known[1]
        except ShopfloorError:
            return ""

    def glances(self, found: Sequence[Found]) -> tuple[Glance, ...]:
        """Look at some runs; what is wrong with one is said in its place."""
        return tuple(map(self._glance, found))

    def _glance(self, found: Found) -> Glance:
        manifest = None
        try:
            folder = self._folder(found)
            manifest = folder.manifest
            figures = self._figures(found, folder)
            with reading(found.path):
                return Glance(found, manifest, condition(folder, figures.n), figures)
        except ShopfloorError as error:
            return Glance(found, manifest, wrong=str(error))

    def _figures(self, found: Found, folder: RunFolder) -> Figures:
        """Return the figures of a run; they are kept when the run itself no longer is."""
        with reading(found.path):
            state = (folder.path.stat().st_ino, Follower(folder).state())
        known = self._seen.get(found.id)
        if known is None or known[0] != state:
            known = self._seen[found.id] = (state, self._shown(found).figures())
        return known[1]

    def _folder(self, found: Found) -> RunFolder:
        """Open a run for one line of the list: without its index."""
        state = _state(found)
        with self._lock:
            known = self._listed.get(found.id)
            if known is not None and known[0] == state:
                self._listed.move_to_end(found.id)
                return known[1]
        with reading(found.path):
            folder = RunFolder.open(found.path)
            refuse_unsound(folder.manifest)
        self._keep(self._listed, _MOST_LISTED, found, (state, folder))
        return folder

    def _shown(self, found: Found) -> Shown:
        state = _state(found)
        with self._lock:
            known = self._open.get(found.id)
            if known is not None and known[0] == state:
                self._open.move_to_end(found.id)
                return known[1]
        with reading(found.path):
            run = Shown(found)
        self._keep(self._open, _MOST_RUNS, found, (state, run))
        return run

    def _keep(
        self, where: OrderedDict[str, tuple[object, _T]], most: int, found: Found,
        what: tuple[object, _T],
    ) -> None:  # fmt: skip
        with self._lock:
            where[found.id] = what
            where.move_to_end(found.id)
            while len(where) > most:
                where.popitem(last=False)


def _state(found: Found) -> object:
    """Return what changes when a run's manifest does; raises RunCorrupt where links lead out."""
    if found.linked:
        raise RunCorrupt(
            f"{found.path} is a link, and links are not followed; start `shopfloor view` with the "
            "folder that it leads to"
        )
    with reading(found.path):
        Border(found.path).top()
        try:
            stat = (found.path / "manifest.json").stat()
        except FileNotFoundError:
            return 0, 0, 0  # opening it says what is missing
        return stat.st_ino, stat.st_size, stat.st_mtime_ns
