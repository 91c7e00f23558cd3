"""Repeat every run that the tests have left behind, and count the verdicts.

``make results-replicate`` keeps what the tests make and calls this. Tests plant tampering, cut runs
short, and bring along cells and brains of their own, on purpose: those are counted by what
`shopfloor replicate` names. Whatever else is not identical makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

_PLANTED = {"tampering", "missing"}
_FORGERS = ("test_a_forged_log_is_different", "test_a_lot_that_was_taken_out_is_missed")
"""Tests that plant a difference and forge all sums over it."""
_REFUSALS = (
    r"unknown (cell|brain|body) '",  # a test's own, of which nobody else knows
    r"is not what was written",  # damaged by a test
    r"was recorded before a log kept what was decided",  # written by a test, line by line
    r"an episode's index entry",
    r"format \d+",
)
"""What replicate may refuse a run for that a test has made up or broken."""
_FAILURES = ("different", "equivalent", "failed")
_REFUSED = 2
_COMMAND = "from shopfloor.cli import main; main()"


def _runs(folder: Path) -> Iterator[Path]:
    """Runs below a folder; those that are the same to the last byte come once."""
    seen = set()
    for manifest in sorted(folder.rglob("manifest.json")):
        run = manifest.parent
        index = run / "index.jsonl"
        if run.is_symlink() or not index.is_file():
            continue
        key = sha256(manifest.read_bytes() + b"\0" + index.read_bytes()).digest()
        if key not in seen and index.stat().st_size:
            seen.add(key)
            yield run


def _verdict(run: Path, out: Path) -> dict[str, Any]:
    """What replicate says of one run, in a process of its own."""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _COMMAND, "replicate", str(run), "--out", str(out), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or not done.stdout.strip():
        said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        meant = done.returncode == _REFUSED and any(re.search(why, said) for why in _REFUSALS)
        return {"verdict": "refused" if meant else "failed", "why": said}
    replica = json.loads(done.stdout)
    kinds = {each["kind"] for each in replica["differences"]}
    forged = any(part.startswith(_FORGERS) for part in run.parts)
    named = bool(kinds & _PLANTED) and not kinds - _PLANTED - {"environment"}
    planted = replica["verdict"] == "different" and (forged or named)
    return {
        "verdict": "planted" if planted else replica["verdict"],
        "why": "; ".join(replica["reasons"]),
        "lots": replica["lots"],
    }


def main() -> int:
    """Count the verdicts, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the tests have left their runs")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    runs = list(_runs(chosen.folder))
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(chosen.workers) as pool:
        outs = [Path(temporary) / str(number) for number in range(len(runs))]
        found = []
        for run, verdict in zip(runs, pool.map(_verdict, runs, outs), strict=True):
            found.append((run, verdict))
            print(f"{len(found)}/{len(runs)} {verdict['verdict']:9} {run}", file=sys.stderr)
    counts = Counter(verdict["verdict"] for _, verdict in found)
    result = {
        "runs": len(runs),
        "lots": sum(verdict.get("lots", 0) for _, verdict in found),
        "verdicts": dict(sorted(counts.items())),
        "others": [
            {"run": str(run.relative_to(chosen.folder)), **verdict}
            for run, verdict in found
            if verdict["verdict"] != "identical"
        ],
    }
    chosen.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(any(counts[verdict] for verdict in _FAILURES))


if __name__ == "__main__":
    sys.exit(main())
