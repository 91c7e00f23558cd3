"""What a shift is to be: everything that was asked for, checked, in one picklable object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shopfloor.errors import UsageError
from shopfloor.record.calendar import NO_CALENDAR
from shopfloor.shift.latency import DEADLINE_S, Charge, Latency, usual
from shopfloor.shift.planned import PlannedCycle
from shopfloor.shift.workforce import Cluster, Workforce, check_workers
from shopfloor.types import NOT_CHECKED, Brain, BrainContext, Lot, PapersStamp, Sealed

__all__ = ["LANGUAGES", "MIXED", "Plan", "Replay"]

MIXED = "mixed"
LANGUAGES = (MIXED, "en", "zh")
"""What generated orders can be told in."""


class Replay(Protocol):
    """Makes who takes the brain's place; every worker makes its own, so it must be picklable."""

    def __call__(self, context: BrainContext) -> tuple[Brain, Charge]:
        """Return who decides, and what its decisions cost."""
        ...

    def worked_by(self, lot: Lot) -> str:
        """Name who worked a lot then."""
        ...


_MOST_ORDERS = 1_000_000
_MOST_HOURS = 10_000.0
_DEADLINE_S = (0.05, 3600.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """One shift.

    Attributes:
        cell, body, brain: Names of plugins.
        seed: Seed of everything that varies.
        orders: Length of the shift in orders, or None.
        hours: Length of the shift in hours of the virtual clock, or None. The lot during
            which the time is up is finished.
        order_file: Orders to carry out instead of generated ones, or None.
        language: What generated orders are told in: ``mixed``, ``en`` or ``zh``.
        latency: What thinking costs.
        limits: ``fenced``, ``collaborative``, or the path of a limits file.
        record_fps: Rate of the recorded camera streams [Hz].
        video: Whether the streams are encoded; their hashes are logged either way.
        depth: Whether the depth of the streams is recorded, too.
        audit: Whether an independent reader looks for limits that were left.
        workers: Processes that work lots side by side, or a cluster.
        max_wall_s: No new lot is begun after so much wall time [s]; None for no bound.
        allow_unproven: Whether a brain may move simulated limbs without having proved that it
            can point.
        cameras: Cameras that a model is shown; empty: those that it asks for.
        calendar: ``none``, ``two-breaks``, or the path of a calendar file.
        planned_cycle: Planned run time per unit, or None: then effectiveness is not measured.
        brain_deadline_s: The brain decides within so long, or the order has failed [s].
        fallback: Who works lots while the brain is lost, or None.
        keep_going: Whether the shift goes on however long the brain is lost.
        replay: Who decides in the brain's place, as recorded; None: the brain itself.
        notes: What a reader of the run must know first, besides what follows from the rest.
        faults: What is put into the cell on purpose, as ``--fault`` writes it.
        noise: Level of the sensor noise between cell and brain; 0 for none.
        papers: What the rules said of the brain; a cell that is not simulated needs a pass.
        papers_file: The papers that were given, or None.
        seals: The weight files that were hashed; the brain may be made of no others.
        simulated_only: Whether a cell that does not say that it is simulated is refused.
    """

    cell: str
    body: str
    brain: str
    seed: int
    orders: int | None
    hours: float | None
    order_file: Path | None
    latency: Latency
    limits: str
    record_fps: float
    video: bool
    audit: bool
    workers: Workforce
    max_wall_s: float | None = None
    allow_unproven: bool = False
    depth: bool = False
    cameras: tuple[str, ...] = ()
    language: str = MIXED
    calendar: str = NO_CALENDAR.name
    planned_cycle: PlannedCycle | None = None
    brain_deadline_s: float = DEADLINE_S
    fallback: str | None = None
    keep_going: bool = False
    replay: Replay | None = None
    notes: tuple[str, ...] = ()
    noise: int = 0
    faults: tuple[str, ...] = ()
    papers: PapersStamp = NOT_CHECKED
    papers_file: Path | None = None
    seals: tuple[Sealed, ...] = ()
    simulated_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: A number is impossible, or two lengths were given.
        """
        _check_faults(self.faults)
        if self.noise != 0:
            from shopfloor.cell.noise.level import noise_level

            noise_level(self.noise)
        if self.orders is not None and self.hours is not None:
            raise UsageError("give --orders or --hours, not both")
        if self.orders is not None and not 1 <= self.orders <= _MOST_ORDERS:
            raise UsageError(f"--orders is {self.orders}; it must be from 1 to {_MOST_ORDERS}")
        if self.hours is not None and not 0 < self.hours <= _MOST_HOURS:
            raise UsageError(f"--hours is {self.hours:g}; it must be above 0 and at most 10000")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed is {self.seed}; it must be from 0 to {2**31 - 1}")
        check_workers(self.workers)
        if self.max_wall_s is not None and not self.max_wall_s > 0:
            raise UsageError(f"--max-wall is {self.max_wall_s:g}; it must be above 0 seconds")
        self._check_brains()
        if self.depth and not self.video:
            raise UsageError("--record-depth needs the videos; leave --no-video out")
        if isinstance(self.workers, Cluster) and self.replay is not None:
            raise UsageError(
                f"--workers is {self.workers}, and recorded answers are read on this machine only; "
                "give a number"
            )
        if self.latency.mode == "measured" and self.workers != 1 and self.replay is None:
            raise UsageError(
                "--latency measured with several workers would charge each brain for the others' "
                "load; take --workers 1, or --latency fixed:MS"
            )
        self._check_language()

    def _check_language(self) -> None:
        if self.language not in LANGUAGES:
            raise UsageError(
                f"--language is {self.language!r}; it must be one of {', '.join(LANGUAGES)}"
            )
        if self.language != MIXED and self.order_file is not None:
            raise UsageError(
                "--language is for generated orders; those of an order file are told as they stand "
                "there: give one of the two"
            )

    @property
    def fallback_latency(self) -> Latency:
        """What the fallback's thinking costs: what is usual for it, where the clock decides."""
        if self.fallback is None or self.latency.mode != "measured":
            return self.latency
        return Latency.parse(usual(self.fallback))

    def _check_brains(self) -> None:
        least, most = _DEADLINE_S
        if not least <= self.brain_deadline_s <= most:
            raise UsageError(
                f"--brain-deadline is {self.brain_deadline_s:g}; it must be from {least:g} to "
                f"{most:g} seconds"
            )
        if self.fallback == self.brain:
            raise UsageError(
                f"--fallback is {self.fallback!r}, and so is --brain; name another brain, such as "
                "classical"
            )
        if self.fallback is not None and self.keep_going:
            raise UsageError(
                "--keep-going asks a lost brain again and again, and --fallback lets another work "
                "meanwhile; give one of them"
            )


def _check_faults(faults: tuple[str, ...]) -> None:
    if faults:
        from shopfloor.cell.fault.plan import parse

        for text in faults:
            parse(text)
