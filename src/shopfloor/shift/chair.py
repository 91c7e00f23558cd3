"""Where a brain sits that may keep the loop waiting: asked in a thread, up to a deadline.

A brain that waits for a server, a model or a stranger's code may block for ever, and a loop that
calls it would block with it. In a chair it is asked by a thread of its own. When the time is up the
loop goes on: the decision has failed, the thread is given up with whatever it holds, its late
answer reaches nobody, and the brain is made anew for the next order.

A thread cannot be ended from outside: one that hangs stays until the process ends, and there may
only be so many. Nor does a thread help where foreign code holds Python's interpreter lock while it
hangs; a live cell therefore has its brain in another process.

All waiting is by the monotonic clock, which no change of the wall clock moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

from shopfloor.errors import RunError
from shopfloor.types import Brain, Event, Needs, Observation, Order, Reply

__all__ = ["BrainGone", "BrainTimeout", "Chair", "may_wait"]

_GRACE_S = 1.0
"""A brain that heeds its deadline answers a little later than that: no reason to give it up."""
_LOOK_S = 0.1
"""How often somebody who waits looks whether the shift is to be interrupted."""
_CLOSE_S = 10.0
_MAKE_S = 600.0
"""A brain that is made anew may have to load its weights."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_MOST_GIVEN_UP = 8


class _Late(Exception):
    """The time was up first."""


class BrainTimeout(TimeoutError):
    """The brain did not answer before its deadline."""


class BrainGone(ConnectionError):
    """The brain was given up and cannot be made anew."""


def may_wait(brain: object) -> bool:
    """Whether a brain may keep the loop waiting; one that cannot says so (``waits = False``)."""
    return bool(getattr(brain, "waits", True))


class Chair:
    """A brain that answers in time or is replaced; itself a brain.

    Attributes:
        needs: Of the brain.
        given_up: How often a thread had to be given up.
    """

    def __init__(
        self,
        brain: Brain,
        make: Callable[[], Brain],
        *,
        deadline_s: float,
        meanwhile: Callable[[], None] | None = None,
        grace_s: float = _GRACE_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """Seat a brain.

        Args:
            brain: Ready to work.
            make: Makes another one like it.
            deadline_s: Longest wait for the beginning of an order [s].
            meanwhile: Called every 0.1 s while somebody waits; what it raises ends the wait.
            grace_s: So much longer than its deadline it is waited for [s].
            pause_s: Before it is made anew the first time; doubles each time up to 30 s [s].
        """
        self._brain: Brain | None = brain
        self._last: Brain = brain  # who it is, while nobody sits here
        self._make, self._deadline_s = make, deadline_s
        self._grace_s, self._pause_s = grace_s, pause_s
        self.meanwhile = meanwhile or _nothing
        self._thread = _Thread()
        self._lost: list[_Thread] = []
        self._in_a_row = 0
        self.needs: Needs = brain.needs
        self.given_up = 0

    @property
    def identity(self) -> str:
        """Of the brain."""
        return str(getattr(self._last, "identity", None) or type(self._last).__qualname__)

    @property
    def facts(self) -> Mapping[str, str] | None:
        """Of the brain."""
        return getattr(self._last, "facts", None)

    @property
    def unproven(self) -> str | None:
        """Of the brain."""
        return getattr(self._last, "unproven", None)

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order, with a brain made anew where the last one was lost.

        Raises:
            BrainTimeout: It takes longer than the deadline.
            BrainGone: It cannot be made anew.
            RunError: Too many threads hang already.
        """
        brain = self._brain or self._anew()
        self._within(self._deadline_s, lambda: brain.reset(order, seed=seed))
        self.needs = brain.needs

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Ask the brain.

        Raises:
            BrainTimeout: It did not answer in time.
            BrainGone: Nobody sits here until the next order.
        """
        brain = self._brain
        if brain is None:
            raise BrainGone("the brain was given up, and begins again with the next order")
        reply: Reply = self._within(
            deadline_s, lambda: brain.act(observation, events, deadline_s=deadline_s)
        )
        self._in_a_row, self.needs = 0, brain.needs
        return reply

    def reachable(self, *, deadline_s: float) -> bool | None:
        """Whether anybody answers where the brain's model lives; None where nobody can tell."""
        probe = getattr(self._last, "reachable", None)
        if probe is None:
            return None
        asking = _Thread()
        try:
            return bool(asking.do(lambda: probe(deadline_s=deadline_s), deadline_s, self.meanwhile))
        except Exception:  # noqa: BLE001 - whatever it was, it was no answer
            return False
        finally:
            asking.leave()

    def close(self) -> None:
        """Give back what the brain holds; one that was given up is not waited for.

        Raises:
            BrainTimeout: It does not let go.
        """
        brain, self._brain = self._brain, None
        if brain is None:
            return
        if self._thread.busy:  # interrupted while it was asked
            self._thread = _Thread()
        try:
            self._thread.do(brain.close, _CLOSE_S, _nothing)
        except _Late:
            raise BrainTimeout(f"close took more than {_CLOSE_S:g} s") from None
        finally:
            self._thread.leave()

    def _within(self, deadline_s: float, call: Callable[[], Any]) -> Any:
        try:
            return self._thread.do(call, deadline_s + self._grace_s, self.meanwhile)
        except _Late:
            self._give_up()
            raise BrainTimeout(
                f"the brain did not answer within {deadline_s:g} s and was given up"
            ) from None

    def _give_up(self) -> None:
        """Leave the thread to itself: what it may still say reaches nobody."""
        self._thread.leave()
        self._lost = [thread for thread in self._lost if thread.busy] + [self._thread]
        self._thread, self._brain = _Thread(), None
        self.given_up += 1
        self._in_a_row += 1

    def _anew(self) -> Brain:
        """Make the brain anew, after a pause that grows with each time it was in vain."""
        hanging = sum(thread.busy for thread in self._lost)
        if hanging >= _MOST_GIVEN_UP:
            raise RunError(
                f"the brain was asked {hanging} times without ever coming back, and each of these "
                "calls still hangs in this process; what was committed is safe: mend the brain, "
                "and go on with --resume"
            )
        pause_s = min(self._pause_s * 2.0 ** (self._in_a_row - 1), _LONGEST_PAUSE_S)
        with suppress(_Late):
            self._thread.wait(pause_s, self.meanwhile)
        try:
            brain: Brain = self._thread.do(self._make, _MAKE_S, self.meanwhile)
        except _Late:
            self._give_up()
            raise BrainGone(f"the brain could not be made anew within {_MAKE_S:g} s") from None
        except Exception as error:
            self._in_a_row += 1
            raise BrainGone(
                f"the brain was given up and cannot be made anew: {type(error).__name__}: {error}"
            ) from error
        self._brain = self._last = brain
        return brain


class _Thread:
    """Carries out one call after another; whoever asked waits only as long as it likes."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], _Box] | None] = SimpleQueue()
        self._box: _Box | None = None
        Thread(target=self._work, name="brain", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether the last call has not come back."""
        return self._box is not None and self._box.open

    def do(self, call: Callable[[], Any], within_s: float, meanwhile: Callable[[], None]) -> Any:
        """Have a call carried out.

        Raises:
            _Late: It did not come back in time.
            Exception: What the call raised, or what ``meanwhile`` did.
        """
        box = self._box = _Box()
        self._calls.put((call, box))
        return box.take(within_s, meanwhile)

    def wait(self, seconds: float, meanwhile: Callable[[], None]) -> None:
        """Wait, and hear of an interrupt.

        Raises:
            _Late: Always, when the time is up.
        """
        _Box().take(seconds, meanwhile)

    def leave(self) -> None:
        """Let the thread end as soon as it comes back."""
        self._calls.put(None)

    def _work(self) -> None:
        while (asked := self._calls.get()) is not None:
            call, box = asked
            try:
                box.put(call(), None)
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                box.put(None, error)
            except BaseException as error:  # noqa: BLE001 - a brain may not end the shift
                box.put(None, RuntimeError(f"the brain raised {type(error).__name__}: {error}"))
            del asked, call, box


class _Box:
    """Takes one answer."""

    def __init__(self) -> None:
        self._said: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
        self.open = True

    def put(self, value: Any, error: Exception | None) -> None:
        self.open = False
        self._said.put((value, error))

    def take(self, within_s: float, meanwhile: Callable[[], None]) -> Any:
        until = monotonic() + within_s
        while True:
            left = until - monotonic()
            try:
                value, error = self._said.get(timeout=max(min(left, _LOOK_S), 0.0))
            except Empty:
                if left <= 0:
                    raise _Late from None
                meanwhile()
                continue
            if error is not None:
                raise error
            return value


def _nothing() -> None:
    """Nobody interrupts."""
