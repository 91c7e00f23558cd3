"""What is counted while a lot is worked, from observations, rulings and events alone."""

from __future__ import annotations

from math import dist

from shopfloor.types import Event, Observation, Ruling

__all__ = ["Tally"]


class Tally:
    """Counts of one lot.

    Attributes:
        ticks: Ticks so far.
        think_ticks: Ticks in which the brain was thinking and every limb held.
        decisions: How often the brain was asked.
        limited, stopped: Actions that the guard changed or replaced.
        attempted, succeeded: Picks and handovers begun; those whose own sensors said yes.
        cycles_s: Seconds from the start of each pick to the end of the place that followed.
        peak_tool_speed_m_s: Fastest tool, measured over a tick.
    """

    def __init__(self, limbs: tuple[str, ...], control_dt: float) -> None:
        """Begin at zero."""
        self._dt = control_dt
        self._begun: dict[str, int] = {}
        self._tools: list[list[float]] | None = None
        self._limbs = limbs
        self.ticks = self.think_ticks = self.decisions = 0
        self.limited = self.stopped = self.attempted = self.succeeded = 0
        self.cycles_s: list[float] = []
        self.peak_tool_speed_m_s = 0.0

    def tick(self, observation: Observation, ruling: Ruling, *, thinking: bool) -> None:
        """Count one tick."""
        self.ticks += 1
        if ruling.verdict == "limit":
            self.limited += 1
        elif ruling.verdict == "stop":
            self.stopped += 1
        if thinking and ruling.action.source == "guard":
            self.think_ticks += 1
        limbs = observation.limbs
        tools = [limbs[name].tool_in_world[:3, 3].tolist() for name in self._limbs]
        if self._tools is not None:
            fastest = max(map(dist, tools, self._tools)) / self._dt
            self.peak_tool_speed_m_s = max(self.peak_tool_speed_m_s, fastest)
        self._tools = tools

    def event(self, event: Event) -> None:
        """Count one event."""
        skill = event.data.get("skill")
        if event.kind == "skill.started" and skill in ("pick", "handover"):
            self.attempted += 1
            self._begun[event.data["limbs"][-1]] = event.tick
        elif event.kind == "skill.finished" and event.data["ok"]:
            if skill in ("pick", "handover"):
                self.succeeded += 1
            elif skill == "place":
                begun = self._begun.pop(event.data["limbs"][0], None)
                if begun is not None:
                    self.cycles_s.append((event.tick - begun) * self._dt)
