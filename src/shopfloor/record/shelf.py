"""``episodes/``: the committed lots of a run as they stand on the disk."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from shopfloor.errors import RunCorrupt
from shopfloor.record.episode import Episode

__all__ = ["EPISODES", "Shelf"]

EPISODES = "episodes"


class Shelf:
    """All committed episodes of one run.

    Args:
        run: Folder of the run.
        manifest_sha256: Hash of its manifest; episodes of another one are refused.
        brain: Name of its brain.
    """

    __slots__ = ("_brain", "_manifest_sha256", "path")

    def __init__(self, run: Path, manifest_sha256: str, *, brain: str) -> None:
        self._brain = brain
        self.path = run / EPISODES
        self._manifest_sha256 = manifest_sha256

    def folder(self, lot: int) -> Path:
        """Return where a lot stands, or would stand."""
        return self.path / f"{lot:06d}"

    def lots(self) -> list[int]:
        """Return the committed lots, ascending.

        Raises:
            RunCorrupt: The folder is gone, or holds something that is no episode.
        """
        return sorted(self._scan())

    def beyond(self, count: int) -> list[int]:
        """Return the committed lots from ``count`` on, ascending; those below must be there.

        Raises:
            RunCorrupt: One of them is gone, or as ``lots``.
        """
        there, rest = 0, []
        for lot in self._scan():
            if lot < count:
                there += 1
            else:
                rest.append(lot)
        if there != count:
            self.refuse_missing(range(count), self.lots())
        return sorted(rest)

    def _scan(self) -> Iterator[int]:
        try:
            with os.scandir(self.path) as items:
                for item in items:
                    name = item.name
                    if not (name.isascii() and name.isdigit() and name == f"{int(name):06d}"):
                        raise RunCorrupt(
                            f"{self.path / name} is no episode of this run; move it elsewhere"
                        )
                    yield int(name)
        except OSError as error:
            raise RunCorrupt(
                f"{self.path} cannot be read: {error.strerror}; restore it from a copy"
            ) from error

    def open(self, lot: int) -> Episode:
        """Open a committed lot.

        Raises:
            RunCorrupt: Its ``episode.json`` is damaged, or from another run.
            RunVersion: It has another format version.
        """
        path = self.folder(lot)
        episode = Episode.open(path, brain=self._brain)
        if episode.manifest_sha256 != self._manifest_sha256:
            raise RunCorrupt(
                f"episode {path.name} was recorded under another manifest than that of "
                f"{self.path.parent}; restore manifest.json as it was, or move {path} elsewhere"
            )
        return episode

    def refuse_missing(self, indexed: Collection[int], lots: Collection[int]) -> None:
        """Refuse an index that names lots which are not there.

        A crash cannot do that: the index comes last. Somebody has removed an episode.

        Raises:
            RunCorrupt: The message names the first of them.
        """
        if gone := sorted(set(indexed) - set(lots)):
            more = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
            raise RunCorrupt(
                f"the index of {self.path.parent} names episode {gone[0]:06d}{more}, but its "
                "folder is gone; restore it from a copy, or delete index.jsonl and continue with "
                "--resume, which works that lot again"
            )
