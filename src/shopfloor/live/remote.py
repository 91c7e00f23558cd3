"""The control loop's end of the line to a brain: it asks, and hears of it later or never."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep

from shopfloor.errors import PluginError
from shopfloor.live.host import HostSetting
from shopfloor.live.link import Link, Lost, pair
from shopfloor.live.process import start
from shopfloor.live.talk import Answer, Ask, Beat, Begin, FromBrain, Hello, Hire, ToBrain
from shopfloor.types import BrainContext, Event, Needs, Observation, Order, Reply

__all__ = ["RemoteBrain"]

_MOST_BYTES = 4_000_000
"""Whoever decides has no more to say than this in one answer."""
_START_S = 120.0
_SILENT_S = 1.0
"""A process that says nothing at all for so long is stopped or gone."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class RemoteBrain:
    """A brain in another process; it is killed and started anew where it was lost.

    Attributes:
        needs: Of the brain.
        process: Its process, or None between two.
        asked_s: When it was last asked, by the monotonic clock [s]; None before.
    """

    def __init__(self, name: str, context: BrainContext, *, module: str = "") -> None:
        """Start the process and wait until the brain is there.

        Args:
            name: Of the plugin, or of the factory in ``module``.
            context: Where it is to work.
            module: Holds the factory, where it is no plugin.

        Raises:
            PluginError: It cannot be made.
        """
        self._hire, self._setting = Hire(name, context), HostSetting(module)
        self.process: subprocess.Popen[bytes] | None = None
        self._link: Link | None = None
        self._number = 0
        self._answer: Answer | None = None
        self._in_a_row = 0
        self.asked_s: float | None = None
        self._deadline_s: float | None = None  # of the question that is open
        self.needs: Needs
        hello = self._start()
        self.needs, self.identity = hello.needs, hello.identity
        self.facts, self.unproven = dict(hello.facts) or None, hello.unproven

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin an order, with a process started anew where the last one was lost.

        Raises:
            ConnectionError: It cannot be started.
        """
        self._answer = self._deadline_s = None
        if self._link is not None:
            with suppress(ConnectionError):
                self._listen()
        if self._link is None:
            self._in_a_row += 1
            sleep(min(_PAUSE_S * 2.0 ** (self._in_a_row - 1), _LONGEST_PAUSE_S))
            try:
                self._start()
            except PluginError as error:
                raise ConnectionError(str(error)) from error
        if self._link is not None:
            self._heard_s = monotonic()
            self._link.say(ToBrain(Begin(order, seed)))

    def ask(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> None:
        """Put a question; the answer is heard later, if ever."""
        self._number += 1
        self._answer, self.asked_s, self._deadline_s = None, monotonic(), deadline_s
        if self._link is not None:
            question = Ask(self._number, observation, tuple(events), deadline_s)
            self._link.say(ToBrain(question))

    def heard(self) -> Reply | None:
        """Return the answer to the last question, or None where there is none yet.

        Raises:
            TimeoutError: The deadline is over; the process was killed.
            ConnectionError: The process is gone, silent, or said what is no message.
            Exception: What the brain raised, under its name.
        """
        if self._link is None:
            raise ConnectionError("the brain is gone, and begins again with the next order")
        self._listen()
        answer, self._answer = self._answer, None
        if answer is None:
            self._require_in_time()
            return None
        self._in_a_row, self._deadline_s = 0, None
        if answer.fault is not None:
            fault = answer.fault
            told = {"code": fault.code, "exchange": fault.exchange}
            error: Exception = type(fault.name, (Exception,), told)(fault.message)
            raise error
        return answer.reply

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Ask and wait, for whoever has the time.

        Raises:
            TimeoutError: It did not answer in time, and was killed.
            ConnectionError: It is gone.
        """
        self.ask(observation, events, deadline_s=deadline_s)
        while (reply := self.heard()) is None:
            sleep(0.001)
        return reply

    def give_up(self) -> None:
        """Kill the process: whatever hangs in it is over, and can never answer late."""
        if self._link is not None:
            self._link.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._link = self.process = None

    def close(self) -> None:
        """End the process."""
        self.give_up()

    def _require_in_time(self) -> None:
        if self._deadline_s is None or self.asked_s is None:
            return
        if monotonic() > self.asked_s + self._deadline_s:
            self.give_up()
            raise TimeoutError(
                f"the brain did not answer within {self._deadline_s:g} s and was killed"
            )

    def _listen(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            while (said := link.hear(FromBrain)) is not None:
                self._heard_s = monotonic()
                body = said.body
                # A late answer, or one that nobody asked for, is dropped.
                if isinstance(body, Answer) and body.number == self._number:
                    self._answer = body
        except Lost as lost:
            self.give_up()
            raise ConnectionError(f"the brain's process is lost: {lost}") from lost
        if monotonic() - self._heard_s > _SILENT_S:
            self.give_up()
            raise ConnectionError(f"the brain's process was silent for more than {_SILENT_S:g} s")

    def _start(self) -> Hello:
        ours, theirs = pair()
        self.process = start("shopfloor.live.host", self._setting, [theirs])
        link = self._link = Link(ours, most_bytes=_MOST_BYTES)
        link.say(ToBrain(self._hire))
        until, why = monotonic() + _START_S, f"it was not ready within {_START_S:g} s"
        try:
            while monotonic() < until:
                said = link.hear(FromBrain, 0.1)
                if said is not None and isinstance(said.body, Hello):
                    self._heard_s = monotonic()
                    return said.body
                if said is not None and not isinstance(said.body, Beat):
                    why = "it answers before it was asked"
                    break
        except Lost as lost:
            why = str(lost)
        self.give_up()
        raise PluginError(
            f"the brain {self._hire.brain!r} cannot be made in a process of its own: {why}; what "
            "it wrote to stderr says more"
        )
