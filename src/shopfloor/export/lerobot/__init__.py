"""Runs as a LeRobotDataset v3.0, written with pyarrow and PyAV alone.

    data/chunk-000/file-000.parquet             one row a recorded frame, one row group an episode
    videos/KEY/chunk-000/file-000.mp4           the frames of a camera, one episode behind the other
    meta/info.json, tasks, episodes, stats      what LeRobot looks up
    meta/shopfloor/                             what its format has no place for (see ``facts``)
    README.md                                   the dataset card

Recorded H.264 is copied packet by packet, so an export costs the disk and no quality. A row holds
the state at the tick at which its picture was taken and the target that went to the cell at that
tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from shopfloor.errors import UsageError
from shopfloor.export.choice import Chosen
from shopfloor.export.job import Options, Tell, Written
from shopfloor.export.lerobot.dataset import Dataset
from shopfloor.export.lerobot.place import Sizes
from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup

__all__ = ["Sizes", "write"]

_BESIDE = (
    "outcomes, every tick, events and rulings are in meta/shopfloor, which LeRobot's own tools do "
    "not carry along"
)
_CARD = "the dataset card names no license; choose one before you publish"
_TRUTH = "what only the simulator knows is in meta/shopfloor/truth; train no policy on it"


def write(
    chosen: Sequence[Chosen], out: Path, options: Options, tell: Tell, *, sizes: Sizes | None = None
) -> Written:
    """Write the episodes into the empty folder ``out`` as one dataset.

    Args:
        chosen: In the order of their episode indices.
        out: The folder.
        options: What can be chosen of an export.
        tell: Told after each episode.
        sizes: When new files are begun; by default as LeRobot does.

    Raises:
        UsageError: A run has no videos, or two runs do not fit into one dataset.
        RunCorrupt: An episode is damaged.
        OSError: The disk cannot take it.
    """
    setup = _common(chosen)
    first = chosen[0].run.path
    with closing(
        Dataset(out, setup, first, codec=options.codec, truth=options.truth, sizes=sizes or Sizes())
    ) as dataset:
        for done, each in enumerate(chosen, 1):
            reading = Reading.of(each)
            setup.refuse_other(Setup.of(each, reading.begin), first, each.run.path)
            dataset.add(reading)
            tell(done, len(chosen))
        dataset.finish()
    return Written(out, len(chosen), dataset.frames, notes=_notes(chosen, options))


def _common(chosen: Sequence[Chosen]) -> Setup:
    """Return what all runs have in common, before anything is written."""
    firsts = {each.run.path: each for each in reversed(chosen)}  # one episode of each run
    for path, each in firsts.items():
        if not each.run.manifest.video:
            raise UsageError(
                f"{path} was recorded with --no-video, and a LeRobot dataset needs the pictures; "
                "work the run again without it, or use --to parquet"
            )
    setup = Setup.of(chosen[0], chosen[0].open().begin())
    for path, each in firsts.items():
        setup.refuse_other(Setup.of(each, each.open().begin()), chosen[0].run.path, path)
    return setup


def _notes(chosen: Sequence[Chosen], options: Options) -> tuple[str, ...]:
    failed = sum(not each.entry.good for each in chosen)
    notes = [_BESIDE, _CARD]
    if options.truth:
        notes.insert(0, _TRUTH)
    if failed:
        notes.insert(
            0, f"{failed} of the {len(chosen)} episodes failed; --only good leaves them out"
        )
    return tuple(notes)
