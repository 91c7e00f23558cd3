"""Exports as a whole or not at all: written beside the place where it is to stand, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol

from shopfloor.errors import RunUnwritable, UnknownName, UsageError
from shopfloor.export.choice import Chosen
from shopfloor.export.croissant import NOTE, describe
from shopfloor.record.disk import next_step

__all__ = ["FORMATS", "Options", "Tell", "Writer", "Written", "export"]

FORMATS: Mapping[str, tuple[str, str]] = {
    "lerobot": ("shopfloor.export.lerobot", "LeRobotDataset v3.0, for training"),
    "parquet": ("shopfloor.export.parquet", "plain tables, for analysis"),
    "rerun": ("shopfloor.export.rerun", "an .rrd an episode for the Rerun viewer"),
    "mcap": ("shopfloor.export.mcap", "an .mcap an episode for Foxglove"),
}
"""Module and description of each format; the module is imported when it is asked for."""

_DATASETS = frozenset({"lerobot", "parquet"})
"""Formats that a program learns from or counts with, and which come with a ``croissant.json``."""

Tell = Callable[[int, int], None]
"""Told after each episode: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen of an export.

    Attributes:
        codec: Of videos that are encoded anew (``h264`` or ``av1``); None keeps what was recorded
            where the format takes it.
        truth: Whether what only the simulator knows goes along; never into features for training.
    """

    codec: str | None = None
    truth: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What an export came to.

    Attributes:
        path: Where it stands.
        episodes, frames: How many there are; a frame is one row of one camera's picture.
        size_bytes: Of all files together.
        notes: What a reader must know (what the format cannot hold, what was left out).
    """

    path: Path
    episodes: int
    frames: int
    size_bytes: int = 0
    notes: tuple[str, ...] = field(default=())


class Writer(Protocol):
    """What the module of a format offers, as ``write``."""

    def __call__(
        self, chosen: Sequence[Chosen], out: Path, options: Options, tell: Tell
    ) -> Written:
        """Write the episodes into the empty folder ``out``."""
        ...


def _nobody(done: int, of: int) -> None:
    """Nobody is told."""


def export(
    to: str,
    chosen: Sequence[Chosen],
    out: Path,
    *,
    options: Options | None = None,
    tell: Tell = _nobody,
) -> Written:
    """Write episodes in a format of another tool.

    Args:
        to: One of ``FORMATS``.
        chosen: What to write.
        out: A folder that does not exist yet, or is empty.
        options: What can be chosen.
        tell: Told of the progress.

    Raises:
        UnknownName: No such format.
        UsageError: There is something at ``out``, or a library is missing.
        RunCorrupt: An episode is damaged; nothing is left at ``out``.
        RunUnwritable: The disk cannot take it; nothing is left at ``out``.
    """
    if to not in FORMATS:
        raise UnknownName("format", to, FORMATS)
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty; name a new folder with --out")
    write: Writer = import_module(FORMATS[to][0]).write
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        beside.mkdir(parents=True)
        written = write(chosen, beside, options or Options(), tell)
        if to in _DATASETS:
            describe(beside, out.name, written.episodes)
        files = [path for path in beside.rglob("*") if path.is_file()]
        for path in files:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if out.exists():
            out.rmdir()
        beside.rename(out)
    except OSError as error:
        raise RunUnwritable(
            f"cannot write {out}: {error.strerror or error}; {next_step(error)}, or choose another "
            "--out. Nothing was left behind"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    size = sum((out / path.relative_to(beside)).stat().st_size for path in files)
    described = (NOTE,) if to in _DATASETS else ()
    notes = (*written.notes, *described, *_cautions(chosen))
    return Written(out, written.episodes, written.frames, size, notes)


def _cautions(chosen: Sequence[Chosen]) -> Iterator[str]:
    """What whoever trains on an export should know of its runs."""
    for run in {each.run.path: each.run for each in chosen}.values():
        asked, there = run.manifest.orders, sum(1 for _ in run.iter_entries())
        if asked is not None and there < asked:
            yield f"{run.path} is not whole: {there} of {asked} orders have an episode"
    hashes = [each.entry.log_sha256 for each in chosen]
    if twice := len(hashes) - len(set(hashes)):
        yield f"{twice} episodes are there twice (the same log_sha256): runs of the same seed?"
