"""Mends ``meta/info.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shopfloor.check.finding import Finding, Findings
from shopfloor.check.keeper import Keeper
from shopfloor.check.lerobot.feature import DEFAULTS, FEATURE_DEFAULT
from shopfloor.check.lerobot.info import (
    DATA_PATH,
    FALLBACKS,
    INFO,
    INFO_KEY,
    SPLITS,
    TOTALS,
    VIDEO_PATH,
    Info,
    read_info,
)
from shopfloor.check.lerobot.rows import data_files, read_rows
from shopfloor.check.lerobot.tasks import read_tasks
from shopfloor.check.lerobot.video import video_files

__all__ = ["mend_info", "numbers_of"]


def mend_info(root: Path, able: Sequence[Finding], keeper: Keeper) -> None:
    """Write the keys, totals, splits and default features that the files prove."""
    codes = {code.name for code in (INFO_KEY, TOTALS, SPLITS, FEATURE_DEFAULT)}
    mine = [finding for finding in able if finding.code in codes]
    info = read_info(root, Findings())
    if not mine or info is None:
        return
    raw = dict(info.raw)
    known = _Known(root, info)
    done = []
    for finding in mine:
        key = finding.what.partition(".")[0]
        if finding.code == FEATURE_DEFAULT.name:
            declared = {"dtype": DEFAULTS[finding.what], "shape": [1], "names": None}
            raw["features"] = {**raw["features"], finding.what: declared}
            done.append(f"feature {finding.what}")
        elif (value := known.value(key)) is not _UNKNOWN:
            raw[key] = value
            done.append(f"{key} = {json.dumps(value)}")
    if done:
        text = json.dumps(raw, indent=4, ensure_ascii=False) + "\n"
        keeper.replace(INFO, ", ".join(dict.fromkeys(done)), lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


_UNKNOWN: Any = object()


class _Known:
    """What the files of a dataset prove of its ``info.json``; counted when it is asked for."""

    def __init__(self, root: Path, info: Info) -> None:
        self._root = root
        self._info = info
        self._counts: dict[str, int] | None = None

    def value(self, key: str) -> Any:
        """Return what must stand there, or ``_UNKNOWN``."""
        if key in FALLBACKS:
            return FALLBACKS[key]
        if key == "data_path":
            return self._template(DATA_PATH, data_files(self._root), {})
        if key == "video_path":
            if not self._info.cameras:
                return None
            files = video_files(self._root)
            of = [
                self._template(VIDEO_PATH, [f for f in files if f.split("/")[1] == name], name)
                for name in self._info.cameras
            ]
            return VIDEO_PATH if all(one is not _UNKNOWN for one in of) else _UNKNOWN
        counts = self._count()
        if key == "splits" and "total_episodes" in counts:
            return {"train": f"0:{counts['total_episodes']}"}
        return counts.get(key, _UNKNOWN)

    @staticmethod
    def _template(template: str, files: Sequence[str], camera: Any) -> Any:
        """Return a template if all files stand where it says."""
        numbers = [numbers_of(file) for file in files]
        expected = [
            None
            if pair is None
            else template.format(chunk_index=pair[0], file_index=pair[1], video_key=camera)
            for pair in numbers
        ]
        return template if files and expected == list(files) else _UNKNOWN

    def _count(self) -> dict[str, int]:
        if self._counts is None:
            self._counts = {}
            tasks = read_tasks(self._root, Findings())
            rows = read_rows(self._root, self._info, None, Findings())
            if tasks is not None:
                self._counts["total_tasks"] = tasks.count
            if rows.whole:
                self._counts["total_frames"] = rows.count
                self._counts["total_episodes"] = rows.stretches.count()
        return self._counts


def numbers_of(file: str) -> tuple[int, int] | None:
    """Return chunk and file index by the default names."""
    *_, chunk, name = file.split("/")
    try:
        return int(chunk.removeprefix("chunk-")), int(name.rpartition(".")[0].removeprefix("file-"))
    except ValueError:
        return None
