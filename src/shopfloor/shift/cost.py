"""What it costs to record: wall time against the same lots worked and forgotten, and disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from shopfloor.record import Entry, RunFolder
from shopfloor.shift.hire import Staff, manifest, order_source
from shopfloor.shift.nobody import Nobody
from shopfloor.shift.plan import Plan
from shopfloor.shift.work import Crew, work
from shopfloor.shift.worker import Worker
from shopfloor.types import Lot

__all__ = ["Cost", "recording_cost"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured.

    Attributes:
        lots: How many lots were worked, each twice: recorded and forgotten, by turns.
        recorded_s, forgotten_s: Wall time of all of them [s].
        ratios: Recorded over forgotten, for each lot.
        worked_s: Length of the lots on the virtual clock, without changeovers [s].
        clock_s: The same with changeovers and repairs [s].
        size_bytes: Of the committed episodes, by what is in the files.
        streams: Of each camera, ``px`` (width, height) and ``hz`` of what was recorded.
    """

    lots: int
    recorded_s: float
    forgotten_s: float
    ratios: tuple[float, ...]
    worked_s: float
    clock_s: float
    size_bytes: Mapping[str, int]
    streams: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ratios first."""
        total = sum(self.size_bytes.values())
        depth = self.size_bytes.get("depth", 0)
        return {
            "recorded_over_forgotten": self.recorded_s / self.forgotten_s,
            "recorded_over_forgotten_median": median(self.ratios),
            "mb_per_simulated_minute": (total - depth) / 1e6 / (self.clock_s / 60),
            "mb_per_worked_minute": (total - depth) / 1e6 / (self.worked_s / 60),
            "depth_mb_per_worked_minute": depth / 1e6 / (self.worked_s / 60) if depth else None,
            "lots": self.lots,
            "recorded_s": self.recorded_s,
            "forgotten_s": self.forgotten_s,
            "worked_s": self.worked_s,
            "clock_s": self.clock_s,
            "size_bytes": dict(self.size_bytes),
            "streams": dict(self.streams),
        }


def recording_cost(plan: Plan, *, lots: int, say: Callable[[str], None]) -> Cost:
    """Work each lot twice in one process, recorded to the disk and forgotten, by turns.

    Recorded means everything that a shift does: log, truth, hashes, videos, commit with fsync.

    Args:
        plan: What to run; its length and workers are not used.
        lots: How many lots.
        say: Told how far it is.
    """
    plan = replace(plan, orders=lots, hours=None, workers=1)
    with tempfile.TemporaryDirectory() as temporary:
        staff = Staff(plan)
        source = order_source(plan, staff.cell)
        spec = staff.cell.spec
        with RunFolder.create(Path(temporary) / "run", manifest(plan, staff, source)) as folder:
            worker = Worker(plan, folder, staff)
            try:
                walls = [_by_turns(worker, staff, lot, say) for lot in islice(source.lots(), lots)]
                entries = [folder.episode(lot).entry for lot in range(lots)]
                sizes = _sizes(folder, lots)
            finally:
                worker.close()
    ticks = sum(entry.ticks for entry in entries)
    return Cost(
        lots=lots,
        recorded_s=sum(recorded for recorded, _ in walls),
        forgotten_s=sum(forgotten for _, forgotten in walls),
        ratios=tuple(recorded / forgotten for recorded, forgotten in walls),
        worked_s=ticks * spec.control_dt,
        clock_s=_clock_ticks(entries) * spec.control_dt + lots * spec.changeover_s,
        size_bytes=sizes,
        streams={
            name: {"px": (each.stream.width, each.stream.height), "hz": plan.record_fps}
            for name, each in spec.cameras.items()
        },
    )


def _by_turns(
    worker: Worker, staff: Staff, lot: Lot, say: Callable[[str], None]
) -> tuple[float, float]:
    """Wall time of a lot recorded and forgotten [s]; who goes first changes from lot to lot."""
    ways: dict[str, Callable[[], object]] = {
        "recorded": lambda: worker.work(lot),
        "forgotten": lambda: _forget(staff, lot),
    }
    walls: dict[str, float] = {}
    for name in sorted(ways, reverse=bool(lot.index % 2)):
        began = time.perf_counter()
        ways[name]()
        walls[name] = time.perf_counter() - began
    say(f"lot {lot.index + 1}: {walls['recorded'] / walls['forgotten']:.3f}")
    return walls["recorded"], walls["forgotten"]


def _forget(staff: Staff, lot: Lot) -> None:
    crew = Crew(
        cell=staff.cell,
        brain=staff.brain,
        guard=staff.guard,
        judge=staff.cell.judge(),
        recorder=Nobody(),
        limits=staff.limits,
        dispatcher=staff.dispatcher,
        latency=staff.charge,
    )
    work(crew, lot, {})


def _clock_ticks(entries: list[Entry]) -> int:
    return sum(entry.ticks + entry.repair_ticks for entry in entries)


def _sizes(folder: RunFolder, lots: int) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for lot in range(lots):
        for path in folder.episode(lot).path.iterdir():
            kind = _KINDS.get(path.name) or ("views" if ".views." in path.name else "streams")
            kind = "depth" if path.suffix == ".mkv" else kind
            sizes[kind] = sizes.get(kind, 0) + path.stat().st_size
    return sizes


_KINDS = {"log.bin": "log", "truth.bin": "truth", "episode.json": "entry"}
