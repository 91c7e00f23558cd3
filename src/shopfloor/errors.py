"""One exception tree for the whole of shopfloor.

Every error that a person can cause or mend derives from :class:`ShopfloorError`;
the command line prints its message as one line and exits with code 2. A message
says what was got, what is allowed, and the next step.

    ShopfloorError
    ├── UsageError            an argument, a name or a file is wrong
    │   ├── UnknownName       no such cell, body, brain or skill
    │   ├── OrderError        an order, an order file or a goal is wrong
    │   ├── LimitsError       a limits file is incomplete or contradicts itself
    │   └── PapersError       a papers file, a licence card or a weight file is wrong
    ├── SpecMismatch          two parts of the house do not fit together
    │   └── PluginError       a plugin cannot be loaded or is named twice
    ├── PapersRefused         the papers do not let this brain start in this cell
    ├── BrainLost             nobody answered any more, and the shift ended
    ├── Unreachable           no joint position puts the tool there
    ├── SensorLost            a camera gives no picture
    ├── RenderError           no picture can be drawn on this machine
    └── RunError              something is wrong with a run folder
        ├── RunExists         the folder already holds a run
        ├── RunBusy           another process writes this run
        ├── RunVersion        the run was written by another format version
        ├── RunCorrupt        what is on disk is not what was written
        └── RunUnwritable     the folder cannot be written, or the disk is full
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

__all__ = [
    "BrainLost",
    "LimitsError",
    "OrderError",
    "PapersError",
    "PapersRefused",
    "PluginError",
    "RenderError",
    "RunBusy",
    "RunCorrupt",
    "RunError",
    "RunExists",
    "RunUnwritable",
    "RunVersion",
    "SensorLost",
    "ShopfloorError",
    "SpecMismatch",
    "UnknownName",
    "Unreachable",
    "UsageError",
]


class ShopfloorError(Exception):
    """Base of every error that shopfloor raises on purpose."""


class UsageError(ShopfloorError):
    """An argument, a name or a file is wrong."""


class UnknownName(UsageError):
    """No such cell, body, brain or skill; the message lists what exists."""

    def __init__(self, kind: str, got: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(got, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {got!r}; known: {', '.join(names) or 'none'}.{hint}")

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[type, str]]:
        # It comes whole from another process, where it was made from other arguments.
        return _again, (type(self), str(self))


def _again(kind: type[Exception], message: str) -> BaseException:
    error = kind.__new__(kind)
    error.args = (message,)
    return error


class OrderError(UsageError):
    """An order, an order file or a goal is wrong."""


class LimitsError(UsageError):
    """A limits file is incomplete or contradicts itself; the message names the field."""


class PapersError(UsageError):
    """A papers file, a licence card or a weight file is wrong; the message names the place."""


class PapersRefused(ShopfloorError):
    """The papers do not let this brain start in this cell; the message says why."""


class SpecMismatch(ShopfloorError):
    """Two parts of the house do not fit together; raised before the first step."""


class PluginError(SpecMismatch):
    """A plugin cannot be loaded, or two plugins claim one name."""


class BrainLost(ShopfloorError):
    """A brain was lost in so many orders in a row that a shift ended; the message names it."""


class Unreachable(ShopfloorError):
    """No joint position within limits puts the tool at the asked pose."""


class SensorLost(ShopfloorError):
    """A camera gives no picture; the work waits for it."""


class RenderError(ShopfloorError):
    """No picture can be drawn on this machine; the message names the missing package."""


class RunError(ShopfloorError):
    """Something is wrong with a run folder."""


class RunExists(RunError):
    """The output folder already holds a run."""


class RunBusy(RunError):
    """Another process is writing this run."""


class RunVersion(RunError):
    """The run folder was written by another format version."""


class RunCorrupt(RunError):
    """What is on disk is not what was written."""


class RunUnwritable(RunError):
    """The folder cannot be written, or the disk is full."""
