"""The control loop of a live cell, in a process of its own: guard, skills and judge, no brain."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from shopfloor import plugins
from shopfloor.errors import RunError
from shopfloor.live.cell import LiveCell
from shopfloor.live.journal import Journal
from shopfloor.live.process import setting
from shopfloor.live.remote import RemoteBrain
from shopfloor.shift.dispatch import Dispatcher
from shopfloor.shift.latency import Latency
from shopfloor.shift.nobody import Nobody
from shopfloor.shift.work import Crew, work
from shopfloor.types import BrainContext, Event, Lot, Skill

__all__ = ["LoopSetting", "main"]

_LINGER_S = 1.0
"""So long the processes stay after the lot, that it can be seen how it came to rest."""


@dataclass(frozen=True, slots=True)
class LoopSetting:
    """What the process is started with.

    Attributes:
        folder: Where every process writes what it does.
        cell, body, limits: As for a shift.
        module, brain: Whose factory makes the brain.
        seed: Of the lot.
        deadline_s: Of the brain [s].
        patience_s: Of the watchdog [s].
    """

    folder: str
    cell: str
    body: str
    limits: str
    module: str
    brain: str
    seed: int
    deadline_s: float
    patience_s: float


class _Told(Nobody):
    """Keeps nothing of a lot but its faults."""

    def __init__(self, journal: Journal, brain: RemoteBrain) -> None:
        self._journal, self._brain = journal, brain

    def event(self, event: Event) -> None:
        if event.kind == "fault":
            asked_s = self._brain.asked_s
            self._journal.write("fault", tick=event.tick, asked_s=asked_s, **event.data)


def main(argv: list[str]) -> None:
    """Work one lot live, without cameras, and write down what befalls it."""
    asked = setting(LoopSetting, argv)
    journal = Journal(Path(asked.folder) / "loop.jsonl")
    cell = LiveCell(
        asked.cell,
        asked.body,
        Path(asked.folder),
        render=False,
        patience_s=asked.patience_s,
    )
    try:
        crew, brain = _crew(asked, cell, journal)
        lot = next(iter(cell.orders(seed=asked.seed, count=1).lots()))
        pids = {"plant": cell.plant.pid, "watchdog": cell.watchdog.pid, "loop": os.getpid()}
        journal.write("ready", **pids, brain=brain.process.pid if brain.process else None)
        _work(crew, lot, cell, journal)
        sleep(_LINGER_S)
        brain.close()
    finally:
        cell.close()
    os._exit(0)


def _work(crew: Crew, lot: Lot, cell: LiveCell, journal: Journal) -> None:
    try:
        outcome, _ = work(crew, lot, {})
    except RunError as error:
        journal.write("stopped", reason=str(error), missed=cell.missed)
        return
    cell.rest()
    journal.write("outcome", code=outcome.code, missed=cell.missed)


def _crew(asked: LoopSetting, cell: LiveCell, journal: Journal) -> tuple[Crew, RemoteBrain]:
    from shopfloor.guard import EnvelopeGuard, load_limits

    body: Any = plugins.factory("bodies", asked.body)()
    limits = load_limits(asked.cell, body.spec, asked.limits)
    context = BrainContext(cell.spec, limits, {})
    brain = RemoteBrain(asked.brain, context, module=asked.module)

    def no_skill(name: str) -> Skill:
        raise RunError(f"no skill is at hand here, and {name!r} was called")

    crew = Crew(
        cell=cell,
        brain=brain,
        guard=EnvelopeGuard(body, cell.spec.control_dt),
        judge=cell.judge(),
        recorder=_Told(journal, brain),
        limits=limits,
        dispatcher=lambda: Dispatcher(
            limbs=tuple(cell.spec.body.limbs),
            make=no_skill,
            validate=lambda call: f"no skill {call.skill!r} is at hand here",
            control_dt=cell.spec.control_dt,
        ),
        latency=Latency("measured"),
        deadline_s=asked.deadline_s,
    )
    return crew, brain


if __name__ == "__main__":
    main(sys.argv[1:])
