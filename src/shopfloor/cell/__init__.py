"""Cells: a body at its stations, with its physics, cameras and truth."""

import importlib
import os

__all__: list[str] = []


def _load_mujoco() -> None:
    """Load mujoco without letting it look for a GL library.

    Where ``MUJOCO_GL`` names one that is missing, the import itself fails, and not in words that
    help; ``shopfloor.cell.gl`` looks for it later and names the packages to install.
    """
    asked = os.environ.pop("MUJOCO_GL", None)
    try:
        importlib.import_module("mujoco")
    finally:
        if asked is not None:
            os.environ["MUJOCO_GL"] = asked


_load_mujoco()
