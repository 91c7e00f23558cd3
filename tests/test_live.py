"""Whatever process of a live cell is lost, the arms stand, and only a person lets them move."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from shopfloor.errors import PluginError, SpecMismatch
from shopfloor.live import watchdog
from shopfloor.live.cell import CellStopped, LiveCell
from shopfloor.live.journal import Journal, read_journal
from shopfloor.live.remote import RemoteBrain
from shopfloor.live.talk import Pulse
from shopfloor.live.watchdog import DogSetting
from shopfloor.order.generator import GeneratedOrders
from shopfloor.shift.loss import WAYS, trial
from shopfloor.shift.supervise import LoopSetting
from shopfloor.types import Action, BrainContext, Deferred, Goal, Observation, Order, People

PATIENCE_S = 1.0  # long, for machines that are busy with other tests


def order(words):
    return Order("o-1", words, "en", Goal(()), 60.0)


def seen(tick=5):
    return Observation(tick, {}, {}, {}, {}, People())


def act(brain, words, deadline_s=20.0):
    brain.reset(order(words), seed=1)
    return brain.act(seen(), (), deadline_s=deadline_s)


@pytest.fixture(scope="module")
def context(dark_cell, fenced):
    return BrainContext(dark_cell.spec, fenced, {"wait": {"type": "object"}})


@pytest.fixture(scope="module")
def brain(context):
    with pytest.MonkeyPatch.context() as patch:
        here = str(Path(__file__).parent)
        known = os.environ.get("PYTHONPATH")
        patch.setenv("PYTHONPATH", os.pathsep.join([here, *([known] if known else [])]))
        patch.setattr("shopfloor.live.remote._PAUSE_S", 0.0)
        brain = RemoteBrain("Plain", context, module="live_brains")
        yield brain
        brain.close()


# The brain's process.


def test_a_brain_in_a_process_of_its_own_is_asked_as_any_other(brain):
    assert isinstance(brain, Deferred)
    assert brain.needs.cameras == ("overview",)
    assert brain.facts == {"id": "plain/1", "size": "7"}
    assert brain.process.pid != os.getpid()
    assert act(brain, "work").decision.note == "tick 5, 0 events, ['left', 'right']"
    brain.ask(seen(6), (), deadline_s=20.0)
    while (reply := brain.heard()) is None:  # and nobody waited
        time.sleep(0.001)
    assert reply.decision.note.startswith("tick 6")
    assert brain.heard() is None


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [("raise", "ValueError", "no idea"), ("fail to begin", "OSError", "no room")],
)
def test_what_it_raises_is_told_and_costs_no_process(brain, words, error, said):
    act(brain, "work")
    process = brain.process
    with pytest.raises(Exception, match=said) as caught:
        act(brain, words)
    assert type(caught.value).__name__ == error
    if words == "raise":
        assert caught.value.exchange.model_id == "test"
    act(brain, "work")
    assert brain.process is process


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("hang", TimeoutError, r"within 0\.3 s and was killed"),
        ("exit", ConnectionError, "is lost"),
        ("pickle", ConnectionError, "is lost: a message of"),
    ],
)
def test_a_process_that_is_lost_is_ended_and_started_anew(brain, words, error, said):
    act(brain, "work")
    process = brain.process
    with pytest.raises(error, match=said):
        act(brain, words, deadline_s=0.3 if words == "hang" else 20.0)
    assert process.poll() is not None
    with pytest.raises(ConnectionError, match="next order"):
        brain.heard()
    assert act(brain, "work").decision.claim == "done"
    assert brain.process.pid != process.pid


def test_a_process_that_stands_still_is_noticed_by_its_silence(brain):
    act(brain, "work")
    began = time.monotonic()
    with pytest.raises(ConnectionError, match="silent for more than 1 s"):
        act(brain, "freeze", deadline_s=60.0)
    assert time.monotonic() - began < 10


def test_an_answer_that_cannot_be_sent_is_the_brains_fault(brain):
    with pytest.raises(Exception, match="cannot be sent") as caught:
        act(brain, "unspeakable")
    assert type(caught.value).__name__ == "Misread"


def test_a_brain_that_cannot_be_made_is_said_so_at_once(brain, context, capfd):
    with pytest.raises(PluginError, match=r"'Unmade' cannot be made .* stderr says more"):
        RemoteBrain("Unmade", context, module="live_brains")
    assert "no weights" in capfd.readouterr().err


# The cell.


def swing(cell, timestep, ticks):
    """Drive a joint to and fro, slowly enough for any limit; return the fastest joint [rad/s]."""
    fastest = 0.0
    for _ in range(ticks):
        hold = cell.hold()
        at = timestep.observation.tick
        q = timestep.observation.limbs["left"].q_target.copy()
        q[0] += 0.006 * np.sign(np.sin(at / 25))
        targets = {**hold.targets, "left": q}
        timestep = cell.step(Action(targets, hold.jaw_m, at, at, "brain"))
        fastest = max(fastest, float(np.abs(timestep.observation.limbs["left"].qd).max()))
    return timestep, fastest


def until(found, seconds=20.0):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


def told(folder, name, what):
    return [event for event in read_journal(folder / f"{name}.jsonl") if event["what"] == what]


@pytest.fixture
def live(tmp_path):
    cell = LiveCell("sorting", "bench", tmp_path, render=False, patience_s=PATIENCE_S)
    yield cell
    cell.close()


def test_a_live_cell_from_its_first_tick_to_its_release(live, tmp_path):
    lot = next(iter(GeneratedOrders(3, 1).lots()))
    first = live.reset(lot, seed=lot.seed)
    assert (first.observation.tick, sorted(first.observation.limbs)) == (0, ["left", "right"])
    now, fastest = swing(live, first, 50)
    assert fastest > 0.1
    assert live.stopped is None

    # Starved of its processor for a while, the loop counts the ticks that went on without it.
    before, tick = live.missed, now.observation.tick
    time.sleep(0.3)
    now, _ = swing(live, now, 1)
    missed = now.observation.tick - tick - 1
    assert live.missed - before == missed
    assert missed > 0
    assert live.stopped is None

    # Resting, its silence is no alarm.
    live.rest()
    time.sleep(1.5 * PATIENCE_S)
    now, _ = swing(live, now, 25)
    assert told(tmp_path, "watchdog", "stop") == []

    # Not resting, it is.
    until(lambda: told(tmp_path, "watchdog", "stands"))
    (stop,), (stands,) = told(tmp_path, "watchdog", "stop"), told(tmp_path, "watchdog", "stands")
    assert "silent for more than 1 s" in stop["reason"]
    assert stands["speed_rad_s"] < 0.01
    with pytest.raises(CellStopped, match="somebody has to look at it"):
        swing(live, now, 50)
    with pytest.raises(CellStopped):  # and asking again does not help
        swing(live, now, 50)
    with pytest.raises(CellStopped):
        live.reset(lot, seed=lot.seed)

    # Nothing moves again by itself; a person's word is written down.
    with pytest.raises(SpecMismatch, match="nobody was named"):
        live.release(" ")
    live.release("A. Person")
    (released,) = told(tmp_path, "watchdog", "released")
    assert released["who"] == "A. Person"
    with pytest.raises(CellStopped, match="not stopped"):
        live.release("A. Person")
    _, fastest = swing(live, live.reset(lot, seed=lot.seed), 50)
    assert fastest > 0.1


def test_without_its_watchdog_the_plant_takes_no_command(live, tmp_path):
    lot = next(iter(GeneratedOrders(3, 1).lots()))
    now, _ = swing(live, live.reset(lot, seed=lot.seed), 30)
    os.kill(live.watchdog.pid, signal.SIGKILL)
    with pytest.raises(CellStopped, match="the watchdog is gone"):
        swing(live, now, 500)
    with pytest.raises(CellStopped, match="watchdog"):
        live.release("A. Person")


@pytest.mark.parametrize("name", ["brain.kill", "loop.kill"])
def test_who_is_lost_stops_the_arms(name, tmp_path):
    way = next(way for way in WAYS if way.name == name)
    asked = LoopSetting(
        folder="", cell="sorting", body="bench", limits="fenced", deadline_s=2.0, seed=5,
        module="shopfloor.testing.mover", brain="Mover", patience_s=PATIENCE_S,
    )  # fmt: skip
    found = trial(asked, way)
    assert found is not None
    assert found.detected_s is not None
    assert found.stood_s is not None
    assert found.stood_s < 2.0  # how soon is measured by shopfloor bench loss
    assert not found.again


def test_a_journal_that_was_cut_off_keeps_its_whole_lines(tmp_path):
    path = tmp_path / "x.jsonl"
    assert read_journal(path) == []
    Journal(path).write("ready", pid=1)
    with path.open("ab") as file:
        file.write(b'{"at_s": 1.0, "wha')
    (line,) = read_journal(path)
    assert (line["what"], line["pid"]) == ("ready", 1)


class Silence:
    """An end of a line at which nobody speaks, and that keeps what is said."""

    def __init__(self):
        self.lost, self.told = None, []

    def say(self, message):
        self.told.append(message)


def test_a_pulse_from_before_a_release_is_no_new_stop_and_one_from_after_it_is(tmp_path):
    dog = watchdog._Watchdog(DogSetting(1.0, str(tmp_path / "journal")), Silence(), Silence())
    dog._stopped, dog._stands = "silent", True
    dog._release("A. Person")
    dog._look(Pulse(at_s=1.0, speed_rad_s=0.0, stopped="silent"))  # sent before it heard
    assert dog._stopped is None
    dog._look(Pulse(at_s=1.1, speed_rad_s=0.0, stopped=None))
    dog._look(Pulse(at_s=1.2, speed_rad_s=0.0, stopped="anew"))
    assert dog._stopped == "anew"
