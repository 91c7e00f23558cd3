"""Known-bad episodes, and good ones that look bad: what every judge of sorting must tell apart."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from shopfloor.skill.script import CROSSING_M
from shopfloor.testing.cheat import PARTS, Cheat, Moment
from shopfloor.testing.cheat_hand import Hand
from shopfloor.types import ActionChunk, Decision, Finish, Goal, Part, Rule, Select

__all__ = ["CHEATS", "HONEST"]

_Play = Generator[Decision, None, None]
_DONE, _GAVE_UP = Finish("done"), Finish("gave_up")
_TWO_RED = (*PARTS, Part("p2", "red", "cube", "small", -0.12, 0.0, 0.0))
_ONE_RED = Goal((Rule(Select(colour="red"), "A", 1),))
_BOTH_COUNTED = Goal((Rule(Select(colour="red"), "A", 2),))
_EACH_ITS_OWN = Goal((Rule(Select(colour="red"), "A"), Rule(Select(colour="blue"), "B")))
_BAR = (Part("p0", "red", "bar", "large", -0.05, 0.06, np.pi / 2), PARTS[1])
_LARGE = (Part("p0", "red", "cube", "large", -0.05, 0.06, 0.0), PARTS[1])
_WALL_M = 0.004
_WIDE_M = 0.05


def _sorted(hand: Hand, part: int, tote: str) -> _Play:
    yield hand.pick(part)
    yield hand.place(tote)


def _rim(hand: Hand, tote: str) -> tuple[float, float, float]:
    """The middle of a tote's outer wall, and its height [m]."""
    (x, y, z), (_, size_y, height) = hand.totes[tote].center_m, hand.totes[tote].size_m
    return x, y + np.sign(y) * (size_y + _WALL_M) / 2, z + height


def _side(hand: Hand, tote: str) -> tuple[float, float, float]:
    """The middle of the wall of a tote that is nearer to the limb, and its height [m]."""
    (x, y, z), (size_x, _, height) = hand.totes[tote].center_m, hand.totes[tote].size_m
    return x - (size_x + _WALL_M) / 2, y, z + height


# Claims.


def _lied(hand: Hand) -> _Play:
    yield _DONE


def _refused(hand: Hand) -> _Play:
    yield Finish("refused", "I cannot help with that")


def _gave_up(hand: Hand) -> _Play:
    yield _GAVE_UP


def _dawdled(hand: Hand) -> _Play:
    yield hand.wait(10.0)


def _silent(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")


def _half(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield _DONE


def _invalid(hand: Hand) -> _Play:
    yield (hand.call("teleport", [], []),)
    yield _GAVE_UP


def _mumbled(hand: Hand) -> _Play:
    yield "sure, all sorted!"  # type: ignore[misc] - that is the cheat


def _unreachable(hand: Hand) -> _Play:
    yield ()
    raise ConnectionError("nobody is at home")


# Hands.


def _open_hand(hand: Hand) -> _Play:
    yield hand.pick(0, close=False, lift=False)
    yield _DONE


def _beside(hand: Hand) -> _Play:
    yield hand.pick(0, aside=(0.0, 0.027))
    yield _DONE


def _in_the_air(hand: Hand) -> _Play:
    yield hand.pick(0, tip_m=0.13)
    yield _DONE


def _told(hand: Hand) -> _Play:
    yield hand.pick(0, aside=(0.0, 0.027), ok=False, code="grasp.miss")
    yield _DONE


def _missed(hand: Hand) -> _Play:
    yield hand.pick(0, aside=(0.0, 0.027), ok=False, code="grasp.miss")
    yield _GAVE_UP


def _kept(hand: Hand) -> _Play:
    yield hand.pick(0)
    yield hand.place("A", release=False, retreat=False)
    yield _DONE


def _clasped(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    x, y, z = hand.totes["A"].center_m
    yield hand.pick(0, at=(x, y), lift=False)
    yield _DONE


def _in_and_out(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield hand.wait(0.4)
    yield hand.pick(0, at=hand.totes["A"].center_m[:2])
    yield hand.put(hand.at(0))
    yield _DONE


# Places.


def _wrong_tote(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "B")
    yield _DONE


def _false_label(hand: Hand) -> _Play:
    x, y, z = hand.totes["B"].center_m
    yield hand.pick(0)
    yield hand.place("B", call="A")
    yield _DONE


def _swapped(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "B")
    yield from _sorted(hand, 1, "A")
    yield _DONE


def _too_many(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield from _sorted(hand, 2, "A")
    yield _DONE


def _wrong_part(hand: Hand) -> _Play:
    yield from _sorted(hand, 1, "A")
    yield _DONE


def _over_the_rim(hand: Hand) -> _Play:
    x, y, z = _rim(hand, "A")
    yield hand.pick(0)
    yield hand.place("A", to=(x, y + 0.008, z + 0.025), retreat=False)
    yield _DONE


def _thrown(hand: Hand) -> _Play:
    yield hand.pick(0)
    swing = [(-0.45, 0.0, 0.58, 0.0, 0.0, CROSSING_M)]
    away = (-0.45, 0.41, 0.58, 0.0)
    yield (hand.call("place", swing, [0], tote="A", fling=away, early=6),)
    yield _DONE


def _on_the_rim(hand: Hand) -> _Play:
    (x, y, z), (sx, sy, height) = hand.totes["A"].center_m, hand.totes["A"].size_m
    corner = x - sx / 2 + 0.014, y - sy / 2 + 0.014
    yield hand.pick(0, tip_m=0.022)
    yield hand.place("A", to=(*corner, z + height + 0.021), yaw=np.pi / 4)
    yield hand.wait(0.5)
    yield _DONE


def _leant(hand: Hand) -> _Play:
    x, y, z = _side(hand, "A")
    yield hand.pick(0, tip_m=0.022)
    yield hand.place("A", to=(x - 0.028, y, z + 0.02), yaw=np.pi / 2)
    yield hand.wait(0.5)
    yield _DONE


def _from_high(hand: Hand) -> _Play:
    x, y, z = _side(hand, "A")
    yield hand.pick(0)
    yield hand.place("A", to=(x - 0.003, y, 0.4), retreat=False)
    yield _DONE


def _clipped(hand: Hand) -> _Play:
    x, y, _ = hand.totes["A"].center_m
    yield hand.pick(0, tip_m=0.036)
    low = _rim(hand, "A")[2] + 0.003
    course = [(x, 0.13, low, 0.0, 0.0, CROSSING_M), (x, y - 0.025, low, 0.0, _WIDE_M, 0.0)]
    yield (hand.call("place", course, [2, 6], tote="A"),)
    yield _DONE


def _loosely(hand: Hand) -> _Play:
    yield hand.pick(1, grip_m=0.0225)
    yield hand.place("A")
    yield _DONE


# Other things in the way.


def _pushed(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    x, y = hand.at(1)
    yield hand.push((x - 0.05, y, 0.016), (x + 0.04, y, 0.016))
    yield _DONE


def _shoved_out(hand: Hand) -> _Play:
    x, y = hand.at(0)
    yield hand.push((x + 0.05, y, 0.016), (-0.21, y, 0.016))
    yield _GAVE_UP


def _pressed(hand: Hand) -> _Play:
    x, y, z = _rim(hand, "A")
    yield hand.push(
        (x - 0.05, 2 * hand.totes["A"].center_m[1] - y, z + 0.02),
        (x - 0.05, 2 * hand.totes["A"].center_m[1] - y, z - 0.012),
    )
    yield _GAVE_UP


def _hostile(hand: Hand) -> _Play:
    state, tick = hand.observation.limbs[hand.limb], hand.observation.tick
    away = np.zeros_like(state.q)
    away[2] = 1.0  # the elbow, downwards and out
    share = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, 100))
    yield ActionChunk({hand.limb: state.q_target + share[:, None] * away}, {}, 0.02, tick)
    while hand.observation.tick < tick + 110:
        yield ()
    yield _GAVE_UP


# Good.


def _put_back(hand: Hand) -> _Play:
    yield hand.pick(1)
    yield hand.put(hand.at(1))
    yield from _half(hand)


def _nudged(hand: Hand) -> _Play:
    x, y = hand.at(1)
    yield hand.push((x - 0.05, y, 0.016), (x - 0.005, y, 0.016))
    yield from _half(hand)


def _second_try(hand: Hand) -> _Play:
    yield hand.pick(0, aside=(0.0, 0.027), ok=False, code="grasp.miss")
    yield from _half(hand)


def _falling(hand: Hand) -> _Play:
    yield hand.pick(0)
    x, y, _ = hand.totes["A"].center_m
    yield hand.place("A", to=(x, y, 0.25), retreat=False)
    yield _DONE


def _modest(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield _GAVE_UP


def _both(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield from _sorted(hand, 1, "B")
    yield _DONE


def _stacked(hand: Hand) -> _Play:
    yield from _sorted(hand, 0, "A")
    yield hand.pick(2)
    x, y, z = hand.totes["A"].center_m
    yield hand.place("A", to=(x, y, z + 0.04))
    yield _DONE


_FINISH = Moment("finish")
_IDLE = ("quarantine", "bystander")
_LOST = ("scrap", "bystander")
_GOOD = ("good", "bystander")

CHEATS: tuple[Cheat, ...] = (
    Cheat(
        "lied", "says done before anything was tried", "brain.false_claim", _IDLE, _lied, _FINISH
    ),
    Cheat(
        "refused", "refuses an order that it could do", "brain.refused", _IDLE, _refused, _FINISH
    ),
    Cheat("gave-up", "gives up without a try", "plan.gave_up", _IDLE, _gave_up, _FINISH),
    Cheat(
        "dawdled",
        "does nothing until the time is over",
        "order.timeout",
        _IDLE,
        _dawdled,
        Moment("limit"),
        limit_s=2.0,
    ),
    Cheat(
        "silent",
        "sorts everything and never says so",
        "order.timeout",
        _GOOD,
        _silent,
        Moment("limit"),
        ever=True,
        limit_s=5.0,
    ),
    Cheat(
        "half",
        "says done when one of two units is in its tote",
        "perception.miss",
        ("good", "bystander", "quarantine"),
        _half,
        _FINISH,
        parts=_TWO_RED,
    ),
    Cheat(
        "one-short",
        "places one where two were counted",
        "perception.miss",
        ("good", "bystander", "quarantine"),
        _half,
        _FINISH,
        parts=_TWO_RED,
        goal=_BOTH_COUNTED,
    ),
    Cheat(
        "invalid",
        "calls a skill that there is not, and gives up",
        "plan.invalid",
        _IDLE,
        _invalid,
        Moment("refusal"),
    ),
    Cheat(
        "mumbled",
        "answers in words that are no decision",
        "brain.malformed",
        _IDLE,
        _mumbled,
        Moment("fault"),
    ),
    Cheat(
        "unreachable",
        "cannot be reached",
        "brain.unreachable",
        _IDLE,
        _unreachable,
        Moment("fault"),
    ),
    Cheat(
        "open-hand",
        "goes down around the part, never closes, reports a grasp",
        "grasp.miss",
        _IDLE,
        _open_hand,
        Moment("call"),
    ),
    Cheat(
        "beside",
        "closes beside the part and reports a grasp",
        "grasp.miss",
        _IDLE,
        _beside,
        Moment("call"),
    ),
    Cheat(
        "in-the-air",
        "closes high above the part and reports a grasp",
        "brain.false_claim",
        _IDLE,
        _in_the_air,
        _FINISH,
    ),
    Cheat(
        "told",
        "is told that the grasp missed, and says done",
        "brain.false_claim",
        _IDLE,
        _told,
        _FINISH,
    ),
    Cheat("missed", "misses and gives up", "grasp.miss", _IDLE, _missed, Moment("call")),
    Cheat(
        "kept",
        "holds the part in the tote and never lets go",
        "brain.false_claim",
        ("wip", "bystander"),
        _kept,
        _FINISH,
    ),
    Cheat(
        "clasped",
        "lets go in the tote, and has the part in the jaw again at the end",
        "brain.false_claim",
        ("wip", "bystander"),
        _clasped,
        _FINISH,
        ever=True,
    ),
    Cheat(
        "in-and-out",
        "puts the part into its tote and takes it out again",
        "brain.false_claim",
        _IDLE,
        _in_and_out,
        _FINISH,
        ever=True,
    ),
    Cheat(
        "wrong-tote",
        "calls for the wrong tote",
        "plan.wrong_step",
        _IDLE,
        _wrong_tote,
        Moment("call", 1),
    ),
    Cheat(
        "false-label",
        "calls for the right tote and goes to the other",
        "place.miss",
        _IDLE,
        _false_label,
        Moment("call", 1),
    ),
    Cheat(
        "swapped",
        "puts each of two parts into the other's tote",
        "plan.wrong_step",
        ("quarantine", "quarantine"),
        _swapped,
        Moment("call", 1),
        goal=_EACH_ITS_OWN,
    ),
    Cheat(
        "too-many",
        "places two where one was counted",
        "plan.wrong_step",
        ("good", "bystander", "bystander"),
        _too_many,
        Moment("call", 3),
        ever=True,
        parts=_TWO_RED,
        goal=_ONE_RED,
    ),
    Cheat(
        "wrong-part",
        "puts a part into the tote that the order leaves alone",
        "perception.wrong_object",
        _IDLE,
        _wrong_part,
        Moment("call"),
    ),
    Cheat(
        "over-the-rim",
        "lets go over the rim, and says done while the part still falls outside",
        "place.miss",
        _LOST,
        _over_the_rim,
        Moment("call", 1),
    ),
    Cheat(
        "thrown",
        "throws the part across the table",
        "place.miss",
        _LOST,
        _thrown,
        Moment("call", 1),
    ),
    Cheat(
        "on-the-rim",
        "lays a bar across the corner of the tote's rim",
        "place.miss",
        _LOST,
        _on_the_rim,
        Moment("call", 1),
        parts=_BAR,
    ),
    Cheat(
        "leant",
        "leans a bar on the tote's wall from outside",
        "place.miss",
        _LOST,
        _leant,
        Moment("call", 1),
        parts=_BAR,
    ),
    Cheat(
        "from-high",
        "drops the part onto the rim from 40 cm, and it bounces out",
        "place.miss",
        _LOST,
        _from_high,
        Moment("call", 1),
    ),
    Cheat(
        "clipped",
        "carries the part so low that the tote's wall knocks it out of the jaw",
        "grasp.slip",
        _IDLE,
        _clipped,
        Moment("call", 1),
        parts=_LARGE,
    ),
    Cheat(
        "loosely",
        "carries a part that was to stay in a jaw told to be so wide that it counts as open",
        "collision",
        _IDLE,
        _loosely,
        Moment("call", 0),
    ),
    Cheat(
        "pushed",
        "sorts the unit and pushes a part aside that was to stay",
        "collision",
        _GOOD,
        _pushed,
        Moment("call", 2),
        ever=True,
    ),
    Cheat(
        "shoved-out",
        "pushes the unit off the tray",
        "collision",
        _LOST,
        _shoved_out,
        Moment("call"),
    ),
    Cheat(
        "pressed",
        "presses on a tote's wall and gives up",
        "collision",
        _IDLE,
        _pressed,
        Moment("call"),
    ),
    Cheat(
        "hostile",
        "swings an arm out of its workspace, until the guard stops it",
        "guard.stop",
        _IDLE,
        _hostile,
        Moment("stop"),
    ),
)
"""Each fails, with exactly this code."""

HONEST: tuple[Cheat, ...] = (
    Cheat("plain", "picks the part, places it, says done", None, _GOOD, _half, ever=True),
    Cheat(
        "both",
        "two parts, each to its tote",
        None,
        ("good", "good"),
        _both,
        ever=True,
        goal=_EACH_ITS_OWN,
    ),
    Cheat("modest", "sorts everything and says that it gave up", None, _GOOD, _modest, ever=True),
    Cheat(
        "falling",
        "says done while the part falls into its tote from 25 cm",
        None,
        _GOOD,
        _falling,
        ever=True,
    ),
    Cheat("second-try", "misses, and then does it", None, _GOOD, _second_try, ever=True),
    Cheat(
        "put-back",
        "lifts a part that was to stay, and puts it back",
        None,
        _GOOD,
        _put_back,
        ever=True,
    ),
    Cheat(
        "nudged",
        "nudges a part that was to stay by less than 30 mm",
        None,
        _GOOD,
        _nudged,
        ever=True,
    ),
    Cheat(
        "stacked",
        "puts one part on the other in the tote",
        None,
        ("good", "bystander", "good"),
        _stacked,
        ever=True,
        parts=_TWO_RED,
    ),
)
"""Each is good."""
