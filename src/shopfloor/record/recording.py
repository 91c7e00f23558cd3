"""What was recorded of one lot, read back: its log, its ticks, its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt
from shopfloor.record.film import PART, film_name
from shopfloor.record.layout import RowLayout
from shopfloor.record.log import Record, read_log
from shopfloor.record.squeeze import unsqueeze
from shopfloor.record.video import DEPTH, VIEWS, read_depth, read_video
from shopfloor.types import UInt8Array

__all__ = ["LOG_FILE", "TRUTH_FILE", "Recording"]

LOG_FILE = "log.bin"
TRUTH_FILE = "truth.bin"


class Recording:
    """A folder with a log, perhaps the simulator's truth, and videos.

    Attributes:
        path: The folder.
    """

    __slots__ = ()

    path: Path

    def begin(self) -> dict[str, Any]:
        """Return the log's first record: the lot, the cell, its limbs and cameras.

        Raises:
            RunCorrupt: The log does not begin with one.
        """
        for record in self.records():
            if record.kind == "begin":
                body: dict[str, Any] = record.body
                return body
            break
        raise self._corrupt(f"{LOG_FILE} has no beginning")

    def records(self) -> Iterator[Record]:
        """Yield the records of the log.

        Raises:
            RunCorrupt: At the first that is damaged, with its byte offset.
        """
        return self._read(LOG_FILE)

    def notes(self, kind: str) -> tuple[dict[str, Any], ...]:
        """Return the bodies of all records of a kind, such as ``event`` or ``ruling``."""
        return tuple(record.body for record in self.records() if record.kind == kind)

    def ticks(self) -> npt.NDArray[Any]:
        """Return all ticks as a structured array ``(n,)``; columns as in ``TickLayout``."""
        return self._table(LOG_FILE)

    def truth(self) -> npt.NDArray[Any] | None:
        """Return the simulator's truth, one row a tick as in ``TruthLayout``, or None.

        It is kept in a file of its own: a policy that is trained on it has seen what no
        robot can see.
        """
        return self._table(TRUTH_FILE) if TRUTH_FILE in self._names() else None

    def films(self) -> frozenset[str]:
        """Return the names that ``video`` knows: cameras, and ``CAMERA.views``."""
        end = film_name("")
        return frozenset(n.removesuffix(end) for n in self._names() if n.endswith(end))

    def video(self, camera: str) -> Iterator[UInt8Array]:
        """Yield the recorded pictures of a camera, ``(H, W, 3)`` uint8 RGB.

        Raises:
            RunCorrupt: There is no video of that camera, or it cannot be read.
        """
        return read_video(self.path / self._film(camera))

    def depth(self, camera: str) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the recorded depth of a camera's stream, ``(H, W)`` float32 [m]; 0 is nothing.

        Raises:
            RunCorrupt: No depth of that camera was recorded, or it cannot be read.
        """
        return read_depth(self.path / self._film(f"{camera}{DEPTH}", "depth"))

    def views(self, camera: str) -> Iterator[UInt8Array]:
        """Yield the native-resolution pictures that the brain was shown, ``(H, W, 3)`` uint8 RGB.

        They stand in the order of the camera's ``view`` records.

        Raises:
            RunCorrupt: There is none of that camera, or they cannot be read.
        """
        return self.video(f"{camera}{VIEWS}")

    def _film(self, camera: str, kind: str = "colour") -> str:
        name = film_name(camera, kind)
        if name not in self._names():
            videos = sorted(n for n in self._names() if n.endswith((".mp4", ".mkv")))
            raise self._corrupt(
                f"it has no video of {camera!r}, only of: {', '.join(videos) or 'none'}"
            )
        return name

    def _table(self, name: str) -> npt.NDArray[Any]:
        path = self.path / name
        layout: RowLayout | None = None
        blocks: list[bytes] = []
        for record in self._read(name):
            if record.kind == "begin":
                layout = RowLayout.stored(record.body.get("columns"), str(path))
            elif record.kind == "rows":
                blocks.append(unsqueeze(record.body, str(path)))
        if layout is None:
            raise self._corrupt(f"{name} has no beginning")
        table: npt.NDArray[Any] = layout.table(b"".join(blocks), str(path))
        if not np.all(np.isfinite(table["tick"])):
            raise self._corrupt(f"{name} has rows without a tick")
        return table

    def _read(self, name: str) -> Iterator[Record]:
        """Read a log of the folder, whole."""
        return read_log(self.path / name)

    def _names(self) -> frozenset[str]:
        """Names of the files in the folder; a film that was never finished counts as one."""
        try:
            return frozenset(item.name.removesuffix(PART) for item in self.path.iterdir())
        except OSError as error:
            raise self._corrupt(f"it cannot be read ({error.strerror})") from error

    def _corrupt(self, what: str) -> RunCorrupt:
        return RunCorrupt(f"{self.path} is not what was written: {what}")
