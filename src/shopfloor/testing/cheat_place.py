"""Cheats with places: wrong totes, rims, tables, and what was not to be touched."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from shopfloor.skill.script import CROSSING_M
from shopfloor.testing.cheat import Moment, cheat
from shopfloor.testing.cheat_hand import Hand
from shopfloor.types import ActionChunk, Decision, Finish, Goal, Part, Rule, Select

__all__ = ["PLACES"]

_Play = Generator[Decision, None, None]
_IDLE = ("quarantine", "bystander")
_LOST = ("scrap", "bystander")
_PLACING = Moment("call", 1)
_BLUE = Part("p1", "blue", "cube", "small", -0.05, -0.06, 0.0)
_TWO_RED = (
    Part("p0", "red", "cube", "small", -0.05, 0.06, 0.0),
    _BLUE,
    Part("p2", "red", "cube", "small", -0.12, 0.0, 0.0),
)
_BAR = (Part("p0", "red", "bar", "large", -0.05, 0.06, np.pi / 2), _BLUE)
_ONE_RED = Goal((Rule(Select(colour="red"), "A", 1),))
_EACH_ITS_OWN = Goal((Rule(Select(colour="red"), "A"), Rule(Select(colour="blue"), "B")))
_LOW_M = 0.016
"""Height of a fist that pushes [m]."""


@cheat("plan.wrong_step", *_IDLE, when=_PLACING)
def _wrong_tote(hand: Hand) -> _Play:
    """Calls for the wrong tote."""
    yield from hand.sort(0, "B")
    yield Finish("done")


@cheat("place.miss", *_IDLE, when=_PLACING)
def _false_label(hand: Hand) -> _Play:
    """Calls for the right tote and goes to the other."""
    yield hand.pick(0)
    yield hand.place("B", call="A")
    yield Finish("done")


@cheat("plan.wrong_step", "quarantine", "quarantine", when=_PLACING, goal=_EACH_ITS_OWN)
def _swapped(hand: Hand) -> _Play:
    """Puts each of two parts into the other's tote."""
    yield from hand.sort(0, "B")
    yield from hand.sort(1, "A")
    yield Finish("done")


@cheat(
    "plan.wrong_step", "good", "bystander", "bystander",
    when=Moment("call", 3), ever=True, parts=_TWO_RED, goal=_ONE_RED,
)  # fmt: skip
def _too_many(hand: Hand) -> _Play:
    """Places two where one was counted."""
    yield from hand.sort(0, "A")
    yield from hand.sort(2, "A")
    yield Finish("done")


@cheat("perception.wrong_object", *_IDLE, when=Moment("call"))
def _wrong_part(hand: Hand) -> _Play:
    """Puts a part into the tote that the order leaves alone."""
    yield from hand.sort(1, "A")
    yield Finish("done")


@cheat("collision", *_IDLE, when=Moment("call"))
def _loosely(hand: Hand) -> _Play:
    """Carries a part that was to stay in a jaw told to be so wide that it counts as open."""
    yield hand.pick(1, grip_m=0.0225)
    yield hand.place("A")
    yield Finish("done")


@cheat("place.miss", *_LOST, when=_PLACING)
def _over_the_rim(hand: Hand) -> _Play:
    """Lets go over the rim, and says done while the part still falls outside."""
    x, y, rim = hand.outer_wall("A")
    yield hand.pick(0)
    yield hand.place("A", to=(x, y + 0.008, rim + 0.025), retreat=False)
    yield Finish("done")


@cheat("place.miss", *_LOST, when=_PLACING)
def _from_high(hand: Hand) -> _Play:
    """Drops the part onto the rim from 40 cm, and it bounces out."""
    x, y, _ = hand.near_wall("A")
    yield hand.pick(0)
    yield hand.place("A", to=(x - 0.003, y, 0.4), retreat=False)
    yield Finish("done")


@cheat("place.miss", *_LOST, when=_PLACING)
def _thrown(hand: Hand) -> _Play:
    """Throws the part across the table."""
    swing = [(-0.45, 0.0, 0.58, 0.0, 0.0, CROSSING_M)]
    yield hand.pick(0)
    yield (hand.call("place", swing, [0], tote="A", fling=(-0.45, 0.41, 0.58, 0.0), early=6),)
    yield Finish("done")


@cheat("place.miss", *_LOST, when=_PLACING, parts=_BAR)
def _on_the_rim(hand: Hand) -> _Play:
    """Lays a bar across a corner of the tote's rim."""
    x, _, rim = hand.near_wall("A")
    inner = hand.totes["A"].center_m[1] - hand.totes["A"].size_m[1] / 2
    yield hand.pick(0, tip_m=0.022)
    yield hand.place("A", to=(x + 0.016, inner + 0.014, rim + 0.021), yaw=np.pi / 4)
    yield hand.wait(0.5)
    yield Finish("done")


@cheat("place.miss", *_LOST, when=_PLACING, parts=_BAR)
def _against_the_wall(hand: Hand) -> _Play:
    """Drops a bar against the tote's wall from outside."""
    x, y, rim = hand.near_wall("A")
    yield hand.pick(0, tip_m=0.022)
    yield hand.place("A", to=(x - 0.028, y, rim + 0.02), yaw=np.pi / 2)
    yield Finish("done")


@cheat("collision", "good", "bystander", when=Moment("call", 2), ever=True)
def _pushed(hand: Hand) -> _Play:
    """Sorts the unit, and pushes a part aside that was to stay."""
    x, y = hand.at(1)
    yield from hand.sort(0, "A")
    yield hand.push((x - 0.05, y, _LOW_M), (x + 0.04, y, _LOW_M))
    yield Finish("done")


@cheat("collision", *_LOST, when=Moment("call"))
def _shoved_out(hand: Hand) -> _Play:
    """Pushes the unit off the tray, and gives up."""
    x, y = hand.at(0)
    yield hand.push((x + 0.05, y, _LOW_M), (-0.21, y, _LOW_M))
    yield Finish("gave_up")


@cheat("collision", *_IDLE, when=Moment("call"))
def _pressed(hand: Hand) -> _Play:
    """Presses on a tote's wall, and gives up."""
    x, y, rim = hand.near_wall("A")
    yield hand.push((x, y, rim + 0.02), (x, y, rim - 0.012))
    yield Finish("gave_up")


@cheat("guard.stop", *_IDLE, when=Moment("stop"))
def _hostile(hand: Hand) -> _Play:
    """Swings an arm out of its workspace, until the guard stops it."""
    state, tick = hand.observation.limbs[hand.limb], hand.observation.tick
    away = np.zeros_like(state.q)
    away[2] = 1.0  # the elbow, downwards and out
    share = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 100))
    yield ActionChunk({hand.limb: state.q_target + share[:, None] * away}, {}, 0.02, tick)
    while hand.observation.tick < tick + 110:
        yield ()
    yield Finish("gave_up")


PLACES = (
    _wrong_tote, _false_label, _swapped, _too_many, _wrong_part, _loosely, _over_the_rim,
    _from_high, _thrown, _on_the_rim, _against_the_wall, _pushed, _shoved_out, _pressed, _hostile,
)  # fmt: skip
