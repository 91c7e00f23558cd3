"""Faults in the cell: what they do, who hears of them, and what comes of it."""

from dataclasses import replace

import numpy as np
import pytest

from shift_examples import make_plan, order_file, work
from shopfloor.cell.fault import FaultyCell, parse
from shopfloor.cell.fault.camera import CameraFaults
from shopfloor.cell.fault.plan import Injection
from shopfloor.cell.fault.wire import Gate, Wire
from shopfloor.cell.noise import NoisyCell, noise_level
from shopfloor.errors import SensorLost, UsageError
from shopfloor.record import RunFolder
from shopfloor.shift import plan_of
from shopfloor.shift.arrival import Arrivals
from shopfloor.testing import STAGE_LOT
from shopfloor.types import Action, Frame, Timestep

ORDER = [
    {
        "instruction": "everything to A",
        "parts": [{"colour": "red", "shape": "cube", "size": "small"}] * 2,
    }
]


def injection(written, begin=0, end=None):
    """Return a fault as it is drawn."""
    one = parse(written)
    return Injection(one.kind, one.target or "overview", begin, end, one.amount or 0.0, 4)


def pictures(spec, count):
    """Return frames of a stream, five ticks apart, all different."""
    camera = spec.cameras["overview"]
    pixels = [np.full((64, 64, 3), 10 * i % 256, np.uint8) for i in range(count)]
    depth = np.ones((64, 64), np.float32)
    return [
        Frame("overview", p, depth, i, 5 * i, camera.stream, camera.camera_in_world)
        for i, p in enumerate(pixels)
    ]


def streamed(dark_cell, written, count=12):
    """Return what a stream gives at every tick under a fault from tick 12 on, and when it took."""
    took, given = [], []
    faults = CameraFaults(0.02, lambda _: took.append(tick))
    one = injection(written, 12)
    frames = pictures(dark_cell.spec, count)
    for tick in range(5 * count):
        active = [one] if one.at(tick) else []
        given.append(faults.stream(frames[tick // 5], active, tick))
    return frames, given, took


def test_a_camera_that_freezes(dark_cell):
    frames, given, took = streamed(dark_cell, "camera.freeze@1s")
    assert [f.seq for f in given] == [min(t // 5, 2) for t in range(60)]
    assert took[0] == 15
    assert given[-1] is frames[2]


def test_a_camera_with_a_stale_stamp(dark_cell):
    _, given, _ = streamed(dark_cell, "camera.stale@1s")
    assert [f.seq for f in given] == [t // 5 for t in range(60)]
    assert max(f.captured_tick for f in given) == 12


def test_a_camera_that_repeats_itself(dark_cell):
    frames, given, _ = streamed(dark_cell, "camera.repeat@1s")
    assert given[-1].seq == 11
    assert given[-1].captured_tick == 55
    assert given[-1].pixels is frames[3].pixels


def test_a_camera_that_is_late(dark_cell):
    _, given, _ = streamed(dark_cell, "camera.delay@1s:0.1")
    assert [f.seq for f in given] == [t // 5 if t < 15 else t // 5 - 1 for t in range(60)]


def test_pictures_that_change_places(dark_cell):
    _, given, _ = streamed(dark_cell, "camera.reorder@1s")
    order = [f.seq for f, before in zip(given, [None, *given], strict=False) if f is not before]
    assert order[:7] == [0, 1, 2, 4, 3, 6, 5]


def test_a_share_of_the_pictures_is_lost(dark_cell):
    _, given, _ = streamed(dark_cell, "camera.drop@1s:0.5", count=400)
    arrived = len({f.seq for f in given})
    assert 0.4 < arrived / 400 < 0.6


@pytest.mark.parametrize("fault", ["blur", "exposure", "occlusion", "holes"])
def test_pictures_that_show_less_leave_the_camera_s_own_alone(dark_cell, fault):
    frames, given, took = streamed(dark_cell, f"camera.{fault}@1s")
    assert took
    assert given[-1].captured_tick == frames[-1].captured_tick
    assert (frames[-1].pixels == 110).all()
    assert np.isfinite(frames[-1].depth).all()
    changed = (given[-1].pixels != 110).any() or not np.isfinite(given[-1].depth).all()
    assert changed or fault == "blur"  # one plain colour has no edges to lose


def test_a_camera_that_is_off_gives_no_view(dark_cell):
    faults = CameraFaults(0.02, lambda _: None)
    with pytest.raises(SensorLost, match="'overview' gives no picture"):
        faults.view(lambda: pictures(dark_cell.spec, 1)[0], [injection("camera.off@0s")])


def commands(count):
    """Return commands that go on evenly."""
    return [
        Action({"left": np.array([0.01 * i])}, {"left": 0.0}, i, i + 1, "skill")
        for i in range(count)
    ]


@pytest.fixture
def one_joint(dark_cell):
    """A body of one joint that brakes by 0.004 rad a tick each tick."""
    limb = replace(dark_cell.spec.body.limbs["left"], qdd_max=np.array([10.0]))
    return replace(dark_cell.spec.body, limbs={"left": limb})


@pytest.mark.parametrize("fault", ["comms.loss", "comms.replay", "comms.sequence"])
def test_drives_brake_when_no_command_comes_in_its_turn(one_joint, fault):
    wire, gate, one = Wire(lambda _: None), Gate(one_joint, 0.02), injection(f"{fault}@0s", 10)
    at = []
    for tick, action in enumerate(commands(20)):
        arrived = wire.carry(action, [one] if one.at(tick) else [])
        at.append(float(gate.pick(arrived, action).targets["left"][0]))
    # 0.01 rad a tick, less 0.004 each tick: 0.006, 0.002, 0.
    assert at[9:14] == pytest.approx([0.09, 0.096, 0.098, 0.098, 0.098])
    assert at[-1] == pytest.approx(0.098)


def test_a_command_that_arrives_twice_is_carried_out_once(one_joint):
    wire, gate = Wire(lambda _: None), Gate(one_joint, 0.02)
    one = injection("comms.duplicate@0s")
    for action in commands(5):
        assert gate.pick(wire.carry(action, [one]), action) is action


def test_a_film_has_no_gaps(dark_cell):
    first = dark_cell.reset(STAGE_LOT, seed=1)
    frames = pictures(dark_cell.spec, 8)
    arrivals = Arrivals()
    got = []
    for tick, seq in enumerate([0, 0, 1, 4, 4, 3, 7]):
        observation = replace(first.observation, tick=tick, frames={"overview": frames[seq]})
        out = arrivals.number(Timestep(observation, None, terminated=False, truncated=False))
        got.append(out.observation.frames["overview"].seq)
    assert got == [0, 0, 1, 2, 2, 3, 4]


def moving(cell, faults, ticks=120):
    """Turn a joint of each limb under faults; returns the last timestep, the events, the cell."""
    faulty = FaultyCell(cell, [parse(text) for text in faults])
    timestep = faulty.reset(STAGE_LOT, seed=1)
    events, steps = list(faulty.take_injected()), [timestep]
    home = {name: limb.q_target.copy() for name, limb in timestep.observation.limbs.items()}
    for tick in range(ticks):
        targets = {name: q + 0.3 * np.sin(tick / 40) for name, q in home.items()}
        jaw = dict.fromkeys(targets, 0.0)
        timestep = faulty.step(Action(targets, jaw, tick, tick + 1, "skill"))
        steps.append(timestep)
        events += faulty.take_injected()
    return steps, events, faulty


def test_a_plan_without_faults_changes_nothing(dark_cell):
    with_plan, events, _ = moving(dark_cell, [])
    without, _, _ = moving(dark_cell, ["camera.freeze@3600s"])
    assert events == []
    for a, b in zip(with_plan, without, strict=True):
        for name, limb in a.observation.limbs.items():
            assert limb.q.tobytes() == b.observation.limbs[name].q.tobytes()


@pytest.mark.parametrize("fault", ["actuator.stall", "encoder.stuck", "encoder.bias"])
def test_a_joint_is_not_where_it_was_sent_and_it_is_said_when_that_began(dark_cell, fault):
    steps, events, _ = moving(dark_cell, [f"{fault}/left@0.6s"])
    limb = steps[-1].observation.limbs["left"]
    assert np.abs(limb.q - limb.q_target).max() > 0.02
    assert [(e.kind, e.data["fault"]) for e in events] == [
        ("fault.injected", fault),
        ("fault.effect", fault),
    ]
    assert 30 <= events[0].tick <= events[1].tick < 120
    other = steps[-1].observation.limbs["right"]
    assert np.abs(other.q - other.q_target).max() < 0.02


def test_what_a_fault_did_to_the_physics_is_undone(dark_cell):
    steps, events, faulty = moving(dark_cell, ["actuator.friction/left@0.4s+0.4s"])
    assert [e.kind for e in events] == ["fault.injected", "fault.effect", "fault.over"]
    assert (faulty.world.model.dof_frictionloss == 0).all()
    assert steps


def test_a_picture_that_is_sent_again_comes_through_noise_as_the_same_picture(cell):
    faulty = FaultyCell(cell, [parse("camera.repeat/overview@0.5s")])
    noisy = NoisyCell(faulty, cell.body, noise_level(2))
    timestep = noisy.reset(STAGE_LOT, seed=1)
    seen = {}
    for tick in range(80):
        frame = timestep.observation.frames["overview"]
        seen[frame.captured_tick] = frame.pixels
        timestep = noisy.step(replace(noisy.hold(), tick=tick, seq=tick + 1))
    taken = sorted(seen)
    clean = [t for t in taken if t < 25]
    assert (seen[clean[0]] != seen[clean[1]]).any()  # noise makes the same scene look different
    first, *again = [t for t in taken if t >= 25]
    assert again
    assert all(np.array_equal(seen[first], seen[t]) for t in again)


def test_what_a_drive_feels_is_the_truth_and_not_what_noise_makes_of_it(dark_cell):
    faulty = FaultyCell(dark_cell, [parse("actuator.weak@0s:0.9")])
    noisy = NoisyCell(faulty, dark_cell.body, noise_level(5))
    noisy.reset(STAGE_LOT, seed=1)
    for tick in range(100):  # it stands: only noise says that it does not
        noisy.step(replace(noisy.hold(), tick=tick, seq=tick + 1))
    assert [e.kind for e in faulty.take_injected()] == ["fault.injected"]


def test_a_stop_of_the_guard_is_heeded_by_the_drives(tmp_path):
    path = order_file(tmp_path, ORDER)
    # The gate at the drives is there whenever a fault is planned, if it comes or not.
    plan = make_plan(order_file=path, faults=("camera.freeze@3600s",), brain="hostile:down")
    work(plan, tmp_path / "run")
    with RunFolder.open(tmp_path / "run") as folder:
        episode = folder.episode(0)
        events = episode.notes("event")
    assert episode.entry.guard[1] > 0
    assert not any(e["kind"] == "fault" and "drives" in e["data"]["reason"] for e in events)


def test_a_run_is_not_gone_on_with_under_other_faults(frozen):
    plan = plan_of(frozen, workers=1, max_wall_s=None)
    assert plan.faults == ("camera.freeze/overview@1s+1s",)
    with pytest.raises(UsageError, match="begun with faults"):
        work(replace(plan, faults=()), frozen, resume=True)


@pytest.fixture(scope="session")
def frozen(tmp_path_factory):
    """A short shift with a camera that freezes for a second."""
    folder = tmp_path_factory.mktemp("frozen")
    path = order_file(folder, ORDER)
    faults = ("camera.freeze/overview@1s+1s",)
    work(make_plan(order_file=path, faults=faults, audit=True), folder / "run")
    return folder / "run"


def test_a_frozen_camera_is_named_and_the_work_goes_on_when_it_sees_again(frozen):
    with RunFolder.open(frozen) as folder:
        assert folder.manifest.faults == ("camera.freeze/overview@1s+1s",)
        assert any("put in on purpose" in note for note in folder.manifest.notes)
        episode = folder.episode(0)
        events = {e["kind"]: e for e in episode.notes("event") if e["kind"].startswith("fault")}
        ticks = episode.ticks()
    took, named = events["fault.effect"]["tick"], events["fault"]["tick"]
    assert events["fault"]["data"]["code"] == "sensor.fault"
    assert 0 < named - took <= 10  # 200 ms
    over, cleared = events["fault.over"]["tick"], events["fault.cleared"]["tick"]
    fastest = np.max([np.abs(ticks[f"{n}.qd"]).max(axis=1) for n in ("left", "right")], axis=0)
    assert fastest[:named].max() > 0.5  # it was under way,
    assert fastest[named + 15 : over].max() < 0.05  # stood,
    assert fastest[cleared:].max() > 0.5  # and went on
    assert episode.entry.good
    assert episode.entry.breaches == 0
    assert episode.entry.guard == (0, 0)  # braking along the way is within every limit


def test_nobody_but_the_recorder_hears_of_what_was_put_in(frozen):
    with RunFolder.open(frozen) as folder:
        asked = folder.episode(0).notes("exchange")
    assert asked
    assert not any("fault.effect" in str(one) or "injected" in str(one) for one in asked)


def test_a_joint_that_stalls_ends_the_order_and_nothing_moves_after(tmp_path):
    path = order_file(tmp_path, ORDER)
    faults = ("actuator.stall@1s",)
    work(make_plan(order_file=path, faults=faults, audit=True), tmp_path / "run")
    with RunFolder.open(tmp_path / "run") as folder:
        episode = folder.episode(0)
        entry, events, ticks = episode.entry, episode.notes("event"), episode.ticks()
    assert (entry.good, entry.code) == (False, "actuator.fault")
    assert entry.repair_ticks > 0
    named = next(e["tick"] for e in events if e["kind"] == "fault")
    assert not any(e["kind"] == "skill.started" and e["tick"] > named for e in events)
    assert all(np.abs(ticks[f"{n}.qd"][-1]).max() < 0.05 for n in ("left", "right"))
