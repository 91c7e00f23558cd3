"""The simulated cell, with faults put into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shopfloor.body.geometry import Geometry
from shopfloor.cell.fault.camera import CameraFaults
from shopfloor.cell.fault.limb import Encoders, Mechanics
from shopfloor.cell.fault.plan import Fault, Injection, draw
from shopfloor.cell.fault.wire import Gate, Wire
from shopfloor.cell.sorting import SortingCell
from shopfloor.types import Action, Event, Frame, Judge, Lot, OrderSource, Timestep

__all__ = ["FaultyCell"]


class FaultyCell:
    """Stands between a cell and everybody who sees and moves it.

    What was put in is told to the recorder alone (``take_injected``): ``fault.injected`` when a
    fault comes into force, ``fault.effect`` when it first makes a difference, ``fault.over`` when
    it ends. Nobody who is to find a fault may hear of it.
    """

    def __init__(self, world: SortingCell, faults: Sequence[Fault]) -> None:
        """Put faults into a cell.

        Args:
            world: The cell; closed together with this. Sensor noise, where there is any, comes
                after its faults, because readings here are taken for the truth.
            faults: What is put into each lot.
        """
        self.world, self.faults = world, tuple(faults)
        self.spec = world.spec
        self._geometry = Geometry(world.body)

    @property
    def simulated(self) -> bool:
        """Nothing real moves."""
        return True

    @property
    def renderer(self) -> str:
        """What draws the pictures."""
        return self.world.renderer

    def reset(self, lot: Lot, *, seed: int) -> Timestep:
        """Set the lot up and return tick 0."""
        timestep = self.world.reset(lot, seed=seed)
        dt = self.spec.control_dt
        self._tick = timestep.observation.tick
        self._news: list[Event] = []
        self._told: set[tuple[str, Injection]] = set()
        self._injections = draw(self.faults, lot, self.spec)
        self._cameras = {name: CameraFaults(dt, self._took) for name in self.spec.cameras}
        self._encoders = {
            name: Encoders(name, self._geometry, self._took) for name in self.spec.body.limbs
        }
        self._mechanics = Mechanics(self.world, self._took)
        self._wire, self._gate = Wire(self._took), Gate(self.spec.body, dt)
        return self._sensed(timestep)

    def step(self, action: Action) -> Timestep:
        """Apply one action for one tick, or what arrives of it."""
        active = self._active()
        arrived = self._wire.carry(action, active)
        taken = self._gate.pick(arrived, self.world.hold())
        timestep = self.world.step(self._mechanics.before(taken, active))
        self._mechanics.after(dict(timestep.observation.limbs), timestep.truth, active)
        return self._sensed(timestep)

    def view(self, camera: str) -> Frame:
        """Take a native-resolution picture now.

        Raises:
            SensorLost: The camera gives none.
        """
        return self._cameras[camera].view(lambda: self.world.view(camera), self._active(camera))

    def hold(self) -> Action:
        """Stay where the body is now."""
        return self.world.hold()

    def stop(self) -> None:
        """Bring the body to a controlled stop."""
        self.world.stop()

    def orders(self, *, seed: int, count: int | None) -> OrderSource:
        """Make the cell's own orders."""
        return self.world.orders(seed=seed, count=count)

    def judge(self) -> Judge:
        """Make the judge, who reads the truth."""
        return self.world.judge()

    def close(self) -> None:
        """Give back what the cell holds."""
        self.world.close()

    def take_injected(self) -> Sequence[Event]:
        """Hand over what was put in since this was last asked; for the recorder alone."""
        news, self._news = self._news, []
        return news

    def _active(self, target: str | None = None) -> tuple[Injection, ...]:
        return tuple(
            one for one in self._injections if one.at(self._tick) and target in (None, one.target)
        )

    def _sensed(self, timestep: Timestep) -> Timestep:
        seen = timestep.observation
        self._tick = tick = seen.tick
        for one in self._injections:
            if one.at(tick):
                self._tell("fault.injected", one, until=one.end, amount=one.amount)
            elif one.begin <= tick:
                self._tell("fault.over", one)
        if not self._injections:
            return timestep
        observation = replace(
            seen,
            limbs={
                name: self._encoders[name].read(state, self._active(name))
                for name, state in seen.limbs.items()
            },
            frames={
                name: self._cameras[name].stream(frame, self._active(name), tick)
                for name, frame in seen.frames.items()
            },
        )
        return replace(timestep, observation=observation)

    def _took(self, one: Injection) -> None:
        self._tell("fault.effect", one)

    def _tell(self, kind: str, one: Injection, **more: object) -> None:
        if (kind, one) not in self._told:
            self._told.add((kind, one))
            data = {"fault": one.kind.name, "target": one.target, **more}
            self._news.append(Event(self._tick, kind, data))
