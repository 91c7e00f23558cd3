"""What a check of one folder came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shopfloor.check.finding import Finding
from shopfloor.check.keeper import Snapshot

__all__ = ["Kind", "Level", "Report", "Tell", "nobody"]

Kind = Literal["run", "lerobot"]
"""What a folder is."""

Level = Literal["quick", "normal", "deep"]
"""``quick`` opens no video; ``deep`` decodes every frame."""

Tell = Callable[[int, int], None]
"""Told how far a check has come: done, of how many [MB]."""


def nobody(done: int, of: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one folder.

    Attributes:
        path: The folder.
        kind: What it is.
        level: How deep the check went.
        findings: Errors first, else in the order in which they were found.
        checked: How much was looked at: episodes, rows, files, videos, frames.
        seen: What the files looked like before the check.
    """

    path: Path
    kind: Kind
    level: Level
    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    seen: Snapshot = field(repr=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that a reader stumbles over."""
        return tuple(f for f in self.findings if f.severity == "error")

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "level": self.level,
            "ok": not self.errors,
            "findings": [finding.to_json() for finding in self.findings],
            "checked": dict(self.checked),
        }
