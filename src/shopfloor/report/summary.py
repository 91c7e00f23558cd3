"""What a shift came to: every figure of the report, from the manifest and the index alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from shopfloor.record.entry import E10_STATES, Entry, Manifest
from shopfloor.report.cost import Cost, Effort, cost_of
from shopfloor.report.interval import (
    Interval,
    Rate,
    anytime,
    bootstrap_ratio,
    clopper_pearson,
)
from shopfloor.report.lots import (
    by_brain,
    by_language,
    check,
    first_pass,
    in_lot_order,
    log_sha256,
    missing,
)
from shopfloor.report.measure import CycleTime, MeanTime, RepairTime, Units
from shopfloor.report.oee import Oee
from shopfloor.report.price import Prices
from shopfloor.report.timeline import changeover_ticks, lot_times, timeline

__all__ = ["Summary", "in_lot_order", "log_sha256", "summarise"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Every figure of a shift. Unmeasured is None, never 0.

    Attributes:
        run: When the run began, as its manifest says [ISO time, UTC].
        cell, body, brain, seed, latency, limits, notes: As in the manifest.
        ended: ``complete``, ``max-wall``, ``lost`` or ``interrupted``; None where nobody
            could write it.
        orders, orders_asked: Orders judged, and asked for where a number was asked for.
        missing_lots: Lots below the highest recorded one that are not in the index.
        good, ever: Orders good at the end, and at any one settled moment.
        good_anytime: 95 % interval of ``good`` that stays valid however the run was stopped.
        good_exact: Clopper-Pearson 95 % interval of ``good``, for safety claims.
        by_language: Orders good by language of the instruction.
        by_brain: Orders good by who decided: the brain of the shift, or its fallback.
        lost: Orders in which the brain was lost, by the code of its fault.
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
        mttr: UDT per failure of the equipment.
        units_per_assist: Good units per assist.
        oee: Availability, effectiveness and quality, and what they are made of.
        planned_cycle_source: Where the planned time per unit is from, or None.
        calendar: Name of the shift's calendar.
        tokens, uncounted: (in, out) of the decisions whose tokens were counted, or None; how
            many were not.
        cost: What the shift and a good unit cost, by the price of the robot.
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
    by_brain: Mapping[str, Rate]
    lost: Mapping[str, int]
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
    mttr: RepairTime
    units_per_assist: float | None
    oee: Oee
    planned_cycle_source: str | None
    calendar: str
    tokens: tuple[int, int] | None
    uncounted: int
    cost: Cost
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
            "by_brain": {name: asdict(rate) for name, rate in self.by_brain.items()},
            "lost": dict(self.lost),
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
            "state_ticks": dict(self.state_ticks),
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
            "mttr_s": self.mttr.estimate,
            "mttr": asdict(self.mttr),
            "units_per_assist": self.units_per_assist,
            "availability": self.oee.availability,
            "quality": self.oee.quality,
            "effectiveness": self.oee.effectiveness,
            "oee": self.oee.oee,
            "oee_parts": self.oee.to_json(),
            "planned_cycle_source": self.planned_cycle_source,
            "calendar": self.calendar,
            "tokens": None if self.tokens is None else list(self.tokens),
            "tokens_uncounted": self.uncounted,
            "cost": self.cost.to_json(),
            "peak_tool_speed_m_s": self.peak_tool_speed_m_s,
            "breaches": self.breaches,
            "lots_checked": self.lots_checked,
            "log_sha256": self.log_sha256,
        }


def summarise(
    manifest: Manifest,
    entries: Sequence[Entry],
    *,
    wall_s: float | None,
    ended: str | None,
    prices: Prices | None = None,
) -> Summary:
    """Compute every figure of a shift.

    Args:
        manifest: Of the run.
        entries: Its index entries in any order; a run without lots has none.
        wall_s: Wall time of all sessions together [s], or None where unknown.
        ended: How the last session ended, or None where nobody could write it.
        prices: Inputs of the cost; None takes the documented defaults.

    Raises:
        RunCorrupt: The entries contradict themselves: a tick in no state or in two, a unit
            in no place of the ledger, a failed order without a code.
    """
    lots = in_lot_order(entries)
    for entry in lots:
        check(entry)
    dt = manifest.control_dt
    spans = timeline(manifest, lots)

    ticks = dict.fromkeys(E10_STATES, 0)
    for span in spans:
        ticks[span.state] += span.ticks
    total = sum(ticks.values())
    sim_s, worked_s = total * dt, sum(lot.ticks for lot in lots) * dt
    productive_h = ticks["PRD"] * dt / 3600

    places: Counter[str] = Counter(unit.state for lot in lots for unit in lot.units)
    units = Units(
        entered=sum(unit.state != "bystander" for lot in lots for unit in lot.units),
        good=places["good"],
        scrap=places["scrap"],
        wip=places["wip"],
        quarantine=places["quarantine"],
    )
    good_by_lot = [sum(unit.state == "good" for unit in lot.units) for lot in lots]
    # A planned window counts with the lot before it, so that the lots' hours are the shift's.
    begun = [0, *(time.start for time in lot_times(manifest, lots)[1:]), total] if lots else []
    hours_by_lot = [(after - before) * dt / 3600 for before, after in pairwise(begun)]

    good = sum(lot.good for lot in lots)
    assists = sum(lot.repair_ticks > 0 for lot in lots)
    downs = sum(span.state == "UDT" for span in spans)
    interruptions = sum(not lot.good or lot.repair_ticks > 0 for lot in lots)
    codes = Counter(lot.code for lot in lots if lot.code is not None)
    looked = [lot.breaches for lot in lots if lot.breaches is not None]

    state_s = {state: count * dt for state, count in ticks.items()}
    counted = [lot.tokens for lot in lots if lot.tokens is not None]
    priced = [lot.model_usd for lot in lots if lot.model_usd is not None]
    effort = Effort(
        brain=manifest.brain,
        good_units=units.good,
        hours=sim_s / 3600,
        scheduled_hours=(sim_s - state_s["NST"]) / 3600,
        assists=assists,
        repair_h=sum(lot.repair_ticks for lot in lots) * dt / 3600,
        changeovers=len(lots),
        decisions=sum(lot.decisions for lot in lots),
        tokens=(sum(t[0] for t in counted), sum(t[1] for t in counted)) if counted else None,
        uncounted=sum(lot.uncounted for lot in lots),
        model_usd=sum(priced) if priced else None,
        unpriced=sum(lot.unpriced for lot in lots),
    )
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
        missing_lots=missing(lots),
        good=Rate.of(good, len(lots)),
        ever=Rate.of(sum(lot.ever for lot in lots), len(lots)),
        good_anytime=anytime(good, len(lots)) if lots else None,
        good_exact=clopper_pearson(good, len(lots)) if lots else None,
        by_language=by_language(lots),
        by_brain=by_brain(lots),
        lost=dict(Counter(lot.lost for lot in lots if lot.lost is not None)),
        first_pass=Rate.of(sum(first_pass(lot) for lot in lots), len(lots)),
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
        state_s=state_s,
        states={state: _ratio(count, total) for state, count in ticks.items()},
        assists=assists,
        guard_limited=sum(lot.guard[0] for lot in lots),
        guard_stopped=sum(lot.guard[1] for lot in lots),
        actions=sum(lot.ticks for lot in lots),
        picks_attempted=sum(lot.picks[0] for lot in lots),
        picks_succeeded=sum(lot.picks[1] for lot in lots),
        decisions=effort.decisions,
        mtbf=MeanTime.of(productive_h, downs),
        mtba=MeanTime.of(productive_h, assists),
        mtbi=MeanTime.of(productive_h, interruptions),
        mttr=RepairTime.of(state_s["UDT"], downs),
        units_per_assist=_ratio(units.good, assists),
        oee=Oee.of(
            state_s,
            changeover_s=len(lots) * changeover_ticks(manifest) * dt,
            planned_s=manifest.planned_cycle_s,
            produced=units.good + units.scrap + units.quarantine,
            good=units.good,
        ),
        planned_cycle_source=manifest.planned_cycle_source,
        calendar=manifest.calendar.name,
        tokens=effort.tokens,
        uncounted=effort.uncounted,
        cost=cost_of(effort, prices or Prices.default()),
        peak_tool_speed_m_s=max((lot.peak_tool_speed_m_s for lot in lots), default=None),
        breaches=sum(looked) if looked else None,
        lots_checked=len(looked),
        log_sha256=log_sha256(lots),
    )


def _ratio(top: float, bottom: float | None) -> float | None:
    return top / bottom if bottom else None
