"""A brain at a benchmark suite: every condition is a run of its own, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shopfloor import plugins
from shopfloor.errors import ShopfloorError, UsageError
from shopfloor.evidence.contestant import Contestant
from shopfloor.evidence.score import Score, score
from shopfloor.evidence.series import THERE, abandon, begin, run_folders, work
from shopfloor.evidence.suite import BASE, Extent, Suite
from shopfloor.guard import load_limits
from shopfloor.record import Entry
from shopfloor.report.load import load
from shopfloor.shift import Plan
from shopfloor.shift.hire import code_version

__all__ = ["Benchmark"]

_RECORD_FPS = 10.0


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One brain at one suite, and where that is kept.

    Attributes:
        suite, extent: What it works.
        brain: Who.
        out: Folder of its runs and its result.
        workers: Processes side by side.
        allow_unproven: Whether a model may work that has not passed its probe.
    """

    suite: Suite
    extent: Extent
    brain: str
    out: Path
    workers: int = 1
    allow_unproven: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conditions, the base first."""
        return tuple(condition.name for condition in self.extent.conditions)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The run folder of each condition."""
        return run_folders(self.out, self.names)

    def plans(self) -> tuple[Plan, ...]:
        """Return what is worked under each condition.

        Raises:
            UsageError: Something of it cannot be.
        """
        return tuple(
            Plan(
                brain=self.brain,
                seed=self.suite.seed,
                orders=self.extent.orders,
                hours=None,
                order_file=None,
                record_fps=_RECORD_FPS,
                video=False,
                audit=True,
                workers=self.workers,
                allow_unproven=self.allow_unproven,
                **condition.settings,
            )
            for condition in self.extent.conditions
        )

    def open(self) -> None:
        """Make the folder, or see that it holds this very benchmark.

        Raises:
            UsageError, RunExists, RunUnwritable: It cannot be used.
        """
        _check_limits(self.plans())
        begin(self.out, self._asked(), what="benchmark")

    def _asked(self) -> dict[str, Any]:
        version, commit = code_version()
        return {
            "suite": self.suite.title,
            "extent": self.extent.name,
            "brain": self.brain,
            "allow_unproven": self.allow_unproven,
            "shopfloor": f"{version} {commit or 'outside a checkout'}",
        }

    def run(self, say: Callable[[str, Sequence[Entry]], None]) -> str:
        """Work what is not worked yet.

        Args:
            say: Told a condition's name and its entries, at its start and after each order.

        Returns:
            ``complete`` or ``interrupted``.

        Raises:
            ShopfloorError: Something is wrong; what was committed is safe, and where nothing was
                the folder is gone again.
        """
        try:
            for plan, folder, name in zip(self.plans(), self.folders, self.names, strict=True):
                ended = work(plan, folder, self.extent.orders, partial(say, name))
                if ended not in THERE:
                    return ended
        except ShopfloorError:
            abandon(self.out, self.folders)
            raise
        return "complete"

    def score(self) -> Score:
        """Return what it comes to.

        Raises:
            UsageError: It is not whole: figures of a part would be chosen by who stopped it.
            RunError: A run is damaged.
        """
        runs = []
        for folder, name in zip(self.folders, self.names, strict=True):
            there = (folder / "manifest.json").exists()
            run = load(folder) if there else None
            if run is None or run.ended != "complete" or len(run.entries) < self.extent.orders:
                done = len(run.entries) if run else 0
                raise UsageError(
                    f"{self.out} is not whole: condition {name!r} has {done} of "
                    f"{self.extent.orders} orders; give the same command again to go on"
                )
            runs.append(Contestant(name, run.path, run.manifest, run.entries, run.ended))
        _alike(runs)
        return score(self.suite, self.extent, self.brain, runs)


def _check_limits(plans: Sequence[Plan]) -> None:
    """See that there are limits under every condition, before the first is worked."""
    for cell, body, limits in {(plan.cell, plan.body, plan.limits) for plan in plans}:
        load_limits(cell, plugins.factory("bodies", body)().spec, limits)


def _alike(runs: Sequence[Contestant]) -> None:
    """Refuse conditions that were not worked by the same brain and the same shopfloor."""
    base = runs[0].manifest
    for run in runs[1:]:
        for name in ("brain", "brain_identity", "git_commit", "versions"):
            was, now = getattr(base, name), getattr(run.manifest, name)
            if was != now:
                raise UsageError(
                    f"condition {run.label!r} was worked with {name} {now!r}, and {BASE!r} with "
                    f"{was!r}: it is not one benchmark; work it anew with another --out"
                )
