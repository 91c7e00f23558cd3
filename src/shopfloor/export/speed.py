"""How fast runs are written in a format: whole exports, files synced to the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shopfloor.export.choice import Chosen
from shopfloor.export.job import Written, export

__all__ = ["Speed", "measure"]


@dataclass(frozen=True, slots=True)
class Speed:
    """What the best of some rounds came to.

    Attributes:
        format: Which.
        rounds: How many; the first, which imports the libraries, is not among them.
        images: Pictures in the export.
        size_bytes: Of all files together.
        images_per_s: By the wall clock, fsync of every file included.
        images_per_cpu_s: By the processor time of this process, which other work on the machine
            leaves alone.
    """

    format: str
    rounds: int
    images: int
    size_bytes: int
    images_per_s: float
    images_per_cpu_s: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure(to: str, chosen: Sequence[Chosen], *, rounds: int, say: Callable[[str], None]) -> Speed:
    """Export the same episodes again and again, each time into a folder that then goes.

    Args:
        to: The format.
        chosen: Which episodes.
        rounds: How many times after the first.
        say: Told of the progress.

    Raises:
        ShopfloorError: As ``export``.
    """
    _, written = _once(to, chosen, say, "taking up the libraries")
    times = [
        _once(to, chosen, say, f"round {number} of {rounds}")[0] for number in range(1, rounds + 1)
    ]
    return Speed(
        format=to,
        rounds=rounds,
        images=written.frames,
        size_bytes=written.size_bytes,
        images_per_s=written.frames / min(wall for wall, _ in times),
        images_per_cpu_s=written.frames / min(processor for _, processor in times),
    )


def _once(
    to: str, chosen: Sequence[Chosen], say: Callable[[str], None], what: str
) -> tuple[tuple[float, float], Written]:
    """Export once; return wall and processor time [s], and what was written."""
    say(f"{to}, {what}")
    with TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), time.process_time()
        written = export(to, chosen, Path(folder) / to)
        return (time.perf_counter() - wall, time.process_time() - processor), written
