"""Detectors of faults: they see what a real cell would see, and nothing else."""

from shopfloor.monitor.drive import OFF_RAD, OFF_TICKS, RECENT_TICKS, furthest
from shopfloor.monitor.finding import Detector, Finding
from shopfloor.monitor.monitor import Monitor

__all__ = ["OFF_RAD", "OFF_TICKS", "RECENT_TICKS", "Detector", "Finding", "Monitor", "furthest"]
