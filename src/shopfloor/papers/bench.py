"""Measures what papers cost: hashing beside a bare loop, and asking all rules."""

from __future__ import annotations

import hashlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.papers.weight import hash_folders

__all__ = ["Cost", "measure"]

_FILES = 4
_PART = 1 << 20
_HEADER = b"{}      "


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over rounds, by turns in one process, where nothing else is said.

    Attributes:
        cpu: Machine architecture and Python.
        megabytes: Hashed in each round [10⁶ bytes].
        rounds: How many.
        bare_mb_s: Speed of a loop of ``hashlib.sha256`` over parts of 1 MiB [10⁶ bytes/s].
        gate_mb_s: Speed of what the gate does with the same files [10⁶ bytes/s].
        ratio: Median of the rounds' ratios of the two.
        check_s: Wall time of ``shopfloor papers check``, from start of the process to its end, the
            least of the rounds: noise of the machine only ever adds [s].
        check_cpu_s: Processor time of the same [s].
        rules_s: Of these, asking all rules of papers that were read [s].
    """

    cpu: str
    megabytes: int
    rounds: int
    bare_mb_s: float
    gate_mb_s: float
    ratio: float
    check_s: float
    check_cpu_s: float
    rules_s: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, rounded to what was measured."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def measure(megabytes: int, rounds: int) -> Cost:
    """Measure on this machine; files are made in a temporary folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = _files(folder, megabytes * 1_000_000 // _FILES)
        _bare(files)  # into the page cache
        bare: list[float] = []
        gate: list[float] = []
        for turn in range(rounds):
            both = [(bare, lambda: _bare(files)), (gate, lambda: hash_folders([folder]))]
            for walls, work in both if turn % 2 else reversed(both):
                walls.append(_timed(work))
    checks = [_check() for _ in range(rounds)]
    return Cost(
        cpu=f"{platform.machine()}, Python {platform.python_version()}",
        megabytes=megabytes,
        rounds=rounds,
        bare_mb_s=megabytes / statistics.median(bare),
        gate_mb_s=megabytes / statistics.median(gate),
        ratio=statistics.median(b / g for b, g in zip(bare, gate, strict=True)),
        check_s=min(wall for wall, _ in checks),
        check_cpu_s=min(cpu for _, cpu in checks),
        rules_s=statistics.median(_timed(_rules()) for _ in range(rounds)),
    )


def _files(folder: Path, size: int) -> list[Path]:
    random = np.random.default_rng(0)
    made = []
    for index in range(_FILES):
        file = folder / f"model-{index}.safetensors"
        with file.open("wb") as stream:
            stream.write(len(_HEADER).to_bytes(8, "little") + _HEADER)
            for begin in range(0, size, _PART):
                stream.write(random.bytes(min(_PART, size - begin)))
        made.append(file)
    return made


def _bare(files: list[Path]) -> None:
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb", buffering=0) as stream:
            while part := stream.read(_PART):
                digest.update(part)
        digest.hexdigest()


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _check() -> tuple[float, float]:
    """Wall and processor time of the command in a process of its own [s]."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "shopfloor", "papers", "check", "--json"]
    wall = _timed(lambda: subprocess.run(command, check=False, capture_output=True))  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent


def _rules() -> Callable[[], object]:
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.check import check
    from shopfloor.papers.draft import example
    from shopfloor.papers.gate import today
    from shopfloor.papers.rule import chosen

    papers, _ = example()
    cards, sets = catalogue(), chosen("eu,us,cn")
    return lambda: check(papers, sets, today=today(), cards=cards)
