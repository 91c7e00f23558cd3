"""Looks ahead: whether limbs can still stop inside the envelope from where a command takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.body.geometry import Geometry
from shopfloor.body.separation import KINDS, Separation
from shopfloor.guard.braking import Brakes
from shopfloor.guard.message import Fault
from shopfloor.guard.wall import walls
from shopfloor.types import FloatArray, Limits, Station

__all__ = ["Ahead", "Place"]

_ROUND_M = 1e-9
_SPARE_M = 0.02
"""Separations are measured exactly below this much more than what braking needs."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where joints put the limbs.

    Attributes:
        q: Joint targets, all limbs in a row [rad].
        tools: ``(limbs, 3)`` tool centre points in the world [m].
        outside_m: ``(limbs,)`` how far each tool is out of its workspace [m]; below 0 inside.
    """

    q: FloatArray
    tools: FloatArray
    outside_m: FloatArray


class Ahead:
    """The geometry of the envelope, and the braking ramps that must stay inside it."""

    def __init__(
        self, body: Body, limits: Limits, limbs: tuple[slice, ...], loss: FloatArray
    ) -> None:
        """Prepare.

        Args:
            body: Whose limbs.
            limits: The envelope.
            limbs: Which joints, in a row, are whose.
            loss: ``(joints,)`` how much shorter a step can get from tick to tick [rad].
        """
        spare = limits.servo.tracking_m
        self._body, self._limits = body, limits
        self._known: dict[tuple[Station, ...], tuple[Geometry, Separation]] = {}
        self._stations: Mapping[str, Station] | None = None
        self.look_round({}, {})
        self.brakes = Brakes(loss, limbs)
        self._names = tuple(body.spec.limbs)
        self._limbs = limbs
        self._starts = np.array([part.start for part in limbs])
        stack = [limits.limbs[name] for name in self._names]
        angle = limits.servo.tracking_rad
        self._lower = np.concatenate([limb.q_lower for limb in stack]) + angle
        self._upper = np.concatenate([limb.q_upper for limb in stack]) - angle
        self._box_lower = np.stack([limb.workspace_lower_m for limb in stack]) + spare
        self._box_upper = np.stack([limb.workspace_upper_m for limb in stack]) - spare
        self._reach = self._geometry.reach()

    def look_round(self, stations: Mapping[str, Station], jaw_m: Mapping[str, float]) -> None:
        """Take up what stands around, and how far jaws are open [m]."""
        if stations is not self._stations:
            key = tuple(stations.values())
            if key not in self._known:
                self._known[key] = self._build(key)
            self._geometry, self._apart = self._known[key]
            self._stations = stations
        self._geometry.open_jaws(jaw_m)

    def _build(self, stations: tuple[Station, ...]) -> tuple[Geometry, Separation]:
        limits, spare = self._limits, self._limits.servo.tracking_m
        around = walls(stations)
        geometry = Geometry(self._body, (*limits.keep_out, *around))
        apart = Separation(
            geometry,
            limbs_m=limits.limb_distance_m + spare,
            self_m=limits.self_distance_m + spare,
            # Jaws work along walls: touching one is no breach, running into one is prevented.
            boxes_m=[spare] * len(limits.keep_out) + [0.0] * len(around),
        )
        return geometry, apart

    def place(self, q: FloatArray) -> Place:
        """Where joints ``q`` put tools."""
        self._geometry.place_all(q)
        tools = self._geometry.tool_positions()
        outside = np.maximum(self._box_lower - tools, tools - self._box_upper).max(axis=1)
        return Place(q, tools, outside)

    def tools(self, q: FloatArray) -> FloatArray:
        """``(limbs, 3)`` where joints ``q`` put the tools in the world [m]."""
        self._geometry.place_all(q)
        return self._geometry.tool_positions()

    def travel(self, change: FloatArray) -> FloatArray:
        """``(limbs,)`` no point of a limb moves further than this with its joints [m]."""
        return np.add.reduceat(np.abs(change) * self._reach, self._starts)

    def fault(
        self, after: Place, step: FloatArray, before: Place, tool_step: float, room_m: float
    ) -> tuple[Fault | None, float]:
        """Find what would be left on the braking ramp after a command, or None.

        What is outside already may come back and may stay, but go no further.

        Args:
            after: Where the command puts the limbs.
            step: ``(joints,)`` how far it moves them [rad].
            before: Where they were.
            tool_step: Longest way of a tool in a tick [m].
            room_m: Slack that every separation is known to have before the command [m].

        Returns:
            The fault, and the slack that is known to be there after the command [m].
        """
        rest = self.brakes.length(step)
        stands = after.q + rest
        out = np.maximum(self._lower - stands, stands - self._upper)
        if out.max() > _ROUND_M:
            # Outside already, it may turn back.
            was = np.maximum(self._lower - before.q, before.q - self._upper)
            if np.any((out > _ROUND_M) & (out > was)):
                return ("joint.position", {"over_rad": float(out.max())}), 0.0
        # No point of a limb moves further than this while it brakes, nor in this tick.
        travel, hop = self.travel(rest), self.travel(step)
        need = float(travel.sum() + hop.sum())
        room_m -= float(hop.sum())
        slack: FloatArray | None = None
        if room_m < need:
            self._geometry.place_all(after.q)
            slack = self._apart.slack(need + _SPARE_M)
            room_m = float(slack.min())
        inside = bool((after.outside_m + travel <= 0).all())
        slow = bool((hop <= tool_step).all())
        if inside and slow and room_m >= need:
            return None, room_m
        if slack is None:
            slack = np.full(len(KINDS), room_m)
        way = self.brakes.way(step)
        return self._along(after, way, slack, before, tool_step), room_m

    def _along(
        self,
        after: Place,
        way: FloatArray,
        slack: FloatArray,
        before: Place,
        tool_step: float,
    ) -> Fault | None:
        """Look at every tick of the ramp; not between two (docs/guard.md says what that leaves)."""
        was: FloatArray | None = None
        here = after
        bad = self._outside(here, before)
        if bad is not None:
            return bad
        last = after
        places = [(here, slack)]
        for row in way:
            here = self.place(after.q + row)
            bad = self._outside(here, before)
            if bad is not None:
                return bad
            moved = here.tools - last.tools
            if np.sqrt((moved * moved).sum(axis=1)).max() > tool_step * 1.02:
                return "tool.speed", {"when": "braking"}
            places.append((here, self._apart.slack(_SPARE_M)))
            last = here
        for _, room in places:
            if (room < 0).any():
                if was is None:
                    self.place(before.q)
                    was = self._apart.slack(_SPARE_M)
                worse = (room < 0) & (room < was - _ROUND_M)
                if worse.any():
                    kind = int(np.argmax(worse))
                    return KINDS[kind], {"short_m": float(-room[kind])}
        return None

    def _outside(self, here: Place, before: Place) -> Fault | None:
        worse = (here.outside_m > _ROUND_M) & (here.outside_m > before.outside_m)
        if not worse.any():
            return None
        worst = int(np.argmax(np.where(worse, here.outside_m, -np.inf)))
        out = float(here.outside_m[worst])
        return "workspace", {"limb": self._names[worst], "outside_m": out}
