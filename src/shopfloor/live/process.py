"""Starts the processes of a live cell: each gets its setting and its ends of the lines."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

__all__ = ["ends", "setting", "start"]

T = TypeVar("T")


def start(module: str, asked: Any, lines: Sequence[socket.socket]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: what ends this one does not end it.

    Args:
        module: Run as ``python -m``.
        asked: Its setting, a dataclass of plain values.
        lines: Its ends, which are closed here.
    """
    numbers = [str(line.fileno()) for line in lines]
    process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
        [sys.executable, "-m", module, json.dumps(asdict(asked)), *numbers],
        pass_fds=[line.fileno() for line in lines],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    for line in lines:
        line.close()
    return process


def setting(kind: type[T], argv: Sequence[str]) -> T:
    """Read the setting in the process that was started."""
    return kind(**json.loads(argv[0]))


def ends(argv: Sequence[str]) -> list[socket.socket]:
    """Return its ends of the lines."""
    return [socket.socket(fileno=int(number)) for number in argv[1:]]
