"""What a check finds, and the codes that name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

__all__ = ["Code", "Finding", "Findings", "Severity"]

Severity = Literal["error", "warning"]
"""``error``: a reader fails, or learns from what is wrong. ``warning``: worth a look."""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of defect.

    Attributes:
        name: Stable name, such as ``lerobot.tasks_index``.
        severity: How bad it is.
        means: What is wrong, and what comes of it.
        step: What to do.
        repairable: Whether ``--repair`` can mend it where the data prove how.
    """

    name: str
    severity: Severity
    means: str
    step: str
    repairable: bool = False

    def at(
        self,
        file: str,
        got: str,
        allowed: str,
        *,
        what: str = "",
        row: int | None = None,
        episode: int | None = None,
        count: int = 1,
        repairable: bool | None = None,
        step: str | None = None,
    ) -> Finding:
        """Return a finding of this kind; see :class:`Finding` for the arguments."""
        able = self.repairable if repairable is None else repairable
        return Finding(
            code=self.name,
            severity=self.severity,
            file=file,
            what=what,
            row=row,
            episode=episode,
            got=got,
            allowed=allowed,
            step=step or self.step,
            repairable=able,
            count=int(count),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect in one place.

    Attributes:
        code: Name of its :class:`Code`.
        severity: How bad it is.
        file: Where it is, below the folder that was checked.
        what: Column, key or camera in the file; empty where it is the file.
        row: First row of the file that shows it, from 0, or None.
        episode: First episode that shows it, or None.
        got, allowed: What is there, and what may be there.
        step: What to do.
        repairable: Whether ``--repair`` can mend this one.
        count: How many rows, frames or episodes show it.
    """

    code: str
    severity: Severity
    file: str
    what: str
    row: int | None
    episode: int | None
    got: str
    allowed: str
    step: str
    repairable: bool
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class Findings:
    """Collects findings; the same defect in the same place counts up instead of coming again."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def add(self, finding: Finding) -> None:
        """Add a finding. Of several of a kind in one place the first is kept, with their number."""
        key = (finding.code, finding.file, finding.what)
        if (known := self._found.get(key)) is None:
            self._found[key] = finding
        else:
            able = known.repairable and finding.repairable
            self._found[key] = replace(known, count=known.count + finding.count, repairable=able)

    def has(self, *codes: Code, file: str | None = None) -> bool:
        """Whether one of these kinds was found, in ``file`` where one is named."""
        names = {code.name for code in codes}
        return any(f.code in names and file in (None, f.file) for f in self)

    def leave(self, *codes: Code) -> None:
        """Take back that findings of these kinds can be repaired."""
        names = {code.name for code in codes}
        for key, finding in self._found.items():
            if finding.code in names:
                self._found[key] = replace(finding, repairable=False)

    def __iter__(self) -> Iterator[Finding]:
        """Yield the findings, in the order in which they came."""
        return iter(self._found.values())

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(self._found)
