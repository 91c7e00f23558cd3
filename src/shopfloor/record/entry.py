"""The index entry of one committed episode, and the manifest of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Self

from shopfloor.errors import RunCorrupt, RunVersion
from shopfloor.record.calendar import Calendar
from shopfloor.types import NOT_CHECKED, PapersStamp, UnitOutcome

__all__ = ["E10_STATES", "FORMAT", "Entry", "Manifest", "Session"]

FORMAT = 3
"""Version of the run folder; raised whenever an older reader would misread it."""

E10_STATES = ("PRD", "SBY", "ENG", "SDT", "UDT", "NST")
"""SEMI E10 states; every tick of a shift is in exactly one."""


def _checked(cls: type[Any], data: Mapping[str, Any], what: str) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    needed = {f.name for f in fields(cls) if f.default is MISSING}
    if missing := sorted(needed - data.keys()):
        raise RunCorrupt(f"{what} lacks {', '.join(missing)}; the file was damaged or edited")
    return {name: data[name] for name in names & data.keys()}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index says of one lot. Times are ticks since the lot's start.

    Attributes:
        lot: Index of the lot in the shift.
        order, instruction, language: Of its order.
        seed: Seed of the lot.
        ticks: Length of the lot, changeover not included.
        good, ever, code, code_tick, units: The judge's outcome.
        delivered: Tick at which each good unit came to rest, ascending.
        cycles_s: For each part put into a tote, seconds from when it was first reached for to
            when it was let go of there.
        segments: E10 states of the lot in order, as (state, ticks); sums to ``ticks``.
        think_ticks: Ticks in which every limb held because the brain was thinking.
        picks: (attempted, succeeded by the skill's own sensors).
        relays: Parts set down on purpose where another limb takes them.
        worked_by: Name of the brain that decided: that of the shift, or its fallback.
        lost: How that brain was lost, ``brain.timeout`` or ``brain.unreachable``; None where it
            was not, or where nobody looked, in runs from before a brain could be lost.
        guard: (actions limited, actions stopped).
        repair_ticks: Down time after the lot until the operator had cleared the cell;
            0 when nobody was needed.
        decisions: How often the brain was asked.
        tokens: (in, out) of those decisions whose tokens were counted; None where none were.
        uncounted: Decisions whose tokens nobody counted.
        model_usd: Price of those decisions that came with one [USD]; None where none did.
        unpriced: Decisions that came without a price.
        peak_tool_speed_m_s: Largest measured tool speed.
        breaches: Ticks on which an independent reading of the simulator's state found a
            limit left; None where nobody looked.
        frames: Frames recorded per camera stream.
        log_sha256: Hash of the lot's log, without wall time.
        wall_s: Wall time that the lot took; not part of the hash.
    """

    lot: int
    order: str
    instruction: str
    language: str
    seed: int
    ticks: int
    good: bool
    ever: bool
    code: str | None
    code_tick: int | None
    units: tuple[UnitOutcome, ...]
    delivered: tuple[int, ...]
    cycles_s: tuple[float, ...]
    segments: tuple[tuple[str, int], ...]
    think_ticks: int
    picks: tuple[int, int]
    relays: int
    worked_by: str
    lost: str | None
    guard: tuple[int, int]
    repair_ticks: int
    decisions: int
    tokens: tuple[int, int] | None
    uncounted: int
    model_usd: float | None
    unpriced: int
    peak_tool_speed_m_s: float
    breaches: int | None
    frames: Mapping[str, int]
    log_sha256: str
    wall_s: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, brain: str) -> Self:
        """Read what ``to_json`` wrote.

        Args:
            data: The values.
            brain: Name of the brain of the run, who worked every lot of runs from before another
                could stand in.

        Raises:
            RunCorrupt: Something is lacking.
        """
        older = {"worked_by": brain, "lost": None}
        values = _checked(cls, {**older, **data}, "an episode's index entry")
        values["units"] = tuple(UnitOutcome(**unit) for unit in values["units"])
        for name in ("delivered", "cycles_s", "picks", "guard"):
            values[name] = tuple(values[name])
        if values["tokens"] is not None:
            values["tokens"] = tuple(values["tokens"])
        values["segments"] = tuple((state, ticks) for state, ticks in values["segments"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a run depends on; written once, before the first tick.

    Attributes:
        format: Version of the run folder.
        created: ISO time (UTC) of the start.
        cell, body, brain, latency, limits: As asked for.
        seed: Seed of the shift.
        orders: Number of orders asked for, or None when ``hours`` bounds the shift.
        hours: Shift length asked for [h], or None.
        order_file: Name of the order file, or None for generated orders.
        record_fps: Rate of the recorded streams [Hz].
        video: Whether the streams were encoded.
        depth: Whether their depth was, too.
        audit: Whether an independent reader looked for limits that were left.
        allow_unproven: Whether the brain was let work without a passed probe.
        cameras: Cameras that the brain was to be shown, as asked for; empty: its own choice.
        control_dt: Length of a tick [s].
        changeover_s: Time charged between two lots [s].
        calendar: What was planned in the shift besides work.
        planned_cycle_s: Planned run time per unit, frozen before the run [s], or None.
        planned_cycle_source: Where that is from, or None.
        brain_deadline_s: The brain had to decide within so long [s]; None in runs from before it
            had to.
        fallback: Who was to work while the brain is lost, or None.
        limb_names, camera_names: As in the cell.
        notes: What a reader must know first (``the world was paused while ...``).
        versions: shopfloor, python, mujoco, numpy.
        renderer: GL renderer string.
        cpu: Processor model.
        git_commit: Of shopfloor, or None outside a checkout.
        sha256: Hashes of body, cell, orders, limits.
        brain_identity: What the brain says it is.
        faults: What was put into the cell on purpose; runs from before that do not say it.
        language: What generated orders were told in: ``mixed``, ``en`` or ``zh``; ``mixed`` in runs
            from before there was a choice.
        noise: Level of the sensor noise; runs from before there was any do not say it.
        papers: What the rules said of the brain before it started; runs from before there were
            papers say that they were not checked.
    """

    format: int
    created: str
    cell: str
    body: str
    brain: str
    latency: str
    limits: str
    seed: int
    orders: int | None
    hours: float | None
    order_file: str | None
    record_fps: float
    video: bool
    depth: bool
    audit: bool
    allow_unproven: bool
    cameras: tuple[str, ...]
    control_dt: float
    changeover_s: float
    calendar: Calendar
    planned_cycle_s: float | None
    planned_cycle_source: str | None
    brain_deadline_s: float | None
    fallback: str | None
    limb_names: tuple[str, ...]
    camera_names: tuple[str, ...]
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    renderer: str
    cpu: str
    git_commit: str | None
    sha256: Mapping[str, str]
    brain_identity: Mapping[str, str]
    language: str = "mixed"
    noise: int = 0
    faults: tuple[str, ...] = ()
    papers: PapersStamp = NOT_CHECKED

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        if data.get("format") != FORMAT:
            raise RunVersion(
                f"the run folder has format {data.get('format')!r}, this shopfloor reads "
                f"{FORMAT}; open it with the version that wrote it "
                f"({(data.get('versions') or {}).get('shopfloor', 'unknown')})"
            )
        older = {"brain_deadline_s": None, "fallback": None, "papers": asdict(NOT_CHECKED)}
        values = _checked(cls, {**older, **data}, "the manifest")
        try:
            values["calendar"] = Calendar.from_json(values["calendar"])
            values["papers"] = PapersStamp.from_json(values["papers"])
        except (TypeError, KeyError) as error:
            raise RunCorrupt(
                f"the manifest's calendar or papers are not what was written ({error}); the file "
                "was damaged or edited"
            ) from error
        for name in ("cameras", "faults", "limb_names", "camera_names", "notes"):
            values[name] = tuple(values[name])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Session:
    """One process that worked on a run; a resumed run has several.

    ``workers`` is how many lots could be worked side by side; ``others`` names the processor and
    renderer of machines that worked lots and are not like the one in the manifest.
    ``ended`` is ``complete``, ``max-wall`` where its wall time was up, ``paused`` where it was to
    go no further for now, or ``interrupted``; when nobody could write it, the session has no line.
    """

    started: str
    wall_s: float
    workers: int
    lots: int
    ended: str
    others: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what was written; a session on one machine does not speak of others.

        Raises:
            TypeError: It is something else.
        """
        return cls(**{**data, "others": tuple(data.get("others", ()))})
