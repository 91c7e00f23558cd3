"""Every defect of a run of ours is found and named, and a whole one has none."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lerobot_defects import codes
from lerobot_examples import encode, pictures
from record_examples import Ticks, cell_spec, entry_of, make_lot, manifest, outcome
from shopfloor.check import check, episode, run
from shopfloor.check.keeper import BACKUP
from shopfloor.check.repair import repair
from shopfloor.errors import RunBusy
from shopfloor.record import LogRecorder, RunFolder, VideoEncoder
from shopfloor.record.episode import Episode, FileSum, episode_bytes
from shopfloor.record.interrupted import INTERRUPTED
from shopfloor.types import UnitOutcome

TICKS = 12
LOTS = 3


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run of three lots with video, and views of the first camera in the second lot."""
    path = tmp_path_factory.mktemp("whole") / "run"
    encoder = VideoEncoder()
    with RunFolder.create(path, manifest()) as folder:
        spec = cell_spec()
        recorder = LogRecorder(folder, spec, encoder=encoder)
        for number in range(LOTS):
            lot = make_lot(number)
            make = Ticks(spec, lot)
            recorder.begin(lot, {"worked": "now"})
            for tick in range(TICKS):
                step = make(tick)
                recorder.step(*step)
                if number == 1 and tick in {3, 7}:
                    recorder.view(view_of(step[0].observation.frames["front"], spec))
            entry = entry_of(lot, recorder.end(outcome(ticks=TICKS)), ticks=TICKS)
            folder.index(recorder.commit(entry))
    encoder.close()
    (path / "result.json").write_text(json.dumps(result(path)))
    return path


def view_of(frame, spec):
    pixels = np.full((480, 640, 3), 90, np.uint8)
    return replace(frame, pixels=pixels, intrinsics=spec.cameras["front"].native)


def result(path):
    """Return the figures of a report that the check compares, summed up here by hand."""
    hashes = [entry.log_sha256 for entry in RunFolder.open(path).entries()]
    units = {"in": LOTS, "good": LOTS, "scrap": 0, "wip": 0, "quarantine": 0}
    digest = sha256("".join(hashes).encode()).hexdigest()
    return {"orders": LOTS, "units": units, "log_sha256": digest}


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def rewritten(path, change, *, lot=1):
    """Change the entry of an episode as its writer would have written it; sums are made anew."""
    home = path / "episodes" / f"{lot:06d}"
    old = Episode.open(home, brain="none")
    files = {name: FileSum.of(home / name) for name in old.files}
    entry = change(old.entry)
    (home / "episode.json").write_bytes(episode_bytes(entry, files, old.manifest_sha256))
    with RunFolder.open_for_resume(path):
        pass  # the index follows


def edit(name, change):
    def plant(path):
        (path / name).write_bytes(change((path / name).read_bytes()))

    return plant


def drop_line(number):
    def change(data):
        lines = data.splitlines(keepends=True)
        return b"".join(lines[:number] + lines[number + 1 :])

    return edit("index.jsonl", change)


def json_edit(name, **changes):
    return edit(name, lambda data: json.dumps(json.loads(data) | changes).encode())


def two_of_one(entry):
    return replace(entry, units=(UnitOutcome("p0", "good"), UnitOutcome("p0", "good")))


def other_video(camera, count, **options):
    """Put a video of another length in place of one, and sum it up."""

    def plant(path):
        target = path / "episodes" / "000001" / f"{camera}.mp4"
        target.unlink()
        encode(target, pictures(count), **options)
        rewritten(path, lambda entry: entry)

    return plant


def no_video(path):
    (path / "episodes" / "000001" / "front.mp4").write_bytes(b"garbage" * 99)
    rewritten(path, lambda entry: entry)


def left_in_flight(path):
    (path / "flight" / "000003-77-abcdef").mkdir()
    (path / "flight" / "000003-77-abcdef" / "log.bin").write_bytes(b"half a log")


def later_episode(path):
    """Write an episode.json as a later version might: its own hash is right."""
    file = path / "episodes" / "000001" / "episode.json"
    body = json.loads(file.read_bytes())
    del body["sha256"]
    body["format"] += 1
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    file.write_text(json.dumps(body | {"sha256": sha256(text.encode()).hexdigest()}))


def later_log(path):
    edit(LOG, lambda data: data[:12] + bytes([data[12] + 1]) + data[13:])(path)
    rewritten(path, lambda entry: entry)


LOG, VIDEO = "episodes/000001/log.bin", "episodes/000001/front.mp4"

DEFECTS = {
    "manifest": {
        "no JSON": edit("manifest.json", lambda data: data[:-9]),
        "gone": lambda path: (path / "manifest.json").unlink(),
        "a key": edit("manifest.json", lambda data: data.replace(b'"cell"', b'"sell"')),
    },
    "version": {
        "manifest": json_edit("manifest.json", format=99),
        "episode": later_episode,
        "log": later_log,
    },
    "flight": {"a lot": left_in_flight},
    "index": {
        "a digit": edit("index.jsonl", lambda data: data.replace(b'"seed":1001', b'"seed":1009')),
        "no JSON": edit("index.jsonl", lambda data: b"{" + data[2:]),
    },
    "index_line": {
        "lost": drop_line(1),
        "all lost": lambda path: (path / "index.jsonl").unlink(),
    },
    "torn": {
        "sessions": lambda path: (path / "sessions.jsonl").write_text('{"started'),
        "index": edit("index.jsonl", lambda data: data + b'{"lot":3,"ord'),
    },
    "episode_lost": {"last": lambda path: shutil.rmtree(path / "episodes" / "000002")},
    "stray": {
        "a name": lambda path: (path / "episodes" / "notes").mkdir(),
        "another form": lambda path: (path / "episodes" / "12").mkdir(),
        "no folder": lambda path: shutil.rmtree(path / "episodes"),
    },
    "sessions": {
        "no JSON": lambda path: (path / "sessions.jsonl").write_text("{}\n"),
    },
    "ledger": {
        "twice": lambda path: rewritten(path, two_of_one),
        "nowhere": lambda path: rewritten(
            path, lambda e: replace(e, units=(UnitOutcome("p0", "lost"),))
        ),
        "not good": lambda path: rewritten(
            path, lambda e: replace(e, units=(UnitOutcome("p0", "wip"),))
        ),
        "good with a code": lambda path: rewritten(path, lambda e: replace(e, code="grasp.slip")),
        "states": lambda path: rewritten(path, lambda e: replace(e, segments=(("PRD", 3),))),
    },
    "result": {
        "orders": json_edit("result.json", orders=2),
        "hash": json_edit("result.json", log_sha256="0" * 64),
        "no JSON": edit("result.json", lambda data: data[:5]),
    },
    "episode": {
        "a digit": edit("episodes/000001/episode.json", lambda d: d.replace(b"1001", b"1009")),
        "gone": lambda path: (path / "episodes" / "000001" / "episode.json").unlink(),
        "another run's": edit("manifest.json", lambda data: data.replace(b"made-up", b"made-in")),
        "another lot's": lambda path: shutil.copytree(
            path / "episodes" / "000001", path / "episodes" / "000003"
        ),
    },
    "file": {
        "cut log": edit(LOG, lambda data: data[:-7]),
        "longer video": edit(VIDEO, lambda data: data + b"x"),
        "no truth": lambda path: (path / "episodes" / "000001" / "truth.bin").unlink(),
    },
    "extra": {"a note": lambda path: (path / "episodes" / "000001" / "note.txt").write_text("x")},
    "log": {
        "another hash": lambda path: rewritten(path, lambda e: replace(e, log_sha256="0" * 64)),
    },
    "ticks": {
        "one more": lambda path: rewritten(
            path, lambda e: replace(e, ticks=TICKS + 1, segments=(("PRD", TICKS + 1),))
        ),
    },
    "frames": {
        "entry": lambda path: rewritten(
            path, lambda e: replace(e, frames={"front": 6, "wrist": 7})
        ),
        "video": other_video("front", 5),
        "views": other_video("front.views", 3),
    },
    "video": {"no video": no_video},
}
ALONG = {
    ("log", "another hash"): {"result"},
    ("ledger", "twice"): {"result"},
    ("ledger", "nowhere"): {"result"},
    ("ledger", "not good"): {"result"},
    ("episode_lost", "last"): {"result"},
    ("stray", "no folder"): {"episode_lost", "result"},
}
CASES = [(code, name) for code, plants in DEFECTS.items() for name in plants]


@pytest.mark.parametrize("level", ["quick", "normal", "deep"])
def test_a_whole_run_has_no_findings(whole, level):
    report = check(whole, level=level)
    assert report.findings == ()
    assert report.kind == "run"
    read = level != "quick"
    assert report.checked == {
        "episodes": LOTS,
        "ticks": TICKS * LOTS * read,
        "files": 4 * LOTS + 1,
        "videos": (2 * LOTS + 1) * read,
        "frames": (2 * TICKS // 2 * LOTS + 2) * read,
    }


def test_every_code_is_planted():
    planted = {f"run.{code}" for code in DEFECTS} | {"run.busy"}
    assert planted == {code.name for code in (*run.CODES, *episode.CODES)}


@pytest.mark.parametrize(("code", "name"), CASES, ids=[f"{c}-{n}" for c, n in CASES])
def test_a_defect_is_found_and_nothing_else(folder, code, name):
    DEFECTS[code][name](folder)
    report = check(folder)
    assert codes(report) - ALONG.get((code, name), set()) == {code}


@pytest.fixture(scope="module")
def spoilt(whole, tmp_path_factory):
    return shutil.copytree(whole, tmp_path_factory.mktemp("spoilt") / "run")


@settings(max_examples=100, deadline=None)
@given(data=st.data(), lot=st.integers(0, LOTS - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_file_of_an_episode_is_found_and_the_file_named(
    spoilt, data, lot, bit
):
    home = spoilt / "episodes" / f"{lot:06d}"
    path = home / data.draw(st.sampled_from(sorted(p.name for p in home.iterdir())))
    content = path.read_bytes()
    spot = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[spot] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        report = check(spoilt, level="quick")
    finally:
        path.write_bytes(content)
    assert path.relative_to(spoilt).as_posix() in {finding.file for finding in report.errors}


@settings(max_examples=30, deadline=None)
@given(data=st.data(), keep=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_no_crash(spoilt, data, keep):
    names = ("manifest.json", "index.jsonl", "result.json", LOG, VIDEO)
    path = spoilt / data.draw(st.sampled_from(names))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    try:
        report = check(spoilt, level="deep")
    finally:
        path.write_bytes(content)
    assert report.findings


def test_damage_in_a_log_is_told_with_its_byte(folder):
    edit(LOG, lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:])(folder)
    (finding,) = check(folder).findings
    assert finding.file == LOG
    assert "wrong checksum of the record at byte" in finding.got


def hold(path, ready, end):
    with RunFolder.open_for_resume(path):
        ready.set()
        end.wait(60)


def test_a_run_in_use_is_said_to_be_so_and_not_repaired(folder):
    drop_line(2)(folder)
    spawn = multiprocessing.get_context("spawn")
    ready, end = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(folder, ready, end))
    other.start()
    try:
        assert ready.wait(60)
        DEFECTS["index"]["no JSON"](folder)  # so that there would be something to repair
        report = check(folder)
        assert codes(report) == {"busy", "index"}
        with pytest.raises(RunBusy):
            repair(report)
        assert codes(check(folder)) == {"busy", "index"}
    finally:
        end.set()
        other.join(60)


# Repair: the index, and nothing else.

REPAIRED = [
    *[("index", name) for name in DEFECTS["index"]],
    *[("index_line", name) for name in DEFECTS["index_line"]],
    ("torn", "index"),
    ("flight", "a lot"),
]


def test_every_repairable_kind_is_repaired_by_some_test():
    able = {c.name.removeprefix("run.") for c in (*run.CODES, *episode.CODES) if c.repairable}
    assert {code for code, _ in REPAIRED} == able


@pytest.mark.parametrize(("code", "name"), REPAIRED, ids=[f"{c}-{n}" for c, n in REPAIRED])
def test_the_index_is_rebuilt_byte_for_byte(whole, folder, code, name):
    DEFECTS[code][name](folder)
    spoilt = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    done = repair(check(folder))
    assert done.changes
    assert check(folder).findings == ()
    now = {
        p.relative_to(folder): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and BACKUP not in p.parts
    }
    apart = {name: now.pop(name) for name in list(now) if name.parts[0] == INTERRUPTED}
    due = {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    assert now == due
    for path, content in spoilt.items():
        name = path.relative_to(folder)
        if name.parts[0] == "flight":  # what had happened in it is no part of the run, and kept
            assert apart[Path(INTERRUPTED, *name.parts[1:])] == content
        elif now.get(name) != content:
            assert (done.backup / name).read_bytes() == content


def test_a_damaged_episode_is_left_alone_and_so_is_the_index(folder):
    drop_line(2)(folder)
    DEFECTS["file"]["cut log"](folder)
    before = (folder / "index.jsonl").read_bytes()
    assert repair(check(folder)).changes == ()
    assert (folder / "index.jsonl").read_bytes() == before
