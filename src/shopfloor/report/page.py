"""The report of a run as one self-contained HTML page, beside the same figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shopfloor.order import FAILURE_MEANINGS
from shopfloor.record.disk import write_atomic
from shopfloor.record.entry import E10_STATES, Entry, Manifest
from shopfloor.report import chart, panel, reference, wording
from shopfloor.report.clip import Clip, clips
from shopfloor.report.load import load
from shopfloor.report.measure import LEDGER
from shopfloor.report.press import template
from shopfloor.report.price import Prices
from shopfloor.report.reference import Reference
from shopfloor.report.summary import Summary, in_lot_order, summarise
from shopfloor.report.timeline import lot_times, timeline
from shopfloor.report.trend import success_trend, uph_trend, window_lots

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["LIMIT_BYTES", "render", "write_files", "write_report"]

LIMIT_BYTES = 12_000_000
"""A page is never larger: it must pass through a mailbox."""

_ROWS = 2000
"""Orders in the table at most; those that failed go first in the choice."""

STATE_NAMES = {
    "PRD": "productive",
    "SBY": "standby",
    "ENG": "engineering",
    "SDT": "scheduled down",
    "UDT": "unscheduled down",
    "NST": "non-scheduled",
}


def write_report(folder: Path, prices: Prices | None = None) -> Path:
    """Write ``report.html`` and ``result.json`` of a run into its folder.

    Args:
        folder: A run folder; the run may be unfinished or have no lot at all.
        prices: Inputs of the cost; None takes the documented defaults.

    Returns:
        Path of the page.

    Raises:
        RunError: The folder can't be read, contradicts itself, or can't be written.
    """
    run = load(folder)
    return write_files(
        run.path, run.manifest, run.entries, wall_s=run.wall_s, ended=run.ended, prices=prices
    )


def write_files(
    folder: Path,
    manifest: Manifest,
    entries: Sequence[Entry],
    *,
    wall_s: float | None,
    ended: str | None,
    prices: Prices | None = None,
) -> Path:
    """Write ``report.html`` and ``result.json`` of the given entries into ``folder``.

    Each file appears whole or not at all. The arguments are those of :func:`summarise`.
    """
    lots = in_lot_order(entries)
    summary = summarise(manifest, lots, wall_s=wall_s, ended=ended, prices=prices)
    result = json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False, indent=2)
    bare = len(render(manifest, lots, summary, clips(folder, manifest, lots, budget=0)).encode())
    shown = clips(folder, manifest, lots, budget=LIMIT_BYTES - bare)
    html = render(manifest, lots, summary, shown)
    page = folder / "report.html"
    write_atomic(folder / "result.json", f"{result}\n".encode())
    write_atomic(page, html.encode())
    return page


def render(
    manifest: Manifest, entries: Sequence[Entry], summary: Summary, shown: Sequence[Clip] = ()
) -> str:
    """Return the page.

    Args:
        manifest: Of the run.
        entries: Its entries in lot order.
        summary: Of exactly these entries.
        shown: Episodes with their videos.
    """
    rows, hidden = _rows(entries)
    page = _template().render(
        manifest=manifest,
        summary=summary,
        opening=wording.opening(summary),
        simulation=wording.SIMULATION,
        speed_up=wording.speed_up(summary),
        ledger=[
            ("good", summary.units.good, "good"),
            ("scrap", summary.units.scrap, "scrap"),
            ("wip", summary.units.wip, "in progress"),
            ("quarantine", summary.units.quarantine, "quarantine"),
        ],
        charts=_charts(manifest, entries, summary),
        window=window_lots(len(entries)),
        # With zero failures in n orders, any success rate r with r**n < 5 % is refuted.
        floor=0.05 ** (1 / len(entries)) if entries else None,
        column_s=chart.column_s(timeline(manifest, entries), manifest.control_dt),
        states=[(state, STATE_NAMES[state]) for state in E10_STATES],
        planned=panel.planned_rows(manifest, entries),
        oee_rows=panel.oee_rows(summary.oee),
        cost_rows=panel.cost_rows(summary.cost),
        cost_bars=panel.cost_bars(summary.cost),
        cost_unit=panel.cost_unit(summary.cost)[0],
        cost_totals=panel.cost_totals(summary.cost),
        cost_inputs=panel.cost_inputs(summary.cost),
        pareto=_pareto(summary),
        throughput=_throughput(summary),
        success_references=reference.SUCCESS,
        interruption_references=reference.INTERRUPTION_MINUTES,
        caveat=reference.CAVEAT,
        phail=reference.PHAIL,
        simulated_caveat=reference.SIMULATED_CAVEAT,
        clips=shown,
        rows=rows,
        hidden=hidden,
        dt=manifest.control_dt,
        papers=manifest.papers,
        verdicts=wording.VERDICTS,
        entries=tuple(_flat(_without_rules(manifest))),
    )
    return page + "\n"


@cache
def _template() -> Template:
    return template("shopfloor.report", "template.html.j2")


def _charts(
    manifest: Manifest, entries: Sequence[Entry], summary: Summary
) -> dict[str, str | None]:
    """Draw what can be drawn; None stands for a chart without data."""
    names = ("good", "ledger", "states", "strip", "cycle", "success", "uph")
    drawn: dict[str, str | None] = dict.fromkeys(names)
    drawn["whole"] = panel.oee_whole(summary.oee)
    good = summary.good
    drawn["good"] = chart.whisker(good.rate, good.lo, good.hi)
    units = summary.units
    drawn["ledger"] = chart.stack([(f"u-{name}", getattr(units, name)) for name in LEDGER])
    total = sum(summary.state_ticks.values())
    if total:
        failed = [
            time.end - entry.repair_ticks
            for entry, time in zip(entries, lot_times(manifest, entries), strict=True)
            if not entry.good
        ]
        spans = timeline(manifest, entries)
        drawn["states"] = chart.stack(
            [(f"s-{state}", summary.state_ticks[state]) for state in E10_STATES]
        )
        drawn["strip"] = chart.state_strip(spans, total, manifest.control_dt, failed)
    cycles = [seconds for entry in entries for seconds in entry.cycles_s]
    cycle = summary.cycle
    if cycle.p50 is not None and cycle.p90 is not None and cycle.p99 is not None:
        marks = (("p50", cycle.p50), ("p90", cycle.p90), ("p99", cycle.p99))
        drawn["cycle"] = chart.histogram(cycles, marks, unit="s")
    if len(entries) > 1 and all(time.ticks for time in lot_times(manifest, entries)):
        drawn["success"] = chart.trend(
            success_trend(manifest, entries),
            summary.sim_s,
            percent=True,
            label="Share of good orders over the shift",
        )
        drawn["uph"] = chart.trend(
            uph_trend(manifest, entries),
            summary.sim_s,
            percent=False,
            label="Good units per hour over the shift",
        )
    return drawn


def _pareto(summary: Summary) -> list[dict[str, Any]]:
    total, most, so_far, rows = sum(summary.failures.values()), 0, 0, []
    for code, count in summary.failures.items():
        most = max(most, count)
        so_far += count
        rows.append(
            {
                "code": code,
                "meaning": FAILURE_MEANINGS.get(code, ""),
                "count": count,
                "share": count / total,
                "so_far": so_far / total,
                "bar": chart.bar(count / most, "s-UDT"),
            }
        )
    return rows


def _throughput(summary: Summary) -> list[dict[str, Any]]:
    """Return the reference figures and ours, greatest first."""
    longest = max(r.hi for r in reference.UNITS_PER_HOUR)
    if summary.uph is not None:
        longest = max(longest, summary.uph)

    def row(figure: Reference) -> dict[str, Any]:
        span = f"{figure.lo:,.0f}" + (f"–{figure.hi:,.0f}" if figure.hi != figure.lo else "")
        until = figure.hi / longest if figure.hi != figure.lo else None
        return {
            "name": figure.name,
            "ours": False,
            "value": span,
            "kind": figure.kind,
            "source": figure.source,
            "size": figure.hi,
            "bar": chart.bar(figure.lo / longest, f"r-{figure.kind}", until=until),
        }

    rows = [row(figure) for figure in reference.UNITS_PER_HOUR]
    if summary.uph is not None:
        rows.append(
            {
                "name": "This shift",
                "ours": True,
                "value": f"{summary.uph:,.0f}",
                "kind": "simulation",
                "source": f"{summary.brain} in {summary.cell}, good units",
                "size": summary.uph,
                "bar": chart.bar(summary.uph / longest, "ours"),
            }
        )
    return sorted(rows, key=lambda entry: -float(entry["size"]))


def _rows(entries: Sequence[Entry]) -> tuple[list[Entry], int]:
    """Choose the orders of the table: all, or as many as a page bears."""
    if len(entries) <= _ROWS:
        return list(entries), 0
    failed_first = sorted(entries, key=lambda entry: (entry.good, entry.lot))[:_ROWS]
    return sorted(failed_first, key=lambda entry: entry.lot), len(entries) - _ROWS


def _without_rules(manifest: Manifest) -> dict[str, Any]:
    """All that the manifest holds but the rules of the papers, which have a section."""
    values = manifest.to_json()
    values["papers"].pop("rules")
    return values


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
            for i, each in enumerate(value):
                yield from _flat(each, f"{prefix}{name}.{i}.")
        elif isinstance(value, list | tuple):
            yield prefix + name, ", ".join(map(str, value)) or "none"
        else:
            yield prefix + name, "none" if value is None else str(value)
