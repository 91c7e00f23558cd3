"""Libraries of the ``local`` extra, taken up only when a model is."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any, cast

from shopfloor.errors import UsageError

__all__ = ["need"]


def need(module: str, package: str | None = None) -> Any:
    """Import a library that only a local model needs.

    Two things stay out. Out-of-tree backends of torch: where a backend is installed and its
    runtime is not, torch would fail to import at all, also for somebody who asked for another
    device. And the package ``kernels``, through which transformers and bitsandbytes would fetch
    machine code from a hub and run it.

    Args:
        module: What is imported (``torch``).
        package: What installs it, where that is not part of the extra.

    Raises:
        UsageError: It is not there, or does not work here.
    """
    os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "0"
    if "kernels" not in sys.modules:
        # None is Python's own way to say that a module is not to be imported.
        sys.modules["kernels"] = cast("ModuleType", None)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        step = f"pip install {package}" if package else "pip install 'shopfloor[local]'"
        raise UsageError(
            f"a local model needs {error.name or module}, which is not installed; next: {step}"
        ) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise UsageError(
            f"{module} is installed and does not load here: {error}; next: install a build of it "
            "for this machine, or name a model on a server: MODEL@http://HOST:PORT/v1"
        ) from error
