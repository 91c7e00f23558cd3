"""Rows of shifts: what they came to, how fast they were worked, and whether they repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["others", "rate", "ray", "repeat", "shift", "speed", "start", "whole"]


def shift(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a shift came to."""
    units = result["units"]
    if result["ended"] != "complete":
        asked = result["orders_asked"]
        yield (
            "**not whole**",
            f"{result['ended'] or 'cut off'} after {result['good']['n']} of {asked}",
        )
    yield "orders good at the end", rate(result["good"])
    yield "orders ever good", f"{result['ever']['k']}/{result['ever']['n']}"
    yield (
        "units in = good + scrap + wip + quarantine",
        " / ".join(str(units[k]) for k in ("in", "good", "scrap", "wip", "quarantine")),
    )
    yield "good units per hour, changeovers included", f"{result['uph']:.0f}"
    cycle = result["cycle_s"]
    times = (f"{cycle[k]:.2f} s" for k in ("p50", "p90", "p99"))
    yield "cycle time p50 / p90 / p99", " / ".join(times)
    yield "ticks with a limit left, by an independent reader", str(result["breaches"])
    yield "peak tool speed", f"{result['peak_tool_speed_m_s']:.3f} m/s"
    yield "guard: limited / stopped", f"{result['guard']['limited']} / {result['guard']['stopped']}"
    yield "failures", ", ".join(f"{k} {v}" for k, v in result["failures"].items()) or "none"
    yield "assists", str(result["assists"])
    yield "simulated, wall time", f"{result['sim_s']:.0f} s, {result['wall_s']:.0f} s"
    yield "log_sha256", f"`{result['log_sha256']}`"


def whole(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A whole shift with its report."""
    workers = "1 worker" if result["workers"] == 1 else f"{result['workers']} workers"
    hours = f"{result['hours']:g} h with two cameras at 10 Hz on {workers}"
    if result["minutes"] is not None:
        yield f"wall time of {hours}", f"**{result['minutes']:.1f} min**"
    yield "of that the report", f"{result['report_s']:.1f} s"
    yield "size of the page", f"{result['report_bytes'] / 1e6:.1f} MB"
    yield "frames recorded", f"{result['frames']:,}"
    yield "orders worked", str(result["shift"]["orders"])
    yield from shift(result["shift"])


def rate(found: dict[str, Any]) -> str:
    """A rate with its interval, in words."""
    share, low, high = (100 * found[key] for key in ("rate", "lo", "hi"))
    return f"{found['k']}/{found['n']} = {share:.1f} % (95 % Wilson {low:.1f}-{high:.1f} %)"


def speed(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Speed against a bare loop."""
    yield "run without encoding over the bare loop", f"{result['run_over_bare']:.2f}"
    yield "real-time factor of the shift, encoding and disk included", f"{result['rtf_shift']:.1f}"
    yield "the same without charged changeovers", f"{result['rtf_worked']:.1f}"
    ratio = result["two_workers_over_two_bare_loops"]
    if ratio is not None:
        yield "throughput of two workers over one", f"{result['two_workers_gain']:.2f}"
        yield "throughput of two bare loops over one", f"{result['two_bare_loops_gain']:.2f}"
        yield "ratio of the two", f"{ratio:.2f}"
    if "run_ms_a_tick" in result:
        yield "one tick of ours (20 ms), without encoding", f"{result['run_ms_a_tick']:.1f} ms"
    for name, value in result["others"].items():
        yield name, value if isinstance(value, str) else f"{value:.1f} ms a step"


def others(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Speed of other simulators."""
    yield "where", "a virtual environment of their own, with MuJoCo 3.8.1; ours needs a newer one"
    for name, value in result["others"].items():
        yield name, value if isinstance(value, str) else f"{value:.1f} ms a step"


def repeat(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same shift in several ways."""
    yield "all the same", "yes" if result["same"] else "**no**"
    for way, digest in result["log_sha256"].items():
        yield way, f"`{digest}`"


def ray(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A cluster against processes."""
    worked = f"{result['orders']} orders, {result['slots']} side by side"
    yield (
        "what is compared",
        f"{worked}; medians of {result['rounds']} by turns; all on one machine",
    )
    yield "the same log", "yes" if result["same_log"] else "**no**"
    for ratio, name, what in (
        ("ratio", "whole_s", "wall time on Ray over processes, start and end included"),
        ("ratio_without_start", "working_s", "the same from the first committed lot to the last"),
    ):
        minutes = (result[way][name]["median"] / 60 for way in ("cluster", "processes"))
        yield what, f"**{result[ratio]:.3f}** ({' / '.join(f'{m:.2f} min' for m in minutes)})"


def start(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Import and help."""
    yield "`import shopfloor`, interpreter included", f"{result['import_s']:.3f} s"
    yield "`shopfloor --help`, interpreter included", f"{result['help_s']:.3f} s"
