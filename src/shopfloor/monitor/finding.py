"""What a detector has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shopfloor.types import Action, Observation

__all__ = ["Detector", "Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong at this tick.

    Attributes:
        detector: Who says so (``camera.age``).
        code: Failure code: ``sensor.fault`` or ``actuator.fault``.
        where: Camera or limb.
        reason: In words, with the numbers.
        lasting: Whether it is past mending without a person, however it looks a moment later.
    """

    detector: str
    code: Literal["sensor.fault", "actuator.fault"]
    where: str
    reason: str
    lasting: bool = False


class Detector(Protocol):
    """Looks at one thing, tick by tick, from the beginning of a lot."""

    def look(self, observation: Observation, sent: Action | None) -> Sequence[Finding]:
        """Return what is wrong at this tick.

        Args:
            observation: What the sensors say.
            sent: The command that was sent for the tick before, or None at first.
        """
        ...
