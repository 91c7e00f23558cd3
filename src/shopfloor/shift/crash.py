"""Kills a shift at random moments, over and over, and holds what is left against what happened."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.order.ledger import Ledger
from shopfloor.record import Entry, RunFolder
from shopfloor.record.flight import FLIGHT
from shopfloor.record.lines import read_lines
from shopfloor.record.place import INDEX
from shopfloor.record.shelf import EPISODES
from shopfloor.shift.plan import Plan
from shopfloor.shift.shift import plan_of, run_shift
from shopfloor.types import Outcome

__all__ = ["Crashes", "crash"]

_LOTS = 3
"""A process is killed in its first to third lot, drawn evenly, within a lot's time of its start."""
_EARLY = 0.2
"""Share of the processes that are killed at any moment from their start, ready or not."""
_READY_S = 60.0
_COLOURS = ("red", "orange", "yellow", "green", "blue")
_PRELOAD = ["shopfloor.shift.shift", "shopfloor.cell.sorting", "shopfloor.brain.classical"]


@dataclass(slots=True)
class Crashes:
    """What was found; every fault is a line that says where.

    Attributes:
        kills: Processes that were killed, at work or on the way there.
        in_lot: How many of them were in the middle of a lot.
        with_encoder: How many of them together with their encoder, as when the power goes.
        runs: Runs that were carried on from kill to kill until they were complete.
        committed: Lots that these runs hold.
        interrupted: Lots that were not finished, read back up to their last flush.
        interrupted_ticks: Ticks that were read back of those.
        lost: Committed lots that were gone or changed later.
        twice: Lots that were counted twice.
        wrong: Lots whose log differs from that of the run without a kill.
        unbalanced: Moments at which the ledger did not add up.
        torn: Interrupted lots that hold something else than the beginning of what happened.
    """

    kills: int = 0
    in_lot: int = 0
    with_encoder: int = 0
    runs: int = 0
    committed: int = 0
    interrupted: int = 0
    interrupted_ticks: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or damaged."""
        return not (self.lost or self.twice or self.wrong or self.unbalanced or self.torn)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"clean": self.clean, **asdict(self)}


def crash(plan: Plan, *, kills: int, seed: int, say: Callable[[str], None]) -> Crashes:
    """Work a shift once undisturbed, then again and again with a SIGKILL at random moments.

    Each killed process is followed by one that resumes. When the run is complete another is begun,
    until so many were killed. Half of the time the encoder is killed, too.

    Args:
        plan: The shift; it gets short orders of its own, so that much is committed between kills.
        kills: How often to kill.
        seed: Of the moments.
        say: Told how far it is.
    """
    rng = np.random.default_rng(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    found = Crashes()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plan = replace(plan, order_file=_short_orders(folder, plan.orders or 1))
        say("the shift without a kill")
        run_shift(plan, folder / "whole", resume=False, progress=_silent)
        truth = _Truth(folder / "whole")
        for number in count():
            if found.kills >= kills:
                return found
            run = _Run(folder / f"run-{number}", plan, truth, found)
            done = False
            while not done:
                if found.kills < kills:
                    early, encoder = rng.random() < _EARLY, rng.random() < 0.5
                    lots, after_s = int(rng.integers(_LOTS)), float(rng.uniform(0, truth.lot_s))
                    moment = _Moment(0 if early else lots, after_s, early=early)
                    done = run.go(context, moment, with_encoder=encoder)
                else:
                    done = run.go(context, None)
                run.look()
                say(f"{found.kills} of {kills} kills, run {number}: {len(run.known)} lots")
            run.close()
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a process is killed.

    Attributes:
        lots: How many lots it commits before.
        after_s: How long after the beginning of the next one [s].
        early: Counted from the start of the process, ready or not.
    """

    lots: int
    after_s: float
    early: bool


def _short_orders(folder: Path, count: int) -> Path:
    """Write orders of one part each, every one of them with a bystander."""
    lines = []
    for number in range(count):
        colour, tote = _COLOURS[number % len(_COLOURS)], "ABCD"[number % 4]
        lines.append(
            {
                "instruction": f"Put the {colour} cube into tote {tote}.",
                "parts": [
                    {"colour": colour, "shape": "cube", "size": "small"},
                    {"colour": "purple", "shape": "bar", "size": "small"},
                ],
            }
        )
    path = folder / "short.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


class _Truth:
    """What happened where nobody was killed."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder.open(path)
        self.entries = {entry.lot: entry for entry in self.folder.entries()}
        self.lot_s = sum(entry.wall_s for entry in self.entries.values()) / len(self.entries)
        self._ticks: dict[int, npt.NDArray[Any]] = {}

    def ticks(self, lot: int) -> npt.NDArray[Any]:
        if lot not in self._ticks:
            self._ticks[lot] = self.folder.episode(lot).ticks()
        return self._ticks[lot]


class _Run:
    """One run that is carried on from kill to kill."""

    def __init__(self, path: Path, plan: Plan, truth: _Truth, found: Crashes) -> None:
        self.path, self.plan, self.truth, self.found = path, plan, truth, found
        self.known: dict[int, Entry] = {}
        self._seen: set[str] = set()
        found.runs += 1

    def go(self, context: Any, moment: _Moment | None, *, with_encoder: bool = False) -> bool:
        """Work on, and be killed at a moment; returns whether the run came to its end first."""
        before, committed = self._names(FLIGHT), len(self._names(EPISODES))
        process = context.Process(target=_alone, args=(self.plan, self.path))
        process.start()
        until = time.monotonic() + _READY_S
        while moment and not moment.early and process.is_alive() and time.monotonic() < until:
            more = len(self._names(EPISODES)) - committed
            if more >= moment.lots and self._names(FLIGHT) - before:
                break  # the lot in which it is killed has begun
            time.sleep(0.005)
        process.join(moment and moment.after_s)
        if process.is_alive():
            self._kill(process, with_encoder=with_encoder)
            self.found.in_lot += bool(self._names(FLIGHT) - before)
            return False
        if process.exitcode:
            self.found.wrong.append(f"{self.path.name}: a resume ended with {process.exitcode}")
        return True

    def _kill(self, process: Any, *, with_encoder: bool) -> None:
        children = _descendants(process.pid) if with_encoder else []
        for pid in (process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.join()
        self.found.kills += 1
        self.found.with_encoder += bool(children)

    def _names(self, folder: str) -> set[str]:
        path = self.path / folder
        return {item.name for item in path.iterdir()} if path.is_dir() else set()

    def look(self) -> None:
        """Hold what is on the disk against what was there before, and against the truth."""
        try:
            folder = RunFolder.open(self.path)
        except UsageError as error:  # killed before the run was made
            if self.known:
                self.found.lost.append(f"{self.path.name}: {error}")
            return
        try:
            entries = folder.entries()
        except RunCorrupt as error:
            self.found.lost.append(f"{self.path.name}: {error}")
            return
        where = f"{self.path.name} after kill {self.found.kills}"
        now: Mapping[int, Entry] = {entry.lot: entry for entry in entries}
        # The index as it lies there, line by line: entries() would not show a lot twice.
        listed = [line["lot"] for line in read_lines(self.path / INDEX)]
        if len(set(listed)) < len(listed) or not set(listed) <= now.keys():
            self.found.twice.append(where)
        for lot, entry in self.known.items():
            if now.get(lot) != entry:
                self.found.lost.append(f"{where}: lot {lot}")
        for lot, entry in now.items():
            if entry.log_sha256 != self.truth.entries[lot].log_sha256:
                self.found.wrong.append(f"{where}: lot {lot}")
        if not self._balances(entries):
            self.found.unbalanced.append(where)
        self.known = dict(now)
        self._interrupted(folder, where)

    def close(self) -> None:
        """See that the run is whole, file by file."""
        with RunFolder.open(self.path) as folder:
            for lot in self.known:
                folder.episode(lot).check_files()
        if self.known.keys() != self.truth.entries.keys():
            self.found.lost.append(f"{self.path.name} ended with {len(self.known)} lots")
        self.found.committed += len(self.known)

    def _balances(self, entries: tuple[Entry, ...]) -> bool:
        ledger, truth = Ledger(), Ledger()
        for entry in entries:
            ledger = ledger.add(_outcome(entry))
            truth = truth.add(_outcome(self.truth.entries[entry.lot]))
        return ledger == truth

    def _interrupted(self, folder: RunFolder, where: str) -> None:
        for left in folder.interrupted():
            if left.path.name in self._seen:
                continue
            self._seen.add(left.path.name)
            ticks = left.ticks()
            self.found.interrupted += 1
            self.found.interrupted_ticks += len(ticks)
            if ticks.tobytes() != self.truth.ticks(left.lot)[: len(ticks)].tobytes():
                self.found.torn.append(f"{where}: {left.path.name}")


def _outcome(entry: Entry) -> Outcome:
    return Outcome(entry.good, entry.ever, entry.code, entry.code_tick, entry.units, entry.ticks)


def _descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    children = [int(child) for child in listed.split()]
    return [*children, *(deeper for child in children for deeper in _descendants(child))]


def _alone(plan: Plan, out: Path) -> None:
    resume = (out / "manifest.json").exists()
    if resume:
        plan = plan_of(out, workers=plan.workers, max_wall_s=None)
    run_shift(plan, out, resume=resume, progress=_silent)


def _silent(_: object) -> None:
    """Progress is not shown."""
