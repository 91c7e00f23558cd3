"""Libraries of the ``export`` extra, taken up only when a format needs them."""

from __future__ import annotations

import importlib
from typing import Any

from shopfloor.errors import UsageError

__all__ = ["need"]


def need(module: str, format_: str) -> Any:
    """Import a library that only some exports need.

    Args:
        module: What is imported (``mcap.writer``).
        format_: The format that needs it, for the message.

    Raises:
        UsageError: It is not there, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"an export to {format_} needs {error.name or module}, which is not installed; next: "
            "pip install 'shopfloor[export]'"
        ) from error
    except (ImportError, OSError) as error:
        raise UsageError(
            f"{module} is installed and does not load here: {error}; next: pip install "
            "--force-reinstall 'shopfloor[export]'"
        ) from error
