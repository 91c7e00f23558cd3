"""Recorded answers: a brain that decides again what a run's log says was decided, when it was.

What the loop must be given to do the same again, tick for tick:

* each decision, in the order in which they were asked for, and how long it took to take effect;
* which cameras were looked through before each of them;
* where the brain raised an error, the same words and the same failure code.

Everything else (when the brain is asked, what skills, guard and judge do) follows from these and
from the cell. What the model was asked is copied from the log and not built anew; what it was shown
is drawn anew, and its hash is part of the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.errors import UsageError
from shopfloor.record import Episode, RunFolder
from shopfloor.record.decision import noted_decision
from shopfloor.shift.latency import Charge
from shopfloor.types import (
    Brain,
    BrainContext,
    Decision,
    Event,
    Exchange,
    Finish,
    Lot,
    Needs,
    Observation,
    Order,
    Reply,
)

__all__ = ["Answer", "Answers", "recorded_answers"]

_NOTHING_LEFT = (
    "the log holds no further answer: the lot went another way than when it was recorded"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One recorded answer.

    Attributes:
        tick: When it was asked for.
        due: When it took effect.
        decision: What was decided.
        exchange: What was asked and answered.
        cameras: Looked through just before, at native resolution.
        fault: Code and words of the error that the brain raised instead, or None.
    """

    tick: int
    due: int
    decision: Decision
    exchange: Exchange
    cameras: tuple[str, ...]
    fault: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Answers:
    """Makes the brain of a run's recorded answers; the ``replay`` of a plan.

    Attributes:
        run: The run's folder.
    """

    run: Path

    def __call__(self, context: BrainContext) -> tuple[Brain, Charge]:
        """Open the run.

        Raises:
            RunError, UsageError: It cannot be read.
        """
        brain = _Recorded(self.run, context.cameras)
        return brain, brain

    def worked_by(self, lot: Lot) -> str:
        """Name who worked a lot; the brain of the run where it has no such lot."""
        brain, who = _who(self.run)
        return who.get((lot.orders[0].id, lot.seed), brain)


@lru_cache(maxsize=4)
def _who(run: Path) -> tuple[str, Mapping[tuple[str, int], str]]:
    """The brain of a run, and who worked each of its lots, by order and seed."""
    with RunFolder.open(run) as folder:
        who = {(entry.order, entry.seed): entry.worked_by for entry in folder.entries()}
        return folder.manifest.brain, who


def recorded_answers(episode: Episode) -> tuple[Answer, ...]:
    """Read what was decided in a lot.

    Raises:
        UsageError: The lot was recorded before decisions were kept.
        RunCorrupt: Its log is damaged.
    """
    answers: list[Answer] = []
    cameras: list[str] = []
    faults: dict[int, list[tuple[str, str]]] = {}
    for record in episode.records():
        body = record.body
        if record.kind == "view":
            cameras.append(body["camera"])
        elif record.kind == "event" and body["kind"] == "fault":
            said = str(body["data"]["code"]), str(body["data"]["reason"])
            faults.setdefault(body["tick"], []).append(said)
        elif record.kind == "exchange":
            answers.append(_answer(body, tuple(cameras), episode.path))
            cameras = []
    return tuple(_with_fault(answer, faults.get(answer.due, ())) for answer in answers)


def _answer(body: Mapping[str, Any], cameras: tuple[str, ...], path: Path) -> Answer:
    if body.get("decision") is None or body.get("due") is None:
        raise UsageError(
            f"{path} was recorded before a log kept what was decided, so it cannot be worked again "
            "without its brain; take --ask-again, or record the run again"
        )
    tokens = body["tokens"]
    exchange = Exchange(
        body["request"],
        body["answer"],
        body["model_id"],
        body["latency_s"],
        None if tokens is None else tuple(tokens),
        body["cost_usd"],
        body["gauges"],
    )
    decision = noted_decision(body["decision"], str(path))
    return Answer(body["tick"], body["due"], decision, exchange, cameras, None)


def _with_fault(answer: Answer, faults: Sequence[tuple[str, str]]) -> Answer:
    """Tell an error, of which the loop makes a claim to have given up, from such a claim."""
    decision = answer.decision
    if not isinstance(decision, Finish) or decision.claim != "gave_up":
        return answer
    fault = next((each for each in faults if each[1] == decision.note), None)
    return Answer(answer.tick, answer.due, decision, answer.exchange, answer.cameras, fault)


class _Recorded:
    """Decides what was decided, and charges for it what was charged.

    Should the lot go another way than it went (on another machine, say), the answers are given in
    their order all the same.
    """

    unproven = None
    waits = False

    def __init__(self, run: Path, cameras: tuple[str, ...]) -> None:
        self._folder = RunFolder.open(run)
        self._lots = {(entry.order, entry.seed): entry.lot for entry in self._folder.entries()}
        self.needs = Needs(cameras)  # until the first order: what a person wanted it to be shown
        self._answers: tuple[Answer, ...] = ()
        self._next = 0
        self._charge = 0
        manifest = (run / "manifest.json").read_bytes()
        replayed = f"recorded answers of the run with manifest {sha256(manifest).hexdigest()[:16]}"
        self.facts = {**self._folder.manifest.brain_identity, "replayed": replayed}

    def reset(self, order: Order, *, seed: int) -> None:
        """Find the answers of the lot; a lot that the run lacks has none."""
        lot = self._lots.get((order.id, seed))
        self._next, self._charge = 0, 0
        self._answers = () if lot is None else recorded_answers(self._folder.episode(lot))
        self._show()

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Give the next answer, or raise what was raised."""
        if self._next >= len(self._answers):
            self._charge = 0
            return Reply(Finish("gave_up", _NOTHING_LEFT), Exchange("", _NOTHING_LEFT, "", 0.0))
        answer = self._answers[self._next]
        self._next += 1
        self._charge = answer.due - answer.tick
        self._show()
        if answer.fault is not None:
            raise _again(*answer.fault, answer.exchange)
        return Reply(answer.decision, answer.exchange)

    def ticks(self, wall_s: float, control_dt: float, *, late: bool = False) -> int:
        """Ticks that were charged for the last answer."""
        return self._charge

    def close(self) -> None:
        """Give the run back."""
        self._folder.close()

    def _show(self) -> None:
        """Have exactly those cameras looked through that were, before the next answer."""
        left = self._answers[self._next :]
        cameras = left[0].cameras if left else ()
        self.needs = Needs(cameras, "decision" if cameras else "never")


def _again(code: str, reason: str, exchange: Exchange) -> Exception:
    """Return an error of which the loop says the same as of the one that was recorded.

    It says ``NAME: MESSAGE``, and takes the code from the error.
    """
    name, _, message = reason.partition(": ")
    kind = type(name, (Exception,), {"code": code, "exchange": exchange})
    error: Exception = kind(message)
    return error
