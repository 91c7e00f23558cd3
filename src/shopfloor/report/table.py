"""The report on the terminal: what a person wants to know, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.entry import E10_STATES
from shopfloor.report import reference, wording
from shopfloor.report.cost import Cost
from shopfloor.report.measure import MeanTime
from shopfloor.report.oee import Oee
from shopfloor.report.summary import Summary

__all__ = ["shift_table"]

_STYLE = {
    "PRD": "green",
    "SBY": "yellow",
    "ENG": "magenta",
    "SDT": "blue",
    "UDT": "red",
    "NST": "bright_black",
}
_STATES_A_LINE = 3
"""So many fit a narrow terminal without a break between a number and its sign."""


def shift_table(summary: Summary) -> RenderableType:
    """Return the report for ``rich.console.Console.print``.

    The first line carries what must be known first: the manifest's notes (a paused world,
    for example), and whether the shift lacks orders.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(style="bright_black")
    for name, value, detail in _rows(summary):
        grid.add_row(name, value, detail)
    head = [Text(f"{line}.", style="bold yellow") for line in wording.opening(summary)]
    title = Text.assemble(
        (summary.brain, "bold"),
        f" in {summary.cell} on {summary.body}",
        (f"   seed {summary.seed}, latency {summary.latency}", "bright_black"),
    )
    return Group(
        *head,
        title,
        Text(wording.SIMULATION, style="bright_black"),
        "",
        Padding(grid, (0, 0, 0, 1)),
    )


def _rows(summary: Summary) -> Iterator[tuple[RenderableType, RenderableType, RenderableType]]:
    good, units = summary.good, summary.units
    style = "" if good.rate is None else "bold green" if good.k == good.n else "bold"
    yield (
        "orders good",
        Text(wording.percent(good.rate), style=style),
        f"{good.k} of {good.n}, 95 % {wording.rate_interval(good)}; once good {summary.ever.k}"
        if good.n
        else "no order was worked",
    )
    if summary.partial and summary.good_anytime is not None:
        yield "", "", f"however stopped: {wording.rate_interval(summary.good_anytime)}"
    yield (
        "good units/h",
        Text(wording.number(summary.uph, 0), style="bold"),
        "all time of the shift included"
        if summary.uph_interval is None
        else f"95 % {wording.interval(summary.uph_interval)}, all time of the shift included",
    )
    if len(summary.by_brain) > 1:
        for name, rate in summary.by_brain.items():
            yield f"by {name}", wording.percent(rate.rate), f"{rate.k} of {rate.n} orders"
    for name, line in _references():
        yield "", Text(name, style="bright_black"), line
    cycle = summary.cycle
    yield (
        "cycle time",
        wording.clock(cycle.p50),
        f"p90 {wording.clock(cycle.p90)}, p99 {wording.clock(cycle.p99)} of {cycle.n} units"
        if cycle.n
        else "no good unit",
    )
    yield (
        "first pass",
        wording.percent(summary.first_pass.rate),
        f"{summary.first_pass.k} of {summary.first_pass.n} orders" if good.n else "",
    )
    yield (
        "units",
        f"{units.entered} in",
        (
            f"= {units.good} good + {units.scrap} scrap + {units.wip} in progress "
            f"+ {units.quarantine} quarantine"
        ),
    )
    yield (
        "picks",
        f"{summary.picks_attempted}",
        f"{summary.picks_succeeded} held; {summary.decisions} decisions",
    )
    yield from _states(summary)
    yield from _times(summary)
    yield from _oee(summary.oee)
    yield from _cost(summary.cost)
    yield "guard", f"{summary.guard_limited} limited", _guard(summary)
    if summary.failures:
        for i, (code, count) in enumerate(summary.failures.items()):
            said = FAILURE_MEANINGS.get(code, "")
            yield "failures" if i == 0 else "", Text(f"{count}", style="red"), f"{code}: {said}"
    elif summary.orders:
        yield "failures", "none", ""
    yield "simulated", wording.clock(summary.sim_s if summary.orders else None), _speed(summary)
    if summary.log_sha256 is not None:
        yield "log_sha256", "", summary.log_sha256


def _references() -> Iterator[tuple[str, str]]:
    named = ("Human hands", "Teleoperation", "π0.5")
    figures = [r for r in reference.UNITS_PER_HOUR if r.name in named]
    words = ", ".join(
        f"{r.name} {r.lo:,.0f}" + (f"–{r.hi:,.0f}" if r.hi != r.lo else "") for r in figures
    )
    yield "beside", f"{words} (PhAIL; {reference.CAVEAT})"


def _states(summary: Summary) -> Iterator[tuple[str, str, RenderableType]]:
    shown = [state for state in E10_STATES if summary.states[state]]
    if not shown:
        yield "states", "", wording.NONE
    for i in range(0, len(shown), _STATES_A_LINE):
        text = Text()
        for state in shown[i : i + _STATES_A_LINE]:
            text.append("■ ", style=_STYLE[state])
            text.append(f"{state} {wording.percent(summary.states[state])}  ")
        yield "" if i else "states", "", text


def _times(summary: Summary) -> Iterator[tuple[str, str, str]]:
    def detail(mean: MeanTime, what: str) -> str:
        if mean.lo is None:
            return ""
        hours = wording.clock(3600 * mean.hours)
        if mean.estimate is None:
            return f"no {what} in {hours}; 95 % lower bound"
        return f"{mean.events} in {hours}; 95 % at least {wording.clock(3600 * mean.lo)}"

    for name, mean, what in (
        ("MTBF", summary.mtbf, "equipment failure"),
        ("MTBA", summary.mtba, "assist"),
    ):
        yield name, wording.between(mean).replace("at least", "≥"), detail(mean, what)
    mttr = summary.mttr
    if mttr.estimate is not None:
        bounds = f"{wording.clock(mttr.lo)} to {wording.clock(mttr.hi)}"
        many = f"{mttr.repairs} {'repair' if mttr.repairs == 1 else 'repairs'}"
        yield "MTTR", wording.clock(mttr.estimate), f"{many}; 95 % {bounds}"
    if summary.units_per_assist is not None:
        yield "units/assist", wording.number(summary.units_per_assist), ""


def _oee(oee: Oee) -> Iterator[tuple[str, str, str]]:
    factors = (("A", oee.availability), ("E", oee.effectiveness), ("Q", oee.quality))
    yield (
        "OEE",
        wording.percent(oee.oee),
        " × ".join(f"{name} {wording.percent(value)}" for name, value in factors),
    )
    if oee.planned_s is None:
        yield "", "", "no planned cycle was frozen (--planned-cycle)"
    elif oee.effectiveness is not None and oee.effectiveness > 1:
        yield "", "", f"E above 100 %: faster than the planned {oee.planned_s:.2f} s a unit"


def _cost(cost: Cost) -> Iterator[tuple[str, str, str]]:
    for i, column in enumerate(cost.columns):
        lacks = column.lacks
        least = "≥ " if lacks and column.known_per_unit_usd is not None else ""
        yield (
            "" if i else "cost per unit",
            least + wording.usd(column.known_per_unit_usd),
            f"robot {column.robot_price_usd:,.0f} USD"
            + (f"; {', '.join(lacks)} not measured" if lacks else ""),
        )


def _guard(summary: Summary) -> str:
    peak = summary.peak_tool_speed_m_s
    looked = (
        "nobody looked for breaches (--audit does)"
        if summary.breaches is None
        else f"{summary.breaches} ticks outside a limit in {summary.lots_checked} lots checked"
    )
    speed = "" if peak is None else f"; peak tool speed {peak:.3f} m/s"
    return f"{summary.guard_stopped} stopped of {summary.actions:,} actions; {looked}{speed}"


def _speed(summary: Summary) -> str:
    if summary.rtf is None or summary.rtf_worked is None:
        return f"wall time {wording.NONE}"
    return (
        f"in {wording.clock(summary.wall_s)} of wall time: {summary.rtf:.1f}× real time, "
        f"{summary.rtf_worked:.1f}× without charged changeovers and repairs"
    )
