"""Decides sorting orders from the simulator's truth, never from the brain's words.

An order ends when the brain finishes, when its time is over, or when the cell breaks off.
After "finish" the judge waits until all parts are at rest (below 5 mm/s for 0.2 s) and every
jaw is open and touches nothing, for 3 s at most; what still moves or is touched then is work
in progress. The end state decides, whatever the brain claims.

- A unit is good at rest inside its tote: centre within the walls, above the floor less
  10 mm, no higher than 30 mm over the wall (or 100 mm over the floor), and not lying on the
  rim: what is above the walls as a whole may not reach out over one.
- A bystander, a part that no rule names, must be on the tray within 30 mm of where it lay.
  What a rule with a count leaves over must be on the tray.
- Bad units are ``wip`` (touched by a jaw, or moving in their tote), ``scrap`` (in no
  station), else ``quarantine``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from shopfloor.errors import SpecMismatch
from shopfloor.order.cause import Ending, Kind, cause, root
from shopfloor.order.goal import TRAY, Standing, choices, satisfied, standings
from shopfloor.order.incident import MOVED_M, Incident, IncidentLog
from shopfloor.order.layout import Layout
from shopfloor.types import Event, Lot, Order, Outcome, Timestep, Truth, UnitOutcome

__all__ = ["SortingJudge"]

STILL_M_S = 0.005
"""A part slower than this is still [m/s]."""
SETTLE_S = 0.2
"""A part still for so long is at rest [s]."""
PATIENCE_S = 3.0
"""Longest wait for rest after the brain has finished [s]."""


class SortingJudge:
    """Judges one order after the other.

    Attributes:
        delivered: Once decided, the ticks at which the good units came to rest, ascending.
    """

    def __init__(self, *, control_dt: float, limbs: Sequence[str]) -> None:
        """Set up a judge.

        Args:
            control_dt: Length of a tick [s].
            limbs: Names of the body's limbs, as in ``Truth.touched``.

        Raises:
            SpecMismatch: A tick that is not longer than 0.
        """
        if control_dt <= 0:
            raise SpecMismatch(f"control_dt is {control_dt} s; it must be more than 0")
        self._dt, self._limbs = control_dt, tuple(limbs)
        self._settle_ticks = self._ticks(SETTLE_S)
        self._patience_ticks = self._ticks(PATIENCE_S)
        self._lot: Lot | None = None
        self._outcome: Outcome | None = None
        self.delivered: tuple[int, ...] = ()

    def reset(self, lot: Lot, order: Order) -> None:
        """Begin an order; its first timestep says where everything lies at the start."""
        self._lot, self._order, self._parts = lot, order, lot.parts
        self._choices = [choices(order.goal, part) for part in lot.parts]
        self._log: IncidentLog | None = None
        self._first_order = bool(lot.orders) and order is lot.orders[0]
        self._limit_ticks = self._ticks(order.time_limit_s)
        self._finish: tuple[int, str] | None = None
        self._ever = False
        self._seen: int | None = None  # the last motion before the last look at the goal
        self._outcome = None
        self.delivered = ()

    def judge(  # noqa: C901 - guard clauses
        self, timestep: Timestep, events: Sequence[Event]
    ) -> Outcome | None:
        """Return the outcome, or None while undecided.

        Call it at every tick, with the events of that tick; once decided it repeats itself.

        Raises:
            SpecMismatch: No order was begun, or the cell gives no truth for these parts.
        """
        if self._outcome is not None:
            return self._outcome
        truth = timestep.truth
        if self._lot is None or truth is None or len(truth.position) != len(self._lot.parts):
            raise self._mismatch(truth)
        log = self._log
        if log is None:
            log = self._begin(timestep, truth)
        log.step(timestep.observation, truth, truth.speed >= STILL_M_S)
        for event in events:
            if event.kind != "brain.finish":
                log.event(event, timestep.observation, truth)
            elif self._finish is None:
                self._finish = (truth.tick, str(event.data.get("claim")))
        ready = self._ready(truth, log)
        if timestep.truncated or timestep.terminated:
            return self._decide(truth, log, "broken")
        if self._finish is not None:
            if ready or truth.tick - self._finish[0] >= self._patience_ticks:
                return self._decide(truth, log, "finish")
        elif truth.tick - self._start_tick >= self._limit_ticks:
            return self._decide(truth, log, "timeout")
        return None

    def _ticks(self, seconds: float) -> int:
        """Return the whole ticks that last at least so long; quotients of floats may be off."""
        return ceil(seconds / self._dt - 1e-9)

    def _ready(self, truth: Truth, log: IncidentLog) -> bool:
        """Return whether all is at rest and every jaw open and clear; note if the goal holds."""
        last = int(log.last_move.max(initial=-self._settle_ticks))  # a touched part moves
        ready = truth.tick - last >= self._settle_ticks and all(truth.jaw_open.values())
        if ready and last != self._seen:
            self._seen = last
            self._ever = self._ever or self._holds(truth, log)
        return ready

    def _mismatch(self, truth: Truth | None) -> SpecMismatch:
        if self._lot is None:
            return SpecMismatch("judge() was called before reset(); begin with reset(lot, order)")
        if truth is None:
            return SpecMismatch(
                "the cell gives no truth; a sorting order is judged from the simulator's truth, so "
                "use a simulated cell or a judge that reads sensors"
            )
        return SpecMismatch(
            f"the cell's truth has {len(truth.position)} parts, the lot {len(self._lot.parts)}; "
            "reset the cell with the lot that is judged"
        )

    def _begin(self, timestep: Timestep, truth: Truth) -> IncidentLog:
        if missing := sorted(set(self._limbs) ^ set(truth.touched)):
            raise SpecMismatch(
                f"limbs {', '.join(missing)} are not both in the body and in the truth; the judge "
                f"was made for {', '.join(self._limbs)}"
            )
        layout = Layout(timestep.observation.stations)
        self._log = IncidentLog(layout, self._parts, self._choices, self._settle_ticks)
        self._log.begin(truth)
        self._home = np.array(truth.position[:, :2], dtype=float)
        self._start_tick = 0 if self._first_order else truth.tick
        return self._log

    # What holds now.

    def _strays(self, truth: Truth) -> npt.NDArray[np.bool_]:
        """Return which parts are further from where they lay than a bystander may be."""
        away = truth.position[:, :2] - self._home
        strays: npt.NDArray[np.bool_] = np.hypot(away[:, 0], away[:, 1]) > MOVED_M
        return strays

    def _holds(self, truth: Truth, log: IncidentLog) -> bool:
        """Return whether everything is where it should be; all parts are at rest and free."""
        places = log.places(truth)
        if not satisfied(self._order.goal, self._parts, places):
            return False
        strays = self._strays(truth)
        return not any(strays[i] for i, choice in enumerate(self._choices) if choice == (None,))

    # The end.

    def _decide(self, truth: Truth, log: IncidentLog, kind: Kind) -> Outcome:
        claim_tick, claim = self._finish or (truth.tick, None)
        ending = Ending(kind, truth.tick, claim, claim_tick)
        if kind != "broken":  # then no position means anything
            log.lose(truth)
        places = log.places(truth)
        touched = {part for parts in truth.touched.values() for part in parts}
        moving = set(
            np.flatnonzero(truth.tick - log.last_move < self._settle_ticks).tolist()
        ) | set(log.held)
        # What moves, is touched or in a jaw is nowhere yet.
        at_rest = [None if i in moving else place for i, place in enumerate(places)]
        found = standings(self._order.goal, self._parts, at_rest)
        strays = self._strays(truth)
        units: list[UnitOutcome] = []
        causes: list[tuple[Incident, bool]] = []
        for i, (part, standing) in enumerate(zip(self._parts, found, strict=True)):
            place = places[i]
            if standing.want is None:
                left = i not in log.held and place == TRAY and (standing.counted or not strays[i])
                why = None if left else self._disturbed(log, i, standing, truth)
                state = "bystander"
            elif standing.good:
                why, state = None, "good"
            else:
                why = cause(log, i, ending)
                if i in touched or i in log.held:
                    state = "wip"
                elif place is None:
                    state = "scrap"
                else:
                    state = "wip" if place == standing.want else "quarantine"
            if why is None:
                units.append(UnitOutcome(part.id, state))  # type: ignore[arg-type]
            else:
                causes.append(why)
                units.append(UnitOutcome(part.id, state, why[0].code, why[0].tick))  # type: ignore[arg-type]
        good = not causes and kind == "finish"
        self._ever = self._ever or good
        self.delivered = tuple(
            sorted(
                log.arrived.get(i, int(log.last_move[i]) + 1)
                for i, unit in enumerate(units)
                if unit.state == "good"
            )
        )
        first = None if good else root(causes, ending)
        if kind == "broken" and not causes and log.fault is not None:
            first = log.fault  # everything lay where it should when a fault ended the order
        self._outcome = Outcome(
            good=good,
            ever=self._ever,
            code=first.code if first else None,
            code_tick=first.tick if first else None,
            units=tuple(units),
            ticks=truth.tick - self._start_tick,
        )
        return self._outcome

    def _disturbed(
        self, log: IncidentLog, part: int, standing: Standing, truth: Truth
    ) -> tuple[Incident, bool]:
        """Return why a part that was to stay did not."""
        live = log.live.get(part, [])
        if live:
            return min(live, key=lambda incident: incident.tick), True
        if standing.counted:  # one more than was asked for
            return Incident(log.arrived.get(part, truth.tick), "plan.wrong_step"), True
        return Incident(int(log.last_move[part]), "collision"), True
