"""What a cluster costs over processes of this machine: the same shift by turns, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from shopfloor.errors import RunError, UsageError
from shopfloor.record import RunFolder
from shopfloor.shift.plan import Plan
from shopfloor.shift.shift import Progress, run_shift
from shopfloor.shift.workforce import Cluster, Workforce

__all__ = ["Overhead", "overhead"]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One shift: wall time of all of it, and from its first committed lot to its last [s]."""

    whole_s: float
    working_s: float
    log_sha256: str


@dataclass(frozen=True, slots=True)
class Overhead:
    """Shifts of both kinds, in the order in which they were worked by turns."""

    orders: int
    slots: int
    processes: tuple[_Turn, ...]
    cluster: tuple[_Turn, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; ``ratio`` is the cluster's wall time over the processes'."""
        logs = {turn.log_sha256 for turn in (*self.processes, *self.cluster)}
        return {
            "orders": self.orders,
            "slots": self.slots,
            "rounds": len(self.processes),
            "same_log": len(logs) == 1,
            "log_sha256": sorted(logs),
            "ratio": self._ratio("whole_s"),
            "ratio_without_start": self._ratio("working_s"),
            "processes": self._seconds(self.processes),
            "cluster": self._seconds(self.cluster),
        }

    def _ratio(self, what: str) -> float:
        return self._median(self.cluster, what) / self._median(self.processes, what)

    @classmethod
    def _seconds(cls, turns: tuple[_Turn, ...]) -> Mapping[str, Any]:
        return {
            name: {"median": cls._median(turns, name), "all": [getattr(t, name) for t in turns]}
            for name in ("whole_s", "working_s")
        }

    @staticmethod
    def _median(turns: tuple[_Turn, ...], what: str) -> float:
        return float(median(getattr(turn, what) for turn in turns))


def overhead(
    plan: Plan,
    *,
    slots: int,
    rounds: int,
    digest: Callable[[RunFolder], str],
    say: Callable[[str], None],
) -> Overhead:
    """Work a shift on processes and on a cluster of this machine by turns, so many times each.

    Args:
        plan: The shift, by orders; its workers are not used.
        slots: Lots side by side, in both.
        rounds: How often each; who begins changes with every round.
        digest: Gives a run's ``log_sha256``.
        say: Told what is being done.

    Raises:
        UsageError: There is nothing to measure: fewer than two orders for each slot, or no round.
        ShopfloorError: What working a shift raises.
    """
    if plan.orders is None or plan.orders < 2 * slots or rounds < 1:
        raise UsageError(
            f"{plan.orders} orders in {rounds} rounds on {slots} slots measure nothing; give two "
            "orders or more for each slot, and one round or more"
        )
    turns: dict[Workforce, list[_Turn]] = {slots: [], Cluster(None, slots): []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            ways = list(turns) if number % 2 == 0 else list(turns)[::-1]
            for workers in ways:
                run = Path(folder) / f"{number}-{type(workers).__name__}"
                what = f"round {number + 1} of {rounds}, --workers {workers}"
                turn = _work(replace(plan, workers=workers), run, digest, partial(_say, say, what))
                turns[workers].append(turn)
    by_processes, by_cluster = turns.values()
    return Overhead(plan.orders, slots, tuple(by_processes), tuple(by_cluster))


def _say(say: Callable[[str], None], what: str, how_far: str) -> None:
    say(f"{what}: {how_far}")


def _work(
    plan: Plan, run: Path, digest: Callable[[RunFolder], str], say: Callable[[str], None]
) -> _Turn:
    committed: list[float] = []  # when the first and the last lot were [s]

    def note(progress: Progress) -> None:
        say(f"{len(progress.entries)} of {plan.orders} orders")
        if progress.entries:
            committed[1 if committed else 0 :] = [time.perf_counter()]

    began = time.perf_counter()
    ended = run_shift(plan, run, resume=False, progress=note)
    whole_s = time.perf_counter() - began
    if ended != "complete":
        raise RunError(f"the shift on --workers {plan.workers} is {ended}, which measures nothing")
    with RunFolder.open(run) as folder:
        return _Turn(whole_s, committed[-1] - committed[0], digest(folder))
