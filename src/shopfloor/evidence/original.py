"""The run that is to be repeated: what it holds, and whether that is what was written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopfloor import plugins
from shopfloor.check.report import Tell, nobody
from shopfloor.check.run import check_run
from shopfloor.errors import UsageError
from shopfloor.evidence.replica import Difference, Way
from shopfloor.record import Entry, Manifest, RunFolder
from shopfloor.report import run_summary

__all__ = ["Original"]

_HARMLESS = frozenset({"run.busy", "run.flight", "run.torn", "run.extra", "run.result"})
_NO_LINE = ("no line", "no index")


@dataclass(frozen=True, slots=True)
class Original:
    """A run as it lies on the disk.

    Attributes:
        path: Its folder.
        manifest: What it depends on.
        entries: Of its lots, as their episodes say; the index only repeats them.
        complete: Whether its last process said that the shift was complete.
        tampered: Where it is not what was written; nothing else is to be believed then.
        missing: What it lacks though it is complete.
    """

    path: Path
    manifest: Manifest
    entries: tuple[Entry, ...]
    complete: bool
    tampered: tuple[Difference, ...]
    missing: tuple[Difference, ...]

    @classmethod
    def read(cls, path: Path, tell: Tell = nobody) -> Original:
        """Read a run and hold it against its sums and hashes.

        Raises:
            UsageError: There is no run, or it holds no lot.
            RunError: It cannot be read.
        """
        with RunFolder.open(path) as folder:
            manifest = folder.manifest
            tampered = _tampered(path, tell)
            if tampered:
                return cls(path, manifest, (), complete=False, tampered=tampered, missing=())
            entries = tuple(folder.episode(entry.lot).entry for entry in folder.entries())
            sessions = folder.sessions()
            complete = bool(sessions) and sessions[-1].ended == "complete"
            if complete:
                tampered = _misreported(path, manifest)
        missing = _missing(manifest, [entry.lot for entry in entries]) if complete else ()
        if not entries and not missing:
            raise UsageError(f"{path} holds no lot yet, so there is nothing to repeat")
        return cls(path, manifest, entries, complete, tampered, missing)

    @property
    def unbroken(self) -> int:
        """How many lots it holds from the first one on without a gap."""
        lots = {entry.lot for entry in self.entries}
        return next(n for n in range(len(lots) + 1) if n not in lots)

    def way(self, *, ask_again: bool) -> Way:
        """How its brain is repeated: a model's answers are not repeatable, and recorded ones are.

        Nor is anything whose thinking was charged by the clock on the wall.
        """
        manifest = self.manifest
        repeatable = manifest.brain in plugins.names("brains") and manifest.latency != "measured"
        # Nobody can have a brain lost at the same moment again.
        repeatable = repeatable and not any(
            entry.lost or entry.worked_by != manifest.brain for entry in self.entries
        )
        if repeatable:
            return "worked again"
        return "asked again" if ask_again else "replayed"


def _tampered(path: Path, tell: Tell) -> tuple[Difference, ...]:
    """Whatever in the run is not what was written, by ``shopfloor check``."""
    found = []
    for finding in check_run(path, "normal", tell).findings:
        late = finding.code == "run.index_line" and finding.got in _NO_LINE
        if finding.code in _HARMLESS or late:
            continue
        what = "log hash mismatch in" if _is_hash(finding.code, finding.allowed) else finding.code
        found.append(
            Difference("tampering", f"{what} {finding.file}", finding.allowed, finding.got)
        )
    return tuple(found)


def _is_hash(code: str, allowed: str) -> bool:
    return code == "run.log" and len(allowed) == 64


def _misreported(path: Path, manifest: Manifest) -> tuple[Difference, ...]:
    """Figures of ``result.json`` that do not follow from the episodes.

    Another version may have counted otherwise, so only the same one is held to it.
    """
    from shopfloor.shift.hire import code_version

    file = path / "result.json"
    same = code_version() == (manifest.versions.get("shopfloor"), manifest.git_commit)
    if not file.exists() or not same:
        return ()
    try:
        said: Any = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        said = None
    due = json.loads(json.dumps(run_summary(path).to_json()))
    if not isinstance(said, dict):
        return (Difference("tampering", "result.json", "a report", "something else"),)
    return tuple(
        Difference("tampering", f"result.json {key}", _short(value), _short(said.get(key)))
        for key, value in due.items()
        if said.get(key) != value
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _missing(manifest: Manifest, lots: list[int]) -> tuple[Difference, ...]:
    """Lots that a complete run must have."""
    due = set(range(max(lots, default=-1) + 1)) | set(range(manifest.orders or 0))
    gone = sorted(due - set(lots))
    return tuple(
        Difference("missing", f"lot {lot}", "part of a complete run", "not there") for lot in gone
    )
