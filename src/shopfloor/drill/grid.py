"""The grid: for each class, how often it was detected, safe, recovered and left all intact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shopfloor.drill.routine import Routine
from shopfloor.drill.score import Trial
from shopfloor.report.interval import clopper_pearson

__all__ = ["Count", "Row", "Times", "grid"]


@dataclass(frozen=True, slots=True)
class Count:
    """``k`` of ``n``, with the least rate that this supports at 95 % (Clopper-Pearson)."""

    k: int
    n: int
    at_least: float

    @classmethod
    def of(cls, held: Sequence[bool]) -> Count:
        """Count how often something held; ``held`` is not empty."""
        k, n = sum(held), len(held)
        # One-sided at 95 %: the lower end of a two-sided interval at 90 %.
        return cls(k, n, clopper_pearson(k, n, confidence=0.90).lo)

    @property
    def all(self) -> bool:
        """Whether it always held."""
        return self.k == self.n


@dataclass(frozen=True, slots=True)
class Times:
    """Ticks that something took."""

    p50: float
    p99: float
    most: int

    @classmethod
    def of(cls, ticks: Sequence[int]) -> Times | None:
        """Return the quantiles of what was measured; None where nothing was."""
        if not ticks:
            return None
        low, high = np.quantile(ticks, (0.5, 0.99))
        return cls(float(low), float(high), max(ticks))


@dataclass(frozen=True, slots=True)
class Row:
    """One class. A cell is None where nothing is owed, or nothing took effect.

    Attributes:
        fault: Name of the fault.
        does: What it does.
        row: The row of the table that it belongs to.
        written: How it was put in.
        n: Injections that took effect.
        idle: Injections that did not, and count for nothing.
        detected, safe, recovered, intact: The four letters.
        unsafe: Injections after which some limit was left.
        detect_ticks, stand_ticks: From the effect to its name, and to standing limbs.
        codes: Root codes of the orders that failed, with their number.
        failing: (seed, lot) of every injection that missed a letter.
    """

    fault: str
    does: str
    row: str
    written: str
    n: int
    idle: int
    detected: Count | None
    safe: Count | None
    recovered: Count | None
    intact: Count | None
    unsafe: int
    detect_ticks: Times | None
    stand_ticks: Times | None
    codes: tuple[tuple[str, int], ...]
    failing: tuple[tuple[int, int], ...]

    @property
    def green(self) -> bool:
        """Whether nothing that is owed was missed, and something was tried."""
        cells = (self.detected, self.safe, self.recovered, self.intact)
        return self.n > 0 and all(cell is None or cell.all for cell in cells)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def grid(routine: Routine, trials: Sequence[Trial]) -> Row:
    """Make the row of one class."""
    took = [trial for trial in trials if trial.took is not None]
    codes: dict[str, int] = {}
    for trial in took:
        if trial.code is not None:
            codes[trial.code] = codes.get(trial.code, 0) + 1
    return Row(
        fault=routine.name,
        does=routine.kind.does,
        row=routine.kind.row,
        written=routine.written,
        n=len(took),
        idle=len(trials) - len(took),
        detected=_count([trial.in_time for trial in took]),
        safe=_count([trial.safe for trial in took]),
        recovered=_count([trial.recovered for trial in took]),
        intact=_count([trial.intact for trial in took]),
        unsafe=sum(not trial.safe for trial in took),
        detect_ticks=Times.of([trial.detected for trial in took if trial.detected is not None]),
        stand_ticks=Times.of([trial.stood for trial in took if trial.stood is not None]),
        codes=tuple(sorted(codes.items())),
        failing=tuple(
            (trial.seed, trial.lot)
            for trial in took
            if False in (trial.in_time, trial.safe, trial.recovered, trial.intact)
        ),
    )


def _count(held: Sequence[bool | None]) -> Count | None:
    said = [one for one in held if one is not None]
    return Count.of(said) if said else None
