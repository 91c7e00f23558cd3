"""All that ``shopfloor papers`` can do: its parts register themselves when they are imported."""

from __future__ import annotations

from importlib import import_module

from shopfloor.cli.papers import command

__all__ = ["command"]

for _part in ("init", "sign", "bom", "watch"):
    import_module(f"shopfloor.cli.papers_{_part}")
