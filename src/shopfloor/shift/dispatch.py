"""Carries out skill calls: who is busy, what comes next, and where each limb goes this tick."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shopfloor.errors import SpecMismatch
from shopfloor.record.canonical import plain
from shopfloor.shift.answer import misshapen
from shopfloor.types import (
    ActionChunk,
    Event,
    FloatArray,
    Observation,
    Plan,
    Skill,
    SkillCall,
    SkillResult,
    Source,
)

__all__ = ["Dispatcher"]


@dataclass(slots=True, eq=False)
class _Job:
    """A call on its way."""

    call: SkillCall
    skill: Skill
    asked: Observation
    replan_at: int = -1
    begun: bool = False


@dataclass(slots=True, eq=False)
class _Motion:
    """Rows that a limb follows, resampled to ticks: row i is where it is to be at tick + i.

    A limb that was slowed down is there ``lag`` ticks later.
    """

    tick: int
    q: FloatArray
    jaw: FloatArray | None
    source: Source = "skill"
    lag: float = 0.0


@dataclass(slots=True)
class Dispatcher:
    """Runs the skills of one lot.

    Attributes:
        limbs: Names of the body's limbs.
        make: Makes a skill from its name; raises ``UnknownName``.
        validate: Returns what is wrong with a call's arguments, or None.
        control_dt: Length of a tick [s].
        looks: Cameras of which the brain is to get a fresh view with the next question.
    """

    limbs: tuple[str, ...]
    make: Callable[[str], Skill]
    validate: Callable[[SkillCall], str | None]
    control_dt: float
    looks: set[str] = field(default_factory=set)
    _jobs: list[_Job] = field(default_factory=list)
    _queue: list[_Job] = field(default_factory=list)
    _motion: dict[str, _Motion] = field(default_factory=dict)

    def free(self) -> tuple[str, ...]:
        """Limbs with nothing to do and nothing coming."""
        taken = {limb for job in (*self._jobs, *self._queue) for limb in job.call.limbs}
        taken.update(limb for limb, motion in self._motion.items() if motion.source == "brain")
        return tuple(limb for limb in self.limbs if limb not in taken)

    @property
    def idle(self) -> bool:
        """Whether nothing at all is under way."""
        return not self._jobs and not self._queue and not self._motion

    def submit(self, calls: Sequence[SkillCall], asked: Observation, tick: int) -> list[Event]:
        """Take calls on; those that make no sense come back as ``skill.refused``."""
        events = []
        lost: set[str] = set()  # limbs of which a call in this very answer was refused
        for call in calls:
            reason = self.validate(call)
            if reason:
                data = _data(call) | {"code": "plan.invalid", "reason": reason}
                events.append(Event(tick, "skill.refused", data))
                events += self._drop(call.limbs, tick)
                lost.update(call.limbs)
            elif not lost.isdisjoint(call.limbs):
                events.append(Event(tick, "skill.dropped", _data(call)))
                lost.update(call.limbs)
            else:
                self._queue.append(_Job(call, self.make(call.skill), asked))
        return events

    def follow(self, chunk: ActionChunk, tick: int) -> None:
        """Follow a chunk that comes from the brain itself."""
        self._take(chunk, tick, "brain")

    def advance(self, observation: Observation) -> list[Event]:
        """Bring every job to the point where its limbs know what to do at this tick."""
        tick = observation.tick
        done = [n for n, m in self._motion.items() if tick - m.tick - m.lag >= len(m.q) - 1]
        for limb in done:
            del self._motion[limb]
        events: list[Event] = []
        while True:
            events += self._start(tick)
            due = [job for job in self._jobs if self._due(job, tick)]
            if not due:
                return events
            for job in due:
                others = self.plans(observation, but=job.call.limbs)
                answer = _acted(job, observation, others)
                if isinstance(answer, SkillResult):
                    events += self._finish(job, answer, tick)
                    continue
                if answer.targets.keys() <= set(job.call.limbs):
                    self._take(answer, tick, "skill")
                    job.replan_at = tick + (answer.replan_after or 1_000_000_000)
                if self._motion.keys().isdisjoint(job.call.limbs):  # or it would be asked for ever
                    reason = "act returned a chunk that moves no limb of the call after this tick"
                    events += self._finish(job, _broken(reason), tick)

    def plans(self, observation: Observation, but: Iterable[str] = ()) -> dict[str, Plan]:
        """Where the limbs will be, except those in ``but``."""
        plans = {}
        for limb in self.limbs:
            if limb in but:
                continue
            motion = self._motion.get(limb)
            if motion is None:
                plans[limb] = Plan(observation.tick, observation.limbs[limb].q[None])
            else:
                plans[limb] = Plan(motion.tick + math.ceil(motion.lag), motion.q)
        return plans

    def row(self, limb: str, tick: int) -> tuple[FloatArray, float | None, Source] | None:
        """Where the limb is to be at the next tick: joints [rad], jaw [m], and who says so."""
        motion = self._motion.get(limb)
        if motion is None:
            return None
        last = len(motion.q) - 1
        at = min(max(tick - motion.tick + 1 - motion.lag, 0.0), float(last))
        i = int(at)
        jaw = None if motion.jaw is None else float(motion.jaw[i])
        q = motion.q[i]
        if at > i:
            q = q + (at - i) * (motion.q[i + 1] - q)
        return q, jaw, motion.source

    def slow(self, share: float) -> None:
        """Let all motions go on at a share of their speed during this tick.

        Every limb stays on its way and keeps step with the others, so that what was planned past
        one another still is.
        """
        for motion in self._motion.values():
            motion.lag += 1 - share
        for job in self._jobs:
            job.replan_at += share == 0

    def abandon(self, tick: int) -> list[Event]:
        """Drop everything: the order is over."""
        self._motion.clear()
        dropped = [Event(tick, "skill.dropped", _data(j.call)) for j in (*self._jobs, *self._queue)]
        self._jobs.clear()
        self._queue.clear()
        return dropped

    def _start(self, tick: int) -> list[Event]:
        events = []
        taken = {limb for job in self._jobs for limb in job.call.limbs}
        for job in list(self._queue):
            if taken.isdisjoint(job.call.limbs):
                self._queue.remove(job)
                self._jobs.append(job)
                events.append(Event(tick, "skill.started", _data(job.call)))
            taken.update(job.call.limbs)  # whoever queues first goes first
        return events

    def _due(self, job: _Job, tick: int) -> bool:
        moving = any(limb in self._motion for limb in job.call.limbs)
        return job in self._jobs and (not moving or tick >= job.replan_at)

    def _take(self, chunk: ActionChunk, tick: int, source: Source) -> None:
        for limb, rows in chunk.targets.items():
            jaw = chunk.jaw_m.get(limb)
            q = np.asarray(rows, float)
            if abs(chunk.period_s - self.control_dt) > 1e-9:
                q, jaw = _resample(q, jaw, chunk.period_s / self.control_dt)
            if chunk.observed_tick + len(q) - 1 > tick:  # else all of it is stale
                self._motion[limb] = _Motion(chunk.observed_tick, q, jaw, source)

    def _finish(self, job: _Job, result: SkillResult, tick: int) -> list[Event]:
        self._jobs.remove(job)
        self.looks.update(result.look)
        data = {**result.data, **_data(job.call), "ok": result.ok, "code": result.code}
        events = [Event(tick, "skill.finished", data)]
        if not result.ok:
            events += self._drop(job.call.limbs, tick)
        return events

    def _drop(self, limbs: tuple[str, ...], tick: int) -> list[Event]:
        """Drop what was queued behind a call that failed."""
        lost, behind = [], set(limbs)
        for job in list(self._queue):
            if not behind.isdisjoint(job.call.limbs):
                self._queue.remove(job)
                lost.append(job)
                behind.update(job.call.limbs)  # what waits for another limb of it waits in vain
        return [Event(tick, "skill.dropped", _data(job.call)) for job in lost]


def _acted(
    job: _Job, observation: Observation, others: dict[str, Plan]
) -> ActionChunk | SkillResult:
    """Ask a skill what comes next; one that raises has failed, and the shift goes on."""
    try:
        if not job.begun:
            job.begun = True
            job.skill.reset(job.call, job.asked)
        answer: object = job.skill.act(observation, others)
    except Exception as error:  # noqa: BLE001 - skills are plugins, too
        return _broken(f"{type(error).__name__}: {error}")
    if isinstance(answer, ActionChunk):
        wrong = misshapen(answer, observation)
        return (
            _broken(f"act returned a chunk that cannot be followed: {wrong}") if wrong else answer
        )
    if isinstance(answer, SkillResult):
        return _checked(answer, observation)
    return _broken(
        f"act returned a {type(answer).__name__}; an ActionChunk or SkillResult is allowed"
    )


def _checked(result: SkillResult, observation: Observation) -> SkillResult:
    """Return the result with its data as plain values, or why it is none."""
    try:
        data = plain(result.data, "the result of a skill")
    except SpecMismatch as error:
        return _broken(str(error))
    if unknown := sorted(set(result.look) - set(observation.frames)):
        return _broken(f"the result asks for a look through {unknown[0]!r}, which is no camera")
    return replace(result, data=data)


def _broken(reason: str) -> SkillResult:
    return SkillResult(False, "infra", {"reason": reason})


def _data(call: SkillCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "skill": call.skill,
        "limbs": list(call.limbs),
        "arguments": dict(call.arguments),
    }


def _resample(
    q: FloatArray, jaw: FloatArray | None, ticks_a_row: float
) -> tuple[FloatArray, FloatArray | None]:
    """Linear interpolation of rows that lie ``ticks_a_row`` ticks apart to one row a tick.

    The last row is reached: where it falls between two ticks, at the second of them.
    """
    at = np.arange(math.ceil((len(q) - 1) * ticks_a_row - 1e-9) + 1) / ticks_a_row
    rows = np.arange(len(q))
    dense = np.stack([np.interp(at, rows, column) for column in q.T], axis=1)
    return dense, None if jaw is None else np.interp(at, rows, jaw)
