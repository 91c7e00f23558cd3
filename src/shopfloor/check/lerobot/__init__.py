"""LeRobot datasets, format v3.0: every way in which one can be wrong, by name."""

from shopfloor.check.finding import Code
from shopfloor.check.lerobot import (
    column,
    episodes,
    feature,
    image,
    info,
    rows,
    span,
    stats,
    table,
    tasks,
    video,
)
from shopfloor.check.lerobot.dataset import check_dataset

__all__ = ["CODES", "check_dataset"]

CODES: tuple[Code, ...] = (
    *info.CODES,
    *feature.CODES,
    *table.CODES,
    *tasks.CODES,
    *episodes.CODES,
    *span.CODES,
    *rows.CODES,
    *column.CODES,
    *image.CODES,
    *video.CODES,
    *stats.CODES,
)
"""Every kind of defect that is looked for."""
