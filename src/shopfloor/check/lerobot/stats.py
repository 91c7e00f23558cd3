"""``meta/stats.json``: training normalises with it, whatever it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.feature import Feature
from shopfloor.check.lerobot.info import STATS, Info
from shopfloor.check.lerobot.moments import QUANTILES, Moments
from shopfloor.check.lerobot.rows import Rows

__all__ = ["CODES", "CONSTANT", "RECOMPUTED", "STATS_JSON", "check_constants", "check_stats"]

STATS_JSON = Code(
    "lerobot.stats_json",
    "error",
    "meta/stats.json is missing or no JSON object; LeRobot loads without it, and then trains "
    "on numbers that are not normalised",
    "compute it again",
    repairable=True,
)
STATS_MISSING = Code(
    "lerobot.stats_missing",
    "error",
    "A feature that a policy sees has no statistics, or lacks min, max, mean, std or count",
    "compute them again",
    repairable=True,
)
STATS_QUANTILES = Code(
    "lerobot.stats_quantiles",
    "warning",
    "A feature lacks q01, q10, q50, q90 or q99; policies that normalise with quantiles (π0.5) "
    "cannot be trained",
    "compute them again",
    repairable=True,
)
STATS_SHAPE = Code(
    "lerobot.stats_shape",
    "error",
    "Statistics have another shape than the feature: (3, 1, 1) for pictures, (1,) for count",
    "compute them again",
    repairable=True,
)
STATS_VALUE = Code(
    "lerobot.stats_value",
    "error",
    "Statistics contradict themselves: not finite, min above max, mean outside, std below 0, "
    "quantiles out of order, or pictures outside [0, 1]",
    "compute them again",
    repairable=True,
)
STATS_COUNT = Code(
    "lerobot.stats_count",
    "error",
    "count is not the number of rows (of pictures: below 1); merging weighs with it",
    "compute them again",
    repairable=True,
)
STATS_DIFFER = Code(
    "lerobot.stats_differ",
    "error",
    "min, max, mean or std is not that of the data; training normalises with the wrong numbers",
    "compute them again",
    repairable=True,
)
STATS_STALE = Code(
    "lerobot.stats_stale",
    "warning",
    "Statistics of a column that no policy is normalised with (index, timestamp, next.done) are "
    "not those of the data; LeRobot's own tools leave them so when they delete, split or merge",
    "compute them again, or let them be",
    repairable=True,
)
CONSTANT = Code(
    "lerobot.constant",
    "warning",
    "An element of a state or action has the same value in all rows: a dead sensor, or a joint "
    "that nobody moves. Where std is 0, a little noise is divided by next to nothing",
    "leave the element out, or see to the sensor",
)
RECOMPUTED = (
    STATS_JSON,
    STATS_MISSING,
    STATS_QUANTILES,
    STATS_SHAPE,
    STATS_VALUE,
    STATS_COUNT,
    STATS_DIFFER,
    STATS_STALE,
)
"""What is mended by computing the statistics again."""

CODES = (*RECOMPUTED, CONSTANT)

_NEEDED = ("min", "max", "mean", "std", "count")
_LOOSE = 1e-3
"""Of the largest value. LeRobot computes mean and std of float32 in float32, and std as the
root of a difference, which loses half of the digits."""

_TIGHT = 1e-5
"""Of the largest value: what a float32 written as text and back may differ by."""

_Arrays = dict[str, npt.NDArray[np.float64]]


def check_constants(info: Info, rows: Rows, findings: Findings) -> None:
    """Find elements of states and actions that never change."""
    for name, moments in rows.moments.items():
        feature = info.features[name]
        if not feature.is_learnt or feature.dtype == "bool" or moments.count < 2:
            continue
        dead = np.flatnonzero(moments.least == moments.greatest)
        if len(dead):
            labels = ", ".join(feature.label(int(n)) for n in dead[:8])
            findings.add(
                CONSTANT.at(
                    "data",
                    f"{labels}{' …' if len(dead) > 8 else ''} always "
                    f"{float(moments.least[dead[0]]):g}",
                    "values that change",
                    what=name,
                    count=len(dead),
                )
            )


def check_stats(root: Path, info: Info, rows: Rows, findings: Findings) -> None:
    """Check the statistics by themselves and against the data."""
    try:
        said = json.loads((root / STATS).read_bytes())
        if not isinstance(said, dict):
            raise TypeError(type(said).__name__)  # noqa: TRY301
    except (OSError, ValueError, TypeError, RecursionError) as error:
        got = getattr(error, "strerror", None) or str(error)
        findings.add(STATS_JSON.at(STATS, got, "statistics by feature"))
        return
    for name, feature in info.features.items():
        if feature.dtype == "string":
            continue
        stats = said.get(name)
        if stats is None and not (feature.is_learnt or feature.is_picture):
            continue
        if (arrays := _arrays(stats, feature, findings)) is None:
            continue
        sound = _check_values(arrays, feature, findings)
        whole = rows.whole and name not in rows.spoilt
        moments = rows.moments.get(name)
        complete = whole and moments is not None and moments.count == rows.count
        if sound and complete and moments is not None and len(feature.shape) == 1:
            _check_data(arrays, feature, moments, findings)


def _arrays(stats: Any, feature: Feature, findings: Findings) -> _Arrays | None:
    """Return the statistics of a feature, if all that are needed are there in the right shape."""
    name = feature.name
    there = stats if isinstance(stats, dict) else {}
    if missing := [key for key in _NEEDED if key not in there]:
        findings.add(
            STATS_MISSING.at(STATS, f"no {', '.join(missing)}", ", ".join(_NEEDED), what=name)
        )
        return None
    if missing := [key for key in QUANTILES if key not in there]:
        findings.add(
            STATS_QUANTILES.at(STATS, f"no {', '.join(missing)}", ", ".join(QUANTILES), what=name)
        )
    due: tuple[int, ...] | None = (3, 1, 1) if feature.is_picture else feature.shape
    if due is not None and len(feature.shape) > 1 and not feature.is_picture:
        due = None  # LeRobot's own depend on how it flattens them
    arrays: _Arrays = {}
    for key in (*_NEEDED, *(key for key in QUANTILES if key in there)):
        shape = (1,) if key == "count" else due
        try:
            arrays[key] = np.asarray(there[key], dtype=np.float64)
            got = str(arrays[key].shape)
        except (ValueError, TypeError, OverflowError) as error:
            got = str(error)
        if key not in arrays or shape not in (None, arrays[key].shape):
            findings.add(STATS_SHAPE.at(STATS, f"{key} {got}", str(shape), what=name))
            return None
    return arrays


def _check_values(arrays: _Arrays, feature: Feature, findings: Findings) -> bool:
    """Check statistics by themselves; return whether they can be true."""

    def wrong(got: str, allowed: str) -> bool:
        findings.add(STATS_VALUE.at(STATS, got, allowed, what=feature.name))
        return False

    for key, array in arrays.items():
        if not np.isfinite(array).all():
            return wrong(f"{key} {array.ravel().tolist()}"[:80], "finite numbers")
    low, high = arrays["min"], arrays["max"]
    if (low > high).any():
        at = int(np.flatnonzero(low > high)[0])
        return wrong(f"min {low.flat[at]:g} > max {high.flat[at]:g}", "min up to max")
    slack = _TIGHT * np.maximum(np.abs(low), np.abs(high)) + 1e-9
    mean = arrays["mean"]
    if ((mean < low - slack) | (mean > high + slack)).any():
        return wrong("a mean outside of min and max", "min <= mean <= max")
    if (arrays["std"] < 0).any():
        return wrong("a std below 0", "0 or more")
    ladder = [low, *(arrays[key] for key in QUANTILES if key in arrays), high]
    if any((after < before - slack).any() for before, after in pairwise(ladder)):
        return wrong("quantiles out of order", "min <= q01 <= q10 <= q50 <= q90 <= q99 <= max")
    if feature.is_picture and ((low < -slack) | (high > 1 + slack)).any():
        return wrong(f"{low.min():g} to {high.max():g}", "[0, 1]")
    if feature.is_picture and arrays["count"][0] < 1:
        findings.add(
            STATS_COUNT.at(STATS, f"{arrays['count'][0]:g}", "1 or more", what=feature.name)
        )
    return True


def _check_data(
    arrays: Mapping[str, npt.NDArray[np.float64]],
    feature: Feature,
    moments: Moments,
    findings: Findings,
) -> None:
    """Compare statistics with those of the data.

    Quantiles are not compared: LeRobot averages those of the episodes, which is another number.
    """
    if arrays["count"][0] != moments.count:
        got = f"{arrays['count'][0]:g}"
        code = STATS_COUNT if feature.is_learnt else STATS_STALE
        findings.add(code.at(STATS, f"count {got}", str(moments.count), what=feature.name))
    size = np.maximum(np.abs(moments.least), np.abs(moments.greatest))
    for key, there, tolerance in (
        ("min", moments.least, _TIGHT),
        ("max", moments.greatest, _TIGHT),
        ("mean", moments.mean, _LOOSE),
        ("std", moments.deviation, _LOOSE),
    ):
        off = np.abs(arrays[key].ravel() - there) > tolerance * size + 1e-9
        if off.any():
            at = int(np.flatnonzero(off)[0])
            code = STATS_DIFFER if feature.is_learnt else STATS_STALE
            findings.add(
                code.at(
                    STATS,
                    f"{key} {arrays[key].ravel()[at]:g} of {feature.label(at)}",
                    f"{there[at]:g}",
                    what=feature.name,
                    count=int(off.sum()),
                )
            )
