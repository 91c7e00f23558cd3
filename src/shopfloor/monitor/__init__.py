"""Detectors of faults: they see what a real cell would see, and nothing else."""

from shopfloor.monitor.finding import Detector, Finding
from shopfloor.monitor.monitor import Monitor

__all__ = ["Detector", "Finding", "Monitor"]
