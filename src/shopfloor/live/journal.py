"""What a process of a live cell did and when, one line of JSON each, on the disk at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import monotonic
from typing import Any

__all__ = ["Journal", "read_journal"]


class Journal:
    """Appends to a file; a process that is killed leaves every whole line."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._path = path

    def write(self, what: str, **told: Any) -> None:
        """Write a line with the time of the monotonic clock, which all processes share."""
        line = json.dumps({"at_s": monotonic(), "what": what, **told}) + "\n"
        with self._path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a journal; none where there is none yet."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]
