"""After ``kill -9`` at any moment no committed lot is lost, none is counted twice, and it goes on.

One helper process forks a child for each kill: a new interpreter each time would take
longer than everything that is tested.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

COMMON = """
    import json, os, signal, sys, time
    import numpy as np
    from record_examples import cell_spec, make_lot, manifest, work
    from shopfloor.record import LogRecorder, RunFolder
    from shopfloor.errors import UsageError

    SPEC = cell_spec(cameras=("front",), size=(16, 16))

    def go_on(path, upto, told):
        try:
            folder = RunFolder.open_for_resume(path)
        except UsageError:
            folder = RunFolder.create(path, manifest())
        done = {entry.lot for entry in folder.entries()}
        recorder = LogRecorder(folder, SPEC, flush_ticks=2)
        for n in range(upto):
            if n not in done:
                entry = work(folder, recorder, make_lot(n), ticks=5)
                told(entry)
                folder.index(entry)
        folder.close()

    def forked(path, upto, before, kill):
        # Run go_on in a child; return the entries that it was told are committed.
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            code = 1
            try:
                tell = os.write
                before()
                line = lambda e: tell(write, f"{e.lot} {e.log_sha256}\\n".encode())
                go_on(path, upto, line)
                code = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(write)
        kill(child)
        status = os.waitpid(child, 0)[1]
        with os.fdopen(read) as pipe:
            told = dict(line.split() for line in pipe.read().splitlines())
        return {int(lot): digest for lot, digest in told.items()}, status

    def entries(path):
        try:
            with RunFolder.open_for_resume(path) as folder:
                for entry in folder.entries():
                    assert folder.episode(entry.lot).log_sha256() == entry.log_sha256
                assert folder.in_flight() == ()
                return folder.entries()
        except UsageError:
            return ()

    reference = {}
    go_on(sys.argv[1] + "/reference", LOTS, lambda e: reference.update({e.lot: e.log_sha256}))

    def check(path, committed):
        # All that was ever told is there, as it was told, once, and right.
        found = entries(path)
        lots = [entry.lot for entry in found]
        assert lots == sorted(set(lots))
        assert committed.keys() <= set(lots), (committed.keys() - set(lots))
        for entry in found:
            assert entry.log_sha256 == reference[entry.lot]
        for lot, digest in committed.items():
            assert digest == reference[lot]
        return found
"""


def helper(tmp_path, code, *, lots):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"LOTS = {lots}\n" + textwrap.dedent(COMMON) + textwrap.dedent(code),
            str(tmp_path),
        ],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_forty_kills_at_random_moments(tmp_path):
    code = """
        path = sys.argv[1] + "/run"
        rng = np.random.default_rng(1)
        committed, kills, progress = {}, 0, []
        while kills < 40:
            def kill(child):
                time.sleep(float(rng.uniform(0.002, 0.05)))
                os.kill(child, signal.SIGKILL)
            told, status = forked(path, LOTS, lambda: None, kill)
            if os.WIFSIGNALED(status):
                kills += 1
            else:
                assert os.WEXITSTATUS(status) == 0
                break
            assert not committed.keys() & told.keys(), "a lot was worked twice"
            committed.update(told)
            found = check(path, committed)
            committed = {entry.lot: entry.log_sha256 for entry in found}
            progress.append(len(found))
        go_on(path, LOTS, lambda e: None)
        same = [e.log_sha256 for e in entries(path)] == list(reference.values())
        index = (open(path + "/index.jsonl").read().count("\\n"))
        print(json.dumps({"kills": kills, "progress": progress, "same": same, "index": index}))
    """
    said = helper(tmp_path, code, lots=300)
    assert said["kills"] >= 30
    assert said["progress"][-1] >= 3  # a busy machine commits few between two kills
    assert said["progress"] == sorted(said["progress"])
    assert said["same"]
    assert said["index"] == 300


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_at_every_call_that_changes_the_disk(tmp_path, torn):
    code = f"""
        TORN = {torn}
        CALLS = ("write", "fsync", "rename", "replace", "mkdir", "rmdir", "unlink", "ftruncate")

        def dying(after):
            # The n-th call is not made, or half made if it is a write; then comes SIGKILL.
            left = [after]
            for name in CALLS:
                real = getattr(os, name)
                def call(*args, name=name, real=real, **more):
                    left[0] -= 1
                    if left[0] < 0:
                        if TORN and name == "write":
                            real(args[0], bytes(args[1])[: len(args[1]) // 2])
                        os.kill(os.getpid(), signal.SIGKILL)
                    return real(*args, **more)
                setattr(os, name, call)

        point, finished, adopted = 0, False, 0
        while not finished:
            # From the making of the run to the index line of its second lot.
            path = sys.argv[1] + f"/run{{point}}"
            told, status = forked(path, 2, lambda: dying(point), lambda child: None)
            finished = not os.WIFSIGNALED(status)
            assert finished or os.WTERMSIG(status) == signal.SIGKILL
            found = check(path, told)
            adopted += len(found) > len(told)
            go_on(path, 2, lambda e: None)
            assert [e.log_sha256 for e in entries(path)] == [reference[0], reference[1]]
            point += 1
        print(json.dumps({{"points": point, "adopted": adopted}}))
    """
    said = helper(tmp_path, code, lots=2)
    assert said["points"] > 50
    assert said["adopted"] >= 2  # committed on the disk, but nobody was told any more
