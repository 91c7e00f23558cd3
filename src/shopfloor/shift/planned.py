"""The planned run time per unit, frozen before a run: what effectiveness is measured against.

The default of a cell is what the reference brain took, read by ``shopfloor bench planned`` from the
reference results; nobody types it. Where there is no reference there is no default, and
effectiveness and OEE stay unmeasured.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from shopfloor.errors import UsageError

__all__ = ["PLANNED_FILE", "PlannedCycle", "measured", "planned_cycle", "planned_of"]

PLANNED_FILE = "planned-cycle.toml"
_MOST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class PlannedCycle:
    """Planned run time per unit [s], and where it is from."""

    seconds: float
    source: str


def planned_of(asked: str | None, *, cell: str, body: str, limits: str) -> PlannedCycle | None:
    """Return what a person asked for, or the reference of the cell where nothing was asked for.

    Args:
        asked: Seconds, ``none``, or None.
        cell, body, limits: Names of what is to work.

    Raises:
        UsageError: It is neither.
    """
    if asked is None:
        return planned_cycle(cell, body, limits)
    if asked == "none":
        return None
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MOST_S:
        raise UsageError(
            f"--planned-cycle is {asked}; give seconds per unit, above 0 and at most 86400, or none"
        )
    return PlannedCycle(seconds, "given with --planned-cycle")


def planned_cycle(cell: str, body: str, limits: str) -> PlannedCycle | None:
    """Return the reference of a cell, or None where nobody has measured one."""
    text = (resources.files("shopfloor.shift") / "data" / PLANNED_FILE).read_text(encoding="utf-8")
    for entry in tomllib.loads(text).get("reference", ()):
        if (entry["cell"], entry["body"], entry["limits"]) == (cell, body, limits):
            source = f"{entry['brain']} over {entry['units']} units, log {entry['log_sha256'][:12]}"
            return PlannedCycle(entry["seconds"], source)
    return None


def measured(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reference that a run's ``result.json`` makes.

    Raises:
        UsageError: The run is not whole, or produced nothing.
    """
    units = result["units"]
    produced = units["good"] + units["scrap"] + units["quarantine"]
    if result["partial"] or not produced or not result["state_s"]["PRD"]:
        raise UsageError(
            f"the run of {result['run']} is not whole or produced nothing; a reference needs a "
            "complete shift with units"
        )
    return {
        "cell": result["cell"],
        "body": result["body"],
        "limits": result["limits"],
        "brain": result["brain"],
        "units": produced,
        "seconds": round(result["state_s"]["PRD"] / produced, 4),
        "log_sha256": result["log_sha256"],
    }
