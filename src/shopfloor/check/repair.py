"""Mends what the data themselves prove how to mend, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopfloor.check.keeper import Keeper
from shopfloor.check.report import Report, Tell, nobody
from shopfloor.errors import RunCorrupt
from shopfloor.record import RunFolder

__all__ = ["Repaired", "repair"]

_INDEX = "index.jsonl"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        path: The folder.
        changes: (file, what was done to it), in the order in which it was done.
        backup: Where the originals are, or None where nothing was changed.
    """

    path: Path
    changes: tuple[tuple[str, str], ...]
    backup: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "path": str(self.path),
            "changes": [{"file": file, "change": change} for file, change in self.changes],
            "backup": None if self.backup is None else str(self.backup),
        }


def repair(report: Report, *, tell: Tell = nobody) -> Repaired:
    """Repair what a check found, one file after the other, each as a whole.

    A file's original is kept before it is replaced. What cannot be proved from the rest of the
    data is left as it is. Check again afterwards to see what remains.

    Args:
        report: Of the check that came just before.
        tell: Told of the progress [MB].

    Raises:
        RunBusy: Another process writes the folder, or has written since the check.
        RunUnwritable: The disk cannot take it; what was being replaced is untouched.
    """
    if not any(finding.repairable for finding in report.findings):
        return Repaired(report.path, (), None)
    if report.kind == "run":
        return _repair_run(report)
    from shopfloor.check.lerobot.mend import mend_dataset

    with Keeper(report.path, report.seen) as keeper:
        mend_dataset(report, keeper, tell)
    changes = tuple(keeper.changes)
    return Repaired(report.path, changes, keeper.backup if changes else None)


def _repair_run(report: Report) -> Repaired:
    """Rebuild the index, which a resume does; it sets apart what is left of lots in flight."""
    root = report.path
    with Keeper(root, report.seen) as keeper:
        keeper.keep(_INDEX)
        left = sorted(path.name for path in (root / "flight").glob("*"))
    try:
        with RunFolder.open_for_resume(root) as run:
            count = len(run.entries())
    except RunCorrupt:
        return Repaired(root, (), None)  # a damaged episode: the findings name it
    changes = [(_INDEX, f"rebuilt from {count} episodes")]
    changes += [
        (f"flight/{name}", "set apart in interrupted/; the lot was never committed")
        for name in left
    ]
    return Repaired(root, tuple(changes), keeper.backup)
