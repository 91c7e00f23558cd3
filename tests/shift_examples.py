"""Short shifts for tests: an order file of four small orders, and the command line as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from shopfloor.record import RunFolder
from shopfloor.report import run_summary
from shopfloor.shift import Latency, Plan, run_shift

ORDERS = [
    {
        "instruction": "Put the red cube into tote A.",
        "parts": [{"colour": "red", "shape": "cube", "size": "small"}],
    },
    {
        "instruction": "把蓝色零件放进乙箱",
        "parts": [
            {"colour": "blue", "shape": "bar", "size": "small"},
            {"colour": "red", "shape": "cube", "size": "small"},
        ],
    },
    {
        "instruction": "everything to B",
        "parts": [{"colour": "blue", "shape": "cylinder", "size": "small"}],
        "id": "the-third",
    },
    {
        "instruction": "everything to A",
        "parts": [{"colour": "green", "shape": "cube", "size": "large"}],
    },
]


def order_file(folder, orders=ORDERS, name="small.jsonl"):
    """Write an order file and return its path."""
    path = Path(folder) / name
    lines = (json.dumps(order, ensure_ascii=False) for order in orders)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_plan(**changed):
    """Return a plan without video; ``changed`` says what is different."""
    plan = Plan(
        cell="sorting",
        body="bench",
        brain="classical",
        seed=7,
        orders=None,
        hours=None,
        order_file=None,
        latency=Latency.parse("fixed:40"),
        limits="fenced",
        record_fps=10.0,
        video=False,
        audit=False,
        workers=1,
    )
    return replace(plan, **changed)


def silent(_progress):
    """Show no progress."""


def work(plan, out, *, resume=False):
    """Run a shift and return how it ended, and its summary."""
    ended = run_shift(plan, out, resume=resume, progress=silent)
    return ended, run_summary(out)


def entries(run):
    """Return the index entries of a run."""
    with RunFolder.open(run) as folder:
        return folder.entries()


def story(run):
    """Return all of a run's entries but their wall times."""
    return [replace(entry, wall_s=0.0) for entry in entries(run)]


def tree(folder):
    """Return the bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(Path(folder).rglob("*"))
    }


def start(*arguments, cwd, env=None, preexec=None):
    """Start the command line in a session (and process group) of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from shopfloor.cli import main; main()", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(_fresh, preexec),  # noqa: PLW1509 - the tests run no threads of their own
    )


def _fresh(preexec):
    # Where the tests run in the background, Ctrl-C is ignored by all that they start.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if preexec is not None:
        preexec()


def finish(process, timeout=60):
    """Wait for a process; return its exit code, stdout and stderr."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def call(*arguments, cwd, env=None, preexec=None):
    """Run the command line; return its exit code, stdout and stderr."""
    return finish(start(*arguments, cwd=cwd, env=env, preexec=preexec))


def wait_for_lots(run, count, process, timeout=60):
    """Wait until so many lots of a run are committed."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the run ended early: {finish(process)}")
        episodes = run / "episodes"
        if episodes.is_dir() and len(list(episodes.iterdir())) >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{run} has not committed {count} lots after {timeout} s")


def alive(session):
    """Return the processes of a session that still run, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # gone meanwhile
        if int(its_session) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(session, timeout=15):
    """Wait until no process of a session is left."""
    end = time.monotonic() + timeout
    while left := alive(session):
        assert time.monotonic() < end, f"processes {left} are still there"
        time.sleep(0.05)


def install(folder, package, source, points):
    """Install a package by hand: its module, its metadata and its entry points."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        line
        for group, names in points.items()
        for line in (f"[shopfloor.{group}]", *(f"{n} = {value}" for n, value in names.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}
