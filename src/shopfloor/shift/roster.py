"""Who works the next lot: the brain of the shift, or another one while that is lost.

A brain is lost in a lot when it did not answer before its deadline, or nobody was there. After so
many lots in a row, or at once where a probe of the connection proves that nobody is there, either

* the fallback works the lots that follow, and the brain is asked for again after 2 of them, then
  4, 8, 16, 32 and every 32: it comes back when the probe says that somebody answers, and a brain
  that has no probe works one lot on trial;
* or, without a fallback, the shift ends, unless it is to be kept going.

Everything is read off the committed lots, so that a shift that is resumed goes on as it would
have. Lots are never given away twice: who worked one stands in its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from shopfloor.record import Entry
from shopfloor.types import Lot

__all__ = ["LOST_LOTS", "Recorded", "Roster", "Working"]

LOST_LOTS = 3
"""A brain that was lost in so many lots in a row is not asked a further time."""
_BACK_OFF = (2, 4, 8, 16, 32)
"""The fallback works so many lots before the brain is asked for again; the last goes on."""
_PROBE_S = 5.0


class Working(Protocol):
    """Says who works a lot."""

    def next(self, lot: Lot, entries: Iterable[Entry]) -> str | None:
        """Name who works the next lot; None where nobody is left to."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """Repeats who worked what.

    Attributes:
        who: Names who worked a lot.
    """

    who: Callable[[Lot], str]

    def next(self, lot: Lot, entries: Iterable[Entry]) -> str | None:
        """Name who worked the lot then."""
        return self.who(lot)


class Roster:
    """Gives lots to a brain, and to its fallback while it is lost."""

    def __init__(
        self,
        brain: str,
        fallback: str | None,
        *,
        keep_going: bool = False,
        before: Iterable[int] = (),
        reachable: Callable[[float], bool | None] | None = None,
    ) -> None:
        """Begin, or go on.

        Args:
            brain, fallback: Names.
            keep_going: Never end the shift because the brain is lost.
            before: Lots of earlier sessions: to go on after them is a new attempt.
            reachable: Probes the connection for so long [s]; None where nobody can tell.
        """
        self._brain, self._fallback, self._keep_going = brain, fallback, keep_going
        self._before = frozenset(before)
        self._reachable = reachable or (lambda _: None)
        self._probed = 0  # after so many lots of the fallback the brain was last asked for

    def next(self, lot: Lot, entries: Iterable[Entry]) -> str | None:
        """Name who works the next lot, by what became of all that are committed."""
        latest = sorted(entries, key=lambda entry: entry.lot, reverse=True)
        if self._fallback is None:
            fresh = [entry for entry in latest if entry.lot not in self._before]
            over = _streak(fresh, self._brain) >= LOST_LOTS and not self._keep_going
            return None if over else self._brain
        return self._fallback if self._is_away(latest) else self._brain

    def _is_away(self, latest: list[Entry]) -> bool:
        """Whether the fallback has to stand in."""
        streak = _streak(latest, self._brain)
        if not streak:
            self._probed = 0
            return False
        since = len(list(takewhile(lambda entry: entry.worked_by != self._brain, latest)))
        if not since:
            self._probed = 0
        if not since and streak < LOST_LOTS:
            gone = next(entry for entry in latest if entry.worked_by == self._brain)
            return gone.lost == "brain.unreachable" and self._reachable(_PROBE_S) is False
        due = _due(since, max(streak - LOST_LOTS, 0))
        if due <= self._probed:
            return True
        self._probed = due
        # Nobody can tell: one lot is worked on trial.
        return self._reachable(_PROBE_S) is False


def _streak(latest: Iterable[Entry], brain: str) -> int:
    """In how many of its latest lots in a row a brain was lost."""
    own = (entry for entry in latest if entry.worked_by == brain)
    return len(list(takewhile(lambda entry: entry.lost is not None, own)))


def _due(since: int, tried: int) -> int:
    """The last point of the back-off that lies behind [lots of the fallback]; 0 before the first.

    Who came back and was lost again begins further on.
    """
    point, step = 0, min(tried, len(_BACK_OFF) - 1)
    while point + _BACK_OFF[step] <= since:
        point += _BACK_OFF[step]
        step = min(step + 1, len(_BACK_OFF) - 1)
    return point
