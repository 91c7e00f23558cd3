"""The progress bar of a shift: orders, running rate with its interval, and what is left."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from shopfloor.report import anytime
from shopfloor.shift import Plan
from shopfloor.shift import Progress as ShiftProgress

__all__ = ["Bar"]

_SAY_S = 10.0
"""How often a line is written where nobody watches a bar."""


class Bar:
    """Shows on stderr how a shift is going."""

    def __init__(self, plan: Plan, out: Path) -> None:
        """Prepare; nothing is shown before the shift has begun."""
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.fields[name]}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._console = console
        self._out = out
        self._plan = plan
        self._task = self._bar.add_task("", total=None, name=plan.brain, count="", rate="starting")
        self._plain = not console.is_terminal
        self._said, self._said_at = 0, time.monotonic()
        self._begun = False

    def update(self, progress: ShiftProgress) -> None:
        """Show how far the shift has come; the first call comes when everybody is at work."""
        if not self._begun:
            self._begun = True
            self._console.print(
                f"{self._plan.brain} in {self._plan.cell} on {self._plan.body}, "
                f"seed {self._plan.seed} → {self._out}  (simulation; Ctrl-C ends with a report)",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            self._bar.start()
        n = len(progress.entries)
        k = sum(entry.good for entry in progress.entries)
        good = sum(len(entry.delivered) for entry in progress.entries)
        rate = ""
        if n:
            # Watched while it runs, so only an interval that may be watched is honest.
            band = anytime(k, n)
            uph = 3600 * good / progress.clock_s
            rate = f"good {k}/{n} [{100 * band.lo:.0f}-{100 * band.hi:.0f} %]  {uph:.0f} units/h"
        total: float | None = progress.hours or progress.orders
        done: float = n
        if progress.hours is not None:
            done = progress.clock_s / 3600
            count = f"{done:.2f}/{progress.hours:g} h"
        else:
            count = f"{n}/{total} orders" if total else f"{n} orders"
        self._bar.update(
            self._task, total=total, completed=done, count=count, rate=rate or "working"
        )
        # Where nobody watches a bar, a line now and then keeps a log readable.
        now = time.monotonic()
        late = now > self._said_at + _SAY_S
        if self._plain and n > self._said and (late or n == progress.orders):
            self._said, self._said_at = n, now
            self._console.print(f"{count}  {rate}", highlight=False, markup=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
