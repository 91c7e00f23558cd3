"""A brain's decision as a log keeps it: plain values that give the same decision back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shopfloor.errors import RunCorrupt
from shopfloor.types import ActionChunk, Decision, Finish, SkillCall

__all__ = ["decision_note", "noted_decision"]


def decision_note(decision: Decision) -> dict[str, Any]:
    """Return what is logged of a decision: ``finish``, ``chunk`` or ``calls`` with its fields."""
    if isinstance(decision, Finish):
        return {"finish": {"claim": decision.claim, "note": decision.note}}
    if isinstance(decision, ActionChunk):
        return {
            "chunk": {
                "targets": dict(decision.targets),
                "jaw_m": dict(decision.jaw_m),
                "period_s": decision.period_s,
                "observed_tick": decision.observed_tick,
                "replan_after": decision.replan_after,
            }
        }
    return {
        "calls": [
            {
                "id": call.id,
                "skill": call.skill,
                "limbs": list(call.limbs),
                "arguments": dict(call.arguments),
            }
            for call in decision
        ]
    }


def noted_decision(note: Any, what: str) -> Decision:
    """Return the decision that ``decision_note`` wrote down.

    Raises:
        RunCorrupt: It is none; ``what`` is named.
    """
    try:
        ((kind, said),) = note.items()
        if kind == "finish":
            return Finish(said["claim"], said["note"])
        if kind == "chunk":
            return ActionChunk(
                _arrays(said["targets"]),
                _arrays(said["jaw_m"]),
                said["period_s"],
                said["observed_tick"],
                said["replan_after"],
            )
        if kind == "calls":
            return tuple(
                SkillCall(call["id"], call["skill"], tuple(call["limbs"]), call["arguments"])
                for call in said
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunCorrupt(f"{what} holds no decision: {type(error).__name__}: {error}") from error
    raise RunCorrupt(f"{what} holds a decision of the kind {kind!r}; restore it from a copy")


def _arrays(rows: Mapping[str, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {limb: np.asarray(values, float) for limb, values in rows.items()}
