"""A progress bar for work that comes in countable pieces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["counted"]

_SAY_S = 10.0
"""How often a line is written where nobody watches a bar."""


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on stderr how far something has come.

    Args:
        what: What is counted (``episodes``).

    Yields:
        To be called with how many are done, and of how many.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task(what, total=None)
    said = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal said
        bar.update(task, completed=done, total=of)
        if not console.is_terminal and time.monotonic() > said + _SAY_S:
            said = time.monotonic()
            console.print(f"{done}/{of} {what}", highlight=False, markup=False)

    with bar:
        yield tell
