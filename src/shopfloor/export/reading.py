"""One episode as its log tells it, read once for everything that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt
from shopfloor.export.choice import Chosen
from shopfloor.record import Episode

__all__ = ["Reading", "corrupt"]

_KINDS = ("event", "exchange", "ruling", "frame", "view")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An episode's log in memory.

    Attributes:
        chosen: Which episode it is.
        episode: Its files.
        begin: The log's first record: the lot, the cell, its limbs and cameras.
        notes: Bodies of the records of each kind, in the order of the log: ``event``,
            ``exchange``, ``ruling``, ``frame`` and ``view``.
        ticks: All ticks as a structured array ``(n,)``; columns as in ``record.TickLayout``.
    """

    chosen: Chosen
    episode: Episode
    begin: Mapping[str, Any]
    notes: Mapping[str, list[dict[str, Any]]]
    ticks: npt.NDArray[Any]

    @classmethod
    def of(cls, chosen: Chosen) -> Self:
        """Read the log of an episode.

        Raises:
            RunCorrupt: It is damaged: every file is compared with its sum first.
        """
        episode = chosen.open()
        episode.check_files()
        begin: dict[str, Any] = {}
        notes: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
        for record in episode.records():
            if record.kind in notes:
                notes[record.kind].append(record.body)
            elif record.kind == "begin":
                begin = record.body
        if not begin:
            raise corrupt(chosen, "its log has no beginning")
        return cls(chosen, episode, begin, notes, episode.ticks())

    def at(self, ticks: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the rows of ``ticks``, one each, from those that the log has.

        Raises:
            RunCorrupt: The log has no row of one of them.
        """
        known = self.ticks["tick"].astype(np.int64)
        places = np.searchsorted(known, ticks)
        found = places < len(known)
        found[found] = known[places[found]] == ticks[found]
        if not found.all():
            missing = int(ticks[~found][0])
            raise corrupt(self.chosen, f"its log has no row of tick {missing}")
        rows: npt.NDArray[Any] = self.ticks[places]
        return rows


def corrupt(chosen: Chosen, what: str) -> RunCorrupt:
    """Return the error to raise where an episode is not what a recorder writes."""
    return RunCorrupt(
        f"episode {chosen.entry.lot} of {chosen.run.path} is not what was written: {what}; restore "
        "it from a copy, or delete it and index.jsonl and continue with --resume, which works "
        "that lot again. Or leave it out: choose others with --only"
    )
