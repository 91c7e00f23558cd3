"""What is drilled: for each fault, how it is put in, and what is owed."""

from __future__ import annotations

from dataclasses import dataclass

from shopfloor.cell.fault import FAULTS, FaultKind
from shopfloor.errors import UnknownName

__all__ = ["ROUTINES", "UNBUILT", "Routine", "routine"]


@dataclass(frozen=True, slots=True)
class Routine:
    """One class of the drill.

    Attributes:
        kind: The fault.
        written: As ``--fault`` writes it: some moment of an order's motion, drawn by seed.
    """

    kind: FaultKind
    written: str

    @property
    def name(self) -> str:
        """Of the fault."""
        return self.kind.name


_WINDOW = "@0.6s..3s"
"""While the first parts of a short order are carried."""
_LASTS = {"gripper": "+1.5s", "comms": "+0.5s"}
_LATE = "@1s..4s"


def _routine(kind: FaultKind) -> Routine:
    family = kind.name.partition(".")[0]
    lasts = _LASTS.get(family, "+1s") if kind.recovers else ""
    # The parts are found through this camera: what befalls it matters most.
    target = "/overview" if family == "camera" else ""
    window = _LATE if family == "gripper" else _WINDOW
    return Routine(kind, f"{kind.name}{target}{window}{lasts}")


ROUTINES = {name: _routine(kind) for name, kind in FAULTS.items()}
"""By the fault's name, in the order of the table."""

UNBUILT = {
    "brain timeout, hang, kill, unreachable": "measured by `shopfloor bench loss`",
    "slow brain, tail x10": "not built",
    "NaN, infinity, wrong shape, dtype, unit, empty or huge chunk": "has tests of its own",
    "valid but hostile action": "measured by `shopfloor bench fuzz`",
    "wrong-object claim, false done, unknown skill, malformed JSON": "has tests of its own",
    "supervisor killed": "measured by `shopfloor bench loss`",
    "process killed at a random tick, power loss": "measured by `shopfloor bench recording`",
    "disk full, read-only, corrupt log": "has tests of its own",
    "clock jump": "not built",
    "CPU starvation, memory pressure": "not built",
    "human in the zone, E-stop, door": "not built",
    "jam, missing part, wrong tray, starvation": "not built",
    "printed-sign injection, jailbreak text, adversarial patch": "not built",
    "pickle, malformed message, bomb, slow client, no token": "not built",
    "tampered checkpoint, cell file, skill pack": "not built",
    "double pick, flying pixels of depth": "not built as faults; flying pixels are in --noise",
    "a camera moved between two lots": "not built; camera.moved knocks it during one",
}
"""Rows of the table that no routine puts in, and where else they are looked at."""


def routine(name: str) -> Routine:
    """Return a routine by its fault.

    Raises:
        UnknownName: There is none; the message lists what exists.
    """
    try:
        return ROUTINES[name]
    except KeyError:
        raise UnknownName("fault", name, ROUTINES) from None
