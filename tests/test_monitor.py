"""Detectors: silent where nothing is wrong, in time where something is."""

from dataclasses import replace

import numpy as np
import pytest

from shopfloor.monitor.drive import Acknowledged, Follows
from shopfloor.monitor.picture import Visible
from shopfloor.monitor.stream import Repeats, Stream
from shopfloor.testing import STAGE_LOT
from shopfloor.types import Action, Frame

DT = 0.02


@pytest.fixture
def standing(dark_cell):
    """A cell at rest: its spec and its first observation."""
    return dark_cell.spec, dark_cell.reset(STAGE_LOT, seed=1).observation


def frame_of(spec, seq, tick, *, level=130, depth_m=1.3):
    """Return a picture of the overview camera."""
    camera = spec.cameras["overview"]
    pixels = np.full((224, 224, 3), level, np.uint8)
    pixels[seq % 224, seq // 224] = 1
    depth = np.full((224, 224), depth_m, np.float32)
    return Frame("overview", pixels, depth, seq, tick, camera.stream, camera.camera_in_world)


def seen(observation, tick, frame):
    """Return an observation of a tick with one frame."""
    return replace(observation, tick=tick, frames={"overview": frame})


@pytest.mark.parametrize("period", [1, 5, 10, 25])
@pytest.mark.parametrize("late", [0, 5])
@pytest.mark.parametrize("lost_at", [100, 150])
def test_a_stream_that_ends_is_noticed_within_200_ms(standing, period, late, lost_at):
    spec, observation = standing
    stream = Stream(replace(spec.cameras["overview"], period_ticks=period), DT)
    noticed = None
    for tick in range(300):
        newest = min(max(tick - late, 0), lost_at - period) // period
        frame = frame_of(spec, newest, newest * period)
        if stream.look(seen(observation, tick, frame), None):
            noticed = tick
            break
    # The first picture that is missing was due when the one of lost_at should have come.
    assert noticed is not None
    assert 0 < noticed - lost_at <= 0.200 / DT


def test_a_stream_out_of_order_is_noticed_and_trusted_again(standing):
    spec, observation = standing
    stream = Stream(spec.cameras["overview"], DT)
    told = []
    for i, seq in enumerate([0, 1, 3, 2, 4, 5, 6, 7]):
        frame = frame_of(spec, seq, seq * 5)
        told.append(bool(stream.look(seen(observation, 5 * i + 5, frame), None)))
    assert told == [False, False, False, True, True, True, False, False]


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ({}, False),
        ({"level": 75}, False),
        ({"level": 205}, False),
        ({"level": 5}, True),
        ({"level": 250}, True),
        ({"depth_m": 0.1}, True),
        ({"depth_m": np.nan}, True),
        ({"depth_m": 0.0}, True),
    ],
)
def test_what_can_be_made_out(standing, what, wrong):
    spec, observation = standing
    visible = Visible(spec.cameras["overview"])
    assert bool(visible.look(seen(observation, 5, frame_of(spec, 1, 5, **what)), None)) == wrong


@pytest.mark.parametrize(("moves", "repeated"), [(True, True), (True, False), (False, True)])
def test_one_picture_again_and_again_while_an_arm_moves(standing, moves, repeated):
    spec, observation = standing
    repeats = Repeats(spec.cameras["overview"])
    told = False
    for i in range(12):
        limbs = dict(observation.limbs)
        tool = limbs["left"].tool_in_world.copy()
        tool[0, 3] += 0.05 * i * moves
        limbs["left"] = replace(limbs["left"], tool_in_world=tool)
        picture = frame_of(spec, 0 if repeated else i, 5 * i)
        now = replace(seen(observation, 5 * i, replace(picture, seq=i)), limbs=limbs)
        told = told or bool(repeats.look(now, None))
    assert told == (moves and repeated)


def moved(observation, tick, q, q_target):
    """Return an observation in which the first joint of a limb stands elsewhere."""
    state = observation.limbs["left"]
    here, there = state.q.copy(), state.q_target.copy()
    here[0], there[0] = q, q_target
    limbs = {**observation.limbs, "left": replace(state, q=here, q_target=there)}
    return replace(observation, tick=tick, limbs=limbs)


@pytest.mark.parametrize("late", [0, 1, 5])
def test_a_joint_that_follows_late_raises_no_alarm(standing, late):
    _, observation = standing
    follows = Follows("left")
    way = np.concatenate([np.zeros(10), np.linspace(0, 2, 40), np.full(20, 2.0)])
    for tick, target in enumerate(way):
        q = way[max(tick - late, 0)]
        assert not follows.look(moved(observation, tick, q, target), None)


@pytest.mark.parametrize("bias", [-0.05, 0.05])
def test_a_joint_that_reads_wrong_is_noticed(standing, bias):
    _, observation = standing
    follows = Follows("left")
    told = [bool(follows.look(moved(observation, t, bias, 0.0), None)) for t in range(5)]
    assert told == [False, False, True, True, True]


def test_a_joint_that_stands_is_noticed(standing):
    _, observation = standing
    follows, speed = Follows("left"), 0.02  # 1 rad/s
    told = [bool(follows.look(moved(observation, t, 0.0, speed * t), None)) for t in range(30)]
    # Out of eight recent targets the nearest is 0.03 rad away when the newest is 0.03 + 7 * 0.02,
    # and it takes three ticks of that.
    assert told.index(True) == pytest.approx(11, abs=1)


def test_commands_that_do_not_arrive_are_noticed(standing):
    _, observation = standing
    there = {name: limb.q_target for name, limb in observation.limbs.items()}
    jaws = dict.fromkeys(there, 0.0)
    good = Action(there, jaws, 0, 0, "skill")
    lost = Action({**there, "left": there["left"] + 0.01}, jaws, 0, 0, "skill")
    ack = Acknowledged("left")
    told = [bool(ack.look(observation, sent)) for sent in (None, good, lost, lost, good)]
    assert told == [False, False, False, True, False]
