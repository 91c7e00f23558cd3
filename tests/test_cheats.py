"""The judge against orders that were played out in the simulated cell, bad ones and good ones."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.cell.scene import stations
from shopfloor.order import FAILURE_CODES, GeneratedOrders, SortingJudge, assign, choices
from shopfloor.order.part import footprint
from shopfloor.testing import CHEATS, HONEST, STAGE_LOT, Cheat, check_judge
from shopfloor.testing.cheat_tape import film
from shopfloor.testing.judge import check_verdict
from shopfloor.types import (
    Event,
    Goal,
    LimbState,
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

HOME = Path(__file__).parents[1]
BY_NAME = {cheat.name: cheat for cheat in (*CHEATS, *HONEST)}
LIMBS = ("left", "right")


def make() -> SortingJudge:
    return SortingJudge(control_dt=0.02, limbs=LIMBS)


@pytest.fixture(scope="module")
def tapes(dark_cell):
    """Tapes of all cheats, each made when it is first asked for."""
    made = {}

    def tape(name):
        if name not in made:
            made[name] = film(dark_cell, BY_NAME[name])
        return made[name]

    return tape


# The house's own judge.


@pytest.mark.parametrize("name", BY_NAME)
def test_the_judge_gives_the_only_right_verdict(name, tapes):
    check_verdict(tapes(name), make())


def test_the_library_says_what_each_cheat_is():
    assert len(BY_NAME) == len(CHEATS) + len(HONEST)
    for cheat in CHEATS:
        assert cheat.code in FAILURE_CODES
        assert cheat.when is not None
    assert all(cheat.code is None and cheat.ever for cheat in HONEST)
    for cheat in BY_NAME.values():
        assert cheat.does
        assert len(cheat.states) == len(cheat.parts)


def test_the_cheats_are_what_they_say_in_physics(tapes):
    """The scenes are judged by eye of the truth here, so that no cheat is another by accident."""

    def ends(name):
        tape = tapes(name)
        said = next(
            (t.truth for t, events in tape.shown for e in events if e.kind == "brain.finish"),
            None,
        )
        return tape.shown[-1][0].truth, said, tape.shown[0][0].observation.stations

    last, said, _ = ends("over-the-rim")
    assert said.speed[0] > 0.05, "it still moved when done was said"
    assert last.position[0, 2] < 0.02, "it lies on the table"
    last, said, _ = ends("falling")
    assert said.speed[0] > 0.05
    last, _, there = ends("on-the-rim")
    rim = there["A"].center_m[2] + there["A"].size_m[2]
    assert last.position[0, 2] == pytest.approx(rim + 0.016, abs=0.002)
    assert last.speed[0] < 0.001
    last, said, _ = ends("kept")
    assert said.touched["left"] == (0,)
    assert not said.jaw_open["left"]
    last, said, _ = ends("open-hand")
    assert said.jaw_open["left"]
    assert np.abs(said.position[0] - last.position[0]).max() < 0.001
    last, _, _ = ends("pushed")
    assert np.hypot(*(last.position[1, :2] - (-0.05, -0.06))) > 0.03
    last, _, _ = ends("nudged")
    assert 0.005 < np.hypot(*(last.position[1, :2] - (-0.05, -0.06))) < 0.03
    assert max(t.truth.collision_n for t, _ in tapes("pressed").shown) > 60
    last, _, _ = ends("stacked")
    assert abs(last.position[0, 2] - last.position[2, 2]) > 0.02


# The kit itself.


class _Lenient(SortingJudge):
    """Believes what it is told."""

    def judge(self, timestep, events):
        outcome = super().judge(timestep, events)
        said = [event for event in events if event.kind == "brain.finish"]
        if said and said[0].data["claim"] == "done":
            self._outcome = Outcome(True, True, None, None, self._units())
        return self._outcome if said else outcome

    def _units(self):
        from shopfloor.types import UnitOutcome

        return tuple(UnitOutcome(part.id, "good") for part in self._parts)


def _telling(change):
    """A judge that changes the right word before it says it."""

    class Teller(SortingJudge):
        def judge(self, timestep, events):
            outcome = super().judge(timestep, events)
            return outcome and change(outcome)

    return lambda: Teller(control_dt=0.02, limbs=LIMBS)


def _forgetful():
    class Forgetful(SortingJudge):
        orders = 0

        def reset(self, lot, order):
            super().reset(lot, order)
            self.orders += 1

        def judge(self, timestep, events):
            outcome = super().judge(timestep, events)
            return outcome and replace(outcome, ticks=outcome.ticks + self.orders)

    return Forgetful(control_dt=0.02, limbs=LIMBS)


def _mute():
    class Mute(SortingJudge):
        def judge(self, timestep, events):
            return None

    return Mute(control_dt=0.02, limbs=LIMBS)


@pytest.mark.parametrize(
    ("clause", "judge"),
    [
        ("judge.protocol", object),
        ("judge.decides", _mute),
        ("judge.code", lambda: _Lenient(control_dt=0.02, limbs=LIMBS)),
        ("judge.code", _telling(lambda o: replace(o, code="infra"))),
        ("judge.form", _telling(lambda o: replace(o, code="bad.luck"))),
        ("judge.form", _telling(lambda o: replace(o, good=True))),
        ("judge.form", _telling(lambda o: replace(o, code_tick=9_999))),
        ("judge.form", _telling(lambda o: replace(o, units=o.units[::-1]))),
        ("judge.tick", _telling(lambda o: replace(o, code_tick=o.code_tick - 1))),
        ("judge.ever", _telling(lambda o: replace(o, ever=True))),
        ("judge.reset", _forgetful),
        (
            "judge.units",
            _telling(
                lambda o: replace(o, units=(replace(o.units[0], state="scrap"), *o.units[1:]))
            ),
        ),
    ],
)
def test_a_judge_that_is_wrong_is_told_so(clause, judge, dark_cell):
    late = clause == "judge.tick"
    cheats = (BY_NAME["dawdled"],) if late else (BY_NAME["gave-up"], BY_NAME["lied"])
    with pytest.raises(AssertionError, match=f"^{clause}: "):
        check_judge(dark_cell, judge, cheats=cheats)


def test_the_cells_own_judge_is_the_default(dark_cell):
    check_judge(dark_cell, cheats=(BY_NAME["lied"], BY_NAME["dawdled"]))


# Good ends, put there by hand and left to physics.


def _heap(rng, tote: Station, parts: list[Part]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Poses over a tote from which parts fall into it, in any attitude, some on others."""
    (cx, cy, cz), (sx, sy, _) = tote.center_m, tote.size_m
    poses = []
    for i, part in enumerate(parts):
        room = np.array([sx, sy]) / 2 - np.linalg.norm(footprint(part).half_m) - 0.012
        x, y = (cx, cy) + rng.uniform(-1, 1, 2) * room
        quat = rng.normal(size=4)
        poses.append((np.array([x, y, cz + 0.05 + 0.045 * i]), quat / np.linalg.norm(quat)))
    return poses


@pytest.mark.parametrize("seed", range(6))
def test_heaps_in_the_right_totes_are_good(seed, dark_cell):
    """Parts of any kind, dropped on each other in any attitude, at rest, all inside: good."""
    cell, rng = dark_cell, np.random.default_rng(seed)
    spots = [(x, y) for x in (-0.14, -0.05, 0.05, 0.14) for y in (-0.1, 0.0, 0.1)]
    kinds = [(s, z) for s in ("cube", "cylinder", "bar") for z in ("small", "large")]
    drawn = [kinds[i] for i in rng.integers(len(kinds), size=8)]
    parts = tuple(
        Part(f"p{i}", ("red", "blue", "green")[i % 3], shape, size, *spots[i], 0.0)
        for i, (shape, size) in enumerate(drawn)
    )
    goal = Goal((Rule(Select(colour="red"), "A"), Rule(Select(colour="blue"), "B")))
    order = Order("heap", "", "en", goal, 60.0)
    lot = replace(STAGE_LOT, parts=parts, totes=("A", "B"), orders=(order,), seed=seed)
    judge = make()
    judge.reset(lot, order)
    first = cell.reset(lot, seed=seed)
    assert judge.judge(first, ()) is None
    for tote, colour in (("A", "red"), ("B", "blue")):
        named = [i for i, part in enumerate(parts) if part.colour == colour]
        station = first.observation.stations[tote]
        for i, (at, quat) in zip(
            named, _heap(rng, station, [parts[i] for i in named]), strict=True
        ):
            start = cell.model.body(f"part p{i}").jntadr[0]
            qpos = cell.model.jnt_qposadr[start]
            cell.data.qpos[qpos : qpos + 7] = [*at, *quat]
    mujoco.mj_forward(cell.model, cell.data)
    still = 0
    while still < 10:  # a can on its side may roll for seconds; the time limit ends the wait
        timestep = cell.step(cell.hold())
        still = still + 1 if timestep.truth.speed.max() < 0.005 else 0
        assert judge.judge(timestep, ()) is None
    done = Event(timestep.observation.tick + 1, "brain.finish", {"claim": "done"})
    outcome = judge.judge(cell.step(cell.hold()), (done,))
    while outcome is None:
        outcome = judge.judge(cell.step(cell.hold()), ())
    assert outcome.good, outcome
    assert [unit.state for unit in outcome.units] == [
        "bystander" if part.colour == "green" else "good" for part in parts
    ]


@given(st.integers(0, 100_000), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_any_order_is_good_when_all_lies_right_and_bad_when_one_thing_does_not(seed, draw):
    """Generated orders, their ends set by hand: all in place, and then one part out of place."""
    lot = GeneratedOrders(seed).lot(0)
    order, parts, rng = lot.orders[0], lot.parts, np.random.default_rng(draw)
    there = stations(lot.totes)
    start = np.array([[p.x_m, p.y_m, 0.003 + footprint(p).half_m[2]] for p in parts])
    wanted = assign(order.goal, parts)
    good = start.copy()
    for i, part in enumerate(parts):
        if (tote := wanted[part.id]) is not None:
            good[i] = _somewhere(rng, there[tote])
        elif choices(order.goal, part) == (None,):
            turn = rng.uniform(0, 2 * np.pi)
            good[i, :2] += 0.029 * rng.random() * np.array([np.cos(turn), np.sin(turn)])
    assert _ends(lot, there, start, good, rng).good
    one = int(rng.integers(len(parts)))
    bad = good.copy()
    tote = wanted[parts[one].id]
    others = [name for name in lot.totes if name != tote]
    ways = [(0.8, 0.0, 0.01), (*good[one, :2], -0.05), _somewhere(rng, there[others[0]])]
    if tote is not None:
        cx, cy, cz = there[tote].center_m
        beside = cx + there[tote].size_m[0] / 2 + 0.02
        ways += [start[one], (beside, cy, cz + 0.03), (cx, cy, cz + 0.15)]
    if tote is None or choices(order.goal, parts[one]) == (tote,):  # else it may count elsewhere
        bad[one] = ways[rng.integers(len(ways))]
    else:
        bad[one] = ways[0]
    outcome = _ends(lot, there, start, bad, rng)
    assert not outcome.good
    assert not outcome.ever
    assert outcome.code in FAILURE_CODES


def _somewhere(rng, station: Station) -> np.ndarray:
    """A place inside a tote, anywhere from its floor to its rim."""
    half = np.array([*station.size_m[:2], 0.0]) / 2 * 0.98
    place = np.array(station.center_m) + rng.uniform(-1, 1, 3) * half
    return place + np.array([0.0, 0.0, rng.uniform(0.005, station.size_m[2])])


def _ends(lot, there, start, end, rng) -> Outcome:
    """What the judge says of parts that lay at ``start`` and were then found at ``end``."""
    judge = make()
    judge.reset(lot, lot.orders[0])
    n = len(lot.parts)
    quat = rng.normal(size=(n, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    for tick in range(30):
        moving = 5 <= tick < 8
        truth = Truth(
            tick,
            start if tick < 5 else end,
            quat,
            np.where((start != end).any(axis=1) & moving, 1.0, 0.0),
            dict.fromkeys(LIMBS, ()),
            dict.fromkeys(LIMBS, True),
            0.0,
        )
        finish = Event(tick, "brain.finish", {"claim": "done"})
        limbs = dict.fromkeys(LIMBS, _IDLE)
        shown = Timestep(Observation(tick, limbs, {}, {}, there, People()), truth, False, False)
        outcome = judge.judge(shown, (finish,) if tick == 29 else ())
    assert outcome is not None
    return outcome


_IDLE = LimbState(np.zeros(6), np.zeros(6), np.diag([1.0, 1, 1, 1]), 0.0, np.zeros(6), np.zeros(6))


# The page.


def test_the_page_says_what_the_library_says():
    spec = importlib.util.spec_from_file_location("judge_page", HOME / "scripts" / "judge.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), "run: python scripts/judge.py"
    for cheat in BY_NAME.values():
        assert f"| {cheat.name} |" in script.page()
    assert isinstance(BY_NAME["lied"], Cheat)
