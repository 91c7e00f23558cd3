"""The runs that are shown: read once, and again only where something is new."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
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
_MOST_STORIES = 16
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

    @property
    def sort_key(self) -> tuple[str, str]:
        """The newest last; what has no date before all others."""
        return (str(self.manifest.created) if self.manifest else "", self.found.name)


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
        self._seen: dict[str, tuple[object, Figures]] = {}

    def search(self) -> Search:
        """Look which there are; raises UsageError where the folder cannot be read."""
        return find(self.root)

    def get(self, name: str) -> Shown | None:
        """Open a run by its id; None where there is none.

        The id is looked up among those that were found: no path is ever made of it.

        Raises:
            RunError, UsageError: It cannot be read.
        """
        found = next((each for each in self.search().found if each.id == name), None)
        return None if found is None else self._shown(found)

    def glances(self, search: Search) -> tuple[Glance, ...]:
        """Return runs, the newest first; what is wrong with one is said in its place."""
        found = map(self._glance, search.found)
        return tuple(sorted(found, key=lambda each: each.sort_key, reverse=True))

    def _glance(self, found: Found) -> Glance:
        manifest = None
        try:
            run = self._shown(found)
            manifest = run.manifest
            figures = self._figures(run)
            return Glance(found, manifest, condition(run.folder, figures.n), figures)
        except ShopfloorError as error:
            return Glance(found, manifest, wrong=str(error))

    def _figures(self, run: Shown) -> Figures:
        """Return the figures of a run; they are kept when the run itself no longer is."""
        with reading(run.found.path):
            state = (run.folder.path.stat().st_ino, Follower(run.folder).state())
        known = self._seen.get(run.found.id)
        if known is None or known[0] != state:
            known = self._seen[run.found.id] = (state, run.figures())
        return known[1]

    def _shown(self, found: Found) -> Shown:
        if found.linked:
            raise RunCorrupt(
                f"{found.path} is a link, and links are not followed; start `shopfloor view` with "
                "the folder that it leads to"
            )
        with reading(found.path):
            Border(found.path).top()
            try:
                stat = (found.path / "manifest.json").stat()
                state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            except FileNotFoundError:
                state = (0, 0, 0)  # opening it says what is missing
            with self._lock:
                known = self._open.get(found.id)
                if known is not None and known[0] == state:
                    self._open.move_to_end(found.id)
                    return known[1]
            run = Shown(found)
        with self._lock:
            self._open[found.id] = (state, run)
            while len(self._open) > _MOST_RUNS:
                self._open.popitem(last=False)
        return run
