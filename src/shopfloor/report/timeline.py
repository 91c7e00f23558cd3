"""The shift as one line of time: which lot was in which state at which tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import E10_STATES, Entry, Manifest

__all__ = ["LotTime", "Span", "changeover_ticks", "lot_times", "timeline"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the shift in one E10 state.

    Attributes:
        lot: Lot it belongs to.
        state: One of ``E10_STATES``.
        start: Ticks since the start of the shift.
        ticks: Its length, at least 1.
    """

    lot: int
    state: str
    start: int
    ticks: int


@dataclass(frozen=True, slots=True)
class LotTime:
    """Where a lot lies in the shift [ticks]: changeover from ``start``, repair up to ``end``."""

    start: int
    end: int

    @property
    def ticks(self) -> int:
        """All that the lot costs the shift."""
        return self.end - self.start


def changeover_ticks(manifest: Manifest) -> int:
    """Return the changeover in whole ticks, rounded up as all charged time is."""
    return math.ceil(round(manifest.changeover_s / manifest.control_dt, 6))


def lot_times(manifest: Manifest, entries: Sequence[Entry]) -> tuple[LotTime, ...]:
    """Return where each lot lies in the shift.

    Every lot is charged one changeover, before its first tick; also the first, because a
    tray had to be brought for it. So n lots cost n changeovers, and the figures of a shift
    don't depend on how many shifts it is cut into.
    """
    times: list[LotTime] = []
    now, changeover = 0, changeover_ticks(manifest)
    for entry in entries:
        end = now + changeover + entry.ticks + entry.repair_ticks
        times.append(LotTime(now, end))
        now = end
    return tuple(times)


def timeline(manifest: Manifest, entries: Sequence[Entry]) -> tuple[Span, ...]:
    """Lay the lots end to end; every tick of the shift is in exactly one span.

    A lot is its changeover (SDT), its own segments, and its repair (UDT).

    Args:
        manifest: Of the run.
        entries: In lot order.

    Raises:
        RunCorrupt: A lot's segments name an unknown state or don't sum to its ticks.
    """
    spans: list[Span] = []
    changeover = changeover_ticks(manifest)
    for entry, time in zip(entries, lot_times(manifest, entries), strict=True):
        _check(entry)
        now = time.start
        pieces = (("SDT", changeover), *entry.segments, ("UDT", entry.repair_ticks))
        for state, ticks in pieces:
            if not ticks:
                continue
            last = spans[-1] if spans else None
            if last is not None and last.lot == entry.lot and last.state == state:
                spans[-1] = Span(entry.lot, state, last.start, last.ticks + ticks)
            else:
                spans.append(Span(entry.lot, state, now, ticks))
            now += ticks
    return tuple(spans)


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
