"""Is what lies on the disk fit to be trained on? Runs of ours, and LeRobot datasets of anybody."""

from shopfloor.check.finding import Code, Finding
from shopfloor.check.folder import check, recognise
from shopfloor.check.report import Level, Report

__all__ = ["Code", "Finding", "Level", "Report", "check", "recognise"]
