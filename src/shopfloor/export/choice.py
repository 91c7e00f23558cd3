"""Which episodes of which runs are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shopfloor.errors import UsageError
from shopfloor.record import Entry, Episode, RunFolder

__all__ = ["Chosen", "Only", "choose"]


@dataclass(frozen=True, slots=True)
class Only:
    """A condition on episodes: ``all``, ``good``, ``failed``, ``code=CODE`` or ``code=PREFIX.*``.

    Attributes:
        text: As it was given.
    """

    text: str = "all"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition.

        Raises:
            UsageError: It is none.
        """
        kind, equals, code = text.partition("=")
        if text not in {"all", "good", "failed"} and not (kind == "code" and equals and code):
            raise UsageError(
                f"{text!r} chooses no episodes; give all, good, failed or code=CODE, such as "
                "code=grasp.slip or code=grasp.*"
            )
        return cls(text)

    def matches(self, entry: Entry) -> bool:
        """Whether an episode is meant."""
        if self.text in {"all", "good", "failed"}:
            return self.text == "all" or entry.good == (self.text == "good")
        wanted = self.text.partition("=")[2]
        code = entry.code or ""
        if wanted.endswith(".*"):
            return code.startswith(wanted[:-1])
        return code == wanted


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """One episode that was chosen.

    Attributes:
        number: Its place among all that were chosen, from 0.
        run: The run it is from, open for reading.
        entry: Its index entry.
    """

    number: int
    run: RunFolder
    entry: Entry

    def open(self) -> Episode:
        """Open the episode.

        Raises:
            RunCorrupt: It is damaged.
        """
        return self.run.episode(self.entry.lot)


def choose(runs: Sequence[Path | str], only: Only | None = None) -> tuple[Chosen, ...]:
    """Choose episodes of several runs, in the order of the runs and of the lots in them.

    Args:
        runs: Folders of runs.
        only: Which episodes; by default all.

    Raises:
        RunError, UsageError: A run is not there or damaged, one is named twice, or nothing is left.
    """
    only = only or Only()
    opened = [RunFolder.open(path) for path in runs]
    paths = [run.path.resolve() for run in opened]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise UsageError(f"{twice} is named twice; every episode would count double. Name it once")
    found = tuple(
        Chosen(number, run, entry) for number, (run, entry) in enumerate(_matching(opened, only))
    )
    if not found:
        total = sum(len(run.entries()) for run in opened)
        raise UsageError(
            f"none of the {total} episodes is {only.text!r}; see them with `shopfloor episodes RUN`"
        )
    return found


def _matching(runs: Iterable[RunFolder], only: Only) -> Iterator[tuple[RunFolder, Entry]]:
    for run in runs:
        for entry in run.entries():
            if only.matches(entry):
                yield run, entry
