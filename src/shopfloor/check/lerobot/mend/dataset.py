"""All repairs of one dataset, in the order in which one leans on the other."""

from __future__ import annotations

from shopfloor.check.finding import Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.info import read_info
from shopfloor.check.lerobot.mend.data import mend_data
from shopfloor.check.lerobot.mend.episodes import mend_episodes
from shopfloor.check.lerobot.mend.info import mend_info
from shopfloor.check.lerobot.mend.stats import mend_stats
from shopfloor.check.lerobot.mend.tasks import mend_tasks
from shopfloor.check.report import Report, Tell

__all__ = ["mend_dataset"]


def mend_dataset(report: Report, keeper: Keeper, tell: Tell) -> None:
    """Mend what was found to be repairable.

    Args:
        report: Of the check.
        keeper: Replaces the files.
        tell: Told of the progress [MB].
    """
    root = report.path
    able = [finding for finding in report.findings if finding.repairable]
    mend_info(root, able, keeper)
    info = read_info(root, Findings())
    if info is None:
        return
    mend_tasks(root, able, keeper)
    mend_data(root, info, report, keeper)
    mend_episodes(root, info, able, keeper)
    mend_stats(root, info, able, keeper, tell)
