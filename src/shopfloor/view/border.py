"""Where a run ends: a link in its folder may lead anywhere, and none that leads out is followed."""

from __future__ import annotations

import os
from pathlib import Path

from shopfloor.errors import RunCorrupt
from shopfloor.record.episode import EPISODE_FILE
from shopfloor.record.flight import FLIGHT
from shopfloor.record.interrupted import INTERRUPTED
from shopfloor.record.place import INDEX, MANIFEST
from shopfloor.record.shelf import EPISODES

__all__ = ["Border"]

_OPENED = (MANIFEST, INDEX, "sessions.jsonl", "lock", EPISODES, FLIGHT, INTERRUPTED)
"""All that is opened of a run besides what lies in its episodes."""


class Border:
    """Sees that what is opened of a run lies in its folder.

    Args:
        run: The folder. It may itself be reached by links.
    """

    __slots__ = ("_looked", "run")

    def __init__(self, run: Path) -> None:
        self.run = run
        self._looked: set[str] = set()

    def top(self) -> None:
        """Look at the run's own files and folders; raises RunCorrupt where one leads out."""
        for name in _OPENED:
            self._refuse(self.run / name)

    def episodes(self) -> None:
        """Look at the episodes' folders, and in those that are new at what they say of themselves.

        Raises:
            RunCorrupt: One leads out, or they cannot be read.
        """
        there = set()
        for item in self._items(self.run / EPISODES):
            there.add(item.name)
            self._refuse_item(item)
            if item.name not in self._looked:
                self._refuse(Path(item.path) / EPISODE_FILE)
        self._looked = there

    def episode(self, lot: int) -> None:
        """Look at everything in an episode, if it is there; raises RunCorrupt."""
        folder = self.run / EPISODES / f"{lot:06d}"
        self._refuse(folder)
        if folder.is_dir():
            for item in self._items(folder):
                self._refuse_item(item)

    def _items(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as items:
                return list(items)
        except OSError as error:
            raise RunCorrupt(
                f"{folder} cannot be read: {error.strerror}; restore it from a copy"
            ) from error

    def _refuse_item(self, item: os.DirEntry[str]) -> None:
        if item.is_symlink():  # known without asking the disk again
            self._refuse(Path(item.path))

    def _refuse(self, path: Path) -> None:
        # Only the last step is looked at: the folders above it were, each at its own turn.
        if path.is_symlink() and not _within(path, self.run):
            raise RunCorrupt(
                f"{path} is a link that leads out of the run, and such links are not followed; put "
                "there what it leads to"
            )


def _within(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
