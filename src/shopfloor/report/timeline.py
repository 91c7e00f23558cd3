"""The shift as one line of time: which lot was in which state at which tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shopfloor.errors import RunCorrupt
from shopfloor.record.clock import Clock, Pause, lot_ticks, whole_ticks
from shopfloor.record.entry import E10_STATES, Entry, Manifest

__all__ = ["LotTime", "Span", "changeover_ticks", "lot_times", "timeline"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the shift in one E10 state.

    Attributes:
        lot: Lot it belongs to; a planned window belongs to the lot that follows it, and after
            the last lot to that one.
        state: One of ``E10_STATES``.
        start: Ticks since the start of the shift.
        ticks: Its length, at least 1.
        planned: Name of the calendar's window that it is, or empty.
    """

    lot: int
    state: str
    start: int
    ticks: int
    planned: str = ""


@dataclass(frozen=True, slots=True)
class LotTime:
    """Where a lot lies in the shift [ticks]: changeover from ``start``, repair up to ``end``.

    Planned windows lie between lots.
    """

    start: int
    end: int

    @property
    def ticks(self) -> int:
        """All that the lot costs the shift."""
        return self.end - self.start


def changeover_ticks(manifest: Manifest) -> int:
    """Return the changeover in whole ticks, rounded up as all charged time is."""
    return whole_ticks(manifest.changeover_s, manifest.control_dt)


def lot_times(manifest: Manifest, entries: Sequence[Entry]) -> tuple[LotTime, ...]:
    """Return where each lot lies in the shift.

    Every lot is charged one changeover, before its first tick; also the first, because a
    tray had to be brought for it. So n lots cost n changeovers, and the figures of a shift
    don't depend on how many shifts it is cut into.
    """
    times: list[LotTime] = []
    clock = Clock(manifest)
    for entry in entries:
        clock.pauses()
        start = clock.work(lot_ticks(manifest, entry))
        times.append(LotTime(start, clock.now))
    return tuple(times)


def timeline(manifest: Manifest, entries: Sequence[Entry]) -> tuple[Span, ...]:
    """Lay the lots end to end; every tick of the shift is in exactly one span.

    A lot is its changeover (SDT), its own segments, and its repair (UDT). Windows of the
    calendar lie before the lots that had to wait for them; after the last lot they count where
    they fill up the hours of the shift.

    Args:
        manifest: Of the run.
        entries: In lot order.

    Raises:
        RunCorrupt: A lot's segments name an unknown state or don't sum to its ticks.
    """
    spans: list[Span] = []
    clock, changeover = Clock(manifest), changeover_ticks(manifest)
    for entry in entries:
        _check(entry)
        spans += [_planned(entry.lot, pause) for pause in clock.pauses()]
        now = clock.work(lot_ticks(manifest, entry))
        pieces = (("SDT", changeover), *entry.segments, ("UDT", entry.repair_ticks))
        for state, ticks in pieces:
            if not ticks:
                continue
            last = spans[-1] if spans else None
            if last is not None and (last.lot, last.state, last.planned) == (entry.lot, state, ""):
                spans[-1] = Span(entry.lot, state, last.start, last.ticks + ticks)
            else:
                spans.append(Span(entry.lot, state, now, ticks))
            now += ticks
    if spans:
        after = clock.pauses()
        # A shift by hours that is not over was cut off; what was still planned did not happen.
        spans += [_planned(spans[-1].lot, pause) for pause in after if clock.over]
    return tuple(spans)


def _planned(lot: int, pause: Pause) -> Span:
    return Span(lot, pause.window.state, pause.start, pause.ticks, pause.window.name)


def _check(entry: Entry) -> None:
    for state, ticks in entry.segments:
        if state not in E10_STATES or ticks < 0:
            raise RunCorrupt(
                f"lot {entry.lot} has a segment {(state, ticks)!r}; allowed are "
                f"{', '.join(E10_STATES)} with 0 or more ticks; the index was damaged or edited"
            )
    total = sum(ticks for _, ticks in entry.segments)
    if total != entry.ticks or entry.repair_ticks < 0:
        raise RunCorrupt(
            f"the segments of lot {entry.lot} sum to {total} ticks, its length is {entry.ticks} "
            f"(repair {entry.repair_ticks}); every tick must be in exactly one state; the index "
            "was damaged or edited, run the lot again"
        )
