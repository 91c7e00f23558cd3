"""The hands of a cheat: blind skills that go where they are told and report what they are told."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from shopfloor.skill.jump import TopDown
from shopfloor.skill.script import CROSSING_M, Script, ScriptedSkill
from shopfloor.skill.wait import Wait
from shopfloor.testing.cheat import Cheat
from shopfloor.types import (
    ActionChunk,
    Decision,
    Event,
    Exchange,
    Lot,
    Needs,
    Observation,
    Order,
    Reply,
    SkillCall,
    SkillResult,
)

__all__ = ["BESIDE", "SKILLS", "WIDE_M", "Hand", "Swindler"]

_CLOSING_TICKS = 14
_OPENING_TICKS = 6
WIDE_M = 0.05
"""An open jaw [m]."""
BESIDE = (0.0, 0.027)
"""So far aside of a small part a jaw closes on nothing, and touches nothing [m]."""
_WALL_M = 0.004
_LIFT_M = 0.06
_TIP_M = 0.013
"""Height of the fingertips when they close on a part on the tray [m]."""


class _Blind(ScriptedSkill):
    """Goes through some poses with the jaw as asked; then says what it was told to say.

    Arguments: ``course``, rows of x, y, z, yaw, jaw and top [m, rad]; ``ticks`` to stand at the
    end of each; and ``ok`` and ``code`` to report.
    """

    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}

    def script(self, call: SkillCall, asked: Observation) -> Script:
        limb, told = call.limbs[0], call.arguments
        for (x, y, z, yaw, jaw, top), ticks in zip(told["course"], told["ticks"], strict=True):
            here = self.here(limb)
            if np.hypot(np.hypot(here.x_m - x, here.y_m - y), here.z_m - z) > 1e-4:
                yield from self.go(limb, TopDown(x, y, z, yaw), None, top_m=top)
            if ticks:
                yield self.rest({limb: jaw}, ticks)
        if "fling" in told:
            yield self._fling(limb, TopDown(*told["fling"]), told["early"])
        return SkillResult(told["ok"], told["code"])

    def _fling(self, limb: str, goal: TopDown, early: int) -> ActionChunk:
        """Go somewhere and open the jaw so many ticks before arrival."""
        path = self._path(limb, goal, goal.z_m)
        jaw = np.zeros(len(path))
        jaw[-early:] = WIDE_M
        return replace(self.chunk({limb: path}, {limb: None}), jaw_m={limb: jaw})


class _Pick(_Blind):
    name: ClassVar[str] = "pick"


class _Place(_Blind):
    name: ClassVar[str] = "place"


class _Reach(_Blind):
    name: ClassVar[str] = "reach"


SKILLS: Mapping[str, type[ScriptedSkill]] = {
    "pick": _Pick, "place": _Place, "reach": _Reach, "wait": Wait,
}  # fmt: skip
"""What a swindler can call; the log shows the names that honest brains' calls have."""


class Hand:
    """Makes the calls of one limb for parts whose places are known from the lot."""

    def __init__(self, lot: Lot, limb: str, observation: Observation) -> None:
        """Take the lot and its stations in."""
        self.lot, self.limb = lot, limb
        self.totes = {name: observation.stations[name] for name in lot.totes}
        self.observation = observation
        self._calls = 0

    def at(self, part: int) -> tuple[float, float]:
        """Where a part lies at the start [m]."""
        return self.lot.parts[part].x_m, self.lot.parts[part].y_m

    def outer_wall(self, tote: str) -> tuple[float, float, float]:
        """The middle of the wall of a tote that is far from the tray, and its top [m]."""
        (x, y, z), (_, size_y, height) = self.totes[tote].center_m, self.totes[tote].size_m
        return x, y + float(np.sign(y)) * (size_y + _WALL_M) / 2, z + height

    def near_wall(self, tote: str) -> tuple[float, float, float]:
        """The middle of the wall of a tote on the limb's side, and its top [m]."""
        (x, y, z), (size_x, _, height) = self.totes[tote].center_m, self.totes[tote].size_m
        return x - (size_x + _WALL_M) / 2, y, z + height

    def sort(self, part: int, tote: str) -> Generator[Decision, None, None]:
        """Pick a part and place it in a tote."""
        yield self.pick(part)
        yield self.place(tote)

    def call(
        self,
        skill: str,
        course: Sequence[tuple[float, float, float, float, float, float]],
        ticks: Sequence[int],
        *,
        ok: bool = True,
        code: str | None = None,
        **more: Any,
    ) -> SkillCall:
        """Call a skill of any name."""
        self._calls += 1
        told = {"course": [list(row) for row in course], "ticks": list(ticks), "ok": ok}
        return SkillCall(f"c{self._calls}", skill, (self.limb,), {**told, "code": code, **more})

    def pick(
        self,
        part: int,
        *,
        at: tuple[float, float] | None = None,
        aside: tuple[float, float] = (0.0, 0.0),
        close: bool = True,
        lift: bool = True,
        tip_m: float = _TIP_M,
        grip_m: float = 0.0,
        ok: bool = True,
        code: str | None = None,
    ) -> tuple[SkillCall]:
        """Go down on a part, or ``aside`` of it [m], close to ``grip_m``, lift."""
        x, y = at or self.at(part)
        x, y = x + aside[0], y + aside[1]
        yaw = self.lot.parts[part].yaw_rad + np.pi / 2  # across a bar
        jaw = grip_m if close else WIDE_M
        rows = [
            (x, y, tip_m + _LIFT_M, yaw, WIDE_M, CROSSING_M),
            (x, y, tip_m, yaw, jaw, 0.0),
        ]
        ticks = [10, _CLOSING_TICKS if close else 4]
        if lift:
            rows.append((x, y, tip_m + _LIFT_M, yaw, jaw, 0.0))
            ticks.append(0)
        return (self.call("pick", rows, ticks, ok=ok, code=code),)

    def place(
        self,
        tote: str,
        *,
        to: tuple[float, float, float] | None = None,
        over_m: float = CROSSING_M,
        call: str | None = None,
        yaw: float = 0.0,
        release: bool = True,
        retreat: bool = True,
        ok: bool = True,
    ) -> tuple[SkillCall]:
        """Carry what is held to a tote, or ``to`` [m] with the call saying ``tote``; let go.

        ``over_m`` is how high the fingertips cross what lies between [m].
        """
        x, y, _ = self.totes[tote].center_m
        x, y, z = to or (x, y, self.totes[tote].size_m[2])
        jaw = WIDE_M if release else 0.0
        rows = [(x, y, z, yaw, jaw, over_m)]
        ticks = [_OPENING_TICKS if release else 2]
        if retreat:
            rows.append((x, y, max(z, CROSSING_M) + 0.05, yaw, jaw, 0.0))
            ticks.append(0)
        return (self.call("place", rows, ticks, ok=ok, tote=call or tote),)

    def put(self, at: tuple[float, float], *, tip_m: float = _TIP_M) -> tuple[SkillCall]:
        """Put what is held down on the tray, in a call that names no tote."""
        x, y = at
        rows = [
            (x, y, tip_m + 0.001, 0.0, WIDE_M, CROSSING_M),
            (x, y, tip_m + _LIFT_M, 0.0, WIDE_M, 0.0),
        ]
        return (self.call("place", rows, [_OPENING_TICKS, 0]),)

    def push(
        self, start: tuple[float, float, float], end: tuple[float, float, float]
    ) -> tuple[SkillCall]:
        """Go to a place and from there straight to another with a closed fist."""
        rows = [(*start, 0.0, 0.0, CROSSING_M), (*end, 0.0, 0.0, 0.0)]
        up = (end[0], end[1], CROSSING_M, 0.0, 0.0, 0.0)
        return (self.call("reach", [*rows, up], [6, 4, 0]),)

    def wait(self, seconds: float) -> tuple[SkillCall]:
        """Do nothing for a while."""
        self._calls += 1
        return (SkillCall(f"c{self._calls}", "wait", (self.limb,), {"seconds": seconds}),)


class Swindler:
    """A brain that carries a script out."""

    needs = Needs(refresh="never")

    def __init__(self, cheat: Cheat, lot: Lot, limb: str) -> None:
        """Take the script of a cheat up; ``limb`` does the work."""
        self._cheat, self._lot, self._limb = cheat, lot, limb

    def reset(self, order: Order, *, seed: int) -> None:
        """Begin."""
        self._pending: set[str] = set()
        self._script: Any = None

    def act(self, observation: Observation, events: Sequence[Event], *, deadline_s: float) -> Reply:
        """Go on once everything that was called has ended."""
        if self._script is None:
            self._hand = Hand(self._lot, self._limb, observation)
            self._script = self._cheat.script(self._hand)
        self._hand.observation = observation
        for event in events:
            if event.kind in {"skill.finished", "skill.refused", "skill.dropped"}:
                self._pending.discard(event.data["id"])
        decision: Decision = ()
        if not self._pending:
            decision = next(self._script, ())
            if isinstance(decision, tuple):
                self._pending = {call.id for call in decision}
        return Reply(decision, Exchange("", "", "swindler", 0.0))

    def close(self) -> None:
        """Nothing to give back."""
