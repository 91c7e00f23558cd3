"""An ``.mcap`` an episode, with Foxglove's schemas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shopfloor.export.choice import Chosen
from shopfloor.export.extra import need
from shopfloor.export.job import Options, Tell, Written
from shopfloor.export.stage import Staging

__all__ = ["write"]


def write(chosen: Sequence[Chosen], out: Path, options: Options, tell: Tell) -> Written:
    """Write one ``.mcap`` for each episode.

    Raises:
        UsageError: The extra ``export`` is not installed, or another codec was asked for.
        RunCorrupt: An episode is damaged.
        OSError: The disk cannot take it.
    """
    for library in ("mcap.writer", "mcap_protobuf.schema", "foxglove_schemas_protobuf.Log_pb2"):
        need(library, "mcap")
    from shopfloor.export.tape import write_tape

    staging = Staging(chosen, options)
    frames = 0
    for done, stage in enumerate(staging, 1):
        with (out / f"{stage.stem}.mcap").open("wb") as file:
            write_tape(file, stage, truth=options.truth)
        frames += sum(len(film.packets) for film in stage.scene.films)
        tell(done, len(chosen))
    return Written(out, len(chosen), frames, notes=staging.notes)
