"""Our own runs: is what lies on the disk what was written, and does it agree with itself?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor.check.episode import RUN_VERSION, check_episode
from shopfloor.check.finding import Code, Findings
from shopfloor.check.keeper import snapshot
from shopfloor.check.report import Level, Report, Tell
from shopfloor.errors import RunBusy, RunCorrupt, RunError, RunUnwritable, RunVersion, UsageError
from shopfloor.order import Ledger
from shopfloor.record import Entry, RunFolder
from shopfloor.record.index import read_index
from shopfloor.record.lock import Lock

__all__ = ["CODES", "RUN_FLIGHT", "RUN_INDEX", "RUN_LINE", "RUN_TORN", "check_run"]

_INDEX, _SESSIONS, _RESULT, _MANIFEST = (
    "index.jsonl",
    "sessions.jsonl",
    "result.json",
    "manifest.json",
)
_MB = 1e6

RUN_MANIFEST = Code(
    "run.manifest",
    "error",
    "manifest.json cannot be read, or lacks something; without it no episode can be placed",
    "restore it from a copy; the episodes are untouched",
)
RUN_BUSY = Code(
    "run.busy",
    "warning",
    "Another process writes the run at this moment; what it has not committed is not checked",
    "check again when it has ended",
)
RUN_FLIGHT = Code(
    "run.flight",
    "warning",
    "A lot was not committed: its process was killed; it is no part of the run",
    "continue the run with --resume, which works it again",
    repairable=True,
)
RUN_INDEX = Code(
    "run.index",
    "error",
    "A line of index.jsonl is not what was written; nothing reads the run until it is mended",
    "repair it: the index can be rebuilt from the episodes",
    repairable=True,
)
RUN_LINE = Code(
    "run.index_line",
    "warning",
    "An episode is not in the index, or with another content; readers take a missing one from "
    "its folder",
    "repair it: the index can be rebuilt from the episodes",
    repairable=True,
)
RUN_TORN = Code(
    "run.torn",
    "warning",
    "The last line of index.jsonl or sessions.jsonl was torn by a crash; it is not read",
    "repair the index; sessions.jsonl mends itself with the next session",
    repairable=True,
)
RUN_LOST = Code(
    "run.episode_lost",
    "error",
    "The index names an episode whose folder is gone; nothing reads the run until it is mended",
    "restore it from a copy, or delete index.jsonl and continue with --resume",
)
RUN_STRAY = Code(
    "run.stray",
    "error",
    "Something in episodes/ is no episode of this run; nothing reads the run until it is gone",
    "move it elsewhere",
)
RUN_SESSIONS = Code(
    "run.sessions",
    "error",
    "A line of sessions.jsonl is not what was written",
    "delete the file: only working times are lost",
)
RUN_LEDGER = Code(
    "run.ledger",
    "error",
    "The ledger of a lot does not balance: in = good + scrap + wip + quarantine, each unit once",
    "restore the episode from a copy; the judge cannot have written this",
)
RUN_RESULT = Code(
    "run.result",
    "warning",
    "result.json is not about the episodes that are here",
    "write it again with `shopfloor report RUN`",
)
CODES = (
    RUN_MANIFEST,
    RUN_BUSY,
    RUN_FLIGHT,
    RUN_INDEX,
    RUN_LINE,
    RUN_TORN,
    RUN_LOST,
    RUN_STRAY,
    RUN_SESSIONS,
    RUN_LEDGER,
    RUN_RESULT,
)


def check_run(root: Path, level: Level, tell: Tell) -> Report:
    """Check a run of ours. Nothing is written.

    Args:
        root: Its folder.
        level: ``quick`` compares sums and index; ``normal`` also reads logs and counts frames;
            ``deep`` decodes the videos.
        tell: Told of the progress [MB].
    """
    findings = Findings()
    seen = snapshot(root)
    checked = {"episodes": 0, "ticks": 0, "files": 0, "videos": 0, "frames": 0}
    run = _open(root, findings)
    if run is not None:
        _check_writers(run, findings)
        lots = _lots(run, findings)
        sizes = {lot: _size(root / "episodes" / f"{lot:06d}") for lot in lots}
        done, of = 0, sum(sizes.values())
        entries: dict[int, Entry] = {}
        for lot in lots:
            entry = check_episode(run, lot, level, findings, checked)
            if entry is not None:
                entries[lot] = entry
                _check_ledger(entry, findings)
            done += sizes[lot]
            tell(round(done / _MB), max(round(of / _MB), 1))
        _check_index(run, lots, entries, findings)
        _check_sessions(run, findings)
        if len(entries) == len(lots):
            _check_result(run, entries, findings)
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    return Report(root, "run", level, tuple(ordered), checked, seen)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _open(root: Path, findings: Findings) -> RunFolder | None:
    try:
        return RunFolder.open(root)
    except RunVersion as error:
        findings.add(RUN_VERSION.at(_MANIFEST, str(error), "the format of this shopfloor"))
    except (RunError, UsageError, TypeError, ValueError, AttributeError) as error:
        findings.add(RUN_MANIFEST.at(_MANIFEST, str(error), "what was written"))
    return None


def _check_writers(run: RunFolder, findings: Findings) -> None:
    lock = run.path / "lock"
    if lock.exists():
        try:
            Lock.take(lock, who="another process").release()
        except RunBusy as error:
            findings.add(RUN_BUSY.at("lock", str(error), "nobody"))
            return
        except RunUnwritable:
            pass  # a copy that may only be read: nobody writes it
    try:
        left = run.in_flight()
    except OSError:
        return  # a run that was copied without the empty folder
    for path in left:
        findings.add(RUN_FLIGHT.at("flight", path.name, "nothing", count=1))


def _lots(run: RunFolder, findings: Findings) -> list[int]:
    """Return the lots that are there. ``RunFolder`` refuses all of them when one name is wrong."""
    lots = []
    try:
        names = sorted(path.name for path in (run.path / "episodes").iterdir())
    except OSError as error:
        findings.add(RUN_STRAY.at("episodes", str(error.strerror), "a folder of episodes"))
        return []
    for name in names:
        if name.isascii() and name.isdigit() and name == f"{int(name):06d}":
            lots.append(int(name))
        else:
            findings.add(RUN_STRAY.at(f"episodes/{name}", "no episode", "folders such as 000007"))
    return lots


def _check_ledger(entry: Entry, findings: Findings) -> None:
    from shopfloor.types import Outcome

    file = f"episodes/{entry.lot:06d}/episode.json"
    outcome = Outcome(entry.good, entry.ever, entry.code, entry.code_tick, entry.units)
    why = ""
    try:
        Ledger.of([outcome])
    except RunError as error:
        why = str(error)
    if entry.good != (entry.code is None):
        why = f"good is {entry.good} and the failure code {entry.code!r}"
    elif entry.good and not entry.ever:
        why = "good at the end, but at no settled moment"
    elif sum(ticks for _, ticks in entry.segments) != entry.ticks:
        why = "its states do not add up to its ticks"
    if why:
        allowed = "in = good + scrap + wip + quarantine, and one code for a failed order"
        findings.add(RUN_LEDGER.at(file, why, allowed, episode=entry.lot))


def _check_index(
    run: RunFolder, lots: list[int], entries: Mapping[int, Entry], findings: Findings
) -> None:
    path = run.path / _INDEX
    busy = findings.has(RUN_BUSY)  # lots that wait for a slower one are not in the index yet
    if not busy:
        _check_torn(path, findings, repairable=True)
    try:
        indexed = read_index(path, brain=run.manifest.brain)
    except RunVersion as error:
        findings.add(RUN_VERSION.at(_INDEX, str(error), "the format of this shopfloor"))
        return
    except (RunCorrupt, TypeError, ValueError) as error:
        findings.add(RUN_INDEX.at(_INDEX, str(error), "what was written"))
        return
    for lot in sorted(set(indexed) - set(lots)):
        findings.add(
            RUN_LOST.at(_INDEX, f"episode {lot:06d}", "episodes that are there", episode=lot)
        )
    for lot, entry in entries.items():
        if lot not in indexed and busy:
            continue
        if lot not in indexed:
            got = "no line" if path.exists() else "no index"
            findings.add(RUN_LINE.at(_INDEX, got, "a line for each episode", episode=lot))
        elif json.dumps(indexed[lot].to_json()) != json.dumps(entry.to_json()):
            got = "another content than its episode.json"
            findings.add(RUN_LINE.at(_INDEX, got, "the same", episode=lot))


def _check_torn(path: Path, findings: Findings, *, repairable: bool) -> None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 1, 0))
            torn = size > 0 and file.read() != b"\n"
    except OSError:
        return
    if torn:
        findings.add(
            RUN_TORN.at(path.name, "a line without its end", "whole lines", repairable=repairable)
        )


def _check_sessions(run: RunFolder, findings: Findings) -> None:
    _check_torn(run.path / _SESSIONS, findings, repairable=False)
    try:
        run.sessions()
    except RunCorrupt as error:
        findings.add(RUN_SESSIONS.at(_SESSIONS, str(error), "what was written"))


def _check_result(run: RunFolder, entries: Mapping[int, Entry], findings: Findings) -> None:
    """Compare the figures of the last report with the episodes."""
    path = run.path / _RESULT
    if not path.exists():
        return
    try:
        said: Any = json.loads(path.read_bytes())
        units = dict(said["units"])
        got = (said["orders"], units, said["log_sha256"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        findings.add(RUN_RESULT.at(_RESULT, f"{type(error).__name__}: {error}", "a result"))
        return
    states = [unit.state for entry in entries.values() for unit in entry.units]
    places = {place: states.count(place) for place in ("good", "scrap", "wip", "quarantine")}
    ledger = {"in": sum(places.values()), **places}
    digest = sha256("".join(entries[n].log_sha256 for n in sorted(entries)).encode())
    due = (len(entries), ledger, digest.hexdigest() if entries else None)
    for what, mine, theirs in zip(("orders", "units", "log_sha256"), got, due, strict=True):
        if mine != theirs:
            findings.add(RUN_RESULT.at(_RESULT, str(mine), str(theirs), what=what))
