"""The shift: the only place that holds a cell and a brain together."""

from shopfloor.shift.latency import Latency
from shopfloor.shift.plan import Plan
from shopfloor.shift.shift import Progress, plan_of, run_shift

__all__ = ["Latency", "Plan", "Progress", "plan_of", "run_shift"]
