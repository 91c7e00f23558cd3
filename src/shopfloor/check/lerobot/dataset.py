"""One dataset, from its description to its last picture."""

from __future__ import annotations

from pathlib import Path

from shopfloor.check.finding import Findings
from shopfloor.check.keeper import snapshot
from shopfloor.check.lerobot.episodes import EPISODES_LOST, read_episodes
from shopfloor.check.lerobot.image import check_images
from shopfloor.check.lerobot.info import SPLITS, TOTALS, check_totals, read_info
from shopfloor.check.lerobot.rows import EPISODE_INDEX, FRAME_INDEX, INDEX, data_files, read_rows
from shopfloor.check.lerobot.span import (
    EPISODE_FILE,
    EPISODE_LENGTH,
    EPISODE_SPAN,
    FILE_STRAY,
    check_named,
    check_spans,
    check_strays,
)
from shopfloor.check.lerobot.stats import RECOMPUTED, check_constants, check_stats
from shopfloor.check.lerobot.table import FILE_MISSING, PARQUET
from shopfloor.check.lerobot.tasks import read_tasks
from shopfloor.check.lerobot.video import check_videos, video_files
from shopfloor.check.report import Level, Report, Tell

__all__ = ["check_dataset"]

_MB = 1e6

_IN_DOUBT = (INDEX, EPISODE_INDEX, FRAME_INDEX, EPISODES_LOST, FILE_MISSING, FILE_STRAY, PARQUET)
"""Rows are missing, or there are too many: who knows which figure is right?"""

_FROM_ROWS = (TOTALS, SPLITS, EPISODE_LENGTH, EPISODE_SPAN, EPISODE_FILE, *RECOMPUTED)
"""What is repaired by counting rows, so not then."""


class _Progress:
    """Bytes read so far, told in megabytes of all that will be read."""

    def __init__(self, root: Path, level: Level, tell: Tell) -> None:
        files = data_files(root) + ([] if level == "quick" else video_files(root))
        self._of = sum((root / file).stat().st_size for file in files)
        self._done = 0
        self._tell = tell

    def __call__(self, size: int) -> None:
        self._done = min(self._done + size, self._of)
        self._tell(round(self._done / _MB), max(round(self._of / _MB), 1))


def check_dataset(root: Path, level: Level, tell: Tell) -> Report:
    """Check a LeRobot v3.0 dataset. Nothing is written.

    Memory grows with the number of episodes, not with their length: rows are read in batches.
    A process that checks a million episodes without a camera has peaked at 350 MB.

    Args:
        root: Its folder.
        level: How deep to go.
        tell: Told of the progress [MB].
    """
    findings = Findings()
    seen = snapshot(root)
    checked = {"episodes": 0, "rows": 0, "videos": 0, "frames": 0}
    if (info := read_info(root, findings)) is not None:
        progress = _Progress(root, level, tell)
        tasks = read_tasks(root, findings)
        table = read_episodes(root, info.cameras, None if tasks is None else tasks.words, findings)
        rows = read_rows(root, info, None if tasks is None else tasks.count, findings, progress)
        episodes = rows.stretches.count()
        check_named(root, info, table, rows, findings)
        check_spans(info, table, rows, findings)
        check_strays(info, table, rows, findings)
        check_totals(
            info,
            {
                "total_episodes": episodes if rows.whole else None,
                "total_frames": rows.count if rows.whole else None,
                "total_tasks": None if tasks is None else tasks.count,
            },
            findings,
        )
        check_constants(info, rows, findings)
        check_stats(root, info, rows, findings)
        if level == "deep":
            check_images(root, info, rows, findings)
        checked = {"episodes": episodes, "rows": rows.count}
        checked |= check_videos(root, info, table, level, findings, progress)
    if findings.has(*_IN_DOUBT):
        findings.leave(*_FROM_ROWS)
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    return Report(root, "lerobot", level, tuple(ordered), checked, seen)
