"""``meta/info.json``: what a dataset says of itself."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from string import Formatter
from typing import Any

from shopfloor.check.finding import Code, Finding, Findings
from shopfloor.check.lerobot.feature import Feature, read_features

__all__ = [
    "CODES",
    "DATA_PATH",
    "EPISODES_PATH",
    "FALLBACKS",
    "INFO",
    "INFO_KEY",
    "SPLITS",
    "STATS",
    "TASKS",
    "TOTALS",
    "VIDEO_PATH",
    "Info",
    "check_totals",
    "read_info",
]

INFO = "meta/info.json"
TASKS = "meta/tasks.parquet"
STATS = "meta/stats.json"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

FALLBACKS: Mapping[str, Any] = {
    "robot_type": None,
    "chunks_size": 1000,
    "data_files_size_in_mb": 100,
    "video_files_size_in_mb": 200,
}
"""What LeRobot itself writes where nobody said anything."""

_SPEC = re.compile(r"(0?\d{0,2}d)?")
_CONVERTER = "python -m lerobot.datasets.v30.convert_dataset_v21_to_v30"

INFO_JSON = Code(
    "lerobot.info_json",
    "error",
    "meta/info.json is missing or no JSON object; nothing can be loaded",
    "restore it from a copy, or record or export again",
)
VERSION = Code(
    "lerobot.version",
    "error",
    "The dataset has another version of the format than v3.0, which is what is checked here",
    "convert it with LeRobot's own converter",
)
INFO_KEY = Code(
    "lerobot.info_key",
    "error",
    "A key that LeRobot reads is missing from info.json; it raises KeyError when it comes to it "
    "(`video_path` even where there is no video)",
    "add the key",
    repairable=True,
)
INFO_VALUE = Code(
    "lerobot.info_value",
    "error",
    "A value in info.json is of the wrong kind or out of range, such as fps of 0",
    "put the right value there",
)
PATH_TEMPLATE = Code(
    "lerobot.path_template",
    "error",
    "data_path or video_path leads out of the dataset (absolute, `..`) or names something "
    "else than chunk_index, file_index and video_key; it is not followed",
    "use the paths that LeRobot writes",
)
TOTALS = Code(
    "lerobot.totals",
    "error",
    "total_episodes, total_frames or total_tasks is not what is there; LeRobot asks for "
    "episodes that do not exist, or leaves some out",
    "put the right number there",
    repairable=True,
)
SPLITS = Code(
    "lerobot.splits",
    "error",
    "A split is no range of episodes, or names episodes that do not exist",
    "write splits as FROM:TO within the number of episodes",
    repairable=True,
)
CODES = (INFO_JSON, VERSION, INFO_KEY, INFO_VALUE, PATH_TEMPLATE, TOTALS, SPLITS)


@dataclass(frozen=True, slots=True, eq=False)
class Info:
    """What can be used of an ``info.json``.

    Attributes:
        raw: All of it.
        fps: Rows a second, or None where it is not usable.
        features: Those that are declared as they must be, by name.
        data_path, video_path: Templates, or None where they are missing or refused.
    """

    raw: Mapping[str, Any]
    fps: float | None
    features: Mapping[str, Feature]
    data_path: str | None
    video_path: str | None

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the features that are videos."""
        return tuple(name for name, feature in self.features.items() if feature.dtype == "video")

    @property
    def columns(self) -> Mapping[str, Feature]:
        """Features that are columns of the data, by name."""
        return {name: f for name, f in self.features.items() if f.dtype != "video"}


def read_info(root: Path, findings: Findings) -> Info | None:
    """Read ``info.json`` and check all that it says by itself; None where that is hopeless."""
    try:
        raw = json.loads((root / INFO).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        got = getattr(error, "strerror", None) or str(error)
        findings.add(INFO_JSON.at(INFO, got, "a JSON object"))
        return None
    if not isinstance(raw, dict):
        findings.add(INFO_JSON.at(INFO, type(raw).__name__, "a JSON object"))
        return None
    if (version := _version(raw)) is not None:
        findings.add(version)
        return None
    _check_keys(raw, findings)
    features = read_features(raw.get("features", {}), INFO, findings)
    video = any(feature.dtype == "video" for feature in features.values())
    return Info(
        raw=raw,
        fps=_fps(raw, findings),
        features=features,
        data_path=_template(raw, "data_path", {"chunk_index", "file_index"}, findings),
        video_path=_template(
            raw, "video_path", {"video_key", "chunk_index", "file_index"}, findings, needed=video
        ),
    )


def _version(raw: Mapping[str, Any]) -> Finding | None:
    version = raw.get("codebase_version")
    if version in {"v3.0", "3.0", "v3.0.0"}:
        return None
    got = "no version" if version is None else repr(version)
    if str(version).lstrip("v").startswith("2."):
        step = (
            f"convert it with LeRobot's own converter: {_CONVERTER} --repo-id=NAME; v2.0 to v2.1 "
            "needs an older LeRobot first"
        )
    else:
        step = "open it with the LeRobot that wrote it, or check it with a newer shopfloor"
    return VERSION.at(INFO, got, "v3.0", what="codebase_version", step=step)


def _check_keys(raw: Mapping[str, Any], findings: Findings) -> None:
    totals = ("total_episodes", "total_frames", "total_tasks")
    sizes = ("chunks_size", "data_files_size_in_mb", "video_files_size_in_mb")
    for key in ("fps", "features", "data_path", "video_path", "robot_type", "splits"):
        if key not in raw:
            # What cannot be known from the files is not made up.
            able = key not in {"fps", "features"}
            findings.add(
                INFO_KEY.at(INFO, "no such key", f"the key {key}", what=key, repairable=able)
            )
    for key in (*totals, *sizes):
        if key not in raw:
            findings.add(INFO_KEY.at(INFO, "no such key", f"the key {key}", what=key))
        elif not _whole(raw[key]) or raw[key] < (key in sizes):
            at_least = int(key in sizes)
            findings.add(
                INFO_VALUE.at(INFO, repr(raw[key]), f"a whole number from {at_least}", what=key)
            )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fps(raw: Mapping[str, Any], findings: Findings) -> float | None:
    if "fps" not in raw:
        return None
    fps = raw["fps"]
    usable = isinstance(fps, int | float) and not isinstance(fps, bool)
    if usable and math.isfinite(fps) and fps > 0:
        return float(fps)
    findings.add(INFO_VALUE.at(INFO, repr(fps), "a number above 0", what="fps"))
    return None


def _template(
    raw: Mapping[str, Any],
    key: str,
    names: set[str],
    findings: Findings,
    *,
    needed: bool = True,
) -> str | None:
    if key not in raw or (raw[key] is None and not needed):
        return None
    template = raw[key]
    if (why := _refused(template, names)) is None:
        return str(template)
    what = f"a path below the dataset that names {', '.join(sorted(names))}"
    findings.add(PATH_TEMPLATE.at(INFO, f"{template!r}: {why}", what, what=key))
    return None


def _refused(template: Any, names: set[str]) -> str | None:
    """Return why a template is not followed, or None."""
    if not isinstance(template, str):
        return "no text"
    try:
        parsed = [part for part in Formatter().parse(template) if part[1] is not None]
        fields = {str(name) for _, name, _, _ in parsed}
        # A format string can reach into objects: {chunk_index.__class__}.
        if fields - names:
            return f"it names {', '.join(sorted(fields - names))}"
        # Or ask for a gigabyte of blanks: {chunk_index:1000000000d}.
        if not all(_SPEC.fullmatch(spec or "") and not turn for _, _, spec, turn in parsed):
            return "it formats a number as something else"
        path = template.format(**dict.fromkeys(names - {"video_key"}, 0), video_key="camera")
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        return f"no template ({error})"
    if names - fields:
        return f"it does not name {', '.join(sorted(names - fields))}"
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).drive or path.startswith("\\"):
        return "it is absolute"
    if ".." in PurePosixPath(path.replace("\\", "/")).parts:
        return "it leads out with `..`"
    return None


def check_totals(info: Info, totals: Mapping[str, int | None], findings: Findings) -> None:
    """Compare totals and splits with what is there.

    Args:
        info: What the dataset says.
        totals: By key of ``info.json``; None where it could not be counted.
        findings: Taken up here.
    """
    for key, there in totals.items():
        said = info.raw.get(key)
        if there is not None and _whole(said) and said != there:
            findings.add(TOTALS.at(INFO, str(said), str(there), what=key))
    episodes = totals.get("total_episodes")
    if "splits" not in info.raw or episodes is None:
        return
    splits = info.raw["splits"]
    if not isinstance(splits, dict):
        findings.add(SPLITS.at(INFO, repr(splits), 'such as {"train": "0:10"}', what="splits"))
        return
    for name, text in splits.items():
        if not _range_within(text, episodes):
            allowed = f"FROM:TO within 0:{episodes}"
            # LeRobot writes one split of all episodes; any other is somebody's choice.
            alone = set(splits) == {"train"}
            findings.add(
                SPLITS.at(INFO, repr(text), allowed, what=f"splits.{name}", repairable=alone)
            )


def _range_within(text: Any, episodes: int) -> bool:
    first, colon, last = str(text).partition(":")
    if not isinstance(text, str) or not colon or not (first.isdecimal() and last.isdecimal()):
        return False
    return int(first) <= int(last) <= episodes
