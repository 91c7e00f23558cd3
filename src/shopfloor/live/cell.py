"""``LiveCell``: the control loop's end of a plant and a watchdog that run on the wall clock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from shopfloor import plugins
from shopfloor.errors import RunError, SpecMismatch
from shopfloor.live.link import Link, Lost, pair
from shopfloor.live.plant import PlantSetting
from shopfloor.live.process import start
from shopfloor.live.talk import (
    Beat,
    Drive,
    FromPlant,
    Load,
    Look,
    Release,
    Rest,
    Seen,
    State,
    ToDog,
    ToLoop,
    ToPlant,
)
from shopfloor.live.watchdog import DogSetting
from shopfloor.types import Action, CellSpec, Frame, Judge, Lot, OrderSource, Timestep

__all__ = ["CellStopped", "LiveCell"]

_START_S = 120.0
_TICK_S = 5.0
"""A plant that is silent for so long is gone [s]."""


class CellStopped(RunError):
    """The cell was stopped, and moves nothing before a person has released it."""


class LiveCell:
    """A simulated cell that keeps time by itself, as a real one does.

    Attributes:
        spec: Of the cell.
        plant, watchdog: The processes.
        missed: Ticks for which the loop came too late: the plant had gone on without it.
        plant_missed: Ticks for which the plant's own clock came too late.
    """

    simulated: ClassVar[bool] = True

    def __init__(
        self,
        cell: str,
        body: str,
        folder: Path,
        *,
        record_fps: float = 10.0,
        render: bool = True,
        age_ticks: int = 5,
        patience_s: float = 0.1,
    ) -> None:
        """Start the plant and the watchdog.

        Args:
            cell, body: Names of plugins.
            folder: Where both write what they do, ``plant.jsonl`` and ``watchdog.jsonl``.
            record_fps: Rate of the camera streams [Hz].
            render: Whether the cameras give pictures.
            age_ticks: A command that is older is none: the plant holds.
            patience_s: Silence of the loop or the watchdog after which the plant brakes [s].

        Raises:
            RunError: They do not start.
        """
        make = plugins.factory("cells", cell)
        made = plugins.factory("bodies", body)()
        # The same cell without a picture knows everything that does not move.
        self._twin: Any = make(made, record_fps=record_fps, render=False)
        self.spec: CellSpec = self._twin.spec
        to_plant, plant_loop = pair()
        to_dog, dog_loop = pair()
        dog_plant, plant_dog = pair()
        files = folder / "plant.jsonl", folder / "watchdog.jsonl"
        asked = PlantSetting(cell, body, record_fps, render, age_ticks, patience_s, str(files[0]))
        self.plant = start("shopfloor.live.plant", asked, [plant_loop, plant_dog])
        self.watchdog = start(
            "shopfloor.live.watchdog", DogSetting(patience_s, str(files[1])), [dog_loop, dog_plant]
        )
        self._plant, self._dog = Link(to_plant), Link(to_dog)
        self._state: State | None = None
        self._seq = self._beats = 0
        self.missed = self.plant_missed = 0
        self.stopped: str | None = None

    def reset(self, lot: Lot, *, seed: int) -> Timestep:
        """Set up a lot and return its first tick.

        Raises:
            CellStopped: The cell was stopped and is not released.
        """
        self._twin.load(lot, seed=seed)
        self._plant.say(ToPlant(Load(lot, seed)))
        until = monotonic() + _START_S
        while True:
            said = self._hear(until - monotonic())
            first = isinstance(said, State) and said.timestep.observation.tick == 0
            if isinstance(said, State) and first and said.lot == lot.index:
                self._take(said)
                return said.timestep

    def step(self, action: Action) -> Timestep:
        """Command one tick, and wait until the plant has come to the next.

        Raises:
            CellStopped: The plant takes no command.
        """
        before = self._now().timestep.observation.tick
        self._beats += 1
        self._dog.say(ToDog(Beat(self._beats)))
        self._plant.say(ToPlant(Drive(action)))
        until = monotonic() + _TICK_S
        while self._now().timestep.observation.tick <= before:
            said = self._hear(until - monotonic())
            if isinstance(said, State):
                self._take(said)
        while isinstance(said := self._hear(0.0, wait=False), State):  # the newest counts
            self._take(said)
        newest = self._now().timestep
        self.missed += newest.observation.tick - before - 1
        return newest

    def view(self, camera: str) -> Frame:
        """Have a picture taken; the plant's next state waits for it as well."""
        self._plant.say(ToPlant(Look(camera)))
        until = monotonic() + _START_S
        while True:
            said = self._hear(until - monotonic())
            if isinstance(said, Seen):
                return said.frame
            if isinstance(said, State):
                self._take(said)

    def hold(self) -> Action:
        """Stay where the joints were when last measured."""
        self._seq += 1
        return replace(self._now().hold, seq=self._seq)

    def stop(self) -> None:
        """Brake until the joints stand; at most half a second."""
        for _ in range(25):
            limbs = self.step(self.hold()).observation.limbs.values()
            if max(float(abs(limb.qd).max()) for limb in limbs) < 0.01:
                return

    def rest(self) -> None:
        """Lay the work down: the plant holds, and silence is no alarm until the next command."""
        self._plant.say(ToPlant(Drive(self.hold())))
        self._dog.say(ToDog(Rest()))

    def release(self, who: str, *, within_s: float = 5.0) -> None:
        """Let a stopped cell move again; for a person who has looked at it, and for nobody else.

        Args:
            who: Who has looked; it is written down.
            within_s: Longest wait for the watchdog's word [s].

        Raises:
            CellStopped: It is not measured to stand, or nobody watches it.
        """
        if not who.strip():
            raise SpecMismatch("a release names who has looked at the cell; nobody was named")
        self._dog.say(ToDog(Release(who)))
        until = monotonic() + within_s
        while (left := until - monotonic()) > 0:
            try:
                said = self._dog.hear(ToLoop, left)
            except Lost as lost:
                raise CellStopped(f"the watchdog is gone ({lost}); start the cell anew") from lost
            if said is not None and said.body.what == "refused":
                raise CellStopped(f"the cell is not released: {said.body.reason}; wait, or look")
            if said is not None and said.body.what == "released":
                self.stopped = None
                return
        raise CellStopped(f"the watchdog said nothing within {within_s:g} s; start the cell anew")

    def orders(self, *, seed: int, count: int | None) -> OrderSource:
        """Make the cell's own orders."""
        source: OrderSource = self._twin.orders(seed=seed, count=count)
        return source

    def judge(self) -> Judge:
        """Make the judge of the simulated cell."""
        judge: Judge = self._twin.judge()
        return judge

    def close(self) -> None:
        """End both processes."""
        if self._state is not None and self.stopped is None:
            self.rest()
        self._dog.close()
        self._plant.close()
        for process in (self.watchdog, self.plant):
            try:
                process.wait(10)
            except Exception:  # noqa: BLE001 - it is ended the hard way
                process.kill()
                process.wait()
        with suppress(Exception):
            self._twin.close()

    def _now(self) -> State:
        if self._state is None:
            raise SpecMismatch("the cell was not reset")
        return self._state

    def _take(self, state: State) -> None:
        self._state = state
        self.plant_missed = state.missed
        if state.stopped is not None:
            self.stopped = state.stopped
            raise CellStopped(
                f"the cell was stopped: {state.stopped}; somebody has to look at it, and then to "
                "release it"
            )

    def _hear(self, within_s: float, *, wait: bool = True) -> State | Seen | None:
        if wait and within_s <= 0:
            raise CellStopped("the plant is silent; look at its process, and start the cell anew")
        try:
            said = self._plant.hear(FromPlant, max(within_s, 0.0) if wait else 0.0)
        except Lost as lost:
            raise CellStopped(f"the plant is gone ({lost}); start the cell anew") from lost
        return None if said is None else said.body
