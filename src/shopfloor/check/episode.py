"""One committed episode of ours: its files, its log, its pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from shopfloor.check.finding import Code, Findings
from shopfloor.check.report import Level
from shopfloor.check.video import decoded, demux
from shopfloor.errors import RunCorrupt, RunError, RunVersion
from shopfloor.record import Entry, Episode, RunFolder, read_log
from shopfloor.record.episode import EPISODE_FILE, FileSum
from shopfloor.record.film import film_name
from shopfloor.record.recording import LOG_FILE, TRUTH_FILE
from shopfloor.record.video import DEPTH, VIEWS

__all__ = ["CODES", "RUN_VERSION", "check_episode"]

_FILMS = (film_name(""), film_name("", "depth"))
"""How the names of videos end: of pictures, and of depth."""
_READABLE = "the format of this shopfloor"

RUN_VERSION = Code(
    "run.version",
    "error",
    "The run, or a log in it, was written in another format version",
    "open it with the shopfloor that wrote it",
)
RUN_EPISODE = Code(
    "run.episode",
    "error",
    "episode.json is missing, damaged, or from another run or lot",
    "restore the episode from a copy, or delete it and index.jsonl and continue with --resume",
)
RUN_FILE = Code(
    "run.file",
    "error",
    "A file of an episode is missing, or its bytes are not those that were written",
    "restore the episode from a copy, or delete it and index.jsonl and continue with --resume",
)
RUN_EXTRA = Code(
    "run.extra",
    "warning",
    "A file in an episode's folder that no sum speaks for: it was put there afterwards",
    "move it elsewhere",
)
RUN_LOG = Code(
    "run.log",
    "error",
    "A log cannot be read though its bytes are those that were written, or its log_sha256 is not "
    "the one in the index",
    "keep the run, and tell us: the recorder has written something wrong",
)
RUN_TICKS = Code(
    "run.ticks",
    "error",
    "The ticks of a log do not follow each other, or are not as many as the entry says",
    "keep the run, and tell us: the recorder has written something wrong",
)
RUN_FRAMES = Code(
    "run.frames",
    "error",
    "A camera's frames in the log, the entry and the video are not the same number",
    "keep the run, and tell us: the recorder has written something wrong",
)
RUN_VIDEO = Code(
    "run.video",
    "error",
    "A video cannot be read, or with --deep: not decoded",
    "restore the episode from a copy, or delete it and index.jsonl and continue with --resume",
)
CODES = (RUN_VERSION, RUN_EPISODE, RUN_FILE, RUN_EXTRA, RUN_LOG, RUN_TICKS, RUN_FRAMES, RUN_VIDEO)


def check_episode(
    run: RunFolder, lot: int, level: Level, findings: Findings, checked: dict[str, int]
) -> Entry | None:
    """Check an episode; return its entry, or None where its ``episode.json`` is damaged.

    Args:
        run: Where it is.
        lot: Its lot.
        level: How deep to go.
        findings: Taken up here.
        checked: Counted up here.
    """
    folder = f"episodes/{lot:06d}"
    try:
        episode = run.episode(lot)
    except RunVersion as error:
        file = f"{folder}/{EPISODE_FILE}"
        findings.add(RUN_VERSION.at(file, str(error), _READABLE, episode=lot))
        return None
    except (RunError, TypeError, ValueError) as error:
        findings.add(
            RUN_EPISODE.at(f"{folder}/{EPISODE_FILE}", str(error), "what was written", episode=lot)
        )
        return None
    checked["episodes"] += 1
    damaged = _check_files(episode, folder, findings, checked)
    if level != "quick":
        # What follows from damaged bytes is found by its cause.
        if not damaged & {LOG_FILE, TRUTH_FILE}:
            _check_log(episode, folder, damaged, findings, checked)
        for name in sorted(set(episode.files) - damaged):
            if name.endswith(_FILMS) and level == "deep":
                _decode(episode.path / name, f"{folder}/{name}", lot, findings)
    return episode.entry


def _check_files(
    episode: Episode, folder: str, findings: Findings, checked: dict[str, int]
) -> set[str]:
    """Compare all files with their sums; return the names of those that are damaged."""
    lot = episode.entry.lot
    damaged = set()
    for name, due in episode.files.items():
        checked["files"] += 1
        try:
            found = FileSum.of(episode.path / name)
            got = f"{found.size} bytes, {found.xxh3_128}"
        except OSError as error:
            found, got = None, str(error.strerror)
        if found != due:
            damaged.add(name)
            if found is not None and name in {LOG_FILE, TRUTH_FILE}:
                got += _where(episode.path / name)
            allowed = f"{due.size} bytes, {due.xxh3_128}"
            findings.add(RUN_FILE.at(f"{folder}/{name}", got, allowed, episode=lot))
    known = {*episode.files, EPISODE_FILE}
    for path in sorted(episode.path.iterdir()):
        if path.name not in known:
            findings.add(
                RUN_EXTRA.at(f"{folder}/{path.name}", "a file", "what was recorded", episode=lot)
            )
    return damaged


def _where(path: Path) -> str:
    """Say where in a log the damage is, if its own checksums show it."""
    try:
        for _ in read_log(path):
            pass
    except (RunCorrupt, RunVersion) as error:
        return f" ({error})"
    return ""


def _check_log(
    episode: Episode, folder: str, damaged: set[str], findings: Findings, checked: dict[str, int]
) -> None:
    entry, file = episode.entry, f"{folder}/{LOG_FILE}"
    try:
        digest = episode.log_sha256()
        ticks = episode.ticks()["tick"]
        truth = episode.truth()
        frames = episode.notes("frame")
        views = episode.notes("view")
    except RunVersion as error:
        findings.add(RUN_VERSION.at(file, str(error), _READABLE, episode=entry.lot))
        return
    except (RunError, KeyError, TypeError, ValueError) as error:
        findings.add(RUN_LOG.at(file, str(error), "a log that can be read", episode=entry.lot))
        return
    checked["ticks"] += len(ticks)
    if digest != entry.log_sha256:
        findings.add(RUN_LOG.at(file, digest, entry.log_sha256, episode=entry.lot))
    _check_ticks(episode, file, ticks, findings)
    if truth is not None and not np.array_equal(truth["tick"], ticks):
        got = f"{len(truth)} rows of truth"
        allowed = f"one for each of {len(ticks)} ticks"
        findings.add(RUN_TICKS.at(f"{folder}/{TRUTH_FILE}", got, allowed, episode=entry.lot))
    logged = Counter(str(note.get("camera")) for note in frames)
    said = Counter({name: count for name, count in entry.frames.items() if count})
    if logged != said:
        got, allowed = str(dict(logged)), str(dict(said))
        findings.add(RUN_FRAMES.at(file, got, allowed, what="frames", episode=entry.lot))
    _check_order(frames, file, entry.lot, findings)
    shown = Counter(str(note.get("camera")) for note in views)
    expected = {film_name(camera): count for camera, count in logged.items()}
    expected |= {film_name(f"{camera}{VIEWS}"): count for camera, count in shown.items()}
    if any(name.endswith(_FILMS[1]) for name in episode.files):
        deep = {film_name(f"{camera}{DEPTH}", "depth"): n for camera, n in logged.items()}
        expected |= deep
    _check_videos(episode, folder, expected, damaged, findings, checked)


def _check_ticks(episode: Episode, file: str, ticks: np.ndarray, findings: Findings) -> None:
    entry = episode.entry
    steps = np.flatnonzero(np.diff(ticks) != 1)
    if len(steps):
        at = int(steps[0])
        findings.add(
            RUN_TICKS.at(
                file,
                f"after tick {ticks[at]:g} comes tick {ticks[at + 1]:g}",
                "every tick once",
                row=at + 1,
                episode=entry.lot,
                count=len(steps),
            )
        )
    elif len(ticks) != entry.ticks:
        got = f"{len(ticks)} ticks"
        findings.add(RUN_TICKS.at(file, got, f"{entry.ticks}", episode=entry.lot))


def _check_order(
    frames: tuple[dict[str, object], ...], file: str, lot: int, findings: Findings
) -> None:
    due: Counter[str] = Counter()
    for note in frames:
        camera = str(note.get("camera"))
        if note.get("seq") != due[camera]:
            got = f"frame {note.get('seq')} of {camera}"
            findings.add(RUN_FRAMES.at(file, got, f"frame {due[camera]}", what=camera, episode=lot))
            return
        due[camera] += 1


def _check_videos(
    episode: Episode,
    folder: str,
    expected: dict[str, int],
    damaged: set[str],
    findings: Findings,
    checked: dict[str, int],
) -> None:
    lot = episode.entry.lot
    videos = {name for name in episode.files if name.endswith(_FILMS)}
    if not videos:
        return  # recorded without video
    for name in sorted((expected.keys() | videos) - damaged):
        count = 0
        if name in videos:
            try:
                count = len(demux(episode.path / name).times)
            except RunCorrupt as error:
                findings.add(RUN_VIDEO.at(f"{folder}/{name}", str(error), "a video", episode=lot))
                continue
            checked["videos"] += 1
            checked["frames"] += count
        if count != expected.get(name, 0):
            got, allowed = f"{count} frames in the video", f"{expected.get(name, 0)} in the log"
            findings.add(RUN_FRAMES.at(f"{folder}/{name}", got, allowed, episode=lot))


def _decode(path: Path, file: str, lot: int, findings: Findings) -> None:
    try:
        pictures, packets = decoded(path), len(demux(path).times)
    except RunCorrupt as error:
        findings.add(RUN_VIDEO.at(file, str(error), "pictures that can be decoded", episode=lot))
        return
    if pictures != packets:
        findings.add(
            RUN_VIDEO.at(file, f"{pictures} pictures", f"{packets}, one a packet", episode=lot)
        )
