"""Computes ``meta/stats.json`` again: numbers in two passes, pictures from every one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Finding, Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.column import read_column
from shopfloor.check.lerobot.feature import Feature
from shopfloor.check.lerobot.info import STATS, Info
from shopfloor.check.lerobot.moments import QUANTILES, Histogram, Moments
from shopfloor.check.lerobot.rows import Rows, read_rows
from shopfloor.check.lerobot.stats import RECOMPUTED, STATS_JSON
from shopfloor.check.lerobot.table import batches, open_table
from shopfloor.check.lerobot.video import video_files
from shopfloor.check.report import Tell
from shopfloor.errors import RunCorrupt
from shopfloor.record import read_video

__all__ = ["mend_stats"]

_Lists = dict[str, list[Any]]


def mend_stats(root: Path, info: Info, able: Sequence[Finding], keeper: Keeper, tell: Tell) -> None:
    """Compute the statistics of the features that have wrong ones, or of all."""
    mine = [finding for finding in able if finding.code in {code.name for code in RECOMPUTED}]
    if not mine:
        return
    names = {finding.what for finding in mine}
    said: dict[str, Any] = {}
    if any(finding.code == STATS_JSON.name for finding in mine):
        names = set(info.features)
    else:
        said = json.loads((root / STATS).read_bytes())
    done = _numbers(root, info, names, tell)
    for name in names & set(info.features):
        if info.features[name].is_picture:
            stats = _pictures(root, info.features[name])
            if stats is not None:
                done[name] = stats
    if done:
        ordered = {name: done.get(name, said.get(name)) for name in {**info.features, **said}}
        kept = {name: stats for name, stats in ordered.items() if stats is not None}
        text = json.dumps(kept, indent=4, ensure_ascii=False) + "\n"
        change = f"computed again for {', '.join(sorted(done))}"
        keeper.replace(STATS, change, lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _numbers(root: Path, info: Info, names: set[str], tell: Tell) -> dict[str, _Lists]:
    rows = read_rows(root, info, None, Findings())
    wanted = {
        name: moments
        for name, moments in rows.moments.items()
        if name in names and name not in rows.spoilt and 0 < moments.count == rows.count
    }
    if not rows.whole or not wanted:
        return {}
    histograms = {name: Histogram(m.least, m.greatest) for name, m in wanted.items()}
    for name, numbers in _columns(root, info, rows, list(wanted), tell):
        histograms[name].add(numbers)
    return {
        name: _lists(moments, histograms[name].quantile, info.features[name].shape)
        for name, moments in wanted.items()
    }


def _lists(moments: Moments, quantile: Callable[[float], Any], shape: tuple[int, ...]) -> _Lists:
    values = {
        "min": moments.least,
        "max": moments.greatest,
        "mean": moments.mean,
        "std": moments.deviation,
    }
    values |= {name: quantile(fraction) for name, fraction in QUANTILES.items()}
    lists: _Lists = {name: value.reshape(shape).tolist() for name, value in values.items()}
    lists["count"] = [moments.count]
    return lists


def _columns(
    root: Path, info: Info, rows: Rows, names: Sequence[str], tell: Tell
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for number, file in enumerate(rows.files):
        table = open_table(root, file, Findings())
        for batch in () if table is None else batches(table, file, Findings(), names):
            for name in names:
                column = batch.column(name)
                read = read_column(column, info.features[name], file, 0, Findings())
                if read is not None:
                    yield name, read
        tell(number + 1, len(rows.files))


def _pictures(root: Path, feature: Feature) -> _Lists | None:
    """Return the statistics of a camera, exactly: a picture's values are whole numbers to 255."""
    if feature.dtype != "video":
        return None  # pictures in the data: they are not looked at without --deep
    files = [file for file in video_files(root) if file.split("/")[1] == feature.name]
    counts = np.zeros((3, 256), np.int64)
    pictures = 0
    try:
        for file in files:
            for picture in read_video(root / file):
                for channel in range(3):
                    plane = picture[..., channel].ravel()
                    counts[channel] += np.bincount(plane, minlength=256)
                pictures += 1
    except RunCorrupt:
        return None
    if not pictures:
        return None
    levels = np.arange(256) / 255
    total = counts.sum(axis=1)
    mean = (counts * levels).sum(axis=1) / total
    spread = np.sqrt((counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total)
    sums = counts.cumsum(axis=1)
    values = {
        "min": levels[(counts > 0).argmax(axis=1)],
        "max": levels[255 - (counts[:, ::-1] > 0).argmax(axis=1)],
        "mean": mean,
        "std": spread,
    }
    for name, fraction in QUANTILES.items():
        values[name] = levels[(sums < fraction * total[:, None]).sum(axis=1)]
    lists: _Lists = {name: value.reshape(3, 1, 1).tolist() for name, value in values.items()}
    lists["count"] = [pictures]
    return lists
