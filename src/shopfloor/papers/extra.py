"""Libraries of the ``papers`` extra, taken up only when papers are read."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from shopfloor.errors import UsageError

__all__ = ["have", "need"]


def have() -> bool:
    """Whether papers can be read here: without the extra, a simulation says ``not checked``."""
    return all(find_spec(name) is not None for name in ("pydantic", "yaml"))


def need(module: str) -> Any:
    """Import a library that only papers need.

    Raises:
        UsageError: It is not there, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"papers need {error.name or module}, which is not installed; next: "
            "pip install 'shopfloor[papers]'"
        ) from error
    except (ImportError, OSError) as error:
        raise UsageError(
            f"{module} is installed and does not load here: {error}; next: pip install "
            "--force-reinstall 'shopfloor[papers]'"
        ) from error
