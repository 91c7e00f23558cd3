"""All detectors of a cell."""

from __future__ import annotations

from shopfloor.monitor.drive import Acknowledged, Follows
from shopfloor.monitor.finding import Detector, Finding
from shopfloor.monitor.knock import Knocked
from shopfloor.monitor.picture import Visible
from shopfloor.monitor.stream import Repeats, Stream
from shopfloor.types import Action, CellSpec, Observation

__all__ = ["Monitor"]


class Monitor:
    """Asks each detector once a tick."""

    def __init__(self, spec: CellSpec, *, sighted: bool = True) -> None:
        """Begin a lot.

        Args:
            spec: The cell that is watched.
            sighted: Whether it gives pictures.
        """
        self._detectors: list[Detector] = []
        for camera in spec.cameras.values() if sighted else ():
            self._detectors += [Stream(camera, spec.control_dt), Repeats(camera), Visible(camera)]
            self._detectors.append(Knocked(camera))
        for limb in spec.body.limbs:
            self._detectors += [Acknowledged(limb), Follows(limb)]

    def look(self, observation: Observation, sent: Action | None) -> list[Finding]:
        """Return everything that is wrong at this tick."""
        return [found for detector in self._detectors for found in detector.look(observation, sent)]
