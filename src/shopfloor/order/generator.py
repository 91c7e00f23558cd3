"""Orders made up from a seed: endless, varied, and always feasible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

import numpy as np

from shopfloor.errors import OrderError
from shopfloor.order.canonical import canonical
from shopfloor.order.goal import follow, needed, validate
from shopfloor.order.placement import scatter
from shopfloor.order.seed import lot_seed, rng
from shopfloor.order.template import render
from shopfloor.order.token import TOTE_NAMES
from shopfloor.types import COLOURS, SHAPES, SIZES, Goal, Language, Lot, Order, Part, Rule, Select

__all__ = ["VERSION", "GeneratedOrders", "time_limit_s"]

VERSION = 1
"""Raised whenever the same seed would give other orders."""

_FEWEST, _MOST = 4, 10
_TRIES = 60

T = TypeVar("T")
Rng = np.random.Generator
Scheme = Callable[[Rng, Sequence[Part], Sequence[str]], list[Rule]]


def time_limit_s(units: int) -> float:
    """Return the time limit of an order that names so many units [s]."""
    return 20.0 + 12.0 * units


def _some(rng: Rng, options: Sequence[T], count: int) -> list[T]:
    return [options[i] for i in rng.permutation(len(options))[:count].tolist()]


def _select(part: Part, kinds: Sequence[str]) -> Select:
    return Select(**{kind: getattr(part, kind) for kind in kinds})


def _values(parts: Sequence[Part], kind: str) -> list[str]:
    return sorted({str(getattr(part, kind)) for part in parts})


def _by(kind: str) -> Scheme:
    """Sort the whole tray by one property; now and then the last group is "the rest"."""

    def scheme(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> list[Rule]:
        values = _some(rng, _values(parts, kind), len(COLOURS))
        used = _some(rng, totes, int(rng.integers(2, len(totes) + 1)))
        to = used + [used[i] for i in rng.integers(len(used), size=len(values)).tolist()]
        rules = [Rule(Select(**{kind: value}), to[i]) for i, value in enumerate(values)]
        if len(rules) > 1 and rng.random() < 0.4:
            rules[-1] = Rule(Select(), rules[-1].tote)
        return rules

    return scheme


def _mixed(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> list[Rule]:
    """Some selections of several properties, and the rest to one more tote."""
    used = _some(rng, totes, len(totes))
    shapes: list[tuple[str, ...]] = [
        ("colour", "shape"), ("colour",), ("shape",), ("size", "shape"), ("size", "colour"),
    ]  # fmt: skip
    rules = []
    for part in _some(rng, parts, int(rng.integers(1, 4))):
        kinds = shapes[int(rng.integers(len(shapes)))]
        rules.append(Rule(_select(part, kinds), used[int(rng.integers(len(used) - 1))]))
    return [*rules, Rule(Select(), used[-1])]


def _except(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> list[Rule]:
    """Everything but some parts to one tote."""
    kinds = _some(rng, ["colour", "shape", "size"], int(rng.integers(1, 3)))
    stay = Rule(_select(parts[int(rng.integers(len(parts)))], sorted(kinds)), None)
    return [stay, Rule(Select(), totes[int(rng.integers(len(totes)))])]


def _counted(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> list[Rule]:
    """So many of a kind; mostly with a place for everything else."""
    first, second = _some(rng, totes, 2)
    kinds = _some(rng, ["colour", "shape", "size"], int(rng.integers(1, 3)))
    select = _select(parts[int(rng.integers(len(parts)))], sorted(kinds))
    there = sum(select.matches(part) for part in parts)
    rules = [Rule(select, first, int(rng.integers(1, there + 1)))]
    return [*rules, Rule(Select(), second)] if rng.random() < 0.75 else rules


def _subset(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> list[Rule]:
    """One or two narrow selections; the other parts are distractors."""
    used = _some(rng, totes, 2)
    kinds = [["colour", "shape"], ["colour", "shape", "size"], ["size", "colour"]]
    return [
        Rule(_select(part, kinds[int(rng.integers(3))]), used[i])
        for i, part in enumerate(_some(rng, parts, int(rng.integers(1, 3))))
    ]


_SCHEMES: tuple[tuple[float, Scheme], ...] = (
    (0.30, _by("colour")),
    (0.17, _by("shape")),
    (0.12, _by("size")),
    (0.21, _mixed),
    (0.08, _except),
    (0.07, _counted),
    (0.05, _subset),
)


_WEIGHTS = np.array([weight for weight, _ in _SCHEMES])
_WEIGHTS /= _WEIGHTS.sum()


def _sound(goal: Goal, parts: Sequence[Part], totes: Sequence[str]) -> bool:
    """Return whether every rule has parts, and can be met."""
    try:
        validate(goal, parts, totes)
    except OrderError:
        return False
    reached = [follow(goal, part) for part in parts]
    return (
        all(any(rule is one for one in reached) for rule in goal.rules if rule.select != Select())
        and needed(goal, parts) > 0
    )


def _goal(rng: Rng, parts: Sequence[Part], totes: Sequence[str]) -> Goal:
    for _ in range(_TRIES):
        scheme = _SCHEMES[int(rng.choice(len(_SCHEMES), p=_WEIGHTS))][1]
        try:
            goal = canonical(scheme(rng, parts, totes))
        except OrderError:  # two rules for the same parts
            continue
        if _sound(goal, parts, totes):
            return goal
    return canonical([Rule(Select(), totes[0])])  # always feasible


def _parts(rng: Rng) -> tuple[Part, ...]:
    count = int(rng.integers(_FEWEST, _MOST + 1))
    palette = _some(rng, COLOURS, int(rng.integers(2, 6)))
    shapes = _some(rng, SHAPES, int(rng.integers(2, 4)))
    drawn = [
        Part(
            id=f"p{i}",
            colour=palette[int(rng.integers(len(palette)))],
            shape=shapes[int(rng.integers(len(shapes)))],
            size=SIZES[int(rng.integers(len(SIZES)))],
            x_m=0.0,
            y_m=0.0,
            yaw_rad=0.0,
        )
        for i in range(count)
    ]
    while True:
        placed = scatter(drawn, rng)
        if placed is not None:
            return placed
        large = next((i for i, part in enumerate(drawn) if part.size == "large"), None)
        if large is None:
            drawn.pop()  # never needed in practice; keeps the loop bounded
        else:
            drawn[large] = replace(drawn[large], size="small")


class GeneratedOrders:
    """An endless or counted stream of lots, each with one order, made from a seed.

    Attributes:
        sha256: Names what the orders are: the generator's version, the seed, and the language
            where all are told in one.
    """

    def __init__(
        self, seed: int, count: int | None = None, *, language: Language | None = None
    ) -> None:
        """Set up the stream.

        Args:
            seed: Seed of the shift, 0 or greater.
            count: Number of lots; None for no end.
            language: What every order is told in; None for either, drawn anew for each. It
                changes words only: parts, places and goals are the same in any language.

        Raises:
            OrderError: A negative seed or count.
        """
        if seed < 0 or (count is not None and count < 0):
            raise OrderError(
                f"seed {seed} and count {count} were asked for; both must be 0 or greater"
            )
        self._seed, self._count, self._language = seed, count, language
        told = f" {language}" if language else ""
        named = f"shopfloor generated orders {VERSION} {seed}{told}"
        self.sha256 = sha256(named.encode()).hexdigest()

    def lot(self, index: int) -> Lot:
        """Return one lot; it depends on the seed and its index alone.

        Raises:
            OrderError: No such lot.
        """
        if index < 0 or (self._count is not None and index >= self._count):
            last = "no end" if self._count is None else str(self._count - 1)
            raise OrderError(f"lot {index} was asked for; there are lots 0 to {last}")
        seed = self._seed
        parts = _parts(rng(seed, index, "parts"))
        draw = rng(seed, index, "totes")
        totes = tuple(_some(draw, TOTE_NAMES[: int(draw.integers(2, len(TOTE_NAMES) + 1))], 4))
        goal = _goal(rng(seed, index, "goal"), parts, totes)
        words = rng(seed, index, "words")
        drawn: Language = "en" if words.random() < 0.5 else "zh"
        language = self._language or drawn
        order = Order(
            id=f"sorting-{seed}-{index:04d}",
            instruction=render(goal, language, words),
            language=language,
            goal=goal,
            time_limit_s=time_limit_s(needed(goal, parts)),
        )
        return Lot(index, lot_seed(seed, index), parts, totes, (order,))

    def lots(self) -> Iterator[Lot]:
        """Yield the lots in their order."""
        index = 0
        while self._count is None or index < self._count:
            yield self.lot(index)
            index += 1
