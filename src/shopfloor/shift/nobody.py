"""A recorder that records nothing, for work that is to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopfloor.types import (
    Action,
    Decision,
    Event,
    Exchange,
    Frame,
    Lot,
    Outcome,
    Ruling,
    Timestep,
)

__all__ = ["Nobody"]


class Nobody:
    """Takes a lot's log and keeps none of it."""

    def begin(self, lot: Lot, stamp: Mapping[str, str]) -> None:
        """Nothing."""

    def step(self, timestep: Timestep, requested: Action, ruling: Ruling) -> None:
        """Nothing."""

    def event(self, event: Event) -> None:
        """Nothing."""

    def exchange(
        self,
        tick: int,
        exchange: Exchange,
        *,
        decision: Decision | None = None,
        due: int | None = None,
    ) -> None:
        """Nothing."""

    def view(self, frame: Frame) -> None:
        """Nothing."""

    def end(self, outcome: Outcome) -> Mapping[str, Any]:
        """Nothing."""
        return {}
