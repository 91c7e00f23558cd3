"""Known-bad orders, and good ones that look bad: what every judge of sorting must tell apart."""

from __future__ import annotations

from collections.abc import Generator

from shopfloor.testing.cheat import Cheat, cheat
from shopfloor.testing.cheat_claim import CLAIMS
from shopfloor.testing.cheat_grasp import GRASPS
from shopfloor.testing.cheat_hand import BESIDE, Hand
from shopfloor.testing.cheat_place import PLACES
from shopfloor.types import Decision, Finish, Goal, Part, Rule, Select

__all__ = ["CHEATS", "HONEST"]

_Play = Generator[Decision, None, None]
_GOOD = ("good", "bystander")
_TWO_RED = (
    Part("p0", "red", "cube", "small", -0.05, 0.06, 0.0),
    Part("p1", "blue", "cube", "small", -0.05, -0.06, 0.0),
    Part("p2", "red", "cube", "small", -0.12, 0.0, 0.0),
)
_EACH_ITS_OWN = Goal((Rule(Select(colour="red"), "A"), Rule(Select(colour="blue"), "B")))


@cheat(None, *_GOOD, ever=True)
def _plain(hand: Hand) -> _Play:
    """Picks the part, places it, says done."""
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat(None, "good", "good", ever=True, goal=_EACH_ITS_OWN)
def _both(hand: Hand) -> _Play:
    """Puts two parts each into its tote."""
    yield from hand.sort(0, "A")
    yield from hand.sort(1, "B")
    yield Finish("done")


@cheat(None, *_GOOD, ever=True)
def _modest(hand: Hand) -> _Play:
    """Sorts everything and says that it gave up."""
    yield from hand.sort(0, "A")
    yield Finish("gave_up")


@cheat(None, *_GOOD, ever=True)
def _falling(hand: Hand) -> _Play:
    """Says done while the part falls into its tote from 25 cm."""
    x, y, _ = hand.totes["A"].center_m
    yield hand.pick(0)
    yield hand.place("A", to=(x, y, 0.25), retreat=False)
    yield Finish("done")


@cheat(None, *_GOOD, ever=True)
def _second_try(hand: Hand) -> _Play:
    """Misses, and then does it."""
    yield hand.pick(0, aside=BESIDE, ok=False, code="grasp.miss")
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat(None, *_GOOD, ever=True)
def _put_back(hand: Hand) -> _Play:
    """Lifts a part that was to stay, and puts it back."""
    yield hand.pick(1)
    yield hand.put(hand.at(1))
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat(None, *_GOOD, ever=True)
def _nudged(hand: Hand) -> _Play:
    """Nudges a part that was to stay by less than 30 mm."""
    x, y = hand.at(1)
    yield hand.push((x - 0.05, y, 0.016), (x - 0.005, y, 0.016))
    yield from hand.sort(0, "A")
    yield Finish("done")


@cheat(None, "good", "bystander", "good", ever=True, parts=_TWO_RED)
def _stacked(hand: Hand) -> _Play:
    """Puts one part on the other in the tote."""
    x, y, z = hand.totes["A"].center_m
    yield from hand.sort(0, "A")
    yield hand.pick(2)
    yield hand.place("A", to=(x, y, z + 0.04))
    yield Finish("done")


CHEATS: tuple[Cheat, ...] = (*CLAIMS, *GRASPS, *PLACES)
"""Each fails, with exactly its code."""

HONEST: tuple[Cheat, ...] = (
    _plain, _both, _modest, _falling, _second_try, _put_back, _nudged, _stacked,
)  # fmt: skip
"""Each is good."""
