"""Measures how long a live cell moves on after one of its processes is lost.

Every trial starts the processes anew, waits until an arm moves, loses one of them at a random
moment, and reads off the plant's journal since when its joints were measured to stand. All times
are of the monotonic clock, which the processes of a machine share.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.errors import RunError
from shopfloor.live.journal import read_journal
from shopfloor.live.process import start
from shopfloor.shift.supervise import LoopSetting

__all__ = ["WAYS", "Loss", "Trial", "Way", "measure", "trial"]

_START_S, _STAND_S = 120.0, 10.0
_MOST_STARVED = 3
_SAID = (("plant", "stop"), ("watchdog", "stop"), ("loop", "fault"))
"""Where a loss is written down by those who noticed it."""
_AFTER_S = 0.5
"""So long it is watched whether anything moves again."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to lose a process.

    Attributes:
        name: ``brain.kill``.
        who: ``brain``, ``loop`` or ``watchdog``.
        signal: Sent to it.
        asked: Whether time counts from the question that was not answered: a brain that has
            nothing to answer is not late.
        bound: Which time bounds it: the brain's ``deadline`` or the watchdog's ``patience``.
    """

    name: str
    who: str
    signal: int
    asked: bool
    bound: str


WAYS = (
    Way("brain.kill", "brain", signal.SIGKILL, asked=False, bound="deadline"),
    Way("brain.stop", "brain", signal.SIGSTOP, asked=True, bound="deadline"),
    Way("brain.hang", "brain", signal.SIGUSR1, asked=True, bound="deadline"),
    Way("loop.kill", "loop", signal.SIGKILL, asked=False, bound="patience"),
    Way("loop.stop", "loop", signal.SIGSTOP, asked=False, bound="patience"),
    Way("watchdog.kill", "watchdog", signal.SIGKILL, asked=False, bound="patience"),
    Way("watchdog.stop", "watchdog", signal.SIGSTOP, asked=False, bound="patience"),
)
"""SIGUSR1 makes the brain of these trials hang in its next decision."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one loss came to. Times are seconds since the loss, or since the open question.

    Attributes:
        detected_s: When a stop or a fault was written down; None where none was.
        stood_s: Since when all joints stood, as measured; None where they did not within 10 s.
        again: Whether anything moved again afterwards.
        missed: Ticks that the plant's own clock missed, before the loss and after.
    """

    detected_s: float | None
    stood_s: float | None
    again: bool
    missed: int


@dataclass(frozen=True, slots=True)
class Loss:
    """All trials of one way.

    Attributes:
        way: Its name.
        n, detected, stood, within, again: Trials, and in how many of them the loss was written
            down, the joints stood, did so within the bound plus 100 ms, and something moved again.
        starved: Trials besides these that the watchdog ended before anything was lost, because
            the loop itself came too late: a busy machine, and a stop all the same.
        bound_s: The brain's deadline or the watchdog's patience [s].
        counted_from: ``loss`` or ``question``.
        detected_s, stood_s: (median, largest) of those that there are [s], or None.
        missed: Ticks that the plants' clocks missed in all trials.
    """

    way: str
    n: int
    detected: int
    stood: int
    within: int
    again: int
    starved: int
    bound_s: float
    counted_from: str
    detected_s: tuple[float, float] | None
    stood_s: tuple[float, float] | None
    missed: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure(
    asked: LoopSetting, *, each: int, ways: Sequence[Way] = WAYS, say: Callable[[str], None]
) -> list[Loss]:
    """Lose a process in every way.

    Args:
        asked: What the loop is started with; its folder is not used, its seed begins a sequence.
        each: Trials of each way.
        ways: Which ones.
        say: Told how far it is.

    Raises:
        RunError: The processes do not start.
    """
    found = []
    for way in ways:
        trials: list[Trial] = []
        tried = 0
        while len(trials) < each:
            say(f"{way.name} {len(trials) + 1}/{each}")
            one = trial(replace(asked, seed=asked.seed + tried), way)
            tried += 1
            if one is not None:
                trials.append(one)
            elif tried > _MOST_STARVED * each + 5:
                raise RunError(
                    f"the watchdog ended {tried - len(trials)} of {tried} trials of {way.name} "
                    "before anything was lost: this machine is too busy for a patience of "
                    f"{asked.patience_s:g} s; give more, or wait"
                )
        found.append(_loss(asked, way, trials, tried - len(trials)))
    return found


def trial(asked: LoopSetting, way: Way) -> Trial | None:
    """Start a live cell, lose one process while an arm moves, and see how it stands.

    None where the cell was stopped before that, because this machine did not keep time.

    Raises:
        RunError: The cell does not start.
    """
    rng = np.random.default_rng([asked.seed, *way.name.encode()])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        loop = start("shopfloor.shift.supervise", replace(asked, folder=str(folder)), [])
        pids: dict[str, int] = {"loop": loop.pid}
        try:
            pids |= _moving(folder, loop)
            time.sleep(rng.uniform(0.5, 2.0))
            lost_s = time.monotonic()
            if not _starved(folder):
                os.kill(pids[way.who], way.signal)
            return None if _starved(folder, lost_s) else _seen(folder, way, lost_s)
        finally:
            for pid in pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            loop.wait()


def _moving(folder: Path, loop: subprocess.Popen[bytes]) -> dict[str, int]:
    """Wait until an arm moves; return the processes."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until and loop.poll() is None:
        ready = next(iter(_of(folder, "loop", "ready")), None)
        if ready is not None and _of(folder, "plant", "moves"):
            return {who: int(ready[who]) for who in ("plant", "watchdog", "brain")}
        time.sleep(0.02)
    raise RunError(
        f"the live cell did not come to move within {_START_S:g} s; what its processes wrote to "
        "stderr says why"
    )


def _starved(folder: Path, before_s: float = math.inf) -> bool:
    """Whether the cell was stopped, or a fault was told, by itself before a time."""
    own = (("plant", "stop"), ("watchdog", "stop"), ("loop", "stopped"), ("loop", "outcome"))
    return any(e["at_s"] < before_s for name, what in own for e in _of(folder, name, what))


def _seen(folder: Path, way: Way, lost_s: float) -> Trial:
    until = time.monotonic() + _STAND_S
    stands: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    while time.monotonic() < until and not (stands and told):
        time.sleep(0.05)
        stands = _since(folder, lost_s, ("plant", "stands"))
        told = _since(folder, lost_s, *_SAID)
    time.sleep(_AFTER_S)
    first = min(told, key=lambda event: event["at_s"], default=None)
    from_s = lost_s
    if way.asked and first is not None:
        from_s = max(first.get("asked_s") or lost_s, lost_s)
    moved = _since(folder, stands[0]["at_s"], ("plant", "moves")) if stands else []
    return Trial(
        detected_s=None if first is None else first["at_s"] - from_s,
        # Who stood before the question was asked stood at once.
        stood_s=max(stands[0]["since_s"] - from_s, 0.0) if stands else None,
        again=bool(moved),
        missed=int(stands[0]["missed"]) if stands else 0,
    )


def _since(folder: Path, since_s: float, *what: tuple[str, str]) -> list[dict[str, Any]]:
    """What some processes wrote of some kind after a time."""
    return [e for name, kind in what for e in _of(folder, name, kind) if e["at_s"] > since_s]


def _of(folder: Path, name: str, what: str) -> list[dict[str, Any]]:
    return [event for event in read_journal(folder / f"{name}.jsonl") if event["what"] == what]


def _loss(asked: LoopSetting, way: Way, trials: Sequence[Trial], starved: int) -> Loss:
    bound_s = asked.deadline_s if way.bound == "deadline" else asked.patience_s
    stood = [each.stood_s for each in trials if each.stood_s is not None]
    detected = [each.detected_s for each in trials if each.detected_s is not None]
    return Loss(
        way=way.name,
        n=len(trials),
        detected=len(detected),
        stood=len(stood),
        within=sum(seconds <= bound_s + 0.1 for seconds in stood),
        again=sum(each.again for each in trials),
        starved=starved,
        bound_s=bound_s,
        counted_from="question" if way.asked else "loss",
        detected_s=_middle_and_most(detected),
        stood_s=_middle_and_most(stood),
        missed=sum(each.missed for each in trials),
    )


def _middle_and_most(seconds: Sequence[float]) -> tuple[float, float] | None:
    if not seconds:
        return None
    return round(float(np.median(seconds)), 4), round(max(seconds), 4)
