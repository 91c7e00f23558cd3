"""Runs as plain tables at the full rate of control, for analysis (see ``facts``)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from shopfloor.errors import UsageError
from shopfloor.export.choice import Chosen
from shopfloor.export.facts import Facts
from shopfloor.export.job import Options, Tell, Written
from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup

__all__ = ["write"]


def write(chosen: Sequence[Chosen], out: Path, options: Options, tell: Tell) -> Written:
    """Write the tables of the episodes into ``out``.

    Raises:
        RunCorrupt: An episode is damaged.
        UsageError: A codec was asked for, or the runs have other limbs.
    """
    if options.codec is not None:
        raise UsageError("--to parquet writes no videos; leave --codec out, or use --to lerobot")
    first, setup, frames = chosen[0].run, Setup.of(chosen[0], chosen[0].open().begin()), 0
    with closing(Facts(out, setup, truth=options.truth)) as facts:
        for done, each in enumerate(chosen, 1):
            reading = Reading.of(each)
            setup.refuse_other_limbs(Setup.of(each, reading.begin), first.path, each.run.path)
            facts.add(reading)
            frames += len(reading.notes["frame"])
            tell(done, len(chosen))
    return Written(out, len(chosen), frames)
