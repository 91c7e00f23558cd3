"""Works the orders of a visitor in a thread of its own, into an ordinary run folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sized
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shopfloor.errors import UsageError
from shopfloor.record import RunFolder, Session
from shopfloor.serve.visitor import Visitor
from shopfloor.shift.hire import Staff, manifest, order_source
from shopfloor.shift.plan import Plan
from shopfloor.shift.shift import create_run
from shopfloor.shift.worker import Worker
from shopfloor.types import BrainContext, CellSpec, OrderSource

__all__ = ["BRAIN", "Floor"]

BRAIN = "mcp"
"""What the manifest calls the brain of such a run."""
_STAND_IN = "classical"
_OPEN_S = 180.0
_SHUT_S = 120.0
_LISTEN_S = 0.5


class _Stopped(Exception):
    """The lot is to be abandoned."""


class Floor:
    """A cell with its guard, judge and recorder, waiting for a client to give it work.

    The GL context of a cell belongs to one thread, and a server has a loop of its own: so the
    cell is made, worked and closed in a thread that does nothing else.
    """

    spec: CellSpec
    skills: Mapping[str, Mapping[str, Any]]
    visitor: Visitor

    def __init__(self, plan: Plan, out: Path, *, patience_s: float = 60.0) -> None:
        """Say what is to be worked.

        Args:
            plan: What the shift is to be; its brain is the client.
            out: The run folder, not there yet.
            patience_s: A client that is silent for so long within an order has gone [s].

        Raises:
            UsageError: The patience is none, or the plan asks for several workers.
        """
        if not 0 < patience_s <= 3600:
            raise UsageError(f"--patience is {patience_s:g}; it must be above 0 and at most 3600 s")
        if plan.workers != 1:
            raise UsageError(
                f"a client works one order at a time: workers is {plan.workers}, not 1"
            )
        self.plan, self.out, self._patience_s = replace(plan, brain=BRAIN), out, patience_s
        self.lots = 0
        self._ready, self._stop = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="shopfloor-shift", daemon=True)

    def open(self) -> None:
        """Make the cell and its run folder.

        Raises:
            ShopfloorError: What making a shift raises.
            TimeoutError: The cell was not ready in time.
        """
        self._thread.start()
        if not self._ready.wait(_OPEN_S):
            raise TimeoutError(f"the cell was not ready after {_OPEN_S:.0f} s")
        if self._error is not None:
            raise self._error

    @property
    def working(self) -> bool:
        """Whether orders are still taken."""
        return self._thread.is_alive()

    def shut(self, reason: str, *, at_once: bool = False) -> None:
        """Take no more calls, and wait until everything is written.

        Args:
            reason: What clients are told.
            at_once: Abandon the order under way instead of committing it as given up.

        Raises:
            ShopfloorError: What broke the shift off.
            TimeoutError: The cell did not come to an end.
        """
        if at_once:
            self._stop.set()
        self.visitor.shut(reason)
        self._thread.join(_SHUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the cell did not come to an end within {_SHUT_S:.0f} s")
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work()
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - raised again where the floor is shut
            self._error = error
            if self._ready.is_set():
                self.visitor.shut(f"the shift broke off: {error}")
                self.visitor.over()
        finally:
            self._ready.set()

    def _work(self) -> None:
        began, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        # A visitor cannot be made by name: it belongs to this very server. So the staff is made
        # with a brain that every installation has, and the visitor takes its chair.
        staff = Staff(replace(self.plan, brain=_STAND_IN))
        handed_over = False
        try:
            staff.brain.close()
            source = order_source(self.plan, staff.world)
            context = BrainContext(staff.cell.spec, staff.limits, staff.skills)
            count = _count(self.plan, source)
            staff.brain = self.visitor = Visitor(context, patience_s=self._patience_s, orders=count)
            self.spec, self.skills = staff.cell.spec, staff.skills
            with create_run(self.out, self.plan, manifest(self.plan, staff, source)) as folder:
                worker = Worker(self.plan, folder, staff, between_ticks=self._heed)
                handed_over = True
                ended = "interrupted"
                try:
                    ended = self._shift(folder, worker, source, count)
                finally:
                    worker.close()
                    wall_s = time.perf_counter() - began
                    folder.add_session(Session(started, wall_s, 1, self.lots, ended))
        finally:
            if not handed_over:
                staff.close()

    def _shift(
        self, folder: RunFolder, worker: Worker, source: OrderSource, count: int | None
    ) -> str:
        self._ready.set()
        for lot in source.lots():
            if count is not None and lot.index >= count:
                break
            while not self.visitor.wait_for_client(_LISTEN_S):
                if self.visitor.is_shut:
                    return "interrupted"
            try:
                folder.index(worker.work(lot))
                self.lots += 1
            finally:
                self.visitor.over()
        return "complete"

    def _heed(self) -> None:
        if self._stop.is_set():
            raise _Stopped


def _count(plan: Plan, source: OrderSource) -> int | None:
    if plan.orders is not None:
        return plan.orders
    return len(source) if isinstance(source, Sized) else None
