"""The framed log: whole records or a clear error with the byte offset, and recovery."""

import errno
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.errors import RunCorrupt, RunUnwritable, RunVersion, SpecMismatch
from shopfloor.record.canonical import pack, plain, unpack
from shopfloor.record.log import LogWriter, read_log, recover

HEADER = 16
FRAME = 8

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters())  # with lone surrogates, which JSON allows
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def crc32(data):
    """CRC-32 of IEEE 802.3, bit by bit; its published check value is CBF43926."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def write(path, bodies, *, end=True):
    log = LogWriter(path)
    for body in bodies:
        log.append("event", body)
    if end:
        log.append("end", {})
    log.flush()
    log.close()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.bin"
    write(path, [{"tick": n, "text": "x" * n} for n in range(20)])
    return path


def test_what_is_written_is_read(log):
    records = list(read_log(log))
    assert [r.kind for r in records] == ["event"] * 20 + ["end"]
    assert [r.body["tick"] for r in records[:-1]] == list(range(20))
    assert records[0].offset == HEADER


def test_the_bytes_are_as_the_docstring_says(tmp_path):
    assert crc32(b"123456789") == 0xCBF43926
    path = tmp_path / "log.bin"
    write(path, [], end=True)
    payload = b"\x92\xa3end\x80"  # msgpack: an array of 2, a text of 3 bytes, an empty map
    expected = struct.pack("<12sIII", b"shopfloorlog", 1, len(payload), crc32(payload)) + payload
    assert path.read_bytes() == expected


def test_every_truncation_is_noticed_and_recovered(log):
    data = log.read_bytes()
    offsets = [r.offset for r in read_log(log)] + [len(data)]
    for length in range(len(data)):
        log.write_bytes(data[:length])
        with pytest.raises(RunCorrupt, match="byte"):
            list(read_log(log))
        found = recover(log)
        whole = sum(offset <= length for offset in offsets[1:])
        assert len(found.records) == whole
        assert not found.ended
        if length >= HEADER:
            assert found.whole_bytes == offsets[whole]


def test_every_flipped_bit_is_noticed_with_its_record(log):
    data = log.read_bytes()
    offsets = [r.offset for r in read_log(log)]
    rng = np.random.default_rng(5)
    for at in rng.choice(np.arange(HEADER, len(data)), size=200, replace=False):
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(rng.integers(8))
        log.write_bytes(damaged)
        record = max(offset for offset in offsets if offset <= at)
        with pytest.raises(RunCorrupt, match=rf"at byte {record}\b"):
            list(read_log(log))
        assert len(recover(log).records) == offsets.index(record)


def test_another_format_and_another_file_are_told_apart(log):
    data = log.read_bytes()
    log.write_bytes(data[:12] + struct.pack("<I", 99) + data[16:])
    with pytest.raises(RunVersion, match="99"):
        list(read_log(log))
    log.write_bytes(b"PNG" + data)
    with pytest.raises(RunCorrupt, match="no log"):
        list(read_log(log))
    with pytest.raises(RunCorrupt, match="cannot be read"):
        recover(log.with_name("missing"))


def test_a_log_that_lost_a_record_takes_no_more(tmp_path, monkeypatch):
    path = tmp_path / "log.bin"
    log = LogWriter(path)
    real = os.write

    def full(fd, data):
        if len(data) > 100:
            return real(fd, data[:100])  # a full disk takes a part first
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log.append("event", {"text": "x" * 300})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(RunUnwritable, match=r"No space left.*free some space"):
            log.flush()
    with pytest.raises(RunUnwritable, match="No space left"):
        log.flush()
    log.close()
    assert recover(path).records == ()


def test_a_log_that_was_deleted_is_noticed(tmp_path):
    path = tmp_path / "log.bin"
    log = LogWriter(path)
    path.unlink()
    log.append("event", {})
    with pytest.raises(RunUnwritable, match="deleted"):
        log.flush()
    log.close()


@given(json_values)
def test_plain_values_survive(value):
    assert unpack(pack(plain(value)), "it") == plain(value)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=6), st.randoms())
def test_the_order_of_keys_makes_no_difference(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert pack(plain(dict(items))) == pack(plain(value))


def test_what_a_model_may_say_cannot_break_the_log():
    deep = "end"
    for _ in range(5000):
        deep = [deep]
    hostile = {"big": 10**5000, "deep": deep, "surrogate": "\ud800", "nan": float("nan")}
    back = unpack(pack(plain(hostile)), "it")
    assert int(back["big"], 16) == 10**5000
    assert back["surrogate"] == "\ud800"
    assert back["nan"] != back["nan"]
    assert "nested deeper" in str(back["deep"])


def test_numpy_values_become_plain_ones():
    value = {"a": np.float32(0.5), "b": np.arange(3), "c": np.bool_(True), "d": (np.int64(3),)}
    assert plain(value) == {"a": 0.5, "b": [0, 1, 2], "c": True, "d": [3]}
    assert type(plain(np.float64(0.5))) is float
    with pytest.raises(SpecMismatch, match="an event holds a set"):
        plain({"a": {1}}, "an event")
