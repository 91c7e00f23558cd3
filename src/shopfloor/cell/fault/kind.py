"""Every fault that can be put into a cell: what it does, and what the house owes in answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shopfloor.errors import UnknownName

__all__ = ["FAULTS", "FaultKind", "fault_kind"]

Place = Literal["camera", "limb", "wire"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One named fault.

    Attributes:
        name: What ``--fault`` calls it.
        does: What happens to the cell, in words.
        row: The row of the table in docs/robustness.md that it belongs to.
        place: What it befalls: one camera, one limb, or the wire from the loop to the drives.
        codes: Failure codes one of which must be named for it; empty where none is owed.
        within_ms: They must be named within so much world time of the first effect, where the fault
            has its usual intensity; None: by the end of the order.
        recovers: Whether the order must be finished without a person once the fault is over.
        amount: Least, usual and greatest intensity; None where there is nothing to set.
        unit: Of the intensity.
    """

    name: str
    does: str
    row: str
    place: Place
    codes: tuple[str, ...] = ()
    within_ms: int | None = None
    recovers: bool = True
    amount: tuple[float, float, float] | None = None
    unit: str = ""


_LOST = "camera off, frozen, stale timestamp"
_WIRE = "frame drop, delay, reordering"
_SEEN = "RGB blur, exposure, occlusion"
_DRIVE = "actuator stall, weak joint, friction"
_COMMS = "commands lost, doubled, replayed, out of sequence"
_SENSOR, _ACTUATOR = ("sensor.fault",), ("actuator.fault",)
_EITHER = ("sensor.fault", "actuator.fault")
"""An encoder that lies and a drive that stands look the same to everybody but the joint itself."""
_SLIPPED = ("grasp.slip", "grasp.miss", "plan.wrong_step", "actuator.fault")

FAULTS = {
    kind.name: kind
    for kind in (
        FaultKind("camera.off", "no picture comes any more", _LOST, "camera", _SENSOR, 200),
        FaultKind("camera.freeze", "the last picture stays", _LOST, "camera", _SENSOR, 200),
        FaultKind(
            "camera.stale",
            "pictures go on, but say that they were taken when the fault began",
            _LOST,
            "camera",
            _SENSOR,
            200,
        ),
        FaultKind(
            "camera.repeat",
            "one picture is sent again and again, numbered and stamped as if it were new",
            _LOST,
            "camera",
            _SENSOR,
            1000,
        ),
        FaultKind(
            "camera.drop",
            "a share of the pictures is lost",
            _WIRE,
            "camera",
            amount=(0.1, 0.3, 0.5),
            unit="of all",
        ),
        FaultKind(
            "camera.delay",
            "pictures come later",
            _WIRE,
            "camera",
            amount=(0.05, 0.2, 0.5),
            unit="s",
        ),
        FaultKind("camera.reorder", "pictures change places", _WIRE, "camera", _SENSOR, 400),
        FaultKind(
            "camera.blur",
            "pictures are out of focus",
            _SEEN,
            "camera",
            amount=(2.0, 8.0, 30.0),
            unit="px",
        ),
        FaultKind(
            "camera.exposure",
            "pictures are far too bright or, below 0, too dark",
            _SEEN,
            "camera",
            _SENSOR,
            200,
            amount=(-8.0, -5.0, 8.0),
            unit="EV",
        ),
        FaultKind(
            "camera.occlusion",
            "something hangs before the lens",
            _SEEN,
            "camera",
            _SENSOR,
            200,
            amount=(0.1, 0.4, 1.0),
            unit="of the picture",
        ),
        FaultKind(
            "camera.holes",
            "a share of the depth is missing",
            "depth noise, holes, flying pixels",
            "camera",
            _SENSOR,
            200,
            amount=(0.05, 0.4, 1.0),
            unit="of the picture",
        ),
        FaultKind(
            "camera.moved",
            "the camera was knocked and stands elsewhere than where it was calibrated",
            "camera moved 1-5 cm",
            "camera",
            _SENSOR,
            None,
            recovers=False,
            amount=(0.01, 0.03, 0.05),
            unit="m",
        ),
        FaultKind(
            "encoder.bias",
            "a joint reads so much too much",
            "encoder bias or stuck",
            "limb",
            _EITHER,
            500,
            recovers=False,
            amount=(0.02, 0.1, 0.5),
            unit="rad",
        ),
        FaultKind(
            "encoder.stuck",
            "a joint's reading stays",
            "encoder bias or stuck",
            "limb",
            _EITHER,
            500,
            recovers=False,
        ),
        FaultKind(
            "actuator.stall",
            "a joint's brake falls in",
            _DRIVE,
            "limb",
            _EITHER,
            500,
            recovers=False,
        ),
        FaultKind(
            "actuator.weak",
            "a joint has only so much of its torque",
            _DRIVE,
            "limb",
            _EITHER,
            500,
            recovers=False,
            amount=(0.01, 0.05, 0.9),
            unit="of the torque",
        ),
        FaultKind(
            "actuator.friction",
            "every joint of a limb has so many times its friction",
            _DRIVE,
            "limb",
            amount=(1.5, 3.0, 20.0),
            unit="times",
        ),
        FaultKind(
            "gripper.slip",
            "the fingertips are oily",
            "gripper slip, drop",
            "limb",
            _SLIPPED,
            None,
            amount=(0.0, 0.001, 0.5),
            unit="of the friction",
        ),
        FaultKind(
            "gripper.open",
            "the jaw opens by itself and drops what it holds",
            "gripper slip, drop",
            "limb",
            _SLIPPED,
            None,
        ),
        FaultKind("comms.loss", "no command arrives", _COMMS, "wire", _ACTUATOR, 200),
        FaultKind("comms.duplicate", "every command arrives twice", _COMMS, "wire"),
        FaultKind(
            "comms.replay",
            "commands of a second ago arrive in place of new ones",
            _COMMS,
            "wire",
            _ACTUATOR,
            200,
        ),
        FaultKind(
            "comms.sequence",
            "commands arrive under a number that was used before",
            _COMMS,
            "wire",
            _ACTUATOR,
            200,
        ),
    )
}
"""By name, in the order of the table."""


def fault_kind(name: str) -> FaultKind:
    """Return a fault by its name.

    Raises:
        UnknownName: There is none; the message lists what exists.
    """
    try:
        return FAULTS[name]
    except KeyError:
        raise UnknownName("fault", name, FAULTS) from None
