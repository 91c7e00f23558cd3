"""Whether a brain's answer is one: looked at before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shopfloor.errors import ShopfloorError, SpecMismatch
from shopfloor.order import FAILURE_CODES
from shopfloor.record.canonical import plain
from shopfloor.types import ActionChunk, BodySpec, Exchange, Finish, Observation, Reply, SkillCall

__all__ = ["checked", "fault_code", "misshapen"]

_CLAIMS = ("done", "gave_up", "refused")
_PERIOD_S = (1e-4, 10.0)
_LONGEST_S = 600.0


class _Malformed(ValueError):
    """What a brain answered is not an answer."""


def fault_code(error: Exception) -> str:
    """Return the failure code of an order whose brain raised ``error``."""
    code = getattr(error, "code", None)
    if code in FAILURE_CODES:
        return str(code)
    if isinstance(error, TimeoutError):
        return "brain.timeout"
    if isinstance(error, ConnectionError):
        return "brain.unreachable"
    return "infra" if isinstance(error, ShopfloorError) else "brain.malformed"


def checked(reply: object, body: BodySpec, tick: int) -> Reply:
    """Return a brain's reply if it has the form of one, its calls' arguments as plain values.

    What the answer means is for others to judge: the skills' schemas (``plan.invalid``) and
    the guard, which stops numbers that are not finite.

    Args:
        reply: What came back.
        body: Whose limbs a chunk may move.
        tick: Tick of the observation that was answered.

    Raises:
        ValueError: It has another form; the message says what was got and what is allowed.
    """
    if not isinstance(reply, Reply):
        raise _Malformed(f"act returned {_what(reply)}; a Reply is allowed")
    _exchange(reply.exchange)
    decision: object = reply.decision
    if isinstance(decision, Finish):
        if decision.claim not in _CLAIMS or not _all(str, decision.note):
            raise _Malformed(
                f"Finish claims {decision.claim!r} with the note {_what(decision.note)}; allowed "
                f"are {', '.join(_CLAIMS)} and a text"
            )
        return reply
    if isinstance(decision, ActionChunk):
        _chunk(decision, {name: limb.dof for name, limb in body.limbs.items()}, tick)
        return reply
    if not isinstance(decision, tuple) or not _all(SkillCall, *decision):
        raise _Malformed(
            f"the decision is {_what(decision)}; a tuple of SkillCall, an ActionChunk or a Finish "
            "is allowed"
        )
    return replace(reply, decision=tuple(_call(call) for call in decision))


def misshapen(chunk: ActionChunk, observation: Observation) -> str | None:
    """Return why a skill's chunk cannot be followed, or None; numbers are the guard's business."""
    dof = {name: len(limb.q) for name, limb in observation.limbs.items()}
    try:
        _chunk(chunk, dof, observation.tick)
    except _Malformed as error:
        return str(error)
    return None


def _what(value: object) -> str:
    return f"a {type(value).__name__}"


def _all(kind: type, *values: object) -> bool:
    """Whether values are of a kind, whatever mypy believes of a stranger's."""
    return all(isinstance(value, kind) for value in values)


def _plain(value: object, what: str) -> Any:
    try:
        return plain(value, what)
    except SpecMismatch as error:  # which would be our own fault, not the brain's
        raise _Malformed(str(error)) from None


def _exchange(exchange: object) -> None:
    if not isinstance(exchange, Exchange):
        raise _Malformed(f"the reply's exchange is {_what(exchange)}; an Exchange is allowed")
    if not _all(str, exchange.request, exchange.answer, exchange.model_id):
        raise _Malformed("an exchange's request, answer and model_id must be texts")
    _plain(
        [exchange.latency_s, exchange.tokens, exchange.cost_usd, dict(exchange.gauges)],
        "an exchange",
    )


def _call(call: SkillCall) -> SkillCall:
    texts = _all(str, call.id, call.skill) and _all(tuple, call.limbs) and _all(str, *call.limbs)
    if not texts or not _all(Mapping, call.arguments):
        raise _Malformed(
            f"a skill call has id {call.id!r}, skill {call.skill!r}, limbs {call.limbs!r} and "
            f"{_what(call.arguments)} of arguments; two texts, a tuple of texts and a mapping are "
            "allowed"
        )
    return replace(call, arguments=_plain(dict(call.arguments), f"a call of {call.skill!r}"))


def _chunk(chunk: ActionChunk, dof: Mapping[str, int], tick: int) -> None:
    if not _all(Mapping, chunk.targets, chunk.jaw_m) or not chunk.targets:
        raise _Malformed("a chunk's targets and jaw_m must be mappings from limbs to arrays")
    if unknown := [limb for limb in (*chunk.targets, *chunk.jaw_m) if limb not in dof]:
        raise _Malformed(f"a chunk moves {unknown[0]!r}; allowed: {', '.join(dof)}")
    rows = len(_numbers(next(iter(chunk.targets.values()))))
    for limb, targets in chunk.targets.items():
        _shape(targets, (rows, dof[limb]), f"targets of {limb!r}")
    for limb, jaw in chunk.jaw_m.items():
        _shape(jaw, (rows,), f"jaw_m of {limb!r}")
    period: Any = chunk.period_s
    if not isinstance(period, int | float) or not _PERIOD_S[0] <= period <= _PERIOD_S[1]:
        raise _Malformed(f"a chunk's period_s is {period!r}; allowed: 0.0001 to 10 s")
    if not 2 <= rows <= _LONGEST_S / period:
        raise _Malformed(f"a chunk has {rows} rows; allowed: 2 to what {_LONGEST_S:g} s take")
    if not _all(int, chunk.observed_tick) or chunk.observed_tick > tick:
        raise _Malformed(f"a chunk answers tick {chunk.observed_tick!r}; it was shown tick {tick}")
    again: Any = chunk.replan_after
    if again is not None and not (isinstance(again, int) and again >= 1):
        raise _Malformed(f"a chunk's replan_after is {again!r}; allowed: None, or 1 tick and more")


def _numbers(value: object) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.ndim:
        raise _Malformed(f"a chunk holds {_what(value)}; arrays of numbers are allowed")
    return value


def _shape(value: object, shape: tuple[int, ...], what: str) -> None:
    if (got := _numbers(value).shape) != shape:
        raise _Malformed(f"{what} has shape {got}; it must have {shape}")
