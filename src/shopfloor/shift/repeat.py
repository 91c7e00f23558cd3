"""Shows that a shift repeats itself: twice, on two workers, and killed and resumed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from shopfloor.errors import RunError
from shopfloor.record import RunFolder
from shopfloor.shift.plan import Plan
from shopfloor.shift.shift import plan_of, run_shift

__all__ = ["repeat"]


def repeat(
    plan: Plan, *, kill_after: int, digest: Callable[[RunFolder], str], say: Callable[[str], None]
) -> Mapping[str, str]:
    """Work the same shift in several ways.

    Args:
        plan: The shift; its number of workers is not used.
        kill_after: The process is killed (SIGKILL) once so many lots are committed.
        digest: Gives a run's ``log_sha256``.
        say: Told what is being done.

    Returns:
        ``log_sha256`` of each way.
    """
    one, two = replace(plan, workers=1), replace(plan, workers=2)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = {}
        for name, way in (("once", one), ("again", one), ("two workers", two)):
            say(name)
            run_shift(way, folder / name, resume=False, progress=_silent)
            found[name] = _digest(folder / name, digest)
        for name, way in (("killed and resumed", one), ("two workers, killed and resumed", two)):
            say(name)
            _kill(way, folder / name, kill_after)
            back = plan_of(folder / name, workers=way.workers, max_wall_s=None)
            run_shift(back, folder / name, resume=True, progress=_silent)
            found[name] = _digest(folder / name, digest)
    return found


def _digest(path: Path, digest: Callable[[RunFolder], str]) -> str:
    with RunFolder.open(path) as folder:
        return digest(folder)


def _silent(_: object) -> None:
    """Progress is not shown."""


def _kill(plan: Plan, out: Path, after: int) -> None:
    """Run the shift in a process group of its own and kill all of it in the middle of a lot."""
    process = multiprocessing.get_context("spawn").Process(target=_alone, args=(plan, out))
    process.start()
    episodes = out / "episodes"
    while process.is_alive():
        if episodes.is_dir() and len(list(episodes.iterdir())) >= after:
            time.sleep(0.7)  # into the next lot
            os.killpg(process.pid or 0, signal.SIGKILL)
            break
        time.sleep(0.05)
    process.join()
    if process.exitcode != -signal.SIGKILL:
        raise RunError(
            f"the shift was to be killed in its middle and ended by itself (exit code "
            f"{process.exitcode}), which proves nothing; give it more --orders"
        )


def _alone(plan: Plan, out: Path) -> None:
    os.setpgid(0, 0)
    run_shift(plan, out, resume=False, progress=_silent)
