"""Commands that are no commands: not finite, misshapen, old, heard before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shopfloor.types import Action

__all__ = ["FLAWS", "spoil"]

Flaw = Callable[[np.random.Generator, Action, Sequence[Action]], Action]


def _number(value: float) -> Flaw:
    def flaw(rng: np.random.Generator, action: Action, _: Sequence[Action]) -> Action:
        limb = str(rng.choice(list(action.targets)))
        target = np.array(action.targets[limb], float)
        target[rng.integers(len(target))] = value
        return replace(action, targets={**action.targets, limb: target})

    return flaw


def _target(made: Callable[[Any], Any]) -> Flaw:
    def flaw(rng: np.random.Generator, action: Action, _: Sequence[Action]) -> Action:
        limb = str(rng.choice(list(action.targets)))
        return replace(action, targets={**action.targets, limb: made(action.targets[limb])})

    return flaw


def _jaw(value: Any) -> Flaw:
    def flaw(rng: np.random.Generator, action: Action, _: Sequence[Action]) -> Action:
        limb = str(rng.choice(list(action.jaw_m)))
        return replace(action, jaw_m={**action.jaw_m, limb: value})

    return flaw


def _replayed(rng: np.random.Generator, action: Action, sent: Sequence[Action]) -> Action:
    return sent[int(rng.integers(len(sent)))] if sent else replace(action, seq=-1)


FLAWS: Mapping[str, Flaw] = {
    "nan": _number(np.nan),
    "inf": _number(np.inf),
    "-inf": _number(-np.inf),
    "huge": _number(1e300),
    "short": _target(lambda q: q[:-1]),
    "long": _target(lambda q: np.append(q, 0.0)),
    "column": _target(lambda q: q[:, None]),
    "list": _target(list),
    "nothing": _target(lambda _: None),
    "text": _target(str),
    "whole numbers": _target(lambda q: np.zeros(len(q), int)),
    "degrees": _target(np.degrees),
    "jaw nan": _jaw(float("nan")),
    "jaw in millimetres": _jaw(20.0),
    "jaw text": _jaw("open"),
    "one limb": lambda _, a, __: replace(a, targets=dict(list(a.targets.items())[:1])),
    "a limb more": lambda _, a, __: replace(a, targets={**a.targets, "tail": np.zeros(6)}),
    "nobody": lambda _, a, __: replace(a, targets={}, jaw_m={}),
    "old": lambda rng, a, _: replace(a, tick=a.tick - int(rng.integers(11, 1000))),
    "of the future": lambda rng, a, _: replace(a, tick=a.tick + int(rng.integers(1, 1000))),
    "tick nan": lambda _, a, __: replace(a, tick=float("nan")),  # type: ignore[arg-type]
    "seq nan": lambda _, a, __: replace(a, seq=float("nan")),  # type: ignore[arg-type]
    "seq": lambda rng, a, _: replace(a, seq=a.seq - int(rng.integers(1, 1000))),
    "replayed": _replayed,
}
"""What can be wrong with a command, by name."""


def spoil(rng: np.random.Generator, action: Action, sent: Sequence[Action]) -> Action:
    """Make a command that must be refused, of one that need not be.

    Args:
        rng: Draws what is wrong.
        action: The command.
        sent: All that were sent before.
    """
    return FLAWS[str(rng.choice(list(FLAWS)))](rng, action, sent)
