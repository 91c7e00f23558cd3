"""Several runs in one folder: begun once, gone on with, and worked one after another."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from shopfloor.errors import BrainLost, RunExists, RunUnwritable, UsageError
from shopfloor.record import Entry, RunFolder
from shopfloor.record.disk import write_atomic
from shopfloor.shift import Plan, run_shift
from shopfloor.shift.roster import LOST_LOTS

__all__ = ["ASKED", "THERE", "abandon", "begin", "orders_of", "refuse_lost", "run_folders", "work"]

ASKED = "asked.json"
"""What the series was begun with; it goes on with nothing else."""
THERE = ("complete", "paused")
"""How ``work`` says that a run got to where it was to go."""


def begin(out: Path, asked: Mapping[str, Any], *, what: str) -> None:
    """Make the folder, or see that it holds this very series.

    Args:
        out: Folder of the series.
        asked: What it is to be, as plain JSON values.
        what: What it is called in a message: ``comparison``.

    Raises:
        UsageError, RunExists, RunUnwritable: It cannot be used.
    """
    path = out / ASKED
    try:
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            if changed := [k for k in asked if before.get(k) != asked[k]]:
                raise RunExists(
                    f"{out} holds a {what} with {changed[0]} {before.get(changed[0])!r}, not "
                    f"{asked[changed[0]]!r}; go on with what it was begun with, or choose another "
                    "--out"
                )
            return
        if out.is_dir() and any(out.iterdir()):
            raise UsageError(
                f"{out} is not empty and holds no {what}; name a new or an empty folder with --out"
            )
        out.mkdir(parents=True, exist_ok=True)
        (out / "runs").mkdir(exist_ok=True)
        write_atomic(path, json.dumps(asked, ensure_ascii=False, indent=1).encode() + b"\n")
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} is not what was written; choose another --out, or compare the runs below "
            f"{out / 'runs'} as they are"
        ) from error
    except OSError as error:
        raise RunUnwritable(
            f"cannot write {out}: {error.strerror}; choose another --out"
        ) from error


def run_folders(out: Path, labels: Iterable[str]) -> tuple[Path, ...]:
    """Return the run folder of each member: numbered, and named so that a person finds it."""
    return tuple(
        out / "runs" / f"{i:02d}-{re.sub(r'[^A-Za-z0-9.]+', '-', label).strip('-')[:60]}"
        for i, label in enumerate(labels, 1)
    )


def abandon(out: Path, folders: Iterable[Path]) -> None:
    """Leave nothing behind where no run has begun."""
    if any((folder / "manifest.json").exists() for folder in folders):
        return
    with suppress(OSError):
        (out / ASKED).unlink(missing_ok=True)
        if (out / "runs").exists():
            (out / "runs").rmdir()
        out.rmdir()


def orders_of(plan: Plan) -> int:
    """Return how many orders a plan has.

    Raises:
        UsageError, OrderError: Neither a number nor an order file says it.
    """
    if plan.orders is not None:
        return plan.orders
    if plan.order_file is None:
        raise UsageError("a comparison needs --orders or --order-file: a fixed number of orders")
    from shopfloor.order.file import OrderFile

    return len(OrderFile(plan.order_file, plan.seed))


def refuse_lost(plan: Plan, folder: Path, ended: str) -> None:
    """See that a shift did not end because its brain was lost: that is not Ctrl-C.

    Raises:
        BrainLost: It did.
    """
    if ended == "lost":
        why = f"shopfloor episodes {shlex.quote(str(folder))} --why LOT"
        raise BrainLost(
            f"{plan.brain} was lost in {LOST_LOTS} orders in a row in {folder}, so nothing more "
            f"was worked; see why with `{why}`, and when it answers again give the same command "
            "with the same folder to go on"
        )


def work(plan: Plan, folder: Path, end: int, say: Callable[[Sequence[Entry]], None]) -> str:
    """Bring a run to so many orders.

    Args:
        plan: What the run is to be.
        folder: Where it is, or is to be.
        end: Begin no order from this one on.
        say: Told the entries at the start and after each order.

    Returns:
        How it ended: one of ``THERE``, or ``interrupted``.

    Raises:
        BrainLost: Nobody answered any more.
        ShopfloorError: Something is wrong; what was committed is safe.
    """
    begun = (folder / "manifest.json").exists()
    if begun:
        run = RunFolder.open(folder)
        entries, sessions = run.entries(), run.sessions()
        say(entries)
        ended = sessions[-1].ended if sessions else None
        whole = {entry.lot for entry in entries} >= set(range(end))
        if whole and (ended == "complete" or end < orders_of(plan)):
            return "complete"  # not opened again: that would cost a cell and a brain
    ended = run_shift(
        plan,
        folder,
        resume=begun,
        progress=lambda progress: say(progress.entries),
        pause_at=end,
    )
    refuse_lost(plan, folder, ended)
    return ended
