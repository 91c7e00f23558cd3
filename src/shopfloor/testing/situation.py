"""All that a stand-in's decision rests on: pictures, words, and the story of the calls so far."""

from __future__ import annotations

from dataclasses import dataclass

from shopfloor.brain.chat.prompt import Zone
from shopfloor.types import Language, UInt8Array

__all__ = ["Made", "Picture", "Situation"]


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and what became of it.

    Turns count the story from 0; any integers that grow will do.

    Attributes:
        id: Its name.
        skill: What was called.
        limbs: Whom it moves; giver and taker for a handover.
        point: Where it pointed, in pixels of the newest picture, or None.
        tote: Tote that it named, or None.
        asked: Turn in which it was made.
        ended: Turn in which its result came, or None while it is under way.
        ok: Whether it succeeded.
        code: Failure code where it did not.
    """

    id: str
    skill: str
    limbs: tuple[str, ...]
    point: tuple[float, float] | None
    tote: str | None
    asked: int
    ended: int | None = None
    ok: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of the overview camera: ``(H, W, 3)`` RGB, and the turn in which it came."""

    pixels: UInt8Array
    turn: int


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """All that a decision rests on.

    Attributes:
        instruction: The order's words.
        language: In which language, or None to look for oneself.
        pictures: Of the overview camera, oldest first; only the newest must be there.
        zones: What each limb reaches, in pixels of the newest picture.
        free: Limbs that have nothing to do.
        made: The calls so far, oldest first.
    """

    instruction: str
    language: Language | None
    pictures: tuple[Picture, ...]
    zones: tuple[Zone, ...]
    free: tuple[str, ...]
    made: tuple[Made, ...] = ()
