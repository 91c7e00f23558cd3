"""Whether a run goes on as it was begun: resumed later, or on another machine."""

from __future__ import annotations

from dataclasses import fields

from shopfloor.errors import UsageError
from shopfloor.record import Manifest

__all__ = ["refuse_other_house", "refuse_unlike"]

_HOUSE = ("sha256", "brain_identity", "versions", "git_commit")
_FREE = frozenset({"created", "cpu", "notes", "papers"})
"""What may differ in a run that goes on: when and on which processor, what follows from the rest,
and what the rules say today. All other fields must be the same, so that none is forgotten."""
_FIRST = tuple(
    field.name for field in fields(Manifest) if field.name not in {*_FREE, *_HOUSE, "renderer"}
)
"""What somebody asked for is named before what follows from it."""


def refuse_unlike(old: Manifest, new: Manifest) -> None:
    """Refuse to continue a run with something else than it was begun with.

    What its papers were found to be is not held against it: a check of today may say otherwise.

    Raises:
        UsageError: The message names the first difference.
    """
    for name in (*_FIRST, *_HOUSE[:-1], "renderer", _HOUSE[-1]):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            raise UsageError(
                f"the run was begun with {name} {was!r}, and is now {now!r}; a resumed run must be "
                "the same: give what it was begun with, or choose another --out"
            )


def refuse_other_house(old: Manifest, new: Manifest, machine: str) -> None:
    """Refuse a machine whose software, cell or brain is another one: its lots would be other lots.

    Another processor or GL renderer is let in, and for the record.

    Args:
        old: What the run was begun with.
        new: What the machine would begin it with.
        machine: Its name.

    Raises:
        UsageError: The message names the first difference.
    """
    for name in _HOUSE:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            raise UsageError(
                f"the run was begun with {name} {was!r}, and on {machine} it is {now!r}; install "
                f"the same on every machine of the cluster, or take {machine} out of it"
            )
