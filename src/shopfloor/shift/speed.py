"""How fast shopfloor runs, as ratios that hold on a busy machine.

Three things are timed by turns on the same lots: the run with everything but video encoding, the
bare loop that only steps the same physics and draws the same pictures, and the run with
encoding. Every replay must end in the very state in which the run ended.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.cell.replay import Tape, replay, tap, untap
from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import SpecMismatch
from shopfloor.record import RunFolder
from shopfloor.shift.hire import Staff, manifest, order_source
from shopfloor.shift.plan import Plan
from shopfloor.shift.worker import Worker
from shopfloor.types import Lot

__all__ = ["Speed", "measure"]


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured, all in one process unless said otherwise.

    Attributes:
        lots, ticks: How many lots were worked, and in how many ticks.
        worked_s: Their length on the virtual clock without changeovers [s].
        shift_s: The same with changeovers and repairs [s].
        run_s, bare_s, full_s: Wall time without encoding, of the bare loop, and with encoding
            to the disk [s].
        pair_gain: (run, bare): throughput of two processes over that of one, on the same lots;
            None where it was not measured.
    """

    lots: int
    ticks: int
    worked_s: float
    shift_s: float
    run_s: float
    bare_s: float
    full_s: float
    pair_gain: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ratios first."""
        gains = self.pair_gain
        return {
            "run_over_bare": self.run_s / self.bare_s,
            "rtf_shift": self.shift_s / self.full_s,
            "rtf_worked": self.worked_s / self.full_s,
            "two_workers_gain": gains and gains[0],
            "two_bare_loops_gain": gains and gains[1],
            "two_workers_over_two_bare_loops": gains and gains[0] / gains[1],
            "run_ms_a_tick": 1000 * self.run_s / self.ticks,
            "lots": self.lots,
            "ticks": self.ticks,
            "worked_s": self.worked_s,
            "shift_s": self.shift_s,
            "run_s": self.run_s,
            "bare_s": self.bare_s,
            "full_s": self.full_s,
        }


def measure(plan: Plan, *, lots: int, pair: bool, progress: Callable[[str], None]) -> Speed:
    """Time a plan's lots.

    Args:
        plan: What to run; its length, workers and video setting are not used.
        lots: How many lots.
        pair: Whether to measure two processes side by side too.
        progress: Told what is being done.

    Raises:
        SpecMismatch: A replay ended in another state than its run: not the same physics.
    """
    plan = replace(plan, orders=lots, hours=None, workers=1, video=False)
    with tempfile.TemporaryDirectory() as temporary:
        bench = _Bench(plan, Path(temporary), lots)
        walls = np.zeros(3)
        try:
            for lot in bench.lots:
                walls += bench.time(lot)
                progress(f"lot {lot.index + 1} of {lots}: run/bare {walls[0] / walls[1]:.3f}")
        finally:
            bench.close()
        ticks = sum(entry.ticks for entry in bench.entries)
        repair = sum(entry.repair_ticks for entry in bench.entries)
    gain = None
    if pair:
        progress("two processes side by side")
        gain = _gain(plan, lots, bare=False), _gain(plan, lots, bare=True)
    dt, changeover = bench.dt, bench.changeover_s
    return Speed(
        lots=lots,
        ticks=ticks,
        worked_s=ticks * dt,
        shift_s=(ticks + repair) * dt + lots * changeover,
        run_s=float(walls[0]),
        bare_s=float(walls[1]),
        full_s=float(walls[2]),
        pair_gain=gain,
    )


class _Bench:
    """Two run folders, with and without video, one staff, and a tape of every lot."""

    def __init__(self, plan: Plan, folder: Path, lots: int) -> None:
        staff = Staff(plan)
        if not isinstance(staff.cell, SortingCell):
            raise SpecMismatch(f"the bare loop knows the cell 'sorting', not {plan.cell!r}")
        self.cell: SortingCell = staff.cell
        self.dt, self.changeover_s = staff.cell.spec.control_dt, staff.cell.spec.changeover_s
        source = order_source(plan, staff.cell)
        self.lots = list(islice(source.lots(), lots))
        self.entries: list[Any] = []
        self._folders = [
            RunFolder.create(folder / name, manifest(plan, staff, source))
            for name in ("tape", "plain", "video")
        ]
        self._tape = Worker(plan, self._folders[0], staff)
        self._plain = Worker(plan, self._folders[1], staff)
        self._video = Worker(replace(plan, video=True), self._folders[2], staff)

    def taped(self, lot: Lot) -> Tape:
        """Work the lot once, unmeasured, and keep what a replay needs."""
        tape = Tape()
        tap(self.cell, tape)
        try:
            self.entries.append(self._tape.work(lot))
        finally:
            untap(self.cell)
        return tape

    def time(self, lot: Lot) -> np.ndarray:
        """Wall time of (run, bare loop, run with video) on one lot [s]."""
        tape = self.taped(lot)
        began = time.perf_counter()
        self._plain.work(lot)
        run = time.perf_counter()
        self.replay(lot, tape)
        bare = time.perf_counter()
        self._video.work(lot)
        full = time.perf_counter()
        return np.array([run - began, bare - run, full - bare])

    def work(self, lot: Lot) -> None:
        """Work a lot without video."""
        self._plain.work(lot)

    def replay(self, lot: Lot, tape: Tape) -> None:
        """Run the bare loop and see that it came out where the run did."""
        state = replay(self.cell, lot, tape)
        if not np.array_equal(state, tape.state):
            raise SpecMismatch(
                f"the replay of lot {lot.index} ended elsewhere than the run: not the same physics"
            )

    def close(self) -> None:
        """Give everything back."""
        self._video.close()
        for folder in self._folders:
            folder.close()


def _gain(plan: Plan, lots: int, *, bare: bool) -> float:
    """Throughput of two processes over that of one."""
    # One before and one after: what else goes on in the machine then weighs on both alike.
    before = _side_by_side(plan, lots, bare=bare, processes=1)
    pair = _side_by_side(plan, lots, bare=bare, processes=2)
    after = _side_by_side(plan, lots, bare=bare, processes=1)
    return (before + after) / pair


def _side_by_side(plan: Plan, lots: int, *, bare: bool, processes: int) -> float:
    """Mean wall time of processes that do the same lots at the same time [s]."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    queue = context.Queue()
    started = [
        context.Process(target=_timed, args=(plan, lots, bare, barrier, queue))
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    walls = [queue.get(timeout=600) for _ in started]
    for process in started:
        process.join(30)
    return float(np.mean(walls))


def _timed(plan: Plan, lots: int, bare: bool, barrier: Barrier, queue: Any) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as temporary:
        bench = _Bench(plan, Path(temporary), lots)
        try:
            tapes = [bench.taped(lot) for lot in bench.lots]
            barrier.wait(300)
            began = time.perf_counter()
            for lot, tape in zip(bench.lots, tapes, strict=True):
                if bare:
                    bench.replay(lot, tape)
                else:
                    bench.work(lot)
            queue.put(time.perf_counter() - began)
        finally:
            bench.close()
