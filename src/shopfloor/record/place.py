"""Makes the folder of a run, or leaves nothing behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from shopfloor.errors import RunExists, UsageError
from shopfloor.record.flight import FLIGHT
from shopfloor.record.shelf import EPISODES

__all__ = ["INDEX", "MANIFEST", "make", "refuse_occupied", "unmake"]

INDEX, MANIFEST = "index.jsonl", "manifest.json"
_LOCK = "lock"


def make(path: Path, made: list[Path]) -> bool:
    """Make a folder and note it in ``made``; return False if there is something already."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    made.append(path)
    return True


def unmake(made: list[Path]) -> None:
    """Remove what was made, newest first; a folder with something else in it stays."""
    for path in reversed(made):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def refuse_occupied(path: Path) -> None:
    """Refuse a folder that a new run would be mixed up with.

    What the making of a run leaves when it is killed before its manifest is no obstacle.
    """
    if not path.is_dir():
        raise UsageError(f"{path} is a file; name a new or an empty folder with --out")
    if (path / MANIFEST).exists():
        raise RunExists(
            f"{path} holds a run already; continue it with --resume, or choose another --out"
        )
    for item in path.iterdir():
        empty = not any(item.iterdir()) if item.is_dir() else item.stat().st_size == 0
        torn = item.name.startswith((f".{MANIFEST}.", f".{INDEX}.")) and item.suffix == ".tmp"
        if not (empty and item.name in {EPISODES, FLIGHT, INDEX, _LOCK}) and not torn:
            raise UsageError(
                f"{path} holds no run but {item.name}; name a new or an empty folder with --out"
            )
