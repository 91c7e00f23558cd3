"""What a shift came to: figures with intervals, a terminal table, and one HTML page."""

from shopfloor.report.interval import Interval, Rate, anytime, wilson
from shopfloor.report.load import run_summary
from shopfloor.report.page import write_report
from shopfloor.report.summary import Summary, log_sha256, summarise
from shopfloor.report.table import shift_table

__all__ = [
    "Interval",
    "Rate",
    "Summary",
    "anytime",
    "log_sha256",
    "run_summary",
    "shift_table",
    "summarise",
    "wilson",
    "write_report",
]
