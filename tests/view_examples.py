"""Runs to look through: made up but written by the house's own writer, and broken ones."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

import report_examples
from shopfloor.record import RunFolder, Session
from shopfloor.record.lines import rewrite_lines
from shopfloor.view.server import Http, configured

__all__ = ["broken_runs", "made_up", "served", "session"]


def session(lots, *, ended="complete"):
    return Session("2026-11-20T08:00:00+00:00", 12.5, 1, lots, ended)


def made_up(path, lots, *, failing=0.0, seed=0, ended="complete", **changes):
    """Write a run that has an index and empty episodes; nobody but a list looks into those."""
    manifest = report_examples.manifest(**({"orders": lots, "seed": seed} | changes))
    some = report_examples.shift(min(lots, 500), seed=seed, failing=failing)
    entries = tuple(replace(some[lot % len(some)], lot=lot) for lot in range(lots))
    plain = [entry.to_json() for entry in some]
    with RunFolder.create(path, manifest) as run:
        for entry in entries:
            (path / "episodes" / f"{entry.lot:06d}").mkdir()
        lines = ({**plain[lot % len(some)], "lot": lot} for lot in range(lots))
        rewrite_lines(path / "index.jsonl", lines)
        if ended is not None:
            run.add_session(session(lots, ended=ended))
    return entries


def broken_runs(root):
    """Break runs in every way that a folder can be broken; return what must be said of each."""
    for name in ("old", "torn", "list", "index", "types", "gone", "manifestless", "other"):
        made_up(root / name, 2)
    manifest = json.loads((root / "old" / "manifest.json").read_text())
    (root / "old" / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    (root / "torn" / "manifest.json").write_text(json.dumps(manifest)[:300])
    (root / "list" / "manifest.json").write_text("[1, 2]")
    (root / "types" / "manifest.json").write_text(
        json.dumps(manifest | {"control_dt": "soon", "camera_names": [1], "created": 7})
    )
    index = root / "index" / "index.jsonl"
    index.write_bytes(index.read_bytes().replace(b"sorting-1000-0001", b"sorting-1000-9999"))
    (root / "gone" / "episodes" / "000001").rmdir()
    (root / "manifestless" / "manifest.json").unlink()
    (root / "other" / "manifest.json").write_text('{"format": "a web app", "name": "x"}')
    (root / "linked").symlink_to(root / "old", target_is_directory=True)
    return {
        "old": "format 2",
        "torn": "not what was written",
        "list": "not what was written",
        "index": "line 2, is not what was written",
        "types": "which no run can have",
        "gone": "names episode 000001",
        "manifestless": "no run here",
        "other": "a web app",
        "linked": "links are not followed",
    }


@contextmanager
def served(root):
    """Serve a folder on loopback from a thread; yields its address without a slash."""
    http = Http("127.0.0.1", 0)
    server = uvicorn.Server(configured(root, http))
    with http.bind() as taken:
        thread = threading.Thread(target=server.run, args=([taken],))
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        try:
            yield http.url(taken)
        finally:
            server.should_exit = True
            thread.join(20)
