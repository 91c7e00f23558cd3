"""All that ``shopfloor bench`` can do: its parts register themselves when they are imported."""

from __future__ import annotations

from shopfloor.cli import bench_ray, bench_record
from shopfloor.cli.bench import command

__all__ = ["bench_ray", "bench_record", "command"]
