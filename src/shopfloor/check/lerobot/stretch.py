"""The episodes as they lie in the data: where each begins, how long it is, what it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = ["Stretches"]

_Whole = npt.NDArray[np.int64]


class Stretches:
    """Rows of one file that follow each other and have the same ``episode_index``.

    Memory: 24 bytes for each, and 16 and a little for what it does. The arrays are there after
    ``close``.

    Attributes:
        numbers, firsts, lengths, files: Of each: the episode's index, its first row in the
            dataset, its rows, and the number of its file.
        twins: (first, second) episodes of two rows or more whose actions are the same bytes.
    """

    def __init__(self) -> None:
        empty: _Whole = np.zeros(0, np.int64)
        self.numbers = self.firsts = self.lengths = self.files = empty
        self.twins: list[tuple[int, int]] = []
        self._parts: list[tuple[_Whole, _Whole, _Whole]] = []
        self._last: tuple[int, int] | None = None
        self._start = 0
        self._row = 0
        self._actions: Any = None
        self._acted = self._number = 0
        self._seen: dict[bytes, int] = {}

    def add(
        self, episodes: npt.NDArray[Any], file: int, actions: npt.NDArray[Any] | None
    ) -> _Whole:
        """Add rows.

        Args:
            episodes: Their episode_index ``(n,)``.
            file: Number of their file.
            actions: Their actions ``(n, width)``, or None where they cannot be read.

        Returns:
            What their frame_index must be ``(n,)``.
        """
        episodes = episodes.astype(np.int64, copy=False)
        count = len(episodes)
        if not count:
            return np.zeros(0, np.int64)
        before, same_file = self._last or (None, None)
        begins = np.flatnonzero(np.diff(episodes, prepend=episodes[0])).astype(np.int64)
        goes_on = before == episodes[0]
        if not goes_on:
            begins = np.concatenate((np.zeros(1, np.int64), begins))
        # An episode that goes on in the next file is the same one, but another stretch.
        starts = begins
        if goes_on and same_file != file:
            starts = np.concatenate((np.zeros(1, np.int64), begins))
        if len(starts):
            where = np.full(len(starts), file, np.int64)
            self._parts.append((episodes[starts], starts + self._row, where))
        firsts = np.concatenate(([self._start], begins + self._row))
        which = np.zeros(count, np.int64)
        which[begins] = 1
        places: _Whole = np.arange(self._row, self._row + count) - firsts[np.cumsum(which)]
        if actions is not None:
            self._hash(episodes, begins, np.ascontiguousarray(actions))
        self._start = int(firsts[-1])
        self._last = (int(episodes[-1]), file)
        self._row += count
        return places

    def count(self) -> int:
        """Return how many different episodes there are."""
        if (np.diff(self.numbers) > 0).all():  # as in every sound dataset, and much faster
            return len(self.numbers)
        return len(np.unique(self.numbers))

    def firsts_of(self, file: int) -> _Whole:
        """Return where the stretches of a file begin ``(n,)``; may be called before ``close``."""
        found = [firsts[files == file] for _, firsts, files in self._parts]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def close(self) -> None:
        """End the last one."""
        self._settle()
        if self._parts:
            numbers, firsts, files = zip(*self._parts, strict=True)
            self.numbers, self.firsts = np.concatenate(numbers), np.concatenate(firsts)
            self.files = np.concatenate(files)
            self.lengths = np.diff(np.append(self.firsts, self._row))

    def _hash(self, episodes: _Whole, begins: _Whole, actions: npt.NDArray[Any]) -> None:
        goes_on = not (len(begins) and not begins[0])
        starts = np.concatenate(([0], begins)) if goes_on else begins
        ends = np.append(starts[1:], len(episodes))
        # One row alone acts like many others; the first and the last may be part of a longer one.
        looked_at = ends - starts > 1
        looked_at[[0, -1]] = True
        for first, last in zip(starts[looked_at].tolist(), ends[looked_at].tolist(), strict=True):
            if first or not goes_on:
                self._settle()
                self._number = int(episodes[first])
                self._actions, self._acted = xxhash.xxh3_128(), 0
            if self._actions is not None:
                self._actions.update(actions[first:last])
                self._acted += last - first

    def _settle(self) -> None:
        """Compare what the episode that has just ended did with those before it."""
        if self._actions is not None and self._acted > 1:
            twin = self._seen.setdefault(self._actions.digest(), self._number)
            if twin != self._number:
                self.twins.append((twin, self._number))
        self._actions = None
