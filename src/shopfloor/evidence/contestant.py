"""Who is compared: a run with a name that tells it from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shopfloor.record.entry import Entry, Manifest
from shopfloor.report.load import load

__all__ = ["Contestant", "contestants", "distinct"]

_TELLING = ("brain", "body", "cell", "language", "latency", "limits")
"""What a run is called by, where it is not the same in all of them."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One run in a comparison.

    Attributes:
        label: Its name in this comparison; no two have the same.
        path: The run folder.
        manifest: Of the run.
        entries: Of all its committed lots, in lot order.
        ended: How its last session ended; None where nobody could write it.
    """

    label: str
    path: Path
    manifest: Manifest
    entries: tuple[Entry, ...]
    ended: str | None

    @property
    def fixed(self) -> bool:
        """Whether its length was fixed beforehand, so that no outcome can have decided it."""
        asked = self.manifest.orders
        whole = asked is None or len(self.entries) >= asked
        return self.ended == "complete" and self.manifest.hours is None and whole


def contestants(folders: Sequence[Path], labels: Sequence[str] = ()) -> tuple[Contestant, ...]:
    """Read runs; without labels they are called by what tells them apart.

    Raises:
        RunError, UsageError: There is no run in a folder, or it is damaged.
    """
    runs = [load(folder) for folder in folders]
    names = labels or distinct([_facts(run.manifest, run.entries) for run in runs])
    return tuple(
        Contestant(name, run.path, run.manifest, run.entries, run.ended)
        for name, run in zip(names, runs, strict=True)
    )


def _facts(manifest: Manifest, entries: Sequence[Entry]) -> dict[str, str]:
    facts = {name: str(getattr(manifest, name)) for name in _TELLING}
    # Who did not decide alone is never called by one name.
    others = dict.fromkeys(e.worked_by for e in entries if e.worked_by != manifest.brain)
    facts["brain"] = " and ".join((manifest.brain, *others))
    faults = ", ".join(manifest.faults) or "no faults"
    return {**facts, "noise": f"noise {manifest.noise}", "faults": faults}


def distinct(facts: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Return a name for each; who cannot be told apart otherwise is numbered, ``classical#1``.

    Args:
        facts: What is known of each, the most telling first; the first is always in the name.
    """
    if not facts:
        return ()
    first, *others = facts[0]
    varying = [name for name in others if len({each[name] for each in facts}) > 1]
    names = [" ".join(each[name] for name in (first, *varying)) for each in facts]
    count, seen = Counter(names), Counter[str]()
    told = []
    for name in names:
        seen[name] += 1
        told.append(f"{name}#{seen[name]}" if count[name] > 1 else name)
    return tuple(told)
