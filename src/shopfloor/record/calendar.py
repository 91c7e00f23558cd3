"""The calendar of a shift: when it starts, and what is planned in it besides work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["DAY_S", "NO_CALENDAR", "STATES", "Calendar", "Window"]

DAY_S = 86_400
"""Windows come back every so many seconds."""

STATES = ("NST", "SDT", "ENG", "SBY")
"""E10 states that can be planned; productive time and failures cannot."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the day that is planned for something else than work.

    Attributes:
        name: What it is, such as ``lunch``.
        state: One of ``STATES``.
        at_s: When it is due, after the start of the shift [s]; below ``DAY_S``.
        length_s: How long it takes [s]; above 0.
    """

    name: str
    state: str
    at_s: int
    length_s: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is planned in a day besides work.

    Attributes:
        name: Of the calendar.
        start_s: Time of day at which the shift starts [s after midnight].
        windows: In the order in which they are due; they do not overlap.
    """

    name: str
    start_s: int
    windows: tuple[Window, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` made of one."""
        windows: Sequence[Mapping[str, Any]] = data["windows"]
        return cls(data["name"], data["start_s"], tuple(Window(**each) for each in windows))


NO_CALENDAR = Calendar("none", 0, ())
"""The cell is there for work all the time."""
