"""The page of measured results: every figure comes from a JSON file that a command wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shopfloor.cli.results import brain, proof, record, safety, shift
from shopfloor.report import reference

__all__ = ["page"]


def page(folder: Path) -> str:
    """Return the page as Markdown; a file that is not there is said to be missing."""
    lines = [
        "# Measured results",
        "",
        _HEAD,
        "",
    ]
    for title, name, command, rows in (
        ("Sorting, fenced limits (tool speed 1 m/s)", "sorting-fenced", _RUN, shift.shift),
        (
            "Sorting, collaborative limits (tool speed 250 mm/s)",
            "sorting-collaborative",
            _RUN.replace("300", "100") + " --limits collaborative",
            shift.shift,
        ),
        (
            "A whole shift of eight hours on two cores, worked and reported",
            "shift",
            "shopfloor bench shift",
            shift.whole,
        ),
        ("Benchmark v0: the classical brain", "v0-classical", "shopfloor bench v0", brain.suite),
        (
            "Benchmark v0: the stand-in, a program that sees what a model sees",
            "v0-stand-in",
            "shopfloor bench v0 --brain stand-in",
            brain.suite,
        ),
        (
            "The classical brain at each [level of sensor noise](../noise.md)",
            "noise",
            "make results-noise",
            brain.noise,
        ),
        ("Speed", "bench-sim", "shopfloor bench sim --orders 6", shift.speed),
        (
            "Speed on one core",
            "bench-sim-one-core",
            "taskset -c 0 shopfloor bench sim --orders 6 --no-pair",
            shift.speed,
        ),
        (
            "Speed beside other simulators, as they come",
            "bench-sim-beside",
            "make results-beside",
            shift.others,
        ),
        ("The same shift five ways", "repeat", "shopfloor bench repeat", shift.repeat),
        (
            "Every run that the tests make, repeated",
            "replicate",
            "make results-replicate",
            proof.replicate,
        ),
        (
            "From a model's decision to the cell: a stand-in over HTTP against itself in process",
            "chat-path",
            "shopfloor bench path --orders 60 --workers 2",
            brain.path,
        ),
        (
            "What it costs to record",
            "recording",
            "shopfloor bench recording --orders 20",
            record.recording,
        ),
        (
            "What it costs to record depth, too",
            "recording-depth",
            "shopfloor bench recording --orders 6 --depth",
            record.recording,
        ),
        ("Killed again and again", "crash", "shopfloor bench crash --kills 500", record.crash),
        (
            "Lots spread by Ray, against processes of the same machine",
            "ray",
            "shopfloor bench ray",
            shift.ray,
        ),
        (
            "A live cell that loses its brain, its control loop or its watchdog",
            "loss",
            "shopfloor bench loss",
            safety.loss,
        ),
        ("Export for viewers", "export", "shopfloor bench export", record.export),
        (
            "From pictures in memory to a LeRobot dataset, beside LeRobot's own recorder",
            "record",
            "shopfloor bench record --beside .venv-lerobot/bin/python",
            record.record,
        ),
        (
            "The same on one core",
            "record-one-core",
            "taskset -c 0 shopfloor bench record --beside .venv-lerobot/bin/python",
            record.record,
        ),
        (
            "Hostile commands through guard and physics",
            "fuzz",
            "shopfloor bench fuzz --commands 3000000 --workers 2",
            safety.fuzz,
        ),
        ("Statistics", "statistics", "shopfloor bench statistics", proof.statistics),
        ("Papers", "papers", "shopfloor bench papers", proof.papers),
        ("Start", "start", "shopfloor bench start", shift.start),
    ):
        path = folder / f"{name}.json"
        link = f" → [{name}.json]({name}.json)" if path.exists() else ""
        result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        how = _HOW[name](result) if result is not None and name in _HOW else ""
        lines += [f"## {title}", "", f"`{command}`{link}{how}", ""]
        if result is not None:
            lines += ["| figure | value |", "|---|---|"]
            lines += [f"| {what} | {value} |" for what, value in rows(result)]
        else:
            lines.append("Not measured: the file is not there.")
        lines.append("")
    lines += ["## Beside it", "", *_beside()]
    return "\n".join(lines) + "\n"


_HEAD = (
    "Written by `make results` from the JSON files beside this page; no figure is typed by hand. "
    "**All of these are simulation results.** The machine is named in each run's manifest; wall "
    "times are of a shared machine, so ratios say more than seconds."
)
_HOW: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "noise": lambda result: f", measured with {result['orders']} orders a level",
    "fuzz": lambda result: f", measured with {result['commands']:,} and seed {result['seed']}",
}
"""Where the command that is named leaves open how much was measured, the file says it."""
_RUN = "shopfloor run --orders 300 --seed 1000 --audit --workers 2 --json"


def _beside() -> Iterator[str]:
    yield "Real robots and people on a comparable but different task; ours is simulation."
    yield ""
    yield "| who | units per hour | source |"
    yield "|---|---|---|"
    for line in reference.UNITS_PER_HOUR:
        figure = f"{line.lo:g}" if line.lo == line.hi else f"{line.lo:g}-{line.hi:g}"
        yield f"| {line.name} | {figure} | {line.source} |"
