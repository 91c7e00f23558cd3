"""Works the runs of a comparison: one after another, or in rounds until the verdicts are in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.errors import ShopfloorError, UsageError
from shopfloor.evidence.comparison import Comparison, compare
from shopfloor.evidence.contestant import contestants, distinct
from shopfloor.evidence.series import THERE, abandon, begin, orders_of, run_folders, work
from shopfloor.record import Entry
from shopfloor.shift import Plan

__all__ = ["Race", "rounds"]

_FIRST_ROUND = 10
_GROWTH = 1.5


_Say = Callable[[str, Sequence[Entry]], None]


@dataclass(frozen=True, slots=True)
class Race:
    """What is to be compared, and where it is kept.

    Attributes:
        plans: What each contestant works; all the same orders.
        out: Folder of the comparison.
        until_resolved: Stop as soon as every pair is decided by the anytime-valid sequence.
    """

    plans: tuple[Plan, ...]
    out: Path
    until_resolved: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the contestants."""
        facts = ("brain", "body", "cell", "language", "latency", "limits")
        return distinct(
            [
                {**{name: str(getattr(p, name)) for name in facts}, "noise": f"noise {p.noise}"}
                for p in self.plans
            ]
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The run folder of each."""
        return run_folders(self.out, self.labels)

    def open(self) -> None:
        """Make the folder, or see that it holds this very comparison.

        Raises:
            UsageError, RunExists, RunUnwritable: It cannot be used.
        """
        begin(self.out, self._asked(), what="comparison")

    def _asked(self) -> dict[str, Any]:
        first = self.plans[0]
        return {
            "contestants": [
                {
                    "label": label,
                    "brain": p.brain,
                    "body": p.body,
                    "language": p.language,
                    "latency": str(p.latency),
                    "noise": p.noise,
                }
                for label, p in zip(self.labels, self.plans, strict=True)
            ],
            "cell": first.cell,
            "orders": first.orders,
            "order_file": _sum(first.order_file),
            "seed": first.seed,
            "limits": _sum(Path(first.limits)) if first.limits.endswith(".toml") else first.limits,
            "video": first.video,
            "allow_unproven": first.allow_unproven,
            "until_resolved": self.until_resolved,
        }

    def total(self) -> int:
        """Return how many orders each is to work at most.

        Raises:
            UsageError, OrderError: Neither a number nor an order file says it.
        """
        return max(orders_of(plan) for plan in self.plans)

    def run(self, say: _Say, told: Callable[[Comparison], None]) -> str:
        """Work what is not worked yet.

        Args:
            say: Told a contestant's name and its entries after each order.
            told: Told what the comparison comes to after each round.

        Returns:
            ``complete``, ``resolved`` where that came first, or ``interrupted``.

        Raises:
            ShopfloorError: Something is wrong; what was committed is safe.
        """
        try:
            return self._run(self.total(), say, told)
        except ShopfloorError:
            abandon(self.out, self.folders)
            raise

    def _run(self, total: int, say: _Say, told: Callable[[Comparison], None]) -> str:
        for end in rounds(total) if self.until_resolved else (total,):
            for plan, folder, label in zip(self.plans, self.folders, self.labels, strict=True):
                ended = work(plan, folder, end, partial(say, label))
                if ended not in THERE:
                    return ended
            found = self.result()
            told(found)
            if self.until_resolved and found.resolved and end < total:
                return "resolved"
        return "complete"

    def result(self) -> Comparison:
        """Compare what was worked so far.

        Raises:
            UsageError: Some contestant has no order yet.
        """
        there = [folder for folder in self.folders if (folder / "manifest.json").exists()]
        labels = [
            label
            for label, folder in zip(self.labels, self.folders, strict=True)
            if folder in there
        ]
        return compare(contestants(there, labels), watched=self.until_resolved)


def rounds(total: int) -> tuple[int, ...]:
    """Return after how many orders to look: at 10, and then each time half as many again."""
    ends, end = [], float(_FIRST_ROUND)
    while end < total:
        ends.append(int(end))
        end *= _GROWTH
    return (*ends, total)


def _sum(path: Path | None) -> str | None:
    """Name a file by its content."""
    if path is None:
        return None
    try:
        return f"{path.name} {sha256(path.read_bytes()).hexdigest()[:16]}"
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}; name a file that is there"
        ) from error
