"""Runs a shift: lots in order, on any number of workers, to the same result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shopfloor.errors import RunExists, RunUnwritable
from shopfloor.record import Entry, Manifest, RunFolder, Session
from shopfloor.record.clock import Clock, lot_ticks, whole_ticks
from shopfloor.record.interrupted import set_apart
from shopfloor.shift.calendar import load_calendar
from shopfloor.shift.chair import Chair
from shopfloor.shift.hire import Staff, manifest, order_source
from shopfloor.shift.inputs import inputs_of, plan_of
from shopfloor.shift.likeness import refuse_unlike
from shopfloor.shift.plan import Plan
from shopfloor.shift.pool import Gathering, Pool, gathered
from shopfloor.shift.roster import Recorded, Roster, Working
from shopfloor.types import Lot, OrderSource

__all__ = ["Progress", "create_run", "plan_of", "run_shift"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shift has come.

    Attributes:
        entries: Entries of all committed lots, in lot order.
        clock_s: Length of those on the virtual clock, changeovers, repairs and planned windows
            included [s].
        orders, hours: How long the shift is to be, one of them None.
    """

    entries: Sequence[Entry]
    clock_s: float
    orders: int | None
    hours: float | None


def run_shift(
    plan: Plan,
    out: Path,
    *,
    resume: bool,
    progress: Callable[[Progress], None],
    pause_at: int | None = None,
) -> str:
    """Work a shift into a run folder.

    Args:
        plan: What the shift is to be.
        out: The run folder; new, or with ``resume`` one that was begun before.
        resume: Go on with what is there.
        progress: Called once at the start and after each committed lot.
        pause_at: Begin no lot from this one on; the shift can be gone on with later.

    Returns:
        ``complete``, ``paused`` before the lot asked for, ``max-wall`` when the wall time was up,
        ``lost`` where nobody answered any more, or ``interrupted`` by Ctrl-C.

    Raises:
        ShopfloorError: Something is wrong; what was committed is safe.
    """
    if not resume and (out / "manifest.json").exists():  # before a GL context is opened for nothing
        raise RunExists(
            f"{out} holds a run already; continue it with --resume, or choose another --out"
        )
    load_calendar(plan.calendar)
    began, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    with gathered(plan) as gathering:
        staff = Staff(plan)
        handed_over = False
        try:
            source = order_source(plan, staff.world)
            written = manifest(plan, staff, source)
            folder = RunFolder.open_for_resume(out) if resume else create_run(out, plan, written)
            with folder:
                if resume:
                    refuse_unlike(folder.manifest, written)
                roster = _roster(plan, staff, folder)
                shift = _Shift(plan, folder, source, roster, progress, pause_at)
                handed_over = plan.workers == 1
                return _worked(shift, gathering, staff, began, started)
        finally:
            if not handed_over:
                staff.close()


def _worked(shift: _Shift, gathering: Gathering, staff: Staff, began: float, started: str) -> str:
    """Work a shift, tidy up whatever happens, and write down how it went."""
    folder, ended = shift.folder, "interrupted"
    before = len(folder.entries())
    pool: Pool | None = None
    try:
        with gathering.pool(shift.plan, folder, staff) as pool:
            ended = shift.run(pool, began)
    except KeyboardInterrupt:
        ended = "interrupted"
    finally:
        _clear(folder)
        # A worker may have committed a lot of which Ctrl-C kept the news from us.
        worked = len(folder.entries()) - before
        # To have looked at a complete run is no work on it, and must not lower its rates.
        looked = ended == "complete" and not worked and _was_complete(folder)
        if not looked:
            # On a full disk the first error is the one to tell.
            with suppress(RunUnwritable) if sys.exc_info()[0] else nullcontext():
                folder.add_session(
                    Session(
                        started=started,
                        wall_s=time.perf_counter() - began,
                        workers=gathering.size,
                        lots=worked,
                        ended=ended,
                        others=pool.others if pool else (),
                    )
                )
    return ended


class _Shift:
    """State of a shift in progress."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        source: OrderSource,
        roster: Working,
        progress: Callable[[Progress], None],
        pause_at: int | None,
    ) -> None:
        self.plan, self.folder = plan, folder
        self._pause_at, self._paused = pause_at, False
        self._report = progress
        self._lots = source.lots()
        self.done: dict[int, Entry] = {entry.lot: entry for entry in folder.entries()}
        self._clock, self._laid = Clock(folder.manifest), 0
        self._roster, self._lost = roster, False

    def run(self, pool: Pool, began: float) -> str:
        """Work lots until the shift is over; what is committed already is not worked again."""
        self._tell()
        under_way: dict[int, Lot] = {}
        ahead = self._due()
        lot = next(ahead, None)
        stopped = False
        while lot is not None or under_way:
            while lot is not None and pool.room and not stopped and self._may_begin(under_way, lot):
                by = self._roster.next(lot, self.done.values())
                if by is None:
                    stopped = self._lost = True
                    break
                pool.begin(lot, by)
                under_way[lot.index] = lot
                lot = next(ahead, None)
            if not under_way:
                if self._lost:
                    return "lost"
                if lot and self._may_begin({}, lot):
                    return "max-wall"
                break
            for entry in pool.finished():
                self.folder.index(entry)
                self.done[entry.lot] = entry
                del under_way[entry.lot]
                self._tell()
            wall = self.plan.max_wall_s
            stopped = self._lost or (wall is not None and time.perf_counter() - began >= wall)
        return "paused" if self._paused else "complete"

    def _due(self) -> Iterator[Lot]:
        """Lots of the plan that are not committed yet."""
        for lot in self._lots:
            if self.plan.orders is not None and lot.index >= self.plan.orders:
                return
            if self._pause_at is not None and lot.index >= self._pause_at:
                self._paused = True
                return
            if lot.index not in self.done:
                yield lot

    def _may_begin(self, under_way: Mapping[int, Lot], lot: Lot) -> bool:
        """Whether the lot belongs to the shift for certain, whatever the others still take.

        A shift by hours ends with the lot in which the time is up. Which one that is must
        not depend on how many workers there are: a lot is begun only when those before it cannot
        fill the shift even at their time limits.
        """
        if self.plan.hours is None:
            return True
        return not self._before(lot.index, under_way).over

    def _before(self, index: int, under_way: Mapping[int, Lot]) -> Clock:
        """The clock when a lot begins; those under way are taken to last as long as they can."""
        manifest = self.folder.manifest
        while self._laid < index and self._laid in self.done:  # what will not change any more
            self._lay(self._clock, self.done[self._laid])
            self._laid += 1
        clock = self._clock.ahead()
        for at in range(self._laid, index):
            if at in self.done:
                self._lay(clock, self.done[at])
            elif at in under_way:
                longest = under_way[at].orders[0].time_limit_s + _SETTLE_AND_REPAIR_S
                clock.pauses()
                clock.work(whole_ticks(manifest.changeover_s + longest, manifest.control_dt))
        clock.pauses()
        return clock

    def _lay(self, clock: Clock, entry: Entry) -> None:
        clock.pauses()
        clock.work(lot_ticks(self.folder.manifest, entry))

    def _tell(self) -> None:
        entries = [self.done[index] for index in sorted(self.done)]
        clock = Clock(self.folder.manifest)
        for entry in entries:
            self._lay(clock, entry)
        self._report(Progress(entries, clock.now_s, self.plan.orders, self.plan.hours))


def create_run(out: Path, plan: Plan, written: Manifest) -> RunFolder:
    """Make the run folder, with what it is made from, in a folder that is made if only it lacks.

    Raises:
        RunError, UsageError: What ``RunFolder.create`` raises; nothing is left behind.
    """
    made = not out.parent.exists()
    try:
        out.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunUnwritable(
            f"cannot make {out.parent}: {error.strerror}; choose another --out"
        ) from error
    try:
        return RunFolder.create(out, written, inputs_of(plan))
    except BaseException:
        if made:
            with suppress(OSError):  # somebody else may use it already
                out.parent.rmdir()
        raise


def _roster(plan: Plan, staff: Staff, folder: RunFolder) -> Working:
    """Who says by whom a lot is worked."""
    if plan.replay is not None:
        return Recorded(plan.replay.worked_by)
    brain = staff.brain
    return Roster(
        plan.brain,
        plan.fallback,
        keep_going=plan.keep_going,
        before=[entry.lot for entry in folder.entries()],
        reachable=(lambda s: brain.reachable(deadline_s=s)) if isinstance(brain, Chair) else None,
    )


def _clear(folder: RunFolder) -> None:
    """Set apart what is left of lots that were not committed: nobody works on them any more."""
    with suppress(RunUnwritable):  # a resume will try again; the first error is the one to tell
        for leftover in folder.in_flight():
            set_apart(leftover)


def _was_complete(folder: RunFolder) -> bool:
    sessions = folder.sessions()
    return bool(sessions) and sessions[-1].ended == "complete"


_SETTLE_AND_REPAIR_S = 100.0
"""What a lot may take beyond its time limit: settling, and the longest repair [s]."""
