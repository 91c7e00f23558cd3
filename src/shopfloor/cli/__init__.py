"""The command line: ``shopfloor run``, ``report``, ``list``, ``bench``."""

from shopfloor.cli.main import main

__all__ = ["main"]
