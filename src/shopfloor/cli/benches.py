"""All that ``shopfloor bench`` can do: its parts register themselves when they are imported."""

from __future__ import annotations

from shopfloor.cli import bench_loss, bench_record, bench_shift
from shopfloor.cli.bench import command

__all__ = ["bench_loss", "bench_record", "bench_shift", "command"]
