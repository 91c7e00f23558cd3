"""Works the runs of a comparison: one after another, or in rounds until the verdicts are in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.errors import RunError, RunExists, RunUnwritable, ShopfloorError, UsageError
from shopfloor.evidence.comparison import Comparison, compare
from shopfloor.evidence.contestant import contestants, distinct
from shopfloor.record import Entry, RunFolder
from shopfloor.record.disk import write_atomic
from shopfloor.shift import Plan, run_shift
from shopfloor.shift.roster import LOST_LOTS

__all__ = ["ASKED", "Race", "rounds"]

ASKED = "asked.json"
"""What the comparison was begun with; it goes on with nothing else."""

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
        facts = ("brain", "body", "cell", "latency", "limits")
        return distinct([{name: str(getattr(p, name)) for name in facts} for p in self.plans])

    @property
    def folders(self) -> tuple[Path, ...]:
        """The run folder of each."""
        return tuple(
            self.out / "runs" / f"{i:02d}-{re.sub(r'[^A-Za-z0-9.]+', '-', label).strip('-')[:60]}"
            for i, label in enumerate(self.labels, 1)
        )

    def open(self) -> None:
        """Make the folder, or see that it holds this very comparison.

        Raises:
            UsageError, RunExists, RunUnwritable: It cannot be used.
        """
        asked = self._asked()
        path = self.out / ASKED
        try:
            if path.exists():
                before = json.loads(path.read_text(encoding="utf-8"))
                if changed := [k for k in asked if before.get(k) != asked[k]]:
                    raise RunExists(
                        f"{self.out} holds a comparison with {changed[0]} "
                        f"{before.get(changed[0])!r}, not {asked[changed[0]]!r}; go on with what "
                        "it was begun with, or choose another --out"
                    )
                return
            if self.out.is_dir() and any(self.out.iterdir()):
                raise UsageError(
                    f"{self.out} is not empty and holds no comparison; name a new or an empty "
                    "folder with --out"
                )
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / "runs").mkdir(exist_ok=True)
            write_atomic(path, json.dumps(asked, ensure_ascii=False, indent=1).encode() + b"\n")
        except ValueError as error:
            raise UsageError(
                f"{path} is not what was written; choose another --out, or compare the runs below "
                f"{self.out / 'runs'} as they are"
            ) from error
        except OSError as error:
            raise RunUnwritable(
                f"cannot write {self.out}: {error.strerror}; choose another --out"
            ) from error

    def _asked(self) -> dict[str, Any]:
        first = self.plans[0]
        return {
            "contestants": [
                {"label": label, "brain": p.brain, "body": p.body, "latency": str(p.latency)}
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
        return max(_orders(plan) for plan in self.plans)

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
            self._clear()
            raise

    def _run(self, total: int, say: _Say, told: Callable[[Comparison], None]) -> str:
        for end in rounds(total) if self.until_resolved else (total,):
            for plan, folder, label in zip(self.plans, self.folders, self.labels, strict=True):
                if not _work(plan, folder, end, partial(say, label)):
                    return "interrupted"
            found = self.result()
            told(found)
            if self.until_resolved and found.resolved and end < total:
                return "resolved"
        return "complete"

    def _clear(self) -> None:
        """Leave nothing behind where no run has begun."""
        if any((folder / "manifest.json").exists() for folder in self.folders):
            return
        with suppress(OSError):
            (self.out / ASKED).unlink(missing_ok=True)
            if (self.out / "runs").exists():
                (self.out / "runs").rmdir()
            self.out.rmdir()

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


def _orders(plan: Plan) -> int:
    if plan.orders is not None:
        return plan.orders
    if plan.order_file is None:
        raise UsageError("a comparison needs --orders or --order-file: a fixed number of orders")
    from shopfloor.order.file import OrderFile

    return len(OrderFile(plan.order_file, plan.seed))


def _work(plan: Plan, folder: Path, end: int, say: Callable[[Sequence[Entry]], None]) -> bool:
    """Bring a run to so many orders; return whether it got there."""
    begun = (folder / "manifest.json").exists()
    if begun:
        run = RunFolder.open(folder)
        entries, sessions = run.entries(), run.sessions()
        say(entries)
        ended = sessions[-1].ended if sessions else None
        whole = {entry.lot for entry in entries} >= set(range(end))
        if whole and (ended == "complete" or end < _orders(plan)):
            return True  # not opened again: that would cost a cell and a brain
    ended = run_shift(
        plan,
        folder,
        resume=begun,
        progress=lambda progress: say(progress.entries),
        pause_at=end,
    )
    if ended == "lost":
        raise RunError(
            f"{plan.brain} was lost in {LOST_LOTS} orders in a row, and to compare an absent brain "
            "says nothing of it; what was committed is safe: give the same command again when it "
            "answers"
        )
    return ended in ("complete", "paused")


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
