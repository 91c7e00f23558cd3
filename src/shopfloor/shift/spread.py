"""Lots spread over machines that may be lost: each is worked until it is home, and counts once.

Only this process writes the run. A worker elsewhere that was given up, rightly or not, is never
listened to again, so a lot cannot be committed twice, however often it is worked.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from shopfloor.errors import RunCorrupt, RunError, ShopfloorError
from shopfloor.record import Entry, RunFolder
from shopfloor.record.parcel import Parcel, receive
from shopfloor.shift.interrupt import Interrupt
from shopfloor.shift.outpost import Post
from shopfloor.shift.worker import Failure
from shopfloor.types import Lot

__all__ = ["Hand", "HandLost", "Machines", "Spread"]

_POLL_S = 0.25
_MOST_LOSSES = 3
"""A lot that took so many workers with it is the reason, not the machines."""
_GOODBYE_S = 10.0


class HandLost(Exception):
    """A worker does not answer any more: its process or its machine is gone."""


class Hand(Protocol):
    """A worker on some machine. What it is asked is answered in ``Machines.wait``."""

    def work(self, lot: Lot, by: str) -> None:
        """Begin a lot, to be decided by a brain of that name."""
        ...

    def read(self, name: str, offset: int) -> bytes:
        """Read a piece of a file of its last lot.

        Raises:
            HandLost: It does not answer.
        """
        ...

    def stop(self) -> None:
        """Ask for the lot in progress to be given up."""
        ...

    def left(self, deadline_s: float) -> Parcel | None:
        """Say what there is of the lot that was given up, if anything had happened in it.

        Raises:
            HandLost: It does not answer within the deadline.
        """
        ...

    def leave(self) -> None:
        """Ask it to tidy up and end."""
        ...

    def dismiss(self, deadline_s: float) -> None:
        """End it, once it has tidied up if it was asked to; it may be gone already."""
        ...


class Machines(Protocol):
    """Where workers can be had."""

    def hire(self) -> Hand:
        """Ask for one more worker. It answers with a ``Post`` once a machine has room for it."""
        ...

    def wait(
        self, hands: Sequence[Hand], timeout_s: float
    ) -> Sequence[tuple[Hand, Post | Parcel | Failure | HandLost]]:
        """Wait until at least one has answered; who has not is not in it."""
        ...


class Spread:
    """A pool of workers on machines of which any but this one may be lost.

    Args:
        folder: The run; lots are committed into it as they come home.
        machines: Where workers can be had.
        size: Lots side by side.
        patience_s: How long a shift waits when no machine is left [s].
    """

    def __init__(
        self, folder: RunFolder, machines: Machines, *, size: int, patience_s: float
    ) -> None:
        self._folder, self._machines = folder, machines
        self._size, self._patience_s = size, patience_s
        self._interrupt = Interrupt()
        self._waiting: deque[tuple[Lot, str]] = deque()
        self._coming: list[Hand] = []
        self._idle: list[Hand] = []
        self._busy: dict[Hand, tuple[Lot, str]] = {}
        self._posts: dict[Hand, Post] = {}
        self._lost: Counter[int] = Counter()
        self._stillborn = 0
        self._proven = False
        self._bereft: float | None = None
        self._why = "none has had room for one"
        self._others: dict[str, None] = {}

    @property
    def room(self) -> int:
        """Lots that can be taken on beside those that wait for a worker or are worked."""
        return self._size - len(self._waiting) - len(self._busy)

    @property
    def others(self) -> tuple[str, ...]:
        """Machines with another processor or renderer than the manifest's that worked lots."""
        return tuple(self._others)

    def begin(self, lot: Lot, by: str) -> None:
        """Let the lot wait for a worker."""
        self._waiting.append((lot, by))

    def finished(self) -> Iterator[Entry]:
        """Wait for at least one lot to come home.

        Raises:
            KeyboardInterrupt: Somebody has asked to stop.
            RunError: No machine is left, a lot takes every worker with it, or a worker failed.
            ShopfloorError: What a worker came upon.
        """
        home = 0
        while not home:
            self._interrupt.check()
            self._assign()
            hands = [*self._coming, *self._busy]
            for hand, news in self._machines.wait(hands, _POLL_S):
                match news:
                    case Post():
                        self._welcome(hand, news)
                    case HandLost():
                        self._lose(hand, str(news))
                    case Failure():
                        raise _error(news)
                    case Parcel():
                        entry = self._take_home(hand, news)
                        if entry is not None:
                            home += 1
                            yield entry
            self._look_round()

    def _assign(self) -> None:
        while self._waiting and self._idle:
            hand = self._idle.pop(0)
            self._busy[hand] = asked = self._waiting.popleft()
            hand.work(*asked)

    def _welcome(self, hand: Hand, post: Post) -> None:
        self._coming.remove(hand)
        self._idle.append(hand)
        self._posts[hand] = post
        self._proven = True

    def _take_home(self, hand: Hand, parcel: Parcel) -> Entry | None:
        """Fetch a lot and commit it; None if the worker was lost on the way, or what it brought."""
        lot, by = self._busy[hand]
        entry = parcel.entry
        if entry is None or not parcel.lot == entry.lot == lot.index or entry.worked_by != by:
            raise RunError(
                f"a worker was given lot {lot.index} for {by} and answers with {_said(parcel)}; "
                "nothing of it was committed: install the same shopfloor on every machine of the "
                "cluster, and go on with --resume"
            )
        try:
            receive(self._folder, parcel, hand.read)
        except (HandLost, RunCorrupt) as lost:  # a bad wire or memory is no better than none
            self._lose(hand, str(lost))
            return None
        del self._busy[hand]
        self._idle.append(hand)
        self._remember(self._posts[hand])
        return entry

    def _remember(self, post: Post) -> None:
        manifest = self._folder.manifest
        if (post.cpu, post.renderer) != (manifest.cpu, manifest.renderer):
            self._others[f"{post.cpu}, {post.renderer}"] = None

    def _lose(self, hand: Hand, why: str) -> None:
        """Let another worker do what this one did not bring home, and ask for one in its place."""
        self._why = f"the last one was lost: {why}"
        hand.dismiss(0.0)
        self._posts.pop(hand, None)
        asked = self._busy.pop(hand, None)
        if asked is not None:
            lot, _ = asked
            self._lost[lot.index] += 1
            if self._lost[lot.index] >= _MOST_LOSSES:
                raise RunError(
                    f"lot {lot.index} has lost {_MOST_LOSSES} workers ({why}); what was committed "
                    "is safe. See what it does to one with --workers 1, or go on with --resume"
                )
            self._waiting.appendleft(asked)
        elif hand in self._coming:
            self._coming.remove(hand)
            self._stillborn += 1
            # Once one was ready, it is the machines that die, of which there may be more.
            if self._stillborn >= _MOST_LOSSES and not self._proven:
                raise RunError(
                    f"{_MOST_LOSSES} workers in a row died before they were ready ({why}); is the "
                    "same shopfloor installed on every machine of the cluster? What was committed "
                    "is safe: go on with --resume"
                )
        else:
            self._idle.remove(hand)
        self._coming.append(self._machines.hire())

    def _look_round(self) -> None:
        """Stop when nobody has been there for too long."""
        if self._busy or self._idle:
            self._bereft = None
            return
        now = time.monotonic()
        if self._bereft is None:
            self._bereft = now
        elif now - self._bereft > self._patience_s:
            raise RunError(
                f"no machine of the cluster has had a worker for {self._patience_s:g} s "
                f"({self._why}); what was committed is safe: go on with --resume"
            )

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        self._coming += [self._machines.hire() for _ in range(self._size)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        until = time.monotonic() + _GOODBYE_S
        try:
            for hand in self._busy:
                hand.stop()
            for hand in self._busy:
                with suppress(HandLost, ShopfloorError):  # the first error is the one to tell
                    left = hand.left(max(until - time.monotonic(), 0.0))
                    if left is not None:
                        receive(self._folder, left, hand.read)
            everybody = (*self._busy, *self._idle, *self._coming)
            for hand in everybody:
                hand.leave()
            for hand in everybody:
                hand.dismiss(max(until - time.monotonic(), 0.0))
        finally:
            self._interrupt.__exit__(kind, error, trace)


def _said(parcel: Parcel) -> str:
    entry = parcel.entry
    if entry is None:
        return f"lot {parcel.lot}, cut off"
    return f"lot {parcel.lot}, whose entry is of lot {entry.lot} for {entry.worked_by}"


def _error(failure: Failure) -> ShopfloorError:
    if isinstance(failure.error, str):
        return RunError(f"a worker failed: {failure.error}")
    return failure.error
