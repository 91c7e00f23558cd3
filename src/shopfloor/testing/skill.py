"""Carries a skill out on a stage and holds everything it asks for against the limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from xxhash import xxh3_128_digest

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.order.failure import FAILURE_CODES
from shopfloor.skill.context import SkillContext
from shopfloor.testing.clause import Clause
from shopfloor.testing.stage import Stage
from shopfloor.types import (
    ActionChunk,
    FloatArray,
    Observation,
    Plan,
    Skill,
    SkillCall,
    SkillResult,
)

__all__ = ["check_skill"]

_START_RAD = 0.02
"""The first row of a chunk may be so far from where the limb is."""
_SLACK = 1e-6
_SPEED_SLACK = 1.01


def _context(stage: Stage, body: Body) -> SkillContext:
    """Make a skill's context: the limits are those of the sorting cell behind its fence."""
    from shopfloor.guard import load_limits

    limits = load_limits("sorting", body.spec, "fenced")
    return SkillContext(body, Geometry(body), limits, stage.spec.control_dt)


def check_skill(
    make: Callable[[SkillContext], Skill],
    call: SkillCall,
    *,
    context: SkillContext | None = None,
    stage: Stage | None = None,
    holding: Mapping[str, float] | None = None,
    start: Mapping[str, FloatArray] | None = None,
    patience_s: float = 60.0,
) -> SkillResult:
    """Check that a skill keeps its contract while it carries out a call.

    The limbs of the stage are where they were told to be, at once and exactly: what breaks a
    limit here was asked for by the skill.

    ========================  ====================================================================
    ``skill.protocol``        has ``name``, ``schema``, ``reset`` and ``act``
    ``skill.schema``          the schema is JSON Schema for an object, refuses unknown arguments,
                              and accepts the call
    ``skill.answer``          answers with an ``ActionChunk`` or a ``SkillResult``, never raises
    ``skill.limbs``           moves the limbs of the call and no other
    ``skill.chunk``           shapes, finite numbers, jaw range, period, tick, and at least one row
                              that lies ahead
    ``skill.start``           a chunk begins where the limb is
    ``skill.joints``          stays inside the joint limits, at the stated joint speed
    ``skill.tool``            stays inside the workspace, at the stated tool speed
    ``skill.distance``        keeps the stated distance to the other limbs' plans
    ``skill.ends``            comes to a result in time
    ``skill.result``          ok without a failure code, or not ok with one of the known codes;
                              plain data
    ``skill.reset``           the same call gives the same motion again
    ``skill.hands``           leaves observations as they are
    ========================  ====================================================================

    Args:
        make: Makes the skill from its context, as the plugin's factory does.
        call: What it is to do.
        context: Where it works; by default the ``bench`` body with the limits of the sorting cell.
        stage: What it sees; by default a made-up tray. Its limbs must be the context's.
        holding: Width [m] of what is in a limb's jaw at the start.
        start: Joints [rad] at which limbs stand at the start; the others are at home.
        patience_s: Time after which the skill must have come to a result [s].

    Returns:
        How the call ended, so that a test can go on from there.

    Raises:
        AssertionError: A clause is broken; the message begins with its name.
    """
    if (context is None) != (stage is None):
        raise ValueError("give both a context and a stage, or neither")
    results: list[SkillResult] = []
    motions: list[list[FloatArray]] = []
    for _ in range(2):
        if context is None or stage is None:
            from shopfloor.body.bench import Bench

            body = Bench()
            here = Stage(body)
            where = _context(here, body)
        else:
            here, where = stage, context
            here.home()
        for limb, q in (start or {}).items():
            here.put(limb, q)
        for limb, width in (holding or {}).items():
            here.hold_part(limb, width)
        skill = make(where)
        if not results:
            _check_schema(skill, call)
        trial = _Trial(skill, call, where, here, patience_s)
        results.append(trial.run())
        motions.append(trial.rows)
    Clause("skill.reset").holds(
        results[0] == results[1]
        and len(motions[0]) == len(motions[1])
        and all(np.array_equal(a, b) for a, b in zip(*motions, strict=True)),
        "carried out twice from the same start, the call gave two different motions",
    )
    return results[0]


def _check_schema(skill: Skill, call: SkillCall) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    Clause("skill.protocol").holds(
        isinstance(skill, Skill), f"{type(skill).__name__} lacks one of: name, schema, reset, act"
    )
    clause = Clause("skill.schema")
    clause.holds(skill.name and str(skill.name) == skill.name, f"its name is {skill.name!r}")
    clause.holds(skill.name == call.skill, f"{skill.name!r} was given a call of {call.skill!r}")
    schema = dict(skill.schema)
    clause.plain(schema, f"the schema of {skill.name!r}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise AssertionError(f"{clause.name}: no JSON Schema: {error.message}") from error
    clause.holds(schema.get("type") == "object", "arguments are an object: say type: object")
    clause.holds(schema.get("description"), "the schema has no description for the brain to read")
    validator = Draft202012Validator(schema)
    wrong = next(iter(validator.iter_errors(dict(call.arguments))), None)
    clause.holds(wrong is None, f"refuses the call: {wrong.message if wrong else ''}")
    clause.holds(
        not validator.is_valid({**call.arguments, "no such argument": 1}),
        "accepts arguments that it does not know; say additionalProperties: false, so that a "
        "misspelt argument is refused and not ignored",
    )


class _Trial:
    """One call, carried out."""

    def __init__(
        self, skill: Skill, call: SkillCall, context: SkillContext, stage: Stage, patience_s: float
    ) -> None:
        self.skill, self.call, self.context, self.stage = skill, call, context, stage
        self.dt = context.control_dt
        self.most_ticks = round(patience_s / self.dt)
        self.rows: list[FloatArray] = []

    def run(self) -> SkillResult:
        """Carry the call out to its result."""
        views = {name: self.stage.frame(name, 0, native=True) for name in self.stage.spec.cameras}
        observation = self.stage.observation(0, views=views)
        try:
            self.skill.reset(self.call, observation)
        except Exception as error:
            raise AssertionError(f"skill.answer: reset raised {error!r}") from error
        tick = 0
        while tick <= self.most_ticks:
            answer = self._ask(tick)
            if isinstance(answer, SkillResult):
                self._check_result(answer)
                return answer
            tick = self._follow(answer, tick)
        raise AssertionError(
            f"skill.ends: no result after {tick * self.dt:.0f} s of motion; return a SkillResult, "
            "with a failure code if need be"
        )

    def _ask(self, tick: int) -> ActionChunk | SkillResult:
        # Views belong to the question that led to the call: later observations have none.
        observation = self.stage.observation(tick)
        before = _digests(observation)
        others = {
            name: Plan(tick, limb.q[None].copy())
            for name, limb in observation.limbs.items()
            if name not in self.call.limbs
        }
        try:
            answer = self.skill.act(observation, others)
        except Exception as error:
            raise AssertionError(
                f"skill.answer: act raised {error!r} at tick {tick}; a skill that cannot go on "
                "returns a SkillResult"
            ) from error
        Clause("skill.hands").holds(
            _digests(observation) == before, "act changed the observation that it was given"
        )
        Clause("skill.answer").holds(
            isinstance(answer, ActionChunk | SkillResult),
            f"act returned a {type(answer).__name__}, neither ActionChunk nor SkillResult",
        )
        return answer

    def _follow(self, chunk: ActionChunk, tick: int) -> int:
        """Move the stage along a chunk; returns the tick at which the skill is asked again."""
        self._check_chunk(chunk, tick)
        limbs = self.stage.observation(tick).limbs
        length = len(next(iter(chunk.targets.values())))
        stay = length - 1 - (tick - chunk.observed_tick)
        if chunk.replan_after is not None:
            stay = min(stay, chunk.replan_after)
        at = chunk.observed_tick + np.arange(length)
        for limb, rows in chunk.targets.items():
            away = float(np.abs(rows[tick - chunk.observed_tick] - limbs[limb].q).max())
            Clause("skill.start").holds(
                away <= _START_RAD,
                f"a chunk for {limb!r} begins {away:.3f} rad from where it is; at most "
                f"{_START_RAD:g}",
            )
            self._check_motion(limb, rows)
        self._check_distance(chunk)
        for i in range(tick + 1, tick + stay + 1):
            row = int(np.searchsorted(at, i))
            for limb, rows in chunk.targets.items():
                jaw = chunk.jaw_m.get(limb)
                self.stage.move(limb, rows[row], None if jaw is None else float(jaw[row]))
                self.rows.append(rows[row].copy())
        return tick + stay

    def _check_chunk(self, chunk: ActionChunk, tick: int) -> None:
        stray = sorted(set(chunk.targets) - set(self.call.limbs))
        Clause("skill.limbs").holds(not stray, f"moves {stray}, which the call does not name")
        clause = Clause("skill.chunk")
        clause.holds(chunk.targets, "the chunk moves no limb")
        clause.holds(
            abs(chunk.period_s - self.dt) < 1e-9,
            f"its rows lie {chunk.period_s:g} s apart; a skill plans in ticks of {self.dt:g} s",
        )
        lengths = set()
        for limb, rows in chunk.targets.items():
            dof = self.context.body.spec.limbs[limb].dof
            lengths.add(len(clause.array(rows, (None, dof), f"targets of {limb!r}")))
        clause.holds(len(lengths) == 1, f"the limbs have {sorted(lengths)} rows; all need as many")
        for limb, jaw in chunk.jaw_m.items():
            clause.array(jaw, (min(lengths),), f"jaw of {limb!r}")
            widest = self.context.body.spec.limbs[limb].jaw_max_m
            clause.holds(
                np.all(jaw >= 0) and np.all(jaw <= widest + _SLACK),
                f"opens the jaw of {limb!r} to {jaw.max():g} m; it opens from 0 to {widest:g} m",
            )
        ahead = chunk.observed_tick + min(lengths) - 1 - tick
        clause.holds(
            chunk.observed_tick <= tick and ahead >= 1,
            f"at tick {tick} a chunk of {min(lengths)} rows from tick {chunk.observed_tick} has no "
            "row that lies ahead: the loop would ask again for ever",
        )
        clause.holds(
            chunk.replan_after is None or chunk.replan_after >= 1,
            f"replan_after is {chunk.replan_after!r}; it must be None or at least 1 tick",
        )

    def _check_motion(self, limb: str, rows: FloatArray) -> None:
        limits = self.context.limits.limbs[limb]
        clause = Clause("skill.joints")
        clause.holds(
            np.all(rows >= limits.q_lower - _SLACK) and np.all(rows <= limits.q_upper + _SLACK),
            f"{limb!r} leaves its joint limits",
        )
        speed = np.abs(np.diff(rows, axis=0)) / self.dt
        over = float((speed / limits.qd_max).max())
        clause.holds(
            over <= _SPEED_SLACK, f"a joint of {limb!r} goes {over:.2f} times as fast as it may"
        )
        clause = Clause("skill.tool")
        tools = np.array([self.context.geometry.tool_pose(limb, row)[:3, 3] for row in rows])
        fastest = float(np.linalg.norm(np.diff(tools, axis=0), axis=1).max()) / self.dt
        most = self.context.limits.tool_speed_m_s
        clause.holds(
            fastest <= most * _SPEED_SLACK,
            f"the tool of {limb!r} goes {fastest:.2f} m/s; at most {most:g}",
        )
        outside = np.maximum(limits.workspace_lower_m - tools, tools - limits.workspace_upper_m)
        clause.holds(
            outside.max() <= 1e-4,
            f"the tool of {limb!r} leaves its workspace by {outside.max() * 1000:.1f} mm",
        )

    def _check_distance(self, chunk: ActionChunk) -> None:
        limbs = self.stage.observation(0).limbs
        if len(limbs) < 2:
            return
        least = self.context.limits.limb_distance_m
        self.context.geometry.place({name: limb.q for name, limb in limbs.items()})
        for i in range(len(next(iter(chunk.targets.values())))):
            self.context.geometry.place({limb: rows[i] for limb, rows in chunk.targets.items()})
            got = self.context.geometry.clearance(2 * least)
            Clause("skill.distance").holds(
                got >= least,
                f"on the way the limbs come as near as {got * 1000:.0f} mm; at least "
                f"{least * 1000:.0f}",
            )

    def _check_result(self, result: SkillResult) -> None:
        clause = Clause("skill.result")
        clause.holds(isinstance(result.ok, bool), f"ok is {result.ok!r}; it must be True or False")
        if result.ok:
            clause.holds(result.code is None, f"is ok and has the failure code {result.code!r}")
        else:
            clause.holds(
                result.code in FAILURE_CODES,
                f"is not ok and has the code {result.code!r}; known: {', '.join(FAILURE_CODES)}",
            )
        clause.plain(dict(result.data), "the data")
        lost = sorted(set(result.look) - set(self.stage.spec.cameras))
        clause.holds(not lost, f"asks for a look through {', '.join(lost)}, which is no camera")


def _digests(observation: Observation) -> list[bytes]:
    return [xxh3_128_digest(frame.pixels.data) for frame in observation.frames.values()] + [
        xxh3_128_digest(array.data)
        for limb in observation.limbs.values()
        for array in (limb.q, limb.qd, limb.tool_in_world, limb.wrench)
    ]
