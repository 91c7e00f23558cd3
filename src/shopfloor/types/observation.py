"""What the cell tells at every tick: sensors for everybody, truth for the judge alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopfloor.types.frame import FloatArray, Frame
from shopfloor.types.spec import Station

__all__ = ["Event", "LimbState", "Observation", "People", "Timestep", "Truth"]


@dataclass(frozen=True, slots=True, eq=False)
class LimbState:
    """What a limb's own sensors say.

    Attributes:
        q: ``(dof,)`` joint positions [rad].
        qd: ``(dof,)`` joint velocities [rad/s].
        tool_in_world: ``(4, 4)`` pose of the tool centre point, z out of the jaw, x along
            the closing direction.
        jaw_m: Measured opening between the fingertips [m].
        wrench: ``(6,)`` force [N] and torque [N m] at the wrist, in the tool's axes, without
            the weight of the gripper.
        q_target: ``(dof,)`` where the limb's controller is heading [rad]: what it was last told.
    """

    q: FloatArray
    qd: FloatArray
    tool_in_world: FloatArray
    jaw_m: float
    wrench: FloatArray
    q_target: FloatArray


@dataclass(frozen=True, slots=True)
class People:
    """What a safety sensor says about people near the body.

    Where nobody can come near, as in a simulated cell without people, that is said by
    ``People()``; a sensor that has failed says so with a distance that is no number.

    Attributes:
        distances_m: From each tracked person to the nearest point that a limb can reach [m].
        reset: Whether a person at the cell asks, at this tick, for work to go on after a stop.
    """

    distances_m: tuple[float, ...] = ()
    reset: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What a brain, a skill and the guard may know.

    Attributes:
        tick: Now, in ticks since the lot's start.
        limbs: By name.
        frames: The newest stream frame of each camera.
        views: The newest native-resolution frame of each camera that was looked through.
        stations: Taught fixtures of this lot by name (``A``, ``B``, …, ``tray``).
        people: Who is near. Every cell says it, also that nobody is there: there is no default,
            because to have said nothing is not to be safe.
        documents: Documents that came with the order.
    """

    tick: int
    limbs: Mapping[str, LimbState]
    frames: Mapping[str, Frame]
    views: Mapping[str, Frame]
    stations: Mapping[str, Station]
    people: People
    documents: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What only the simulator knows; for the judge and the recorder, never for a brain.

    Attributes:
        tick: Now.
        position: ``(n, 3)`` part positions in the world [m], in the order of ``Lot.parts``.
        quat: ``(n, 4)`` part orientations (w, x, y, z).
        speed: ``(n,)`` linear speed of each part [m/s].
        touched: For each limb, the indices of the parts that its jaw touches.
        jaw_open: For each limb, whether its jaw is commanded open.
        collision_n: Largest force [N] between a limb and anything but a part in its jaw.
    """

    tick: int
    position: FloatArray
    quat: FloatArray
    speed: FloatArray
    touched: Mapping[str, tuple[int, ...]]
    jaw_open: Mapping[str, bool]
    collision_n: float


@dataclass(frozen=True, slots=True, eq=False)
class Timestep:
    """One tick of a cell. ``truth`` is None on a real cell."""

    observation: Observation
    truth: Truth | None
    terminated: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    ``kind`` is one of ``skill.started``, ``skill.finished``, ``skill.refused``, ``ruling``,
    ``fault``, ``fault.cleared``, ``order.changed``, ``person`` or ``brain.finish``; ``data`` holds
    plain JSON values. ``fault.injected``, ``fault.effect`` and ``fault.over`` say what was done to
    a cell on purpose, and are told to the recorder alone.
    """

    tick: int
    kind: str
    data: Mapping[str, Any]
