"""The guard: sees every action before the cell does; passes, limits, or stops."""

from shopfloor.guard.envelope import EnvelopeGuard
from shopfloor.guard.limits import MODES, load_limits

__all__ = ["MODES", "EnvelopeGuard", "load_limits"]
