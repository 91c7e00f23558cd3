"""Which software draws the pictures: EGL first, then OSMesa, else a clear message."""

from __future__ import annotations

import os
from ctypes import ArgumentError
from typing import Any

from shopfloor.errors import RenderError

__all__ = ["context"]

_PACKAGES = {"egl": "libegl1 libgl1-mesa-dri libopengl0", "osmesa": "libosmesa6"}


def context(width: int, height: int) -> Any:
    """Open an off-screen GL context and make it current.

    ``MUJOCO_GL`` (``egl`` or ``osmesa``) decides where it is set; else EGL is tried, then
    OSMesa.

    Args:
        width, height: Largest picture that will be drawn [px].

    Raises:
        RenderError: No library is there; the message names the Debian packages.
    """
    asked = os.environ.get("MUJOCO_GL", "").strip().lower()
    if asked not in ("", *_PACKAGES):
        raise RenderError(
            f"MUJOCO_GL is {asked!r}; cells draw off screen with 'egl' or 'osmesa': set one of "
            "them or unset the variable"
        )
    reasons = []
    for name in (asked,) if asked else tuple(_PACKAGES):
        try:
            made = _open(name, width, height)
        except (ArgumentError, AttributeError, ImportError, OSError, RuntimeError) as error:
            # PyOpenGL reports a library that it did not find in any of these ways.
            said = str(error) or type(error).__name__
            reasons.append(f"{name}: {said.splitlines()[0]}")
            continue
        os.environ["MUJOCO_GL"] = name
        return made
    packages = " or ".join(f"'{_PACKAGES[n]}' for {n}" for n in ((asked,) if asked else _PACKAGES))
    raise RenderError(
        f"no GL library can draw on this machine ({'; '.join(reasons)}); install the Debian "
        f"package(s) {packages}, for example with `make system`"
    )


def _open(name: str, width: int, height: int) -> Any:
    # PyOpenGL binds to one platform for the life of the process, so name it before it loads.
    os.environ["PYOPENGL_PLATFORM"] = name
    try:
        if name == "egl":
            from mujoco.egl import GLContext
        else:
            from mujoco.osmesa import GLContext
        made = GLContext(width, height)
        made.make_current()
    except BaseException:
        del os.environ["PYOPENGL_PLATFORM"]
        raise
    return made
