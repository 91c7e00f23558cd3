"""The progress of several runs: a bar for each, a line after each round."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shopfloor.evidence.comparison import Comparison
from shopfloor.evidence.verdict import headline
from shopfloor.record import Entry
from shopfloor.report import anytime
from shopfloor.report.printable import printable

__all__ = ["Contest"]

_SAY_S = 10.0
"""How often a line is written where nobody watches the bars."""


class Contest:
    """Shows on stderr how a comparison, or another series of runs, is going."""

    def __init__(
        self,
        labels: Sequence[str],
        total: int,
        out: Path,
        *,
        stop: str = "Ctrl-C ends with what is there",
    ) -> None:
        """Prepare a bar for each contestant.

        Args:
            labels: Their names.
            total: Orders of each.
            out: Where they are kept.
            stop: What Ctrl-C does, said at the start.
        """
        self._console = Console(stderr=True)
        self._stop = stop
        self._out, self._total = out, total
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.completed:.0f}/{task.total:.0f} orders"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._tasks = {
            label: self._bar.add_task(escape(printable(label)), total=total, rate="")
            for label in labels
        }
        self._said = time.monotonic()

    def update(self, label: str, entries: Sequence[Entry]) -> None:
        """Show how far one has come."""
        rate = ""
        if n := len(entries):
            k = sum(entry.good for entry in entries)
            # Watched while it runs, so only an interval that may be watched is honest.
            band = anytime(k, n)
            rate = f"good {k}/{n} [{100 * band.lo:.0f}-{100 * band.hi:.0f} %]"
        self._bar.update(self._tasks[label], completed=n, rate=escape(rate))
        now = time.monotonic()
        if not self._console.is_terminal and now > self._said + _SAY_S:
            self._said = now
            self._print(f"{label}: {n}/{self._total} orders  {rate}")

    def round(self, found: Comparison) -> None:
        """Say what it comes to so far, where there is more to come."""
        if found.n < self._total:
            self._print(f"after {found.n} orders each: {headline(found)}")

    def _print(self, line: str) -> None:
        self._console.print(printable(line), highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        names = ", ".join(self._tasks)
        self._print(f"{names} → {self._out}  (simulation; {self._stop})")
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
