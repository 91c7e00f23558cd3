"""What crosses a line comes back as it was; anything else is an error and no object."""

import socket
import struct
import time

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.live.link import Link, Lost, pair
from shopfloor.live.message import MOST_BYTES, Misread, packed, unpacked
from shopfloor.live.talk import (
    Answer,
    Ask,
    Beat,
    Fault,
    FromBrain,
    FromPlant,
    Hello,
    State,
    ToPlant,
)
from shopfloor.types import (
    Action,
    ActionChunk,
    Event,
    Exchange,
    Finish,
    Frame,
    Intrinsics,
    LimbState,
    Needs,
    Observation,
    People,
    Reply,
    SkillCall,
    Station,
    Timestep,
)

SAID = Exchange("what", "this — 好", "model", 0.5, (3, 4), None, {"joules": None})


def same(one, other):
    """Whether two values are equal to the last bit, types included."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if type(one) is not type(other):
        return False
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, n), getattr(other, n)) for n in one.__dataclass_fields__)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def observation(rng):
    limb = LimbState(rng.random(6), rng.random(6), np.eye(4), 0.04, rng.random(6), rng.random(6))
    lens = Intrinsics(8, 6, 1.0, 1.0, 4.0, 3.0)
    pixels = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    frame = Frame("front", pixels, rng.random((6, 8), dtype=np.float32), 3, 7, lens, np.eye(4))
    bare = Frame("overview", pixels, None, 0, 0, lens, np.eye(4))
    station = Station("A", (0.0, 1.0, 2.0), (0.1, 0.1, 0.1))
    frames = {"front": frame, "overview": bare}
    return Observation(7, {"left": limb}, frames, {}, {"A": station}, People(), (b"\x00\xff",))


@pytest.mark.parametrize(
    "decision",
    [
        Finish("done", "好"),
        (),
        (SkillCall("c1", "pick", ("left",), {"point": [1, 2.5], "deep": {"a": [None, True]}}),),
        ActionChunk({"left": np.zeros((3, 6))}, {"left": np.ones(3)}, 0.02, 4),
    ],
)
def test_an_answer_comes_back_as_it_was(decision):
    answer = FromBrain(Answer(3, Reply(decision, SAID), None))
    assert same(unpacked(FromBrain, packed(answer)), answer)


def test_all_that_the_loop_and_the_brain_say_comes_back_as_it_was(rng):
    seen = observation(rng)
    events = (Event(3, "skill.finished", {"ok": False, "code": "grasp.miss", "n": [1, 2]}),)
    for message in (
        Ask(1, seen, events, 0.5),
        Hello(
            Needs(("overview",), "decision", depth=True, skills=("pick",)), "x/1", {"a": "b"}, None
        ),
        Answer(1, None, Fault("ValueError", "no", None, SAID)),
        Beat(9),
    ):
        assert same(unpacked(type(message), packed(message)), message)
    hold = Action({"left": np.zeros(6)}, {"left": 0.0}, 7, 1, "guard")
    state = FromPlant(State(0, Timestep(seen, None, False, False), hold, 0, 0, None))
    assert same(unpacked(FromPlant, packed(state)), state)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(st.lists(numbers, min_size=1, max_size=6))
def test_numbers_are_kept_to_the_last_bit_and_left_to_the_guard(row):
    chunk = ActionChunk({"left": np.array([row, row])}, {}, 0.02, 0)
    answer = Answer(1, Reply(chunk, SAID), None)
    assert same(unpacked(Answer, packed(answer)), answer)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | numbers
    | st.text()
    | st.binary(),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(["_", "body", "number", "reply", "fault", "x"]), inside)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | plain.map(msgpack.packb))
def test_whatever_else_arrives_is_an_error_and_nothing_more(data):
    for kind in (FromBrain, ToPlant, Answer):
        try:
            value = unpacked(kind, data)
        except Misread:
            continue
        assert type(value) is kind


@given(st.data())
def test_an_answer_with_something_put_in_its_place_is_refused_or_well_formed(data):
    raw = msgpack.unpackb(packed(Answer(1, Reply(Finish("done", ""), SAID), None)))
    inner = raw["reply"]["decision"]
    where = data.draw(st.sampled_from([raw, raw["reply"], inner, raw["reply"]["exchange"]]))
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(plain)
    try:
        answer = unpacked(Answer, msgpack.packb(raw))
    except Misread:
        return
    packed(answer)


def forged(**changed):
    raw = msgpack.unpackb(packed(Answer(1, Reply(Finish("done", ""), SAID), None)))
    return msgpack.packb(raw | changed)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def array(dtype, shape, data):
    return msgpack.packb(msgpack.ExtType(1, msgpack.packb([dtype, shape]) + data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"cos\nsystem\n(S'false'\ntR.", id="pickle"),
        pytest.param(b"", id="nothing"),
        pytest.param(msgpack.packb({"_": "Beat", "number": 1})[:-1], id="cut-short"),
        pytest.param(forged(_="Path"), id="another-class"),
        pytest.param(forged(more=1), id="one-field-more"),
        pytest.param(forged(number="1"), id="another-kind"),
        pytest.param(forged(number=True), id="a-truth-for-a-number"),
        pytest.param(forged(reply=nested(100)), id="a-nest"),
        pytest.param(b"\x91" * 100_000 + b"\xc0", id="a-nest-without-end"),
        pytest.param(forged(reply={1: 2}), id="keys-that-are-no-text"),
        pytest.param(msgpack.packb(msgpack.ExtType(7, b"x")), id="unknown-extension"),
        pytest.param(msgpack.packb(msgpack.Timestamp(1)), id="a-date"),
        pytest.param(array("|O", [1], b"\0" * 8), id="array-of-objects"),
        pytest.param(array("<f8", [1 << 40], b"\0" * 8), id="array-larger-than-its-bytes"),
        pytest.param(array("<f8", [-1], b"\0" * 8), id="array-of-any-size"),
        pytest.param(array("<f8", [1, 1, 1, 1, 1], b"\0" * 8), id="array-of-five-axes"),
    ],
)
def test_what_somebody_may_try_is_refused(data):
    with pytest.raises(Misread):
        unpacked(Answer, data)


def test_who_is_not_allowed_on_a_line_cannot_speak_on_it():
    # A brain can neither drive the plant nor release it, whatever it says.
    from shopfloor.live.talk import Release

    with pytest.raises(Misread):
        unpacked(FromBrain, packed(FromBrain(Release("the brain"))))


def test_what_is_too_long_is_neither_sent_nor_read():
    with pytest.raises(Misread, match="at most"):
        packed({"x": b"\0" * (MOST_BYTES + 1)})
    with pytest.raises(Misread, match="at most"):
        unpacked(Beat, b"\0" * (MOST_BYTES + 1))


# The line.


@pytest.fixture
def line():
    """Return a function that makes a link and the bare socket at its other end."""
    made = []

    def make(**options):
        ours, theirs = pair()
        made.append((Link(ours, **options), theirs))
        return made[-1]

    yield make
    for link, theirs in made:
        link.close()
        theirs.close()


def test_messages_arrive_whole_and_in_order():
    one, other = map(Link, pair())
    for number in range(50):
        one.say(Beat(number))
        assert other.hear(Beat, 5.0) == Beat(number)
    assert other.hear(Beat) is None
    one.close()  # and the other end with it
    with pytest.raises(Lost):
        other.hear(Beat, 5.0)
    with pytest.raises(Lost):
        other.hear(Beat, 5.0)  # and again, for whoever asks again


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 2_000_000_000) + b"x",
        struct.pack(">I", 4) + b"\x80\x04\x95\x00",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_line_ends_with_the_first_thing_that_is_no_message(line, data):
    link, theirs = line(most_bytes=1000)
    theirs.sendall(data)
    with pytest.raises(Lost):
        link.hear(Beat, 5.0)


def test_a_flood_ends_the_line_and_is_not_kept(line):
    link, theirs = line(most_bytes=10_000)
    theirs.settimeout(5)
    message = packed({"x": b"\0" * 9000})
    with pytest.raises(OSError):
        _flood(theirs, struct.pack(">I", len(message)) + message)
    assert link.lost == "more messages than anybody asked for"
    assert link._waiting < 100_000


def _flood(end, data):
    for _ in range(10_000):
        end.sendall(data)


def test_a_peer_that_does_not_read_costs_no_time_and_loses_the_line(line):
    link, theirs = line()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    began = time.monotonic()
    for _ in range(100):
        link.say({"x": b"\0" * 100_000})
    assert time.monotonic() - began < 2
    assert link.lost == "the other side does not read"
