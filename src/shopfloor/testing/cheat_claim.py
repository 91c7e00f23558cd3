"""Cheats in words: claims, refusals, silence, and answers that are none."""

from __future__ import annotations

from collections.abc import Generator

from shopfloor.testing.cheat import Moment, cheat
from shopfloor.testing.cheat_hand import Hand
from shopfloor.types import Decision, Finish, Goal, Part, Rule, Select

__all__ = ["CLAIMS"]

_Play = Generator[Decision, None, None]
_IDLE = ("quarantine", "bystander")
_FINISH = Moment("finish")
_TWO_RED = (
    Part("p0", "red", "cube", "small", -0.05, 0.06, 0.0),
    Part("p1", "blue", "cube", "small", -0.05, -0.06, 0.0),
    Part("p2", "red", "cube", "small", -0.12, 0.0, 0.0),
)
_TWO_COUNTED = Goal((Rule(Select(colour="red"), "A", 2),))


@cheat("brain.false_claim", *_IDLE, when=_FINISH)
def _lied(_hand: Hand) -> _Play:
    """Says done before anything was tried."""
    yield Finish("done")


@cheat("brain.refused", *_IDLE, when=_FINISH)
def _refused(_hand: Hand) -> _Play:
    """Refuses an order that it could do."""
    yield Finish("refused", "I cannot help with that")


@cheat("plan.gave_up", *_IDLE, when=_FINISH)
def _gave_up(_hand: Hand) -> _Play:
    """Gives up without a try."""
    yield Finish("gave_up")


@cheat("order.timeout", *_IDLE, when=Moment("limit"), limit_s=2.0)
def _dawdled(hand: Hand) -> _Play:
    """Does nothing until the time is over."""
    yield hand.wait(10.0)


@cheat("order.timeout", "good", "bystander", when=Moment("limit"), ever=True, limit_s=5.0)
def _silent(hand: Hand) -> _Play:
    """Sorts everything and never says so."""
    yield from hand.sort(0, "A")


@cheat("perception.miss", "good", "bystander", "quarantine", when=_FINISH, parts=_TWO_RED)
def _half_done(hand: Hand) -> _Play:
    """Says done when one of two units is in its tote."""
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat(
    "perception.miss", "good", "bystander", "quarantine",
    when=_FINISH, parts=_TWO_RED, goal=_TWO_COUNTED,
)  # fmt: skip
def _one_short(hand: Hand) -> _Play:
    """Places one where two were counted, and says done."""
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat("plan.invalid", *_IDLE, when=Moment("refusal"))
def _invalid(hand: Hand) -> _Play:
    """Calls a skill that there is not, and gives up."""
    yield (hand.call("teleport", [], []),)
    yield Finish("gave_up")


@cheat("brain.malformed", *_IDLE, when=Moment("fault"))
def _mumbled(_hand: Hand) -> _Play:
    """Answers in words that are no decision."""
    yield "sure, all sorted!"  # type: ignore[misc]


@cheat("brain.unreachable", *_IDLE, when=Moment("fault"))
def _unreachable(_hand: Hand) -> _Play:
    """Cannot be reached after its first answer."""
    yield ()
    raise ConnectionError("nobody is at home")


CLAIMS = (
    _lied, _refused, _gave_up, _dawdled, _silent, _half_done, _one_short, _invalid, _mumbled,
    _unreachable,
)  # fmt: skip
