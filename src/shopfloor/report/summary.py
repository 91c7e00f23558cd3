"""What a shift came to: every figure of the report, from the manifest and the index alone."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import E10_STATES, Entry, Manifest
from shopfloor.report.interval import (
    Interval,
    Rate,
    anytime,
    bootstrap_ratio,
    clopper_pearson,
)
from shopfloor.report.measure import LEDGER, CycleTime, MeanTime, Units
from shopfloor.report.timeline import changeover_ticks, lot_times, timeline

__all__ = ["Summary", "in_lot_order", "log_sha256", "summarise"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Every figure of a shift. Unmeasured is None, never 0.

    Attributes:
        run: When the run began, as its manifest says [ISO time, UTC].
        cell, body, brain, seed, latency, limits, notes: As in the manifest.
        ended: ``complete``, ``max-wall`` or ``interrupted``; None where nobody could write it.
        orders, orders_asked: Orders judged, and asked for where a number was asked for.
        missing_lots: Lots below the highest recorded one that are not in the index.
        good, ever: Orders good at the end, and at any one settled moment.
        good_anytime: 95 % interval of ``good`` that stays valid however the run was stopped.
        good_exact: Clopper-Pearson 95 % interval of ``good``, for safety claims.
        by_language: Orders good by language of the instruction.
        first_pass: Orders good with no failed pick, no part picked twice and no assist.
        units: The ledger.
        bystanders: Parts that no order named.
        uph: Good units per hour of shift, changeovers and repairs included.
        uph_interval: 95 % bootstrap over lots, seeded with the run's seed.
        cycle: Cycle times of good units.
        sim_s: Length of the shift on the virtual clock [s].
        worked_s: The same without changeovers and repairs, which are charged and not
            simulated [s].
        think_s: Time in which all limbs held because the brain was thinking [s].
        wall_s: Wall time [s], or None where unknown.
        rtf, rtf_worked: ``sim_s`` and ``worked_s`` per second of wall time.
        failures: Failed orders by root code, most frequent first.
        state_ticks, state_s, states: E10 states in ticks, seconds, and fractions.
        assists: Lots after which the operator had to clear the cell.
        guard_limited, guard_stopped, actions: Rulings, and of how many actions.
        picks_attempted, picks_succeeded: By the skill's own sensors.
        decisions: How often the brain was asked.
        mtbf: Productive time between failures of the equipment (stretches of UDT).
        mtba: Productive time between assists.
        mtbi: Productive time between interruptions: lots that failed or needed an assist.
        mttr_s: UDT per failure of the equipment [s].
        units_per_assist: Good units per assist.
        availability: PRD / (PRD + SBY + UDT).
        quality: good / (good + scrap + quarantine).
        effectiveness: Planned time per unit times units produced / PRD; None where no
            planned time was frozen before the run.
        oee: Product of the three.
        peak_tool_speed_m_s: Largest measured tool speed.
        breaches, lots_checked: Ticks outside a limit by an independent reading, and in how
            many lots somebody looked.
        log_sha256: Hash of the whole log, see :func:`log_sha256`.
    """

    run: str
    cell: str
    body: str
    brain: str
    seed: int
    latency: str
    limits: str
    notes: tuple[str, ...]
    ended: str | None
    orders: int
    orders_asked: int | None
    missing_lots: tuple[int, ...]
    good: Rate
    ever: Rate
    good_anytime: Interval | None
    good_exact: Interval | None
    by_language: Mapping[str, Rate]
    first_pass: Rate
    units: Units
    bystanders: int
    uph: float | None
    uph_interval: Interval | None
    cycle: CycleTime
    sim_s: float
    worked_s: float
    think_s: float
    wall_s: float | None
    rtf: float | None
    rtf_worked: float | None
    failures: Mapping[str, int]
    state_ticks: Mapping[str, int]
    state_s: Mapping[str, float]
    states: Mapping[str, float | None]
    assists: int
    guard_limited: int
    guard_stopped: int
    actions: int
    picks_attempted: int
    picks_succeeded: int
    decisions: int
    mtbf: MeanTime
    mtba: MeanTime
    mtbi: MeanTime
    mttr_s: float | None
    units_per_assist: float | None
    availability: float | None
    quality: float | None
    effectiveness: float | None
    oee: float | None
    peak_tool_speed_m_s: float | None
    breaches: int | None
    lots_checked: int
    log_sha256: str | None

    @property
    def partial(self) -> bool:
        """Whether the shift lacks something that was asked for."""
        short = self.orders_asked is not None and self.orders < self.orders_asked
        return self.ended != "complete" or bool(self.missing_lots) or short

    def to_json(self) -> dict[str, Any]:
        """Return one plain JSON object; every key is always there."""

        def pair(interval: Interval | None) -> dict[str, float] | None:
            return None if interval is None else asdict(interval)

        return {
            "simulation": True,
            "run": self.run,
            "cell": self.cell,
            "body": self.body,
            "brain": self.brain,
            "seed": self.seed,
            "latency": self.latency,
            "limits": self.limits,
            "notes": list(self.notes),
            "ended": self.ended,
            "partial": self.partial,
            "orders": self.orders,
            "orders_asked": self.orders_asked,
            "missing_lots": list(self.missing_lots),
            "good": asdict(self.good),
            "ever": asdict(self.ever),
            "good_anytime": pair(self.good_anytime),
            "good_exact": pair(self.good_exact),
            "by_language": {name: asdict(rate) for name, rate in self.by_language.items()},
            "first_pass_yield": asdict(self.first_pass),
            "units": self.units.to_json(),
            "bystanders": self.bystanders,
            "uph": self.uph,
            "uph_interval": pair(self.uph_interval),
            "cycle_s": asdict(self.cycle),
            "sim_s": self.sim_s,
            "worked_s": self.worked_s,
            "think_s": self.think_s,
            "wall_s": self.wall_s,
            "rtf": self.rtf,
            "rtf_worked": self.rtf_worked,
            "failures": dict(self.failures),
            "states": dict(self.states),
            "state_s": dict(self.state_s),
            "assists": self.assists,
            "guard": {
                "limited": self.guard_limited,
                "stopped": self.guard_stopped,
                "actions": self.actions,
            },
            "picks": {"attempted": self.picks_attempted, "succeeded": self.picks_succeeded},
            "decisions": self.decisions,
            "mtbf_h": asdict(self.mtbf),
            "mtba_h": asdict(self.mtba),
            "mtbi_h": asdict(self.mtbi),
            "mttr_s": self.mttr_s,
            "units_per_assist": self.units_per_assist,
            "availability": self.availability,
            "quality": self.quality,
            "effectiveness": self.effectiveness,
            "oee": self.oee,
            "peak_tool_speed_m_s": self.peak_tool_speed_m_s,
            "breaches": self.breaches,
            "lots_checked": self.lots_checked,
            "log_sha256": self.log_sha256,
        }


def log_sha256(entries: Sequence[Entry]) -> str | None:
    """Return the hash of a run: sha256 over the ascii hashes of its lots, in lot order.

    It holds no wall time, so the same manifest on the same machine gives the same hash with
    any number of workers, and after a kill and a resume too. None for a run without lots.
    """
    if not entries:
        return None
    digest = hashlib.sha256()
    for entry in in_lot_order(entries):
        digest.update(entry.log_sha256.encode("ascii"))
    return digest.hexdigest()


def in_lot_order(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Sort by lot.

    Raises:
        RunCorrupt: A lot is in the index twice.
    """
    ordered = tuple(sorted(entries, key=lambda entry: entry.lot))
    for before, after in pairwise(ordered):
        if before.lot == after.lot:
            raise RunCorrupt(
                f"lot {after.lot} is in the index twice; each lot counts once; remove one line"
            )
    return ordered


def summarise(
    manifest: Manifest,
    entries: Sequence[Entry],
    *,
    wall_s: float | None,
    ended: str | None,
    planned_unit_s: float | None = None,
) -> Summary:
    """Compute every figure of a shift.

    Args:
        manifest: Of the run.
        entries: Its index entries in any order; a run without lots has none.
        wall_s: Wall time of all sessions together [s], or None where unknown.
        ended: How the last session ended, or None where nobody could write it.
        planned_unit_s: Planned run time per unit [s], frozen before the run, or None.

    Raises:
        RunCorrupt: The entries contradict themselves: a tick in no state or in two, a unit
            in no place of the ledger, a failed order without a code.
    """
    lots = in_lot_order(entries)
    for entry in lots:
        _check(entry)
    dt = manifest.control_dt
    spans = timeline(manifest, lots)

    ticks = dict.fromkeys(E10_STATES, 0)
    for span in spans:
        ticks[span.state] += span.ticks
    total = sum(ticks.values())
    charged = len(lots) * changeover_ticks(manifest) + sum(lot.repair_ticks for lot in lots)
    sim_s, worked_s = total * dt, (total - charged) * dt
    productive_h = ticks["PRD"] * dt / 3600

    places: Counter[str] = Counter(unit.state for lot in lots for unit in lot.units)
    units = Units(
        entered=sum(unit.state != "bystander" for lot in lots for unit in lot.units),
        good=places["good"],
        scrap=places["scrap"],
        wip=places["wip"],
        quarantine=places["quarantine"],
    )
    produced = units.good + units.scrap + units.quarantine
    good_by_lot = [sum(unit.state == "good" for unit in lot.units) for lot in lots]
    hours_by_lot = [time.ticks * dt / 3600 for time in lot_times(manifest, lots)]

    good = sum(lot.good for lot in lots)
    assists = sum(lot.repair_ticks > 0 for lot in lots)
    downs = sum(span.state == "UDT" for span in spans)
    interruptions = sum(not lot.good or lot.repair_ticks > 0 for lot in lots)
    codes = Counter(lot.code for lot in lots if lot.code is not None)
    looked = [lot.breaches for lot in lots if lot.breaches is not None]

    availability = _ratio(ticks["PRD"], ticks["PRD"] + ticks["SBY"] + ticks["UDT"])
    quality = _ratio(units.good, produced)
    effectiveness = (
        None if planned_unit_s is None else _ratio(planned_unit_s * produced, ticks["PRD"] * dt)
    )
    factors = (availability, effectiveness, quality)
    return Summary(
        run=manifest.created,
        cell=manifest.cell,
        body=manifest.body,
        brain=manifest.brain,
        seed=manifest.seed,
        latency=manifest.latency,
        limits=manifest.limits,
        notes=manifest.notes,
        ended=ended,
        orders=len(lots),
        orders_asked=manifest.orders,
        missing_lots=_missing(lots),
        good=Rate.of(good, len(lots)),
        ever=Rate.of(sum(lot.ever for lot in lots), len(lots)),
        good_anytime=anytime(good, len(lots)) if lots else None,
        good_exact=clopper_pearson(good, len(lots)) if lots else None,
        by_language=_by_language(lots),
        first_pass=Rate.of(sum(_first_pass(lot) for lot in lots), len(lots)),
        units=units,
        bystanders=places["bystander"],
        uph=_ratio(units.good, total * dt / 3600),
        uph_interval=bootstrap_ratio(good_by_lot, hours_by_lot, seed=manifest.seed)
        if all(hours_by_lot)
        else None,
        cycle=CycleTime.of([seconds for lot in lots for seconds in lot.cycles_s]),
        sim_s=sim_s,
        worked_s=worked_s,
        think_s=sum(lot.think_ticks for lot in lots) * dt,
        wall_s=wall_s,
        rtf=_ratio(sim_s, wall_s) if lots else None,
        rtf_worked=_ratio(worked_s, wall_s) if lots else None,
        failures=dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        state_ticks=ticks,
        state_s={state: count * dt for state, count in ticks.items()},
        states={state: _ratio(count, total) for state, count in ticks.items()},
        assists=assists,
        guard_limited=sum(lot.guard[0] for lot in lots),
        guard_stopped=sum(lot.guard[1] for lot in lots),
        actions=sum(lot.ticks for lot in lots),
        picks_attempted=sum(lot.picks[0] for lot in lots),
        picks_succeeded=sum(lot.picks[1] for lot in lots),
        decisions=sum(lot.decisions for lot in lots),
        mtbf=MeanTime.of(productive_h, downs),
        mtba=MeanTime.of(productive_h, assists),
        mtbi=MeanTime.of(productive_h, interruptions),
        mttr_s=_ratio(ticks["UDT"] * dt, downs),
        units_per_assist=_ratio(units.good, assists),
        availability=availability,
        quality=quality,
        effectiveness=effectiveness,
        oee=None if None in factors else math.prod(f for f in factors if f is not None),
        peak_tool_speed_m_s=max((lot.peak_tool_speed_m_s for lot in lots), default=None),
        breaches=sum(looked) if looked else None,
        lots_checked=len(looked),
        log_sha256=log_sha256(lots),
    )


def _ratio(top: float, bottom: float | None) -> float | None:
    return top / bottom if bottom else None


def _missing(lots: Sequence[Entry]) -> tuple[int, ...]:
    if not lots:
        return ()
    return tuple(sorted(set(range(lots[-1].lot)) - {lot.lot for lot in lots}))


def _by_language(lots: Sequence[Entry]) -> dict[str, Rate]:
    asked = Counter(lot.language for lot in lots)
    good = Counter(lot.language for lot in lots if lot.good)
    return {name: Rate.of(good[name], asked[name]) for name in sorted(asked)}


def _first_pass(lot: Entry) -> bool:
    attempted, succeeded = lot.picks
    named = sum(unit.state != "bystander" for unit in lot.units)
    # A part that one limb sets down for the other is picked twice by plan; any pick beyond that
    # means that some part was handled again after a drop.
    planned = named + lot.relays
    return lot.good and not lot.repair_ticks and attempted == succeeded <= planned


def _check(lot: Entry) -> None:
    if lot.good != (lot.code is None):
        raise RunCorrupt(
            f"lot {lot.lot} is {'good' if lot.good else 'not good'} with the failure code "
            f"{lot.code!r}; a failed order has exactly one code and a good one none; judge it again"
        )
    if lot.good and not lot.ever:
        raise RunCorrupt(
            f"lot {lot.lot} is good at the end but at no settled moment; the end is one; "
            "judge it again"
        )
    for unit in lot.units:
        if unit.state not in (*LEDGER, "bystander"):
            raise RunCorrupt(
                f"part {unit.part} of lot {lot.lot} ended as {unit.state!r}; allowed are "
                f"{', '.join(LEDGER)} and bystander; every unit is in exactly one place"
            )
