"""Faults put into a simulated cell on purpose: named, seeded, and told to the recorder alone."""

from shopfloor.cell.fault.cell import FaultyCell
from shopfloor.cell.fault.kind import FAULTS, FaultKind, fault_kind
from shopfloor.cell.fault.plan import Fault, Injection, draw, parse, read

__all__ = [
    "FAULTS",
    "Fault",
    "FaultKind",
    "FaultyCell",
    "Injection",
    "draw",
    "fault_kind",
    "parse",
    "read",
]
