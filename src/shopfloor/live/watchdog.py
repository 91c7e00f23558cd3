"""Stops the plant when the control loop falls silent, in a process that does nothing else.

It knows no order, no brain and no guard. It hears the loop's beats and the plant's own measure of
its motion. When beats are due and stay out, or the loop hangs up, it has the plant stopped, and
says that it stands only when the joints were measured to. It moves nothing again by itself: only a
person's release does, and only of a cell that stands under a loop that beats.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from shopfloor.live.journal import Journal
from shopfloor.live.link import Link, Lost
from shopfloor.live.process import ends, setting
from shopfloor.live.talk import (
    Alarm,
    Beat,
    Pulse,
    Release,
    Rest,
    Stop,
    ToDog,
    ToLoop,
    ToPlant,
)

__all__ = ["STILL_RAD_S", "STILL_S", "DogSetting", "main"]

STILL_RAD_S = 0.01
"""A joint that is slower stands [rad/s]."""
STILL_S = 0.2
"""A cell stands when all joints have stood for so long [s]."""
_LOOK_S = 0.005
_LEAVE_S = 5.0
_HEARD_S = 0.5
"""The plant has heard of a release after so long; a stop that it still tells then is a new one."""


@dataclass(frozen=True, slots=True)
class DogSetting:
    """What the process is started with.

    Attributes:
        patience_s: The loop may be silent for so long while it moves something [s].
        journal: File that the watchdog writes what it does to.
    """

    patience_s: float
    journal: str


class _Watchdog:
    def __init__(self, asked: DogSetting, loop: Link, plant: Link) -> None:
        self._patience_s, self._loop, self._plant = asked.patience_s, loop, plant
        self._journal = Journal(Path(asked.journal))
        self._beat_s: float | None = None  # when the loop was last heard; None while it rests
        self._stopped: str | None = None
        self._still_s: float | None = None  # since when the joints stand
        self._stands = False
        self._released_s: float | None = None  # when; None once the plant has said that it heard
        self._number = 0

    def run(self) -> None:
        self._journal.write("ready", patience_s=self._patience_s)
        self._beat()
        leave_s: float | None = None
        while leave_s is None or (monotonic() < leave_s and not self._stands):
            self._heed_plant()
            self._heed_loop()
            silent_s = monotonic() - self._beat_s if self._beat_s is not None else 0.0
            if silent_s > self._patience_s:
                self._stop(f"the control loop was silent for more than {self._patience_s:g} s")
            if leave_s is None and (self._loop.lost or self._plant.lost):
                leave_s = monotonic() + _LEAVE_S  # time to see it stand
        self._journal.write("end", stands=self._stands)

    def _heed_loop(self) -> None:
        try:
            while (said := self._loop.hear(ToDog)) is not None:
                if isinstance(said.body, Beat):
                    self._beat_s = monotonic()
                elif isinstance(said.body, Rest):
                    self._beat_s = None
                elif isinstance(said.body, Release):
                    self._release(said.body.who)
        except Lost as lost:
            if self._beat_s is not None:
                self._stop(f"the control loop is gone: {lost}")
            elif self._stopped is None:
                self._stands = True  # it had laid down its work

    def _heed_plant(self) -> None:
        try:
            # The wait for the plant's next pulse is what gives the processor back.
            while (said := self._plant.hear(ToDog, _LOOK_S)) is not None:
                if isinstance(said.body, Pulse):
                    self._beat()
                    self._look(said.body)
        except Lost as lost:
            if self._stopped is None:
                self._stopped = f"the plant is gone: {lost}"
                self._journal.write("stop", reason=self._stopped)

    def _beat(self) -> None:
        """Say that somebody watches; one beat for each pulse, so that none piles up."""
        self._number += 1
        self._plant.say(ToPlant(Beat(self._number)))

    def _look(self, pulse: Pulse) -> None:
        """Confirm a stop by what is measured, and by nothing else."""
        if pulse.stopped is None:
            self._released_s = None
        elif self._stopped is None and not self._on_its_way():
            self._stopped = pulse.stopped  # the plant has stopped by itself
            self._tell("stopped", pulse.stopped)
        if pulse.speed_rad_s >= STILL_RAD_S:
            self._still_s = None
            return
        if self._still_s is None:
            self._still_s = pulse.at_s
        if self._stopped and not self._stands and pulse.at_s - self._still_s >= STILL_S:
            self._stands = True
            self._journal.write("stands", since_s=self._still_s, speed_rad_s=pulse.speed_rad_s)
            self._tell("stands", self._stopped)

    def _on_its_way(self) -> bool:
        """Whether a pulse may be from before the plant heard of a release."""
        return self._released_s is not None and monotonic() - self._released_s < _HEARD_S

    def _stop(self, reason: str) -> None:
        if self._stopped is not None:
            return
        self._stopped, self._stands, self._beat_s = reason, False, None
        self._plant.say(ToPlant(Stop(reason)))
        self._journal.write("stop", reason=reason)
        self._tell("stopped", reason)

    def _release(self, who: str) -> None:
        if not (self._stopped and self._stands and self._plant.lost is None):
            self._tell("refused", "the cell is not stopped, or not measured to stand")
            return
        self._plant.say(ToPlant(Release(who)))
        self._stopped, self._stands, self._beat_s = None, False, None
        self._released_s = monotonic()
        self._journal.write("released", who=who)
        self._tell("released", who)

    def _tell(self, what: str, reason: str) -> None:
        if self._loop.lost is None:
            self._loop.say(ToLoop(Alarm(what, reason)))


def main(argv: list[str]) -> None:
    """Body of the process."""
    asked = setting(DogSetting, argv)
    loop, plant = ends(argv)
    _Watchdog(asked, Link(loop), Link(plant)).run()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
