"""How figures are written for people: the same on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shopfloor.report.interval import Interval, Rate
from shopfloor.report.measure import MeanTime
from shopfloor.report.summary import Summary

__all__ = [
    "NONE",
    "SIMULATION",
    "VERDICTS",
    "between",
    "clock",
    "here",
    "interval",
    "number",
    "opening",
    "percent",
    "rate_interval",
    "speed_up",
    "usd",
]

NONE = "not measured"
"""Stands where a figure would stand."""

VERDICTS = {
    "pass": ("passes", "通过", "good"),
    "fail": ("fails", "不通过", "bad"),
    "unknown": ("unknown", "未知", "bad"),
    "counsel": ("a lawyer decides", "须咨询律师", "bad"),
}
"""An answer of the papers in English, in Chinese, and as a class of the page."""

SIMULATION = "This is a simulation result: no real robot moved."


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage that never rounds to 0 % or 100 % what isn't."""
    if share is None:
        return NONE
    step = 10.0**-digits
    value = 100 * share
    if 0 < share < 1:
        value = min(max(value, step), 100 - step)
    return f"{value:.{digits}f}\u00a0%" if 0 < share < 1 else f"{value:.0f}\u00a0%"


def number(value: float | None, digits: int = 1) -> str:
    """Return a number with separators between thousands."""
    return NONE if value is None else f"{value:,.{digits}f}"


def usd(amount: float | None) -> str:
    """Return an amount of money to the cent, or below a dollar to three digits."""
    if amount is None:
        return NONE
    if not 0 < amount < 1:
        return f"{amount:,.2f}\u00a0USD" if amount else "0\u00a0USD"
    return f"{amount:.{2 - math.floor(math.log10(amount))}f}\u00a0USD"


def clock(seconds: float | None) -> str:
    """Return a duration as ``4.2 s``, ``3:07 min`` or ``2:05 h``."""
    if seconds is None:
        return NONE
    if seconds < 59.95:
        return f"{seconds:.1f}\u00a0s" if seconds else "0\u00a0s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}\u00a0min"
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}\u00a0h"


def here(path: str) -> str:
    """Return a path as short as it can be given where we are."""
    with suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return path


def interval(bounds: Interval | None, digits: int = 0) -> str:
    """Return ``lo to hi``."""
    if bounds is None:
        return NONE
    return f"{bounds.lo:,.{digits}f} to {bounds.hi:,.{digits}f}"


def rate_interval(rate: Rate | Interval | None) -> str:
    """Return the interval of a rate as percentages."""
    if rate is None or rate.lo is None or rate.hi is None:
        return NONE
    return f"{percent(rate.lo)} to {percent(rate.hi)}"


def between(mean: MeanTime) -> str:
    """Return a mean time with its bound; without an event the bound is all there is."""
    if mean.lo is None:
        return NONE
    if mean.estimate is None:
        return f"at least {clock(3600 * mean.lo)}"
    return clock(3600 * mean.estimate)


def speed_up(summary: Summary) -> str:
    """Say how fast the simulation ran, with and without the time that is only charged."""
    if summary.wall_s is None or summary.rtf is None or summary.rtf_worked is None:
        return NONE
    return (
        f"{clock(summary.sim_s)} of shift in {clock(summary.wall_s)} of wall time: "
        f"{summary.rtf:.1f}\u202f× real time, {summary.rtf_worked:.1f}\u202f× without changeovers "
        "and repairs, which are charged to the clock and cost nothing to simulate"
    )


def opening(summary: Summary) -> tuple[str, ...]:
    """Return what a reader must know first: notes, and what the shift lacks."""
    said = [*_fallback(summary), *summary.notes]
    asked = summary.orders_asked
    of = f"{summary.orders} of {asked}" if asked is not None else f"{summary.orders}"
    if summary.ended == "interrupted":
        said.append(f"The shift was interrupted: {of} orders were worked; all figures are of these")
    elif summary.ended == "lost":
        said.append(
            f"The shift ended because its brain was lost: {of} orders were worked; all figures "
            "are of these"
        )
    elif summary.ended == "max-wall":
        said.append(
            f"The shift stopped when its wall time was up: {of} orders were worked; all figures "
            "are of these"
        )
    elif summary.ended is None:
        said.append(
            f"The shift was cut off, or still goes on: {of} orders were worked; "
            "all figures are of these"
        )
    elif summary.partial:
        said.append(f"The shift is not whole: {of} orders were worked; all figures are of these")
    if summary.missing_lots:
        lots = ", ".join(map(str, summary.missing_lots[:8]))
        more = len(summary.missing_lots) - 8
        said.append(f"Lots without a record: {lots}{f' and {more} more' if more > 0 else ''}")
    return tuple(said)


def _fallback(summary: Summary) -> Iterator[str]:
    """Say who decided, where it was not one brain alone."""
    others = {name: rate for name, rate in summary.by_brain.items() if name != summary.brain}
    if not others:
        return
    rates = "; ".join(f"{name} {rate.k} of {rate.n}" for name, rate in summary.by_brain.items())
    stood_in = sum(rate.n for rate in others.values())
    yield (
        f"{summary.brain} was lost, and {' and '.join(others)} worked {stood_in} of "
        f"{summary.orders} orders in its place. Orders good: {rates}. All other figures are of "
        "both together"
    )
