"""All that ``shopfloor bench`` can do: its parts register themselves when they are imported."""

from __future__ import annotations

from importlib import import_module

from shopfloor.cli.bench import command

__all__ = ["command"]

for _part in ("fuzz", "loss", "noise", "papers", "ray", "record", "shift"):
    import_module(f"shopfloor.cli.bench_{_part}")
