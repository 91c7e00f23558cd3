"""Hands lots to one or several workers and yields their entries as they are done."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Protocol, Self

from shopfloor.errors import RunError
from shopfloor.record import Entry, RunFolder
from shopfloor.shift.hire import Staff
from shopfloor.shift.inputs import kept_inputs
from shopfloor.shift.interrupt import Interrupt
from shopfloor.shift.plan import Plan
from shopfloor.shift.spread import Spread
from shopfloor.shift.worker import Failure, Worker, serve
from shopfloor.shift.workforce import Cluster
from shopfloor.types import Lot

__all__ = ["Gathering", "Here", "Pool", "Processes", "gathered"]


class Pool(Protocol):
    """Who works the lots."""

    @property
    def others(self) -> tuple[str, ...]:
        """Machines that worked lots and are not like the one that the manifest names."""
        ...

    @property
    def room(self) -> int:
        """How many more lots can be taken on now."""
        ...

    def begin(self, lot: Lot, by: str) -> None:
        """Take a lot on, to be decided by a brain of that name."""
        ...

    def finished(self) -> Iterator[Entry]:
        """Wait for at least one of the lots that were taken on."""
        ...


@dataclass(frozen=True, slots=True)
class Gathering:
    """Workers that can be had.

    Attributes:
        size: How many lots can be worked side by side.
        pool: Makes the pool; only where one worker is asked for does it take the staff over, and
            close it.
    """

    size: int
    pool: Callable[[Plan, RunFolder, Staff], AbstractContextManager[Pool]]


@contextmanager
def gathered(plan: Plan) -> Iterator[Gathering]:
    """See to it that the plan's workers can be had, before anything is written.

    Raises:
        UsageError: A cluster cannot be reached.
    """
    workers = plan.workers
    if isinstance(workers, Cluster):
        from shopfloor.shift.cluster import joined

        with joined(workers) as machines:
            yield Gathering(
                machines.size,
                lambda _, folder, __: Spread(
                    folder,
                    machines.made_of(folder.manifest, kept_inputs(folder.path)),
                    size=machines.size,
                    patience_s=workers.patience_s,
                ),
            )
    elif workers == 1:
        yield Gathering(1, Here)
    else:
        yield Gathering(workers, lambda plan, folder, _: Processes(plan, folder, workers))


class Here:
    """One worker, in this very process."""

    others: tuple[str, ...] = ()

    def __init__(self, plan: Plan, folder: RunFolder, staff: Staff) -> None:
        """Take over the staff."""
        self._interrupt = Interrupt()
        self._worker = Worker(plan, folder, staff, between_ticks=self._interrupt.check)
        self._asked: tuple[Lot, str] | None = None

    @property
    def room(self) -> int:
        """One lot at a time."""
        return 0 if self._asked else 1

    def begin(self, lot: Lot, by: str) -> None:
        """Remember the lot; the work is done when the entry is asked for."""
        self._asked = lot, by

    def finished(self) -> Iterator[Entry]:
        """Work the lot."""
        asked, self._asked = self._asked, None
        if asked is not None:
            yield self._worker.work(*asked)

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.close()
        self._interrupt.__exit__(kind, error, trace)


class Processes:
    """Several workers, each in a process of its own."""

    others: tuple[str, ...] = ()

    def __init__(self, plan: Plan, folder: RunFolder, count: int) -> None:
        """Start them."""
        context = multiprocessing.get_context("spawn")  # a GL context doesn't survive a fork
        self._idle: list[Connection] = []
        self._busy: list[Connection] = []
        self._processes = []
        # Ctrl-C goes to the whole group: a worker that is still importing must not die of it, nor
        # of being told to stop; it hears both when it can end cleanly.
        resource_tracker.ensure_running()  # it would unblock the signals when it starts
        heard: list[int] = []
        # Another thread may take a signal that this one blocks; a worker half started is none.
        handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=serve, args=(plan, folder.path, theirs), daemon=True
                )
                process.start()
                theirs.close()
                self._processes.append(process)
                self._idle.append(ours)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            signal.signal(signal.SIGINT, handler)
        if heard:
            with self:
                raise KeyboardInterrupt

    @property
    def room(self) -> int:
        """Workers with nothing to do."""
        return len(self._idle)

    def begin(self, lot: Lot, by: str) -> None:
        """Hand the lot to an idle worker."""
        pipe = self._idle.pop(0)
        self._busy.append(pipe)
        with suppress(BrokenPipeError, ConnectionResetError):  # said properly when it is waited for
            pipe.send((lot, by))

    def finished(self) -> Iterator[Entry]:
        """Wait for at least one worker.

        Raises:
            RunError: A worker died; the lots that were committed are safe.
        """
        for ready in wait(self._busy):
            if not isinstance(ready, Connection):
                continue
            try:
                answer = ready.recv()
            except (EOFError, ConnectionResetError):
                raise RunError(
                    "a worker process died; what was committed is safe: go on with --resume"
                ) from None
            if isinstance(answer, Failure):
                if isinstance(answer.error, str):
                    raise RunError(f"a worker process failed: {answer.error}")
                raise answer.error
            self._busy.remove(ready)
            self._idle.append(ready)
            yield answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._idle:
            with suppress(OSError):
                pipe.send(None)
        for pipe in (*self._idle, *self._busy):
            pipe.close()
        for process in self._processes:
            if error is not None:
                process.terminate()
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join()
