"""The files that a run is made from and keeps, and the plan that they and its manifest say."""

from __future__ import annotations

from pathlib import Path

from shopfloor.order.file import OrderFile
from shopfloor.record import RunFolder
from shopfloor.shift.calendar import calendar_bytes
from shopfloor.shift.latency import DEADLINE_S, Latency
from shopfloor.shift.plan import Plan
from shopfloor.shift.planned import PlannedCycle
from shopfloor.shift.workforce import Workforce

__all__ = ["inputs_of", "kept_inputs", "plan_of"]

INPUTS = "inputs"
ORDERS = "orders"
LIMITS = "limits.toml"
CALENDAR = "calendar.toml"
PAPERS = "papers.yaml"


def inputs_of(plan: Plan) -> dict[str, bytes]:
    """Files that the run is made from, by where it keeps them so that it can be resumed anywhere.

    An order file keeps its name, of which orders without an id get one.
    """
    files = {}
    if plan.order_file is not None:
        orders = OrderFile(plan.order_file, plan.seed)
        place = f"{INPUTS}/{ORDERS}"
        files[f"{place}/{plan.order_file.name}"] = plan.order_file.read_bytes()
        files |= {f"{place}/{name}": content for name, content in orders.documents.items()}
    if plan.limits.endswith(".toml"):
        files[f"{INPUTS}/{LIMITS}"] = Path(plan.limits).read_bytes()
    if plan.calendar.endswith(".toml"):
        files[f"{INPUTS}/{CALENDAR}"] = calendar_bytes(plan.calendar)
    if plan.papers_file is not None:
        files[f"{INPUTS}/{PAPERS}"] = plan.papers_file.read_bytes()
    return files


def kept_inputs(path: Path) -> dict[str, bytes]:
    """Read back what ``inputs_of`` said, from the run folder."""
    files = sorted(file for file in (path / INPUTS).rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def plan_of(
    path: Path, *, workers: Workforce, max_wall_s: float | None, keep_going: bool = False
) -> Plan:
    """Read from a run's manifest what it was to be.

    What its papers were found to be is not read: the folder may come from anybody, so whoever
    works the plan has them checked anew.

    Raises:
        RunError, UsageError: There is no run, or it cannot be read.
    """
    with RunFolder.open(path) as folder:
        old = folder.manifest
    inputs = path.absolute() / INPUTS
    limits, calendar, papers = inputs / LIMITS, inputs / CALENDAR, inputs / PAPERS
    planned = old.planned_cycle_s
    return Plan(
        cell=old.cell,
        body=old.body,
        brain=old.brain,
        seed=old.seed,
        orders=old.orders,
        hours=old.hours,
        order_file=inputs / ORDERS / old.order_file if old.order_file else None,
        language=old.language,
        latency=Latency.parse(old.latency),
        limits=str(limits) if limits.exists() else old.limits,
        record_fps=old.record_fps,
        video=old.video,
        depth=old.depth,
        audit=old.audit,
        allow_unproven=old.allow_unproven,
        noise=old.noise,
        faults=old.faults,
        cameras=old.cameras,
        calendar=str(calendar) if calendar.exists() else old.calendar.name,
        planned_cycle=PlannedCycle(planned, old.planned_cycle_source or "") if planned else None,
        brain_deadline_s=DEADLINE_S if old.brain_deadline_s is None else old.brain_deadline_s,
        fallback=old.fallback,
        keep_going=keep_going,
        workers=workers,
        max_wall_s=max_wall_s,
        papers_file=papers if papers.exists() else None,
    )
