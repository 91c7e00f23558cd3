"""One registry for everything that plugs in: cells, bodies, brains and skills.

A plugin is an entry point of the group ``shopfloor.cells``, ``shopfloor.bodies``,
``shopfloor.brains`` or ``shopfloor.skills``; shopfloor's own are declared the same way. A
name that ends in ``:`` is a family (``menagerie:``), and what follows the colon is
handed to the factory as its argument. A name that holds an ``@`` and belongs to no family goes, as
a whole, to the plugin named ``@``: so a brain is named by its address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from shopfloor.errors import PluginError, UnknownName

__all__ = ["Kind", "Listing", "factory", "listing", "names"]

Kind = Literal["cells", "bodies", "brains", "skills"]
_SINGULAR = {"cells": "cell", "bodies": "body", "brains": "brain", "skills": "skill"}


@dataclass(frozen=True, slots=True)
class Listing:
    """One plugin as ``shopfloor list`` shows it."""

    name: str
    package: str
    summary: str


@cache
def _found(kind: Kind) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"shopfloor.{kind}"):
        if other := found.get(point.name):
            raise PluginError(
                f"two plugins claim the {_SINGULAR[kind]} {point.name!r}: {other.value} of "
                f"{_package(other)} and {point.value} of {_package(point)}; "
                "uninstall one of the packages"
            )
        found[point.name] = point
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"


def _shown(name: str) -> str:
    """How a person writes a plugin's name: what stands for something else says so."""
    if name == "@":
        return "MODEL@URL"
    return f"{name}NAME" if name.endswith(":") else name


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all plugins of a kind, sorted."""
    return tuple(sorted(_found(kind)))


def factory(kind: Kind, name: str) -> Callable[..., Any]:
    """Return the callable that makes the plugin.

    Raises:
        UnknownName: Nothing of that name exists; the message lists what does.
        PluginError: The plugin's package cannot be imported, or two claim one name.
    """
    found = _found(kind)
    family, colon, member = name.partition(":")
    # ``menagerie:`` alone names the family, which cannot be made without a member.
    point = found.get(family + ":") if colon and member else None
    if not name.endswith(":"):
        point = found.get(name, point)
    if point is None and "@" in name:
        point = found.get("@")
        if point is not None:
            member = name
    if point is None:
        raise UnknownName(_SINGULAR[kind], name, map(_shown, found))
    try:
        made: Callable[..., Any] = point.load()
    except Exception as error:
        raise PluginError(
            f"the {_SINGULAR[kind]} {name!r} ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}; reinstall or remove its package"
        ) from error
    if point.name == name:
        return made
    return lambda *args, **kwargs: made(member, *args, **kwargs)


def listing(kind: Kind) -> tuple[Listing, ...]:
    """Describe all plugins of a kind by the first line of their docstrings.

    A family may have a class method ``members()`` that gives (name, summary) of each member that
    can be made here and now; those are listed after it.
    """
    rows = []
    for name, point in sorted(_found(kind).items()):
        package = _package(point)
        try:
            made = point.load()
            rows.append(Listing(name, package, (made.__doc__ or "").strip().split("\n")[0]))
            for member, summary in made.members() if hasattr(made, "members") else ():
                rows.append(Listing(name + member, package, summary))
        except Exception as error:  # noqa: BLE001 - a listing shows the broken ones too
            summary = f"cannot be loaded: {type(error).__name__}: {error}"
            rows.append(Listing(name, package, summary))
    return tuple(rows)
