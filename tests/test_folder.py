"""The run folder: made whole or not at all, one writer, and every damage named."""

import errno
import json
import multiprocessing
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from record_examples import cell_spec, entry_of, make_lot, manifest, outcome, work
from shopfloor.check import check
from shopfloor.errors import (
    RunBusy,
    RunCorrupt,
    RunError,
    RunExists,
    RunUnwritable,
    RunVersion,
    UsageError,
)
from shopfloor.record import LogRecorder, RunFolder, Session
from shopfloor.record.episode import Episode, episode_bytes
from shopfloor.record.follow import Follower
from shopfloor.record.lines import rewrite_lines

SPEC = cell_spec(cameras=("front",), size=(16, 16))


def fill(path, lots, *, ticks=3):
    with RunFolder.create(path, manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        for n in lots:
            folder.index(work(folder, recorder, make_lot(n), ticks=ticks))


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    fill(path, range(4))
    return path


def lots(folder):
    return [entry.lot for entry in folder.entries()]


def test_a_run_reads_back_as_it_was_written(run):
    folder = RunFolder.open(run)
    assert folder.manifest == manifest()
    assert lots(folder) == [0, 1, 2, 3]
    assert folder.entries()[2] == folder.episode(2).entry
    assert sorted(p.name for p in run.iterdir()) == [
        "episodes",
        "flight",
        "index.jsonl",
        "lock",
        "manifest.json",
    ]
    assert list((run / "flight").iterdir()) == []
    first = json.loads((run / "index.jsonl").read_text().splitlines()[0])
    assert (first["lot"], first["instruction"]) == (0, "把红色方块放到 A")
    with pytest.raises(UsageError, match="no episode 4"):
        folder.episode(4)


def test_sessions_survive_a_torn_line(run):
    session = Session("2025-01-01T00:00:00Z", 1.5, 2, 4, "complete")
    with RunFolder.open_for_resume(run) as folder:
        folder.add_session(session)
        with (run / "sessions.jsonl").open("ab") as file:
            file.write(b'{"started": "' + b"2025" * 500)
        assert folder.sessions() == (session,)
        folder.add_session(replace(session, lots=5))
    assert RunFolder.open(run).sessions() == (session, replace(session, lots=5))
    # Other programs read it too, and know nothing of torn lines.
    lines = (run / "sessions.jsonl").read_text().splitlines()
    assert [json.loads(line)["lots"] for line in lines] == [4, 5]


def test_a_new_run_wants_a_new_or_an_empty_folder(run, tmp_path):
    with pytest.raises(RunExists, match=r"--resume.*--out"):
        RunFolder.create(run, manifest())
    assert lots(RunFolder.open(run)) == [0, 1, 2, 3]
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        RunFolder.create(foreign, manifest())
    assert [p.name for p in foreign.iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError, match="is a file"):
        RunFolder.create(foreign / "thesis.tex", manifest())
    empty = tmp_path / "empty"
    empty.mkdir()
    RunFolder.create(empty, manifest()).close()
    assert RunFolder.open(empty).entries() == ()


def test_a_missing_parent_is_named_and_nothing_is_made(tmp_path):
    with pytest.raises(RunUnwritable, match=r"No such file.*make the folder"):
        RunFolder.create(tmp_path / "a" / "b", manifest())
    assert list(tmp_path.iterdir()) == []


SEAMS = ["write", "fsync", "mkdir", "replace", "open"]


@pytest.mark.parametrize("seam", SEAMS)
@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_making_a_run_on_a_bad_disk_leaves_nothing(tmp_path, monkeypatch, seam, existed, code):
    path = tmp_path / "run"
    if existed:
        path.mkdir()
    real = getattr(os, seam)
    for attempt in range(20):
        calls = iter(range(100))

        def bad(*args, calls=calls, attempt=attempt, **more):
            if next(calls) >= attempt:
                raise OSError(code, os.strerror(code))
            return real(*args, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, seam, bad)
            try:
                RunFolder.create(path, manifest()).close()
            except RunUnwritable as error:
                assert os.strerror(code) in str(error)  # noqa: PT017 - one of many attempts
            else:
                break
        if existed:
            assert list(path.iterdir()) == []
        else:
            assert not path.exists()
    assert attempt > 0
    assert RunFolder.open(path).entries() == ()


def test_there_is_one_writer(run):
    with RunFolder.open_for_resume(run):
        with pytest.raises(RunBusy, match="another process"):
            RunFolder.open_for_resume(run)
        assert lots(RunFolder.open(run)) == [0, 1, 2, 3]
    RunFolder.open_for_resume(run).close()


def test_a_worker_that_outlived_its_parent_keeps_a_resume_out(run, monkeypatch):
    monkeypatch.setattr("shopfloor.record.folder._ORPHANS_S", 0.1)
    orphan = RunFolder.join(run)
    with pytest.raises(RunBusy, match="a worker"):
        RunFolder.open_for_resume(run)
    orphan.close()
    with RunFolder.open_for_resume(run) as folder:
        worker = RunFolder.join(run)
        assert worker.role == "worker"
        assert folder.role == "writer"


def test_roles_are_kept(run):
    reader = RunFolder.open(run)
    with pytest.raises(RunError, match="open as reader"):
        reader.begin(9)
    with pytest.raises(RunError, match="open as reader"):
        reader.add_session(Session("", 0.0, 1, 0, "complete"))
    worker = RunFolder.join(run)
    with pytest.raises(RunError, match="open as worker"):
        worker.index(reader.entries()[0])
    worker.close()
    with pytest.raises(RunError, match="open as reader"):
        worker.begin(9)


def test_a_lot_is_committed_once(run):
    with RunFolder.open_for_resume(run) as folder:
        with pytest.raises(RunBusy, match=r"lot 2 .*committed already"):
            folder.begin(2)
        with pytest.raises(RunCorrupt, match="commit it first"):
            folder.index(replace(folder.entries()[0], lot=9))
        # Two workers on one lot: the first to commit has it, the other one's is refused.
        recorders = [LogRecorder(RunFolder.join(run), SPEC) for _ in range(2)]
        entries = []
        for recorder in recorders:
            recorder.begin(make_lot(4), {})
            entries.append(entry_of(make_lot(4), recorder.end(outcome())))
        recorders[0].commit(entries[0])
        with pytest.raises(RunBusy, match="another process"):
            recorders[1].commit(entries[1])
        recorders[1].abandon()
        assert folder.in_flight() == ()
        assert lots(folder) == [0, 1, 2, 3, 4]


def test_the_index_is_in_lot_order_whatever_order_lots_end_in(tmp_path):
    path = tmp_path / "run"
    with RunFolder.create(path, manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        for n, indexed in ((2, []), (0, [0]), (3, [0]), (1, [0, 1, 2, 3])):
            folder.index(work(folder, recorder, make_lot(n), ticks=2))
            lines = (path / "index.jsonl").read_text().splitlines()
            assert [json.loads(line)["lot"] for line in lines] == indexed
        assert lots(folder) == [0, 1, 2, 3]


def test_a_lot_that_is_not_indexed_is_adopted(run):
    lines = (run / "index.jsonl").read_bytes().splitlines(keepends=True)
    whole = b"".join(lines)
    for index in (None, b"", lines[0], b"".join(lines[:3]) + lines[3][:40]):
        (run / "index.jsonl").unlink() if index is None else (run / "index.jsonl").write_bytes(
            index
        )
        assert lots(RunFolder.open(run)) == [0, 1, 2, 3]
        RunFolder.open_for_resume(run).close()
        assert (run / "index.jsonl").read_bytes() == whole


def test_leftovers_are_removed_by_a_resume_only(run):
    left = run / "flight" / "000009-1-abc"
    left.mkdir()
    (left / "log.bin").write_bytes(b"half")
    torn = run / ".result.json.1.tmp"
    torn.write_bytes(b"half")
    assert RunFolder.open(run).in_flight() == (left,)
    RunFolder.open_for_resume(run).close()
    assert not left.exists()
    assert not torn.exists()


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def damage_episode_json(run):
    path = run / "episodes" / "000002" / "episode.json"
    path.write_text(path.read_text().replace('"ticks": 3', '"ticks": 4'))


DAMAGES = {
    "log flipped": (lambda run: flip(run / "episodes/000002/log.bin", 300), r"at byte \d+"),
    "log cut": (lambda run: os.truncate(run / "episodes/000002/log.bin", 200), r"at byte \d+"),
    "truth flipped": (lambda run: flip(run / "episodes/000002/truth.bin", 300), r"at byte \d+"),
    "log gone": (lambda run: (run / "episodes/000002/log.bin").unlink(), "cannot be read"),
    "no episode.json": (
        lambda run: (run / "episodes/000002/episode.json").unlink(),
        r"episode\.json cannot be read",
    ),
    "episode.json edited": (damage_episode_json, "wrong hash"),
    "episode.json empty": (
        lambda run: (run / "episodes/000002/episode.json").write_bytes(b""),
        r"episode\.json is not what was written",
    ),
    "episode of another lot": (
        lambda run: shutil.copytree(
            run / "episodes/000001", run / "episodes/000002", dirs_exist_ok=True
        ),
        "it holds lot 1",
    ),
    "episode gone": (lambda run: shutil.rmtree(run / "episodes/000002"), "its folder is gone"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_episode_is_named_with_the_next_step(run, name):
    damage, says = DAMAGES[name]
    damage(run)
    with pytest.raises(RunCorrupt, match=says) as caught:
        RunFolder.open_for_resume(run)
    assert "000002" in str(caught.value)
    assert "--resume" in str(caught.value)
    assert (run / "index.jsonl").exists()
    # The next step that the message gives works.
    shutil.rmtree(run / "episodes" / "000002", ignore_errors=True)
    (run / "index.jsonl").unlink()
    with RunFolder.open_for_resume(run) as folder:
        assert lots(folder) == [0, 1, 3]
        folder.index(work(folder, LogRecorder(folder, SPEC), make_lot(2), ticks=3))
        assert lots(folder) == [0, 1, 2, 3]
    assert len((run / "index.jsonl").read_text().splitlines()) == 4


def test_a_damaged_index_is_refused_by_a_reader_and_rebuilt_by_a_resume(run):
    whole = (run / "index.jsonl").read_bytes()
    (run / "index.jsonl").write_bytes(whole.replace(b'"good":true', b'"good":false', 1))
    with pytest.raises(RunCorrupt, match="line 1"):
        RunFolder.open(run).entries()
    with RunFolder.open_for_resume(run) as folder:
        assert lots(folder) == [0, 1, 2, 3]
    assert (run / "index.jsonl").read_bytes() == whole


def test_something_else_among_the_episodes_is_named(run):
    (run / "episodes" / "copy of 000001").mkdir()
    with pytest.raises(RunCorrupt, match=r"copy of 000001.*move it"):
        RunFolder.open(run).entries()


def test_an_episode_of_another_run_is_refused(run, tmp_path):
    other = tmp_path / "other"
    RunFolder.create(other, manifest(seed=8)).close()
    shutil.copytree(run / "episodes" / "000000", other / "episodes" / "000000")
    for way in (RunFolder.open_for_resume, lambda path: RunFolder.open(path).entries()):
        with pytest.raises(RunCorrupt, match="another manifest"):
            way(other)


def test_where_there_is_no_run_it_says_so(tmp_path, run):
    for path in (tmp_path, tmp_path / "missing", run / "manifest.json"):
        with pytest.raises(UsageError, match="no run here"):
            RunFolder.open(path)
    for wrong in (b"", b"[]", b"\xff\xfe", b'{"format": 1'):
        (run / "manifest.json").write_bytes(wrong)
        with pytest.raises(RunCorrupt, match=r"manifest\.json"):
            RunFolder.open(run)


def test_another_format_version_is_refused_with_the_version_that_wrote_it(run):
    data = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(data | {"format": 99}))
    for way in (RunFolder.open, RunFolder.join, RunFolder.open_for_resume):
        with pytest.raises(RunVersion, match=r"99.*0\.1\.0"):
            way(run)


def test_a_full_disk_at_commit_commits_nothing_and_a_resume_goes_on(run, monkeypatch):
    with RunFolder.open_for_resume(run) as folder:
        recorder = LogRecorder(folder, SPEC)
        recorder.begin(make_lot(4), {})
        entry = entry_of(make_lot(4), recorder.end(outcome()))

        def full(fd):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(RunUnwritable, match="No space left"):
                recorder.commit(entry)
        recorder.abandon()
        assert lots(folder) == [0, 1, 2, 3]
        assert folder.in_flight() == ()
        folder.index(work(folder, recorder, make_lot(4), ticks=3))
    assert lots(RunFolder.open(run)) == [0, 1, 2, 3, 4]


def _worker(path, numbers):
    folder = RunFolder.join(path)
    recorder = LogRecorder(folder, SPEC)
    for n in numbers:
        work(folder, recorder, make_lot(n), ticks=20)


def test_workers_commit_at_the_same_time_and_number_does_not_matter(tmp_path):
    fill(tmp_path / "alone", range(12), ticks=20)
    path = tmp_path / "together"
    with RunFolder.create(path, manifest()) as folder:
        # Forked, because a spawned interpreter takes longer than the whole test.
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_worker, args=(path, range(k, 12, 3))) for k in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
            assert worker.exitcode == 0
        for entry in folder.entries():
            folder.index(entry)
    alone, together = (RunFolder.open(tmp_path / name) for name in ("alone", "together"))
    assert [e.log_sha256 for e in together.entries()] == [e.log_sha256 for e in alone.entries()]
    assert Path(path / "index.jsonl").read_bytes() == (tmp_path / "alone/index.jsonl").read_bytes()


def test_all_is_synced_in_the_order_that_is_promised(tmp_path, monkeypatch):
    # A kill does not show what a loss of power would, so the calls themselves are looked at.
    path = tmp_path / "run"
    calls = []
    fsync, rename = os.fsync, os.rename

    def seen(fd):
        calls.append(str(Path(f"/proc/self/fd/{fd}").readlink().relative_to(path)))
        fsync(fd)

    def moved(source, target):
        calls.append("rename")
        rename(source, target)

    with RunFolder.create(path, manifest()) as folder:
        recorder = LogRecorder(folder, SPEC)
        recorder.begin(make_lot(0), {})
        flight = str(folder.in_flight()[0].relative_to(path))
        entry = entry_of(make_lot(0), recorder.end(outcome()))
        monkeypatch.setattr(os, "fsync", seen)
        monkeypatch.setattr(os, "rename", moved)
        recorder.commit(entry)
        folder.index(entry)
    assert calls == [
        f"{flight}/log.bin",
        f"{flight}/episode.json",
        flight,
        "rename",
        "episodes",
        "flight",
        "index.jsonl",
    ]


def test_a_run_that_is_there_after_a_loss_of_power_was_synced(tmp_path, monkeypatch):
    path = tmp_path / "run"
    calls = []
    fsync, replace_ = os.fsync, os.replace

    def seen(fd):
        calls.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    def moved(source, target):
        calls.append(f"-> {Path(target).name}")
        replace_(source, target)

    monkeypatch.setattr(os, "fsync", seen)
    monkeypatch.setattr(os, "replace", moved)
    RunFolder.create(path, manifest()).close()
    assert calls[0] == tmp_path.name
    assert calls[-3:] == [f".manifest.json.{os.getpid()}.tmp", "-> manifest.json", "run"]


def test_a_copy_without_its_empty_folders_goes_on(tmp_path):
    with RunFolder.create(tmp_path / "run", manifest()) as folder:
        work(folder, LogRecorder(folder, cell_spec(cameras=())), make_lot(0), ticks=5)
    (tmp_path / "run" / "flight").rmdir()
    (tmp_path / "run" / "interrupted").mkdir()
    (tmp_path / "run" / "interrupted" / ".DS_Store").write_bytes(b"")
    with RunFolder.open_for_resume(tmp_path / "run") as folder:
        assert folder.in_flight() == folder.interrupted() == ()
        assert [entry.lot for entry in folder.entries()] == [0]


def test_a_run_from_before_a_brain_could_be_lost_is_read_checked_and_resumed(tmp_path):
    path = tmp_path / "run"
    older = {"worked_by", "lost", "brain_deadline_s", "fallback"}
    with RunFolder.create(path, manifest(brain="the-brain")) as folder:
        recorder = LogRecorder(folder, SPEC)
        for lot in range(2):
            folder.index(work(folder, recorder, make_lot(lot), ticks=3))
    _without(path / "manifest.json", older)
    digest = sha256((path / "manifest.json").read_bytes()).hexdigest()
    lines = []
    for home in sorted((path / "episodes").iterdir()):
        old = Episode.open(home, brain="the-brain")
        data = json.loads(episode_bytes(old.entry, old.files, digest))
        data.pop("sha256")
        data["entry"] = {name: data["entry"][name] for name in data["entry"].keys() - older}
        whole = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        data["sha256"] = sha256(whole.encode()).hexdigest()
        (home / "episode.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        lines.append(data["entry"])
    rewrite_lines(path / "index.jsonl", lines)

    run = RunFolder.open(path)
    assert (run.manifest.brain_deadline_s, run.manifest.fallback) == (None, None)
    said = [("the-brain", None)] * 2
    ways = (run.entries(), tuple(run.iter_entries()), Follower(run).entries())
    for entries in (*ways, [run.episode(lot).entry for lot in range(2)]):
        assert [(entry.worked_by, entry.lost) for entry in entries] == said
    assert not check(path, level="quick").findings
    with RunFolder.open_for_resume(path) as again:
        assert again.entries() == ways[0]


def _without(path, names):
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({key: data[key] for key in data if key not in names}), "utf-8")
