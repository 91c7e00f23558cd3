"""How much of a brain is left at each level of sensor noise, on the same orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.errors import UsageError
from shopfloor.evidence.paired import Paired, mcnemar
from shopfloor.evidence.series import refuse_lost
from shopfloor.evidence.several import holm
from shopfloor.report import Rate, run_summary
from shopfloor.report.load import load
from shopfloor.shift import Plan, Progress, run_shift

__all__ = ["Cost", "Step", "corrected", "cost", "slope"]

_CLEAN = 0
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A brain at one level of noise.

    Attributes:
        level, name, sha256: Of the noise.
        good: Orders good at the end.
        uph: Good units an hour; None where no time passed.
        paired: Against the clean arm, on the same orders: a is clean, b is this level.
        p: McNemar's exact test of that, alone.
        p_adjusted: With Holm's correction over all levels; None before all are worked, and for the
            clean arm, which is held against nothing.
        failures: Root causes and how often.
        stopped, limited: Actions that the guard stopped or limited.
        breaches: Ticks outside a limit by an independent reader; None where nobody looked.
        log_sha256: Of the run.
    """

    level: int
    name: str
    sha256: str
    good: Rate
    uph: float | None
    paired: Paired
    p: float
    failures: Mapping[str, int]
    stopped: int
    limited: int
    breaches: int | None
    log_sha256: str | None
    p_adjusted: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def slope(
    plan: Plan, levels: Sequence[int], folder: Path, say: Callable[[str], None]
) -> Iterator[Step]:
    """Work the same orders without noise and at each level, and pair them order by order.

    Args:
        plan: The shift; its own level is not used.
        levels: Besides 0, which is always worked first.
        folder: Where the runs are, or go on if they were begun there.
        say: Told what is being done.

    Raises:
        UsageError: A level does not exist, or a run was interrupted.
        BrainLost: Nobody answered any more.
    """
    from shopfloor.cell.noise import noise_level

    clean: dict[int, bool] = {}
    for number in (_CLEAN, *sorted(set(levels) - {_CLEAN})):
        level = noise_level(number)
        run = folder / f"level-{number}"

        def tell(progress: Progress, number: int = number) -> None:
            say(f"level {number}: {len(progress.entries)} of {progress.orders}")

        begun = (run / "manifest.json").exists()
        ended = run_shift(replace(plan, noise=number), run, resume=begun, progress=tell)
        refuse_lost(plan, run, ended)
        if ended != "complete":
            raise UsageError(
                f"level {number} was not worked to its end ({ended}); give the same command again "
                "with --runs to go on"
            )
        good = {entry.lot: entry.good for entry in load(run).entries}
        clean = clean or good
        paired = Paired.of([clean[lot] for lot in good], list(good.values()))
        summary = run_summary(run)
        yield Step(
            level=number,
            name=level.name,
            sha256=level.sha256,
            good=summary.good,
            uph=summary.uph,
            paired=paired,
            p=mcnemar(paired.only_a, paired.only_b),
            failures=summary.failures,
            stopped=summary.guard_stopped,
            limited=summary.guard_limited,
            breaches=summary.breaches,
            log_sha256=summary.log_sha256,
        )


def corrected(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps with their p-values corrected: all are held against one clean arm."""
    tested = [step for step in steps if step.level != _CLEAN]
    adjusted = dict(
        zip(
            (step.level for step in tested),
            holm([step.p for step in tested]),
            strict=True,
        )
    )
    return tuple(replace(step, p_adjusted=adjusted.get(step.level)) for step in steps)


@dataclass(frozen=True, slots=True)
class Cost:
    """What noise itself costs.

    Attributes:
        frame_px: (width, height) of the frames that it was measured on, ``stream`` and ``view``.
        frame_ms: Processor time for one of them [ms], by level and by kind.
    """

    frame_px: Mapping[str, tuple[int, int]]
    frame_ms: Mapping[str, Mapping[str, float]]


def cost(levels: Sequence[int], seed: int) -> Cost:
    """Measure what a level takes for one frame, for a stream's and for a view's.

    The median over some frames of the first lot's overview; nothing else is counted.
    """
    from shopfloor.body.bench import Bench
    from shopfloor.cell.noise import NoisyCell, noise_level
    from shopfloor.cell.sorting import SortingCell

    body = Bench()
    world = SortingCell(body)
    found: dict[str, dict[str, float]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    try:
        lot = next(iter(world.orders(seed=seed, count=1).lots()))
        for number in levels:
            cell = NoisyCell(world, body, noise_level(number))
            cell.reset(lot, seed=lot.seed)
            stream = world.reset(lot, seed=lot.seed).observation.frames["overview"]
            frames = {"stream": stream, "view": world.view("overview")}
            for kind, frame in frames.items():
                height, width = frame.pixels.shape[:2]
                sizes[kind] = width, height
            found[str(number)] = {
                kind: _median_ms(partial(cell.degraded, frame, kind))
                for kind, frame in frames.items()
            }
    finally:
        world.close()
    return Cost(sizes, found)


def _median_ms(work: Callable[[], object]) -> float:
    walls = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        walls.append(1000 * (time.process_time() - began))
    return float(np.median(walls))
