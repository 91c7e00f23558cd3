"""What became of one fault that was put in, read from the log of its lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shopfloor.cell.fault import FaultKind
from shopfloor.errors import RunError
from shopfloor.record import RunFolder

__all__ = ["Trial", "score"]

_STILL_RAD_S = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """One lot into which a fault was put.

    Attributes:
        seed: Of its run.
        lot: Its index.
        took: Tick at which the fault first made a difference, or None: then it counts for nothing.
        detected: Ticks from there until somebody named it; None where nobody did.
        stood: Ticks from there until all limbs stood, measured; None where they never did.
        in_time: Whether it was named in time; None where it is enough that it does no harm.
        safe: Whether no limit of the envelope was left, by the independent reader.
        recovered: Whether the order was finished well; None where a person is needed by design.
        intact: Whether log and ledger are whole.
        good: Whether the order was finished well.
        code: Root failure code of the order, or None.
    """

    seed: int
    lot: int
    took: int | None
    detected: int | None
    stood: int | None
    in_time: bool | None
    safe: bool
    recovered: bool | None
    intact: bool
    good: bool
    code: str | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def score(folder: RunFolder, kind: FaultKind, bad_lots: frozenset[int]) -> list[Trial]:
    """Read a run whose lots each had one fault put in.

    Args:
        folder: The run.
        kind: The fault.
        bad_lots: Lots of which a check of the run found something wrong.
    """
    return [_trial(folder, lot, kind, bad_lots) for lot in sorted(e.lot for e in folder.entries())]


def _trial(folder: RunFolder, lot: int, kind: FaultKind, bad_lots: frozenset[int]) -> Trial:
    episode = folder.episode(lot)
    entry = episode.entry
    intact = lot not in bad_lots
    try:
        episode.check_files()
        events = episode.notes("event")
        ticks = episode.ticks()
    except RunError:
        intact, events, ticks = False, (), None
    took = next((_tick(e) for e in events if e["kind"] == "fault.effect"), None)
    detected = None if took is None else _named(events, kind, took)
    stood = None
    if took is not None and ticks is not None and kind.codes and detected is not None:
        stood = _stood(ticks, took + detected, took)
    in_time = None
    if kind.codes:
        most = None if kind.within_ms is None else kind.within_ms / 1000
        late = most is not None and (
            detected is None or detected * folder.manifest.control_dt > most + 1e-9
        )
        in_time = detected is not None and not late
    return Trial(
        seed=folder.manifest.seed,
        lot=lot,
        took=took,
        detected=detected,
        stood=stood,
        in_time=in_time,
        safe=entry.breaches == 0,
        recovered=entry.good if kind.recovers else None,
        intact=intact,
        good=entry.good,
        code=entry.code,
    )


def _tick(event: Mapping[str, Any]) -> int:
    return int(event["tick"])


def _named(events: Sequence[Mapping[str, Any]], kind: FaultKind, took: int) -> int | None:
    for event in events:
        data = event["data"]
        told = event["kind"] == "fault" or (
            event["kind"] == "skill.finished" and not data.get("ok", True)
        )
        if told and _tick(event) >= took and data.get("code") in kind.codes:
            return _tick(event) - took
    return None


def _stood(ticks: Any, since: int, took: int) -> int | None:
    """When the limbs first stood after a tick, by the speeds that were recorded."""
    speeds = [ticks[name] for name in ticks.dtype.names if name.endswith(".qd")]
    fastest = np.max([np.abs(speed).max(axis=1) for speed in speeds], axis=0)
    still = np.flatnonzero(fastest[since:] < _STILL_RAD_S)
    return int(still[0]) + since - took if len(still) else None
