"""What is counted while a lot is worked, from observations, rulings and events alone."""

from __future__ import annotations

from math import dist

from shopfloor.types import Event, Exchange, Observation, Ruling

__all__ = ["Tally"]


_SAME_PX = 40.0
"""Two calls whose targets are this near in one camera's native view mean the same part."""

_LOST = ("brain.timeout", "brain.unreachable")
"""Faults of which another order may not be the cure."""

_Target = tuple[str, float, float]
"""Camera, u, v [px]."""


class Tally:
    """Counts of one lot.

    Attributes:
        ticks: Ticks so far.
        think_ticks: Ticks in which the brain was thinking and every limb held.
        decisions: How often the brain was asked.
        tokens: (in, out) of the decisions whose tokens were counted, or None.
        uncounted: Decisions whose tokens were not.
        model_usd: Price of the decisions that came with one [USD], or None.
        unpriced: Decisions that came without.
        limited, stopped: Actions that the guard changed or replaced.
        attempted, succeeded: Picks and handovers begun; those whose own sensors said yes.
        relays: Parts that were set down on purpose where another limb takes them.
        cycles_s: For each part put into a tote, seconds since it was first reached for: tries
            that failed, and another limb's share of the way, are in it.
        segments: E10 states so far, as (state, ticks): standby while all limbs hold because
            nobody told them anything, productive otherwise.
        lost: How the brain was lost, by the code of its fault, or None.
        peak_tool_speed_m_s: Fastest tool, measured over a tick.
    """

    def __init__(self, limbs: tuple[str, ...], control_dt: float) -> None:
        """Begin at zero."""
        self._dt = control_dt
        self._begun: dict[str, int] = {}
        self._target: dict[str, _Target | None] = {}
        self._open: list[tuple[_Target, int]] = []
        self._tools: list[list[float]] | None = None
        self._limbs = limbs
        self.ticks = self.think_ticks = self.decisions = 0
        self.limited = self.stopped = self.attempted = self.succeeded = 0
        self.relays = 0
        self.lost: str | None = None
        self.tokens: tuple[int, int] | None = None
        self.model_usd: float | None = None
        self.uncounted = self.unpriced = 0
        self.cycles_s: list[float] = []
        self.segments: list[tuple[str, int]] = []
        self.peak_tool_speed_m_s = 0.0

    def tick(self, observation: Observation, ruling: Ruling, *, thinking: bool) -> None:
        """Count one tick."""
        self.ticks += 1
        if ruling.verdict == "limit":
            self.limited += 1
        elif ruling.verdict == "stop":
            self.stopped += 1
        idle = ruling.verdict != "stop" and ruling.action.source == "guard"
        if thinking and idle:
            self.think_ticks += 1
        state = "SBY" if idle else "PRD"
        if self.segments and self.segments[-1][0] == state:
            self.segments[-1] = state, self.segments[-1][1] + 1
        else:
            self.segments.append((state, 1))
        limbs = observation.limbs
        tools = [limbs[name].tool_in_world[:3, 3].tolist() for name in self._limbs]
        if self._tools is not None:
            fastest = max(map(dist, tools, self._tools)) / self._dt
            self.peak_tool_speed_m_s = max(self.peak_tool_speed_m_s, fastest)
        self._tools = tools

    def exchange(self, exchange: Exchange) -> None:
        """Count one decision of the brain, and what is known of its price."""
        self.decisions += 1
        if exchange.tokens is None:
            self.uncounted += 1
        else:
            before = self.tokens or (0, 0)
            self.tokens = before[0] + exchange.tokens[0], before[1] + exchange.tokens[1]
        if exchange.cost_usd is None:
            self.unpriced += 1
        else:
            self.model_usd = (self.model_usd or 0.0) + exchange.cost_usd

    def event(self, event: Event) -> None:
        """Count one event."""
        if event.kind == "fault" and event.data.get("code") in _LOST:
            self.lost = str(event.data["code"])
        skill = event.data.get("skill")
        if skill not in ("pick", "handover", "place"):
            return
        limbs = event.data["limbs"]
        if event.kind == "skill.started":
            if skill == "place":
                self._target[limbs[-1]] = _target(event)
                return
            self.attempted += 1
            self._target[limbs[-1]] = target = _target(event)
            self._begun[limbs[-1]] = self._since(target, event.tick)
        elif event.kind == "skill.finished":
            self._finished(skill, limbs[-1], event)

    def _finished(self, skill: str, limb: str, event: Event) -> None:
        target = self._target.pop(limb, None)
        begun = self._begun.get(limb)
        if skill != "place":
            if event.data["ok"]:
                self.succeeded += 1
            elif begun is not None and target is not None:
                self._open.append((target, self._begun.pop(limb)))  # it may be tried again
            return
        if not event.data["ok"] or begun is None:
            return
        del self._begun[limb]
        if "tote" in event.data["arguments"]:
            self.cycles_s.append((event.tick - begun) * self._dt)
        else:  # set down for another limb, who will bring it home
            self.relays += 1
            if target is not None:
                self._open.append((target, begun))

    def _since(self, target: _Target | None, tick: int) -> int:
        """When the part at a pixel was first reached for: now, or by whoever had it before."""
        if target is None:
            return tick
        for known in self._open:
            (camera, u, v), begun = known
            if camera == target[0] and dist((u, v), target[1:]) < _SAME_PX:
                self._open.remove(known)
                return begun
        return tick


def _target(event: Event) -> _Target | None:
    """The pixel that a call names, if it names one."""
    arguments = event.data["arguments"]
    if "point" in arguments:
        u, v = arguments["point"]
    elif "box" in arguments:
        left, top, right, bottom = arguments["box"]
        u, v = (left + right) / 2, (top + bottom) / 2
    else:
        return None
    return arguments["camera"], float(u), float(v)
