"""What can be said of a command without knowing what it would do: its shape, numbers and age.

A message with one flaw is refused whole. NaN is never clamped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopfloor.types import Action

__all__ = ["Fault", "flaw"]

Fault = tuple[str, Mapping[str, float | str]]
"""A rule and what made it speak."""

_SLACK_M = 1e-9
_WIDER_M = 1e-3


def flaw(
    action: Action,
    *,
    dof: Mapping[str, int],
    jaw_max_m: Mapping[str, float],
    now: int,
    age_ticks: int,
    last_seq: int,
) -> Fault | None:
    """Find the first flaw of a command, or None.

    Args:
        action: Whatever a brain has sent.
        dof: Joints of each limb.
        jaw_max_m: Widest opening of each jaw [m].
        now: This tick.
        age_ticks: Oldest command that is heeded [ticks].
        last_seq: Number of the last command that was heeded.
    """
    if action.targets.keys() != dof.keys() or action.jaw_m.keys() != dof.keys():
        return "message.shape", {"limbs": ", ".join(map(str, action.targets))}
    for name, count in dof.items():
        target: object = action.targets[name]
        if (
            not isinstance(target, np.ndarray)
            or target.shape != (count,)
            or target.dtype.kind != "f"
        ):
            return "message.shape", {"limb": name, "type": type(target).__name__}
        jaw: object = action.jaw_m[name]
        if not isinstance(jaw, float | int | np.floating) or not (
            -_SLACK_M <= jaw <= jaw_max_m[name] + _WIDER_M  # also refuses NaN
        ):
            return "jaw.range", {"limb": name, "jaw_m": str(jaw)}
    tick, seq = action.tick, action.seq
    # Whole numbers only: NaN is neither old nor new, and all that follow it would be neither.
    if not (_whole(tick) and 0 <= now - tick <= age_ticks):
        return "message.age", {"tick": str(tick), "now": float(now)}
    if not (_whole(seq) and seq > last_seq):
        return "message.sequence", {"seq": str(seq), "last": float(last_seq)}
    return None


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer)
