"""Holds a made-up conversation with a brain and looks at every word it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from xxhash import xxh3_128_digest

from shopfloor.testing.clause import Clause
from shopfloor.testing.stage import Stage
from shopfloor.types import (
    ActionChunk,
    Brain,
    BrainContext,
    Decision,
    Event,
    Exchange,
    Finish,
    Frame,
    Goal,
    Needs,
    Observation,
    Order,
    Reply,
    Rule,
    Select,
    SkillCall,
)

__all__ = ["check_brain"]

_ROUNDS = 10
_STEP_TICKS = 20
_CLAIMS = ("done", "gave_up", "refused")
_JAW_SLACK_M = 1e-3


def check_brain(
    make: Callable[[BrainContext], Brain],
    *,
    context: BrainContext | None = None,
    stage: Stage | None = None,
    orders: Sequence[Order] = (),
    deterministic: bool = True,
    deadline_s: float = 60.0,
) -> None:
    """Check that a brain keeps its contract.

    The brain is told an order, shown a tray, and asked several times. What it calls is
    reported back to it as done, as failed and as refused in turn; nothing really moves. It is
    not asked to be any good.

    ========================  ====================================================================
    ``brain.protocol``        has ``needs``, ``reset``, ``act`` and ``close``
    ``brain.needs``           wants cameras and skills that the cell and the house have
    ``brain.reply``           answers with a ``Reply`` that holds one of the allowed decisions
    ``brain.exchange``        says what was asked and answered, in plain values
    ``brain.calls``           calls skills it declared, with arguments that fit their schemas,
                              known limbs and fresh ids
    ``brain.chunk``           chunks fit the limbs: shapes, finite numbers, period, tick
    ``brain.finish``          finishes with ``done``, ``gave_up`` or ``refused``
    ``brain.raises``          never raises: not without events, not at events it doesn't know
    ``brain.deadline``        answers within its deadline
    ``brain.reset``           starts afresh at every order, whatever happened before
    ``brain.deterministic``   the same order, seed and observations give the same decisions
    ``brain.honest``          does not decide by ``order.goal``, which is the judge's
    ``brain.hands``           leaves observations as they are
    ========================  ====================================================================

    Args:
        make: Makes the brain from its context, as the plugin's factory does.
        context: Where the brain is to work; by default the stage, with the limits of the
            sorting cell and the skills that are installed.
        stage: What the brain is shown; by default the ``bench`` body at a made-up tray.
        orders: What it is told; by default the stage's own order and one in Chinese.
        deterministic: Whether the brain promises the same answer to the same question. A brain
            that asks a model may not; then the clauses that compare answers are left out.
        deadline_s: Handed to ``act``, and held against it [s].

    Raises:
        AssertionError: A clause is broken; the message begins with its name.
    """
    if stage is None:
        from shopfloor.body.bench import Bench

        stage = Stage(Bench())
    context = context or _context(stage)
    orders = tuple(orders) or (
        stage.order(),
        stage.order(id="stage-1", instruction="把所有蓝色的零件放到 A。", language="zh"),
    )
    talk = _Talk(context, stage, deadline_s)
    brain = make(context)
    talk.check_needs(brain)
    first = [talk.hold(brain, order, seed=3) for order in orders]
    brain.close()
    if not deterministic:
        return
    again = make(context)
    for order, decisions in zip(orders, first, strict=True):
        Clause("brain.deterministic").holds(
            talk.hold(again, order, seed=3) == decisions,
            f"a second brain, told {order.instruction!r} with the same seed, decides differently",
        )
    # In the other order, so that what is remembered from one order shows in the next.
    for order, decisions in reversed(list(zip(orders, first, strict=True))):
        Clause("brain.reset").holds(
            talk.hold(again, order, seed=3) == decisions,
            f"told {order.instruction!r} once more, the brain decides differently; reset must "
            "forget everything",
        )
    everything = Goal((Rule(Select(), next(iter(stage.lot.totes), None)),))
    Clause("brain.honest").holds(
        talk.hold(again, replace(orders[0], goal=everything), seed=3) == first[0],
        "with another goal and the same instruction the brain decides differently; the goal is "
        "for the judge",
    )
    again.close()


def _context(stage: Stage) -> BrainContext:
    from shopfloor import plugins
    from shopfloor.guard import load_limits

    skills = {name: plugins.factory("skills", name).schema for name in plugins.names("skills")}  # type: ignore[attr-defined]
    limits = load_limits("sorting", stage.spec.body, "fenced")
    return BrainContext(stage.spec, limits, skills)


class _Talk:
    """One brain's conversations on a stage."""

    def __init__(self, context: BrainContext, stage: Stage, deadline_s: float) -> None:
        self.context, self.stage, self.deadline_s = context, stage, deadline_s

    @cached_property
    def _validators(self) -> Mapping[str, Any]:
        from jsonschema import Draft202012Validator

        return {n: Draft202012Validator(dict(s)) for n, s in self.context.skills.items()}

    def check_needs(self, brain: Brain) -> None:
        """The brain has its methods, and wants what there is."""
        Clause("brain.protocol").holds(
            isinstance(brain, Brain),
            f"{type(brain).__name__} lacks one of: needs, reset, act, close",
        )
        clause, needs = Clause("brain.needs"), brain.needs
        clause.holds(isinstance(needs, Needs), "needs is no Needs")
        clause.holds(
            needs.refresh in ("order", "decision", "never"), f"refresh is {needs.refresh!r}"
        )
        for kind, wanted, there in (
            ("camera", needs.cameras, self.context.cell.cameras),
            ("skill", needs.skills, self.context.skills),
        ):
            clause.holds(isinstance(wanted, tuple), f"needs.{kind}s is no tuple")
            lost = sorted(set(wanted) - set(there))
            clause.holds(not lost, f"wants {kind} {', '.join(lost)}; there are {', '.join(there)}")

    def hold(self, brain: Brain, order: Order, *, seed: int) -> list[object]:
        """Work an order; returns the decisions in a form that can be compared."""
        try:
            brain.reset(order, seed=seed)
        except Exception as error:
            raise AssertionError(f"brain.raises: reset raised {error!r}") from error
        said: list[object] = []
        events: list[Event] = []
        views: dict[str, Frame] = {}
        ids: set[str] = set()
        looks = set(brain.needs.cameras)
        for number in range(_ROUNDS):
            tick = number * _STEP_TICKS
            if brain.needs.refresh != "never":
                views |= {name: self.stage.frame(name, tick, native=True) for name in looks}
            observation = self.stage.observation(tick, views=views)
            # Then: nothing has happened since; then: something the brain knows nothing of.
            odd = (Event(tick, "person", {"text": "lunch"}), Event(tick, "unheard.of", {}))
            news: list[Event] = []
            for heard in (events, (), odd):
                decision = self._ask(brain, observation, heard, ids)
                said.append(_comparable(decision))
                if isinstance(decision, Finish):
                    return said
                news += self._carry_out(decision, tick, number)
            events = news
            failed = any(event.data.get("ok") is False for event in events)
            again = brain.needs.refresh == "decision" or failed
            looks = set(brain.needs.cameras) if again else set()
        return said

    def _carry_out(
        self, decision: tuple[SkillCall, ...] | ActionChunk, tick: int, number: int
    ) -> list[Event]:
        """Follow a chunk to its end; make news of calls."""
        if not isinstance(decision, ActionChunk):
            return _news(decision, tick + _STEP_TICKS, number)
        for limb, rows in decision.targets.items():
            self.stage.move(limb, rows[-1], None)
        return []

    def _ask(
        self, brain: Brain, observation: Observation, events: Sequence[Event], ids: set[str]
    ) -> Decision:
        before = _bytes(observation)
        began = time.perf_counter()
        try:
            reply = brain.act(observation, events, deadline_s=self.deadline_s)
        except Exception as error:
            kinds = ", ".join(event.kind for event in events) or "none"
            raise AssertionError(
                f"brain.raises: act raised {error!r} at tick {observation.tick} (events: {kinds})"
            ) from error
        took = time.perf_counter() - began
        Clause("brain.deadline").holds(
            took <= self.deadline_s,
            f"act took {took:.2f} s; at most {self.deadline_s:g} s",
        )
        Clause("brain.hands").holds(
            _bytes(observation) == before, "act changed the observation that it was shown"
        )
        Clause("brain.reply").holds(
            isinstance(reply, Reply), f"act returned a {type(reply).__name__}, not a Reply"
        )
        _check_exchange(reply.exchange)
        decision = reply.decision
        if isinstance(decision, Finish):
            clause, claim = Clause("brain.finish"), decision.claim
            clause.holds(claim in _CLAIMS, f"claims {claim!r}; allowed: {', '.join(_CLAIMS)}")
            clause.holds(_is(decision.note, str), "the note is no text")
        elif isinstance(decision, ActionChunk):
            self._check_chunk(decision, observation)
        else:
            Clause("brain.reply").holds(
                _is(decision, tuple) and all(isinstance(call, SkillCall) for call in decision),
                f"the decision is {decision!r}; it must be a tuple of SkillCall, an ActionChunk or "
                "a Finish",
            )
            for call in decision:
                self._check_call(call, brain.needs, ids)
        return decision

    def _check_call(self, call: SkillCall, needs: Needs, ids: set[str]) -> None:
        clause = Clause("brain.calls")
        clause.holds(
            call.skill in self.context.skills,
            f"calls {call.skill!r}; there are: {', '.join(sorted(self.context.skills))}",
        )
        clause.holds(
            call.skill in needs.skills, f"calls {call.skill!r}, which needs.skills does not name"
        )
        clause.holds(_is(call.id, str) and call.id, f"the id of a call is {call.id!r}")
        clause.holds(call.id not in ids, f"the id {call.id!r} was used before in this order")
        ids.add(call.id)
        clause.holds(isinstance(call.limbs, tuple), f"limbs of {call.skill!r} are no tuple")
        limbs = self.context.cell.body.limbs
        for limb in call.limbs:
            clause.holds(limb in limbs, f"calls limb {limb!r}; there are: {', '.join(limbs)}")
        clause.holds(len(set(call.limbs)) == len(call.limbs), f"{call.skill!r} names a limb twice")
        clause.plain(dict(call.arguments), f"the arguments of {call.skill!r}")
        error = next(iter(self._validators[call.skill].iter_errors(dict(call.arguments))), None)
        clause.holds(
            error is None,
            f"the arguments of {call.skill!r} do not fit its schema: "
            f"{error.message if error else ''}",
        )

    def _check_chunk(self, chunk: ActionChunk, observation: Observation) -> None:
        clause, limbs = Clause("brain.chunk"), self.context.cell.body.limbs
        clause.holds(chunk.targets, "the chunk moves no limb")
        lengths = set()
        for limb, rows in chunk.targets.items():
            clause.holds(limb in limbs, f"moves limb {limb!r}; there are: {', '.join(limbs)}")
            lengths.add(len(clause.array(rows, (None, limbs[limb].dof), f"targets of {limb!r}")))
        clause.holds(
            len(lengths) == 1 and min(lengths) >= 2,
            f"the limbs have {sorted(lengths)} rows; all need the same number, at least 2",
        )
        for limb, jaw in chunk.jaw_m.items():
            clause.holds(limb in chunk.targets, f"moves the jaw of {limb!r} but not the limb")
            clause.array(jaw, (min(lengths),), f"jaw of {limb!r}")
            widest = limbs[limb].jaw_max_m
            clause.holds(
                np.all(jaw >= -_JAW_SLACK_M) and np.all(jaw <= widest + _JAW_SLACK_M),
                f"opens the jaw of {limb!r} to {jaw.max():g} m; it opens from 0 to {widest:g} m",
            )
        clause.number(chunk.period_s, 1e-4, 10.0, "period_s", "s")
        clause.holds(
            chunk.observed_tick == observation.tick,
            f"answers tick {chunk.observed_tick} when it was shown tick {observation.tick}",
        )
        clause.holds(
            chunk.replan_after is None or chunk.replan_after >= 1,
            f"replan_after is {chunk.replan_after!r}; it must be None or at least 1 tick",
        )


def _check_exchange(exchange: Exchange) -> None:
    clause = Clause("brain.exchange")
    clause.holds(isinstance(exchange, Exchange), f"the exchange is a {type(exchange).__name__}")
    for field in ("request", "answer", "model_id"):
        clause.holds(isinstance(getattr(exchange, field), str), f"{field} is no text")
    clause.holds(exchange.model_id, "model_id is empty: say who answered")
    clause.number(exchange.latency_s, 0.0, 1e6, "latency_s", "s")
    if exchange.tokens is not None:
        clause.holds(len(exchange.tokens) == 2, f"tokens is {exchange.tokens!r}, not (in, out)")
        for count in exchange.tokens:
            clause.whole(count, 0, "a count of tokens")
    if exchange.cost_usd is not None:
        clause.number(exchange.cost_usd, 0.0, 1e6, "cost_usd", "USD")


def _is(value: object, kind: type) -> bool:
    """Whether a plugin kept its word about a type, whatever mypy believes."""
    return isinstance(value, kind)


def _news(calls: tuple[SkillCall, ...], tick: int, number: int) -> list[Event]:
    """What becomes of calls: done, failed or refused in turn; a failure drops what follows."""
    events: list[Event] = []
    failed: set[str] = set()
    for i, call in enumerate(calls):
        data: dict[str, Any] = {
            "id": call.id,
            "skill": call.skill,
            "limbs": list(call.limbs),
            "arguments": dict(call.arguments),
        }
        fate = (number + i) % 4
        if failed & set(call.limbs):
            events.append(Event(tick, "skill.dropped", data))
        elif fate == 2:
            why = {"code": "plan.invalid", "reason": "the stage refuses every fourth call"}
            events.append(Event(tick, "skill.refused", data | why))
            failed |= set(call.limbs)
        else:
            end: dict[str, Any] = {"ok": fate != 3, "code": None if fate != 3 else "grasp.miss"}
            events.append(Event(tick - 1, "skill.started", data))
            events.append(Event(tick, "skill.finished", data | end))
            if fate == 3:
                failed |= set(call.limbs)
    return events


def _comparable(decision: object) -> object:
    """A decision as something that ``==`` can compare."""
    if isinstance(decision, ActionChunk):
        rows = {limb: q.tolist() for limb, q in decision.targets.items()}
        jaws = {limb: jaw.tolist() for limb, jaw in decision.jaw_m.items()}
        return rows, jaws, decision.period_s, decision.observed_tick, decision.replan_after
    return decision


def _bytes(value: object) -> object:
    """Everything that an observation holds, arrays by their hashes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, xxh3_128_digest(np.ascontiguousarray(value).data)
    if isinstance(value, Mapping):
        return {key: _bytes(item) for key, item in value.items()}
    if is_dataclass(value):
        return [_bytes(getattr(value, field.name)) for field in fields(value)]
    return value
