"""The robot and its controller, in a process of their own that keeps time by itself.

On a real cell this is the maker's controller. Here a simulated cell stands for it: one tick for
each ``control_dt`` of the monotonic clock, whether anybody commands it or not. Without a fresh
command it holds, and once it is told to stop, or the watchdog falls silent, it brakes and takes no
command before it is released.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from shopfloor import plugins
from shopfloor.live.journal import Journal
from shopfloor.live.link import Link, Lost
from shopfloor.live.process import ends, setting
from shopfloor.live.talk import (
    Beat,
    Drive,
    FromPlant,
    Load,
    Look,
    Pulse,
    Release,
    Seen,
    State,
    Stop,
    ToDog,
    ToPlant,
)
from shopfloor.live.watchdog import STILL_RAD_S, STILL_S
from shopfloor.types import Action, Cell, Timestep

__all__ = ["PlantSetting", "main"]

_MOST_UNTOLD = 8
"""A loop that says nothing is not told of more ticks: they would pile up on its side."""
_LINGER_S = 1.0
"""So long after the watchdog has gone the plant still brakes before its process ends."""


@dataclass(frozen=True, slots=True)
class PlantSetting:
    """What the process is started with.

    Attributes:
        cell, body: Names of plugins.
        record_fps: Rate of the camera streams [Hz].
        render: Whether the cameras give pictures.
        age_ticks: A command that is older is none.
        patience_s: The watchdog may be silent for so long [s].
        journal: File that the plant writes what it does to.
    """

    cell: str
    body: str
    record_fps: float
    render: bool
    age_ticks: int
    patience_s: float
    journal: str


class _Plant:
    def __init__(self, asked: PlantSetting, loop: Link, dog: Link) -> None:
        body = plugins.factory("bodies", asked.body)()
        make = plugins.factory("cells", asked.cell)
        self.cell: Cell = make(body, record_fps=asked.record_fps, render=asked.render)
        self.dt = self.cell.spec.control_dt
        self._asked, self._loop, self._dog = asked, loop, dog
        self._journal = Journal(Path(asked.journal))
        self._lot: int | None = None
        self._timestep: Timestep | None = None
        self._command: Action | None = None
        self._age = 0
        self._missed = self._stale = 0
        self._untold = 0  # states since the loop was last heard
        self._stopped: str | None = None
        self._beat_s: float | None = None  # when the watchdog was last heard; None before
        self._moves = False
        self._still_s: float | None = None  # since when the joints stand

    def run(self) -> None:
        self._journal.write("ready", control_dt=self.dt)
        due = monotonic()
        gone_s: float | None = None
        while gone_s is None or monotonic() < gone_s + _LINGER_S:
            due += self.dt
            behind = monotonic() - due
            if behind > self.dt:  # what was missed is counted, and not made up for in a hurry
                self._missed += int(behind / self.dt)
                due += int(behind / self.dt) * self.dt
            sleep(max(due - monotonic(), 0.0))
            self._heed_dog()
            self._heed_loop()
            self._tick()
            if self._dog.lost is not None and gone_s is None:
                gone_s = monotonic()
        self._journal.write("end", missed=self._missed, stale=self._stale)

    def _heed_dog(self) -> None:
        try:
            while (said := self._dog.hear(ToPlant)) is not None:
                if isinstance(said.body, Beat):
                    self._beat_s = monotonic()
                elif isinstance(said.body, Stop):
                    self._stop(said.body.reason)
                elif isinstance(said.body, Release):
                    self._stopped, self._command = None, None
                    self._journal.write("released", who=said.body.who)
        except Lost as lost:
            self._stop(f"the watchdog is gone: {lost}")
        silent_s = monotonic() - self._beat_s if self._beat_s is not None else 0.0
        if silent_s > self._asked.patience_s:
            self._stop(f"the watchdog was silent for more than {self._asked.patience_s:g} s")

    def _heed_loop(self) -> None:
        try:
            while (said := self._loop.hear(ToPlant)) is not None:
                self._untold = 0
                if isinstance(said.body, Load):
                    self._lot, self._command = said.body.lot.index, None
                    self._timestep = self.cell.reset(said.body.lot, seed=said.body.seed)
                    self._beat_s = None if self._beat_s is None else monotonic()
                    self._tell_state()
                elif isinstance(said.body, Drive):
                    self._command, self._age = said.body.action, 0
                elif isinstance(said.body, Look) and self._lot is not None:
                    self._loop.say(FromPlant(Seen(self.cell.view(said.body.camera))))
        except Lost:
            self._command = None  # and the watchdog, who hears of it too, has the word

    def _tick(self) -> None:
        if self._lot is None:
            self._pulse(0.0)
            return
        action = self.cell.hold()
        if self._stopped is None and self._command is not None:
            self._age += 1
            if self._age <= self._asked.age_ticks:
                action = self._command
            else:
                self._stale += 1
        self._timestep = self.cell.step(action)
        limbs = self._timestep.observation.limbs.values()
        speed = max(float(abs(limb.qd).max()) for limb in limbs)
        self._note_motion(speed, monotonic())
        self._pulse(speed)
        if self._untold < _MOST_UNTOLD:
            self._tell_state()

    def _note_motion(self, speed_rad_s: float, at_s: float) -> None:
        """Write down when the joints began to move, and since when they were measured to stand."""
        if speed_rad_s >= STILL_RAD_S:
            self._still_s = None
            if not self._moves:
                self._moves = True
                self._journal.write("moves")
            return
        if self._still_s is None:
            self._still_s = at_s
        if self._moves and at_s - self._still_s >= STILL_S:
            self._moves = False
            self._journal.write("stands", since_s=self._still_s, missed=self._missed)

    def _pulse(self, speed_rad_s: float) -> None:
        if self._beat_s is not None:  # somebody is there to hear it
            self._dog.say(ToDog(Pulse(monotonic(), speed_rad_s, self._stopped)))

    def _tell_state(self) -> None:
        if self._lot is not None and self._timestep is not None:
            hold = self.cell.hold()
            self._untold += 1
            told = self._lot, self._timestep, hold, self._missed, self._stale, self._stopped
            self._loop.say(FromPlant(State(*told)))

    def _stop(self, reason: str) -> None:
        if self._stopped is None:
            self._stopped, self._command = reason, None
            self._journal.write("stop", reason=reason)


def main(argv: list[str]) -> None:
    """Body of the process."""
    asked: Any = setting(PlantSetting, argv)
    loop, dog = ends(argv)
    _Plant(asked, Link(loop), Link(dog)).run()
    os._exit(0)  # nobody waits for the threads of the lines


if __name__ == "__main__":
    main(sys.argv[1:])
