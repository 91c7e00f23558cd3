"""Overall equipment effectiveness, after ISO 22400-2: availability × effectiveness × quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Oee"]


@dataclass(frozen=True, slots=True)
class Oee:
    """What the three factors are made of. A factor without its measure is None, never 0.

    Attributes:
        production_s: Actual production time, APT: the state PRD [s].
        busy_s: Planned busy time, PBT: the shift without non-scheduled time, engineering and
            planned windows of scheduled down time. Changeovers are in it: they are part of
            carrying out orders, so a cell that waits for trays is not a busy one [s].
        planned_s: Planned run time per item, PRI, frozen before the run [s]; or None.
        produced: Produced quantity, PQ: units that are good, scrap or in quarantine.
        good: Good quantity, GQ.
    """

    production_s: float
    busy_s: float
    planned_s: float | None
    produced: int
    good: int

    @classmethod
    def of(
        cls,
        state_s: Mapping[str, float],
        *,
        changeover_s: float,
        planned_s: float | None,
        produced: int,
        good: int,
    ) -> Oee:
        """Take it from the time in each E10 state and the changeovers among the SDT [s]."""
        busy_s = state_s["PRD"] + state_s["SBY"] + state_s["UDT"] + changeover_s
        return cls(state_s["PRD"], busy_s, planned_s, produced, good)

    @property
    def availability(self) -> float | None:
        """A = APT / PBT."""
        return self.production_s / self.busy_s if self.busy_s else None

    @property
    def effectiveness(self) -> float | None:
        """E = PRI · PQ / APT; above 1 where the cell was faster than planned."""
        if self.planned_s is None or not self.production_s:
            return None
        return self.planned_s * self.produced / self.production_s

    @property
    def quality(self) -> float | None:
        """Q = GQ / PQ."""
        return self.good / self.produced if self.produced else None

    @property
    def oee(self) -> float | None:
        """A · E · Q."""
        a, e, q = self.availability, self.effectiveness, self.quality
        return None if a is None or e is None or q is None else a * e * q

    def to_json(self) -> dict[str, Any]:
        """Return what it is made of."""
        return asdict(self)
