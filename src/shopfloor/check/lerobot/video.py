"""The videos: is there a picture for every row, at the time at which it is asked for?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shopfloor.check.finding import Code, Findings
from shopfloor.check.lerobot.episodes import EpisodeTable
from shopfloor.check.lerobot.info import Info
from shopfloor.check.lerobot.rows import TOLERANCE_S
from shopfloor.check.lerobot.span import paths, rows_at
from shopfloor.check.lerobot.table import FILE_MISSING
from shopfloor.check.report import Level
from shopfloor.check.video import VideoFacts, decoded, demux
from shopfloor.errors import RunCorrupt
from shopfloor.types import FloatArray

__all__ = ["CODES", "check_videos", "video_files"]

VIDEO = Code(
    "lerobot.video",
    "error",
    "A video cannot be read: cut off, without its `moov` (its writer was killed), or no video",
    "restore it from a copy, or encode it again",
)
VIDEO_SIZE = Code(
    "lerobot.video_size",
    "error",
    "A video has another size or frame rate than info.json says; pictures come in another shape, "
    "or from other times",
    "encode it again, or correct info.json",
)
VIDEO_FORMAT = Code(
    "lerobot.video_format",
    "warning",
    "A video has another codec or pixel format than info.json says",
    "correct info.json, or encode it again",
)
VIDEO_FRAMES = Code(
    "lerobot.video_frames",
    "error",
    "A video holds another number of pictures than its episodes have rows; rows are trained with "
    "pictures of other moments, or with none",
    "record the episode again, or leave it out",
)
VIDEO_TIMESTAMP = Code(
    "lerobot.video_timestamp",
    "error",
    "The pictures of a video are not 1 / fps apart within 1e-4 s; LeRobot finds none for a row, "
    "and picks by number where it decodes with torchcodec",
    "encode it again with a constant frame rate",
)
VIDEO_SPAN = Code(
    "lerobot.video_span",
    "error",
    "from_timestamp or to_timestamp of an episode is not where its pictures are; it is trained "
    "with pictures of another moment or episode",
    "write where its pictures are",
)
VIDEO_PRECISION = Code(
    "lerobot.video_precision",
    "error",
    "A video is so long that float32, in which LeRobot compares times, cannot tell them apart to "
    "1e-4 s (from 1,024 s on); it raises FrameTimestampError at some rows",
    "put fewer episodes into one video (video_files_size_in_mb), or cut the episode up",
)
VIDEO_DECODE = Code(
    "lerobot.video_decode",
    "error",
    "A picture of a video cannot be decoded, or there are fewer than packets",
    "restore it from a copy, or encode it again",
)
FILE_UNUSED = Code(
    "lerobot.file_unused",
    "warning",
    "A video that no episode names, or pictures that a recording left before it encoded them",
    "remove it, or add the row that is missing in meta/episodes",
)
CODES = (
    VIDEO,
    VIDEO_SIZE,
    VIDEO_FORMAT,
    VIDEO_FRAMES,
    VIDEO_TIMESTAMP,
    VIDEO_SPAN,
    VIDEO_PRECISION,
    VIDEO_DECODE,
    FILE_UNUSED,
)

_ENCODERS = {"libsvtav1": "av1", "libaom-av1": "av1", "libx264": "h264", "libx265": "hevc"}
"""Encoders whose name some tools write down where that of the codec belongs."""

_Whole = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Episodes:
    """The episodes of one video, in the order in which they are shown.

    Attributes:
        numbers, lengths: Index and rows of each.
        begins, ends: from_timestamp and to_timestamp of each [s].
    """

    numbers: _Whole
    lengths: _Whole
    begins: _Floats
    ends: _Floats


def video_files(root: Path) -> list[str]:
    """Return the video files that are there, below the dataset."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("videos/**/*.mp4"))


def check_videos(
    root: Path,
    info: Info,
    table: EpisodeTable,
    level: Level,
    findings: Findings,
    tell: Callable[[int], None],
) -> dict[str, int]:
    """Check all videos; return how many ``videos`` and ``frames`` were looked at.

    Args:
        root: The dataset.
        info: What it says of itself.
        table: Its table of episodes.
        level: ``quick`` asks only whether they exist; ``deep`` decodes them.
        findings: Taken up here.
        tell: Told of the bytes that were read.
    """
    checked = {"videos": 0, "frames": 0}
    named: set[str] = set()
    complete = table.whole and not table.lost
    for camera in info.cameras:
        keys = (f"videos/{camera}/chunk_index", f"videos/{camera}/file_index")
        if info.video_path is None or not table.has(*keys):
            complete = False
            continue
        for place, file in paths(table, keys, info.video_path, {"video_key": camera}).items():
            named.add(file)
            if not (root / file).is_file():
                findings.add(FILE_MISSING.at(file, "no such file", "the video that episodes name"))
                continue
            checked["videos"] += 1
            if level != "quick":
                facts = _check_file(root, file, camera, info, level, findings)
                tell((root / file).stat().st_size)
                if facts is not None:
                    checked["frames"] += len(facts.times)
                    episodes = _episodes(table, camera, rows_at(table, keys, place))
                    # The pictures of a lost episode are in the way of all that can be said.
                    if episodes is not None and info.fps is not None and not table.lost:
                        _check_times(file, facts.times, episodes, info.fps, findings)
    if complete:
        for file in sorted(set(video_files(root)) - named):
            findings.add(FILE_UNUSED.at(file, "a video of no episode", "videos of episodes"))
    _check_leftovers(root, info, findings)
    return checked


def _check_leftovers(root: Path, info: Info, findings: Findings) -> None:
    for camera in info.cameras:
        folder = root / "images" / camera
        if folder.is_dir() and (left := sum(1 for _ in folder.rglob("*.png"))):
            findings.add(
                FILE_UNUSED.at(
                    f"images/{camera}",
                    "pictures that were not encoded; the recording was ended before",
                    "none, where pictures are videos",
                    count=left,
                )
            )


def _check_file(
    root: Path, file: str, camera: str, info: Info, level: Level, findings: Findings
) -> VideoFacts | None:
    try:
        facts = demux(root / file)
    except RunCorrupt as error:
        findings.add(VIDEO.at(file, str(error), "a whole video"))
        return None
    feature = info.features[camera]
    if (got := (facts.width, facts.height)) != feature.size:
        width, height = feature.size
        findings.add(
            VIDEO_SIZE.at(file, f"{got[0]} x {got[1]} px", f"{width} x {height} px", what="size")
        )
    # Half a frame over the whole video is what picking by number can bear.
    count = len(facts.times)
    if info.fps and facts.rate and count > 1 and abs(facts.rate / info.fps - 1) * count > 0.5:
        findings.add(VIDEO_SIZE.at(file, f"{facts.rate:g} fps", f"{info.fps:g} fps", what="fps"))
    said = feature.info
    for what, key, value in (
        ("codec", "video.codec", facts.codec),
        ("pix_fmt", "video.pix_fmt", facts.pix_fmt),
    ):
        if key in said and _ENCODERS.get(str(said[key]), said[key]) != value:
            findings.add(VIDEO_FORMAT.at(file, value, str(said[key]), what=what))
    if level == "deep":
        _decode(root, file, len(facts.times), findings)
    return facts


def _decode(root: Path, file: str, packets: int, findings: Findings) -> None:
    try:
        pictures = decoded(root / file)
    except RunCorrupt as error:
        findings.add(VIDEO_DECODE.at(file, str(error), "pictures that can be decoded"))
        return
    if pictures != packets:
        findings.add(VIDEO_DECODE.at(file, f"{pictures} pictures", f"{packets}, one a packet"))


def _episodes(table: EpisodeTable, camera: str, here: npt.NDArray[np.bool_]) -> _Episodes | None:
    begin, end = f"videos/{camera}/from_timestamp", f"videos/{camera}/to_timestamp"
    if table.rows is None or not table.has(begin, end):
        return None
    begins = table.columns[begin][here]
    order = np.argsort(begins, kind="stable")
    return _Episodes(
        table.numbers[here][order],
        table.rows[here][order],
        begins[order],
        table.columns[end][here][order],
    )


def _check_times(
    file: str, times: FloatArray, episodes: _Episodes, fps: float, findings: Findings
) -> None:
    rows = int(episodes.lengths.sum())
    if len(times) != rows:
        shown = np.searchsorted(times, episodes.ends - 0.5 / fps)
        shown -= np.searchsorted(times, episodes.begins - 0.5 / fps)
        wrong = np.flatnonzero(shown != episodes.lengths)
        findings.add(
            VIDEO_FRAMES.at(
                file,
                f"{len(times)} pictures",
                f"{rows}, one a row",
                episode=int(episodes.numbers[wrong[0]]) if len(wrong) else None,
                count=abs(len(times) - rows),
            )
        )
        return
    firsts = np.concatenate(([0], np.cumsum(episodes.lengths)[:-1]))
    if not rows or (episodes.lengths < 0).any() or (firsts >= rows).any():
        return
    frames = np.arange(rows) - np.repeat(firsts, episodes.lengths)
    _check_steps(file, times, episodes, frames, firsts, fps, findings)
    _check_bounds(file, times, episodes, firsts, fps, findings)
    if not findings.has(VIDEO_TIMESTAMP, VIDEO_SPAN, file=file):
        _check_precision(file, times, episodes, frames, fps, findings)


def _check_steps(
    file: str,
    times: FloatArray,
    episodes: _Episodes,
    frames: _Whole,
    firsts: _Whole,
    fps: float,
    findings: Findings,
) -> None:
    due = np.repeat(times[firsts], episodes.lengths) + frames / fps
    wrong = np.abs(times - due) > TOLERANCE_S
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        findings.add(
            VIDEO_TIMESTAMP.at(
                file,
                f"picture {first} at {times[first]:.6f} s",
                f"{due[first]:.6f} s",
                episode=int(np.repeat(episodes.numbers, episodes.lengths)[first]),
                count=int(wrong.sum()),
            )
        )


def _check_bounds(
    file: str,
    times: FloatArray,
    episodes: _Episodes,
    firsts: _Whole,
    fps: float,
    findings: Findings,
) -> None:
    late = np.abs(episodes.begins - times[firsts]) > TOLERANCE_S
    # The end is only where a later recording goes on; half a frame is what that can bear.
    length = np.abs(episodes.ends - episodes.begins - episodes.lengths / fps) > 0.5 / fps
    if (wrong := late | length).any():
        first = int(np.flatnonzero(wrong)[0])
        begin, step = times[firsts[first]], Fraction(int(episodes.lengths[first])) / Fraction(fps)
        findings.add(
            VIDEO_SPAN.at(
                file,
                f"{episodes.begins[first]:.6f} to {episodes.ends[first]:.6f} s",
                f"{begin:.6f} to {begin + float(step):.6f} s",
                episode=int(episodes.numbers[first]),
                count=int(wrong.sum()),
            )
        )


def _check_precision(
    file: str,
    times: FloatArray,
    episodes: _Episodes,
    frames: _Whole,
    fps: float,
    findings: Findings,
) -> None:
    """Compare times as LeRobot does: the row's as float32, shifted, and both as float32 again."""
    stored = (frames / fps).astype(np.float32).astype(np.float64)
    asked = (np.repeat(episodes.begins, episodes.lengths) + stored).astype(np.float32)
    wrong = np.abs(asked - times.astype(np.float32)) >= np.float32(TOLERANCE_S)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        findings.add(
            VIDEO_PRECISION.at(
                file,
                f"a video of {times[-1]:.0f} s; picture {first} is "
                f"{abs(float(asked[first]) - float(np.float32(times[first]))):.2g} s off",
                f"within {TOLERANCE_S:g} s in float32",
                episode=int(np.repeat(episodes.numbers, episodes.lengths)[first]),
                count=int(wrong.sum()),
            )
        )
