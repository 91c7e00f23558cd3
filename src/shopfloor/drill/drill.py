"""Works the routines: short orders, each with one fault, until enough of them took effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopfloor.check import check
from shopfloor.drill.routine import Routine
from shopfloor.drill.score import Trial, score
from shopfloor.errors import UsageError
from shopfloor.record import RunFolder
from shopfloor.record.disk import write_atomic
from shopfloor.shift import Latency, Plan, run_shift
from shopfloor.types import COLOURS, SHAPES, SIZES

__all__ = ["Drill", "drill"]

_BATCHES = 6
"""So many times as many lots at most are worked, where faults take no effect."""
_PARTS = 2


@dataclass(frozen=True, slots=True)
class Drill:
    """What was asked for.

    Attributes:
        out: Folder of the drill; one that is there is gone on with.
        n: Injections that took effect, of each class.
        seed: Of everything.
        workers: Processes side by side.
        noise: Level of the sensor noise beneath the faults.
    """

    out: Path
    n: int
    seed: int = 0
    workers: int = 1
    noise: int = 0


def drill(asked: Drill, routine: Routine, say: Callable[[int, int], None]) -> list[Trial]:
    """Drill one class.

    Args:
        asked: How much.
        routine: The class.
        say: Told how many lots are worked, and of how many that are planned so far.

    Returns:
        All its lots, those without effect, too.

    Raises:
        ShopfloorError: A run cannot be worked; what was committed is safe.
    """
    trials: list[Trial] = []
    for batch in range(_BATCHES):
        missing = asked.n - sum(trial.took is not None for trial in trials)
        if missing <= 0:
            break
        trials += _batch(asked, routine, batch, missing, say)
    return trials


def _batch(
    asked: Drill, routine: Routine, batch: int, lots: int, say: Callable[[int, int], None]
) -> list[Trial]:
    folder = asked.out / "runs" / f"{routine.name}-{batch}"
    orders = asked.out / "orders" / f"{routine.name}-{batch}.jsonl"
    orders.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.mkdir(exist_ok=True)
    seed = asked.seed + 1000 * batch
    resume = (folder / "manifest.json").exists()
    if not resume:
        _write_orders(orders, lots, seed)
    plan = Plan(
        cell="sorting",
        body="bench",
        brain="classical",
        seed=seed,
        orders=None,
        hours=None,
        order_file=orders,
        latency=Latency.parse("fixed:40"),
        limits="fenced",
        # Pictures cost more than all the rest, and matter where a camera is at fault.
        record_fps=10.0 if routine.kind.place == "camera" else 5.0,
        video=False,
        audit=True,
        workers=min(asked.workers, lots),
        noise=asked.noise,
        faults=(routine.written,),
    )
    ended = run_shift(plan, folder, resume=resume, progress=lambda p: say(len(p.entries), lots))
    if ended == "interrupted":
        raise KeyboardInterrupt
    report = check(folder)
    bad = frozenset(
        finding.episode
        for finding in report.findings
        if finding.severity == "error" and finding.episode is not None
    )
    with RunFolder.open(folder) as run:
        if resume and len(run.entries()) < lots and batch == 0:
            raise UsageError(
                f"{asked.out} holds a drill with fewer injections than {asked.n}; give the same "
                "--n, or another --out"
            )
        return score(run, routine.kind, bad)


def _write_orders(path: Path, count: int, seed: int) -> None:
    """Orders of a few parts each, which both arms may take, in English."""
    rng = np.random.default_rng([seed, 0xD1211])
    lines: Sequence[str] = [
        json.dumps({"instruction": "everything to A", "parts": _parts(rng), "totes": ["A", "B"]})
        for _ in range(count)
    ]
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode())


def _parts(rng: np.random.Generator) -> list[dict[str, str]]:
    return [
        {
            "colour": str(rng.choice(COLOURS)),
            "shape": str(rng.choice(SHAPES)),
            "size": str(rng.choice(SIZES)),
        }
        for _ in range(_PARTS)
    ]
