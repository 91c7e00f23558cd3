"""A puppet bench for judges: parts and jaws that are moved by hand, tick by tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shopfloor.order import FAILURE_CODES, Ledger, SortingJudge
from shopfloor.types import (
    Event,
    Goal,
    LimbState,
    Lot,
    Observation,
    Order,
    Outcome,
    Part,
    People,
    Rule,
    Select,
    Station,
    Timestep,
    Truth,
)

DT = 0.02
STATIONS = {
    "A": Station("A", (-0.325, 0.135, 0.003), (0.20, 0.22, 0.07)),
    "B": Station("B", (0.325, 0.135, 0.003), (0.20, 0.22, 0.07)),
    "tray": Station("tray", (0.0, 0.0, 0.003), (0.38, 0.32, 0.006)),
}
LIMBS = ("left", "right")
REST_Z = 0.016
PARTS = (
    Part("p0", "red", "cube", "small", -0.10, 0.0, 0.0),
    Part("p1", "red", "cube", "small", 0.0, 0.0, 0.0),
    Part("p2", "blue", "cylinder", "small", 0.10, 0.0, 0.0),
)
RED_TO_A = Goal((Rule(Select(colour="red"), "A"),))
ONE_RED = Goal((Rule(Select(colour="red"), "A", 1),))
BLUE_TO_A = Goal((Rule(Select(colour="blue"), "A"),))
IN_A = (-0.325, 0.135, 0.016)


class Bench:
    """Puppet parts and jaws: moves them by hand and shows every tick to the judge."""

    def __init__(
        self, goal: Goal = RED_TO_A, parts: Sequence[Part] = PARTS, limit_s: float = 60.0
    ) -> None:
        self.parts = tuple(parts)
        order = Order("o", "words", "en", goal, limit_s)
        self.lot = Lot(0, 1, self.parts, ("A", "B"), (order,))
        self.judge = SortingJudge(control_dt=DT, limbs=LIMBS)
        self.judge.reset(self.lot, order)
        self.position = np.array([[p.x_m, p.y_m, REST_Z] for p in parts]).reshape(-1, 3)
        self.tool = {
            limb: np.array([0.0, 0.6 * s, 0.4]) for limb, s in zip(LIMBS, (1, -1), strict=True)
        }
        self.open = dict.fromkeys(LIMBS, True)
        self.touch: dict[str, set[int]] = {limb: set() for limb in LIMBS}
        self.push_n = 0.0
        self.truncated = False
        self.tick = -1
        self.outcome: Outcome | None = None
        self.events: list[Event] = []
        self.calls = 0
        self.step(12)

    def timestep(self, speed: np.ndarray) -> Timestep:
        limbs = {}
        for limb in LIMBS:
            pose = np.eye(4)
            pose[:3, 3] = self.tool[limb]
            limbs[limb] = LimbState(np.zeros(6), np.zeros(6), pose, 0.02, np.zeros(6), np.zeros(6))
        truth = Truth(
            tick=self.tick,
            position=self.position.copy(),
            quat=np.tile([1.0, 0, 0, 0], (len(self.parts), 1)),
            speed=speed,
            touched={limb: tuple(sorted(t)) for limb, t in self.touch.items()},
            jaw_open=dict(self.open),
            collision_n=self.push_n,
        )
        observation = Observation(self.tick, limbs, {}, {}, STATIONS, People())
        return Timestep(observation, truth, False, self.truncated)

    def step(self, ticks: int = 1, speed: np.ndarray | None = None) -> None:
        for _ in range(ticks):
            if self.outcome is not None:
                return
            self.tick += 1
            events, self.events = self.events, []
            events = [Event(self.tick, e.kind, e.data) for e in events]
            still = np.zeros(len(self.parts))
            shown = self.timestep(still if speed is None else speed)
            self.outcome = self.judge.judge(shown, events)

    # What happens.

    def say(self, kind: str, **data: Any) -> int:
        self.events.append(Event(0, kind, data))
        self.step()
        return self.tick

    def start(self, skill: str, limb: str = "left", **arguments: Any) -> int:
        self.calls += 1
        call = {"id": f"c{self.calls}", "skill": skill, "limbs": [limb], "arguments": arguments}
        self.call = call
        return self.say("skill.started", **call)

    def end(self, *, ok: bool = True, code: str | None = None) -> int:
        return self.say("skill.finished", **self.call, ok=ok, code=code)

    def move(
        self, part: int, to: Sequence[float], limb: str | None = None, ticks: int = 10
    ) -> None:
        """Move a part in a straight line, with a limb's tool on it if one is named."""
        path = np.linspace(self.position[part], np.array(to, float), ticks + 1)[1:]
        speed = np.zeros(len(self.parts))
        speed[part] = max(0.1, np.linalg.norm(path[-1] - path[0]) / (ticks * DT))
        for point in path:
            self.position[part] = point
            if limb is not None:
                self.tool[limb] = point.copy()
            self.step(1, speed)

    def reach(self, part: int, limb: str = "left") -> None:
        self.tool[limb] = self.position[part].copy()
        self.step(3)

    def close(self, part: int | None, limb: str = "left") -> int:
        self.open[limb] = False
        if part is not None:
            self.touch[limb].add(part)
        self.step(4)
        return self.tick - 3

    def let_go(self, limb: str = "left") -> int:
        self.open[limb] = True
        self.step()
        tick = self.tick
        self.touch[limb].clear()
        self.step()
        return tick

    def pick(self, part: int, limb: str = "left") -> int:
        began = self.start("pick", limb)
        self.reach(part, limb)
        self.close(part, limb)
        self.move(part, self.position[part] + [0, 0, 0.1], limb)
        self.end()
        return began

    def put(self, part: int, where: str, limb: str = "left", call: str | None = None) -> int:
        """Carry a held part over a station and drop it there; returns the tick of the call."""
        x, y, z = STATIONS[where].center_m
        began = self.start("place", limb, tote=call or where)
        self.move(part, (x, y, 0.15), limb)
        self.let_go(limb)
        self.tool[limb] = np.array([0.0, 0.6, 0.4])
        self.move(part, (x, y, z + 0.013), ticks=5)
        self.step(12)
        self.end()
        return began

    def sort(self, part: int, tote: str, limb: str = "left") -> None:
        self.pick(part, limb)
        self.put(part, tote, limb)

    def miss(self, part: int, limb: str = "left", *, code: str = "grasp.miss") -> int:
        self.start("pick", limb)
        self.reach(part, limb)
        closed = self.close(None, limb)
        self.open[limb] = True  # closed on nothing: the jaw does not squeeze
        self.step(2)
        self.end(ok=False, code=code)
        self.tool[limb] = np.array([0.0, 0.6, 0.4])
        return closed

    def finish(self, claim: str = "done") -> Outcome:
        if self.outcome is None:
            self.claimed = self.tick + 1
            self.say("brain.finish", claim=claim, note="")
            self.step(200)
        assert self.outcome is not None
        check(self.outcome, self.lot)
        return self.outcome

    def run_out(self) -> Outcome:
        self.step(10_000)
        assert self.outcome is not None
        check(self.outcome, self.lot)
        return self.outcome


def check(outcome: Outcome, lot: Lot) -> None:
    """What holds of every outcome."""
    assert [unit.part for unit in outcome.units] == [part.id for part in lot.parts]
    assert (outcome.code is None) == outcome.good == (outcome.code_tick is None)
    assert outcome.code is None or outcome.code in FAILURE_CODES
    assert outcome.ever or not outcome.good
    assert type(outcome.ever) is type(outcome.good) is bool
    for unit in outcome.units:
        assert (unit.code is None) == (unit.tick is None)
        assert unit.state != "good" or unit.code is None
        assert unit.state in ("good", "bystander") or unit.code in FAILURE_CODES
    Ledger().add(outcome)


def states(outcome: Outcome) -> list[str]:
    return [unit.state for unit in outcome.units]


# What the judge's log says, white-box.


def held(bench: Bench) -> dict[int, str]:
    assert bench.judge._log is not None
    return bench.judge._log.held


def again(bench: Bench) -> None:
    """Begin anew, as the bench stands now."""
    bench.judge.reset(bench.lot, bench.lot.orders[0])
    bench.tick, bench.outcome = -1, None


def incidents(bench: Bench, part: int) -> list[tuple[int, str, bool]]:
    assert bench.judge._log is not None
    return [(one.tick, one.code, one.told) for one in bench.judge._log.live.get(part, [])]


def slip(bench: Bench, part: int = 0, limb: str = "left") -> int:
    bench.pick(part, limb)
    bench.touch[limb].clear()
    gone = bench.tick + 1
    bench.move(part, [*bench.position[part][:2], REST_Z], ticks=5)
    bench.open[limb] = True
    bench.step(15)
    return gone
