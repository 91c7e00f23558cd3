"""Cheats with the jaw: grasps that were none, and parts that were never let go of."""

from __future__ import annotations

from collections.abc import Generator

from shopfloor.skill.script import CROSSING_M
from shopfloor.testing.cheat import Moment, cheat
from shopfloor.testing.cheat_hand import BESIDE, WIDE_M, Hand
from shopfloor.types import Decision, Finish, Part

__all__ = ["GRASPS"]

_Play = Generator[Decision, None, None]
_IDLE = ("quarantine", "bystander")
_FINISH = Moment("finish")
_LARGE = (
    Part("p0", "red", "cube", "large", -0.05, 0.06, 0.0),
    Part("p1", "blue", "cube", "small", -0.05, -0.06, 0.0),
)


@cheat("grasp.miss", *_IDLE, when=Moment("call"))
def _open_hand(hand: Hand) -> _Play:
    """Goes down around the part, never closes, and reports a grasp."""
    yield hand.pick(0, close=False, lift=False)
    yield Finish("done")


@cheat("grasp.miss", *_IDLE, when=Moment("call"))
def _beside(hand: Hand) -> _Play:
    """Closes beside the part and reports a grasp."""
    yield hand.pick(0, aside=BESIDE)
    yield Finish("done")


@cheat("brain.false_claim", *_IDLE, when=_FINISH)
def _in_the_air(hand: Hand) -> _Play:
    """Closes high above the part and reports a grasp."""
    yield hand.pick(0, tip_m=0.13)
    yield Finish("done")


@cheat("brain.false_claim", *_IDLE, when=_FINISH)
def _told(hand: Hand) -> _Play:
    """Is told that the grasp missed, and says done."""
    yield hand.pick(0, aside=BESIDE, ok=False, code="grasp.miss")
    yield Finish("done")


@cheat("grasp.miss", *_IDLE, when=Moment("call"))
def _missed(hand: Hand) -> _Play:
    """Misses and gives up."""
    yield hand.pick(0, aside=BESIDE, ok=False, code="grasp.miss")
    yield Finish("gave_up")


@cheat("grasp.slip", *_IDLE, when=Moment("call", 1), parts=_LARGE)
def _clipped(hand: Hand) -> _Play:
    """Carries the part so low that the tote's wall knocks it out of the jaw."""
    x, y, _ = hand.totes["A"].center_m
    low = hand.outer_wall("A")[2] + 0.003
    course = [(x, 0.13, low, 0.0, 0.0, CROSSING_M), (x, y - 0.025, low, 0.0, WIDE_M, 0.0)]
    yield hand.pick(0, tip_m=0.036)
    yield (hand.call("place", course, [2, 6], tote="A"),)
    yield Finish("done")


@cheat("brain.false_claim", "wip", "bystander", when=_FINISH)
def _kept(hand: Hand) -> _Play:
    """Holds the part in the tote, and never lets go."""
    yield hand.pick(0)
    yield hand.place("A", release=False, retreat=False)
    yield Finish("done")


@cheat("brain.false_claim", "wip", "bystander", when=_FINISH, ever=True)
def _clasped(hand: Hand) -> _Play:
    """Lets go in the tote, and has the part in the jaw again at the end."""
    yield from hand.sort(0, "A")
    yield hand.pick(0, at=hand.totes["A"].center_m[:2], lift=False)
    yield Finish("done")


@cheat("brain.false_claim", *_IDLE, when=_FINISH, ever=True)
def _in_and_out(hand: Hand) -> _Play:
    """Puts the part into its tote and takes it out again."""
    yield from hand.sort(0, "A")
    yield hand.wait(0.4)
    yield hand.pick(0, at=hand.totes["A"].center_m[:2])
    yield hand.put(hand.at(0))
    yield Finish("done")


GRASPS = (
    _open_hand, _beside, _in_the_air, _told, _missed, _clipped, _kept, _clasped, _in_and_out,
)  # fmt: skip
