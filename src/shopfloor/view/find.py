"""Which folders below a folder are runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from shopfloor.errors import UsageError

__all__ = ["Found", "Search", "find"]

_DEEP = 3
"""A comparison keeps its runs in ``COMPARISON/runs/NAME``."""
_MOST_FOLDERS = 5_000
"""So many are looked at: somebody may name a home folder."""
_MANIFEST = "manifest.json"
_LEFT = ("episodes", "flight", "lock")
"""What a run has beside its manifest: a folder with all of it was one."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\Z")


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that is a run, or was one.

    Attributes:
        id: What it is called in addresses: letters, digits and ``._~-``.
        name: Its path from the folder that was searched.
        path: Its folder.
        linked: Whether it is a link, which is not followed.
    """

    id: str
    name: str
    path: Path
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What was found.

    Attributes:
        found: In the order of their names.
        whole: Whether all folders were looked at; of very many only the first are.
    """

    found: tuple[Found, ...]
    whole: bool = True


def find(root: Path) -> Search:
    """Look for runs in a folder, in the folders in it, and so on three deep.

    Links are not followed, so nothing outside of the folder is ever shown. If the folder is a run
    itself, it is all that there is.

    Raises:
        UsageError: It cannot be read.
    """
    left = [_MOST_FOLDERS]
    try:
        if (root / _MANIFEST).is_file():
            name = root.resolve().name
            return Search((Found(_id(name), name, root),))
        found = tuple(_search(root, root, _DEEP, left))
    except OSError as error:
        raise UsageError(
            f"{root} cannot be read: {error.strerror}; name a folder with runs"
        ) from error
    return Search(found, whole=left[0] > 0)


def _search(root: Path, folder: Path, deep: int, left: list[int]) -> Iterator[Found]:
    with os.scandir(folder) as items:
        inside = sorted(filter(_is_folder, items), key=lambda item: item.name)
    for item in inside:
        if left[0] <= 0:
            return
        left[0] -= 1
        path = Path(item.path)
        name = path.relative_to(root).as_posix()
        with suppress(OSError):  # somebody else's folder
            is_run = (path / _MANIFEST).exists() or all((path / part).exists() for part in _LEFT)
            linked = item.is_symlink()
            if is_run:
                yield Found(_id(name), name, path, linked=linked)
            elif deep > 1 and not linked:
                yield from _search(root, path, deep - 1, left)


def _is_folder(item: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link that leads nowhere at all is none."""
    try:
        return item.is_dir()
    except OSError:
        return False


def _id(name: str) -> str:
    """Return a name that may stand in an address; different names have different ones."""
    parts = name.split("/")
    if all(_PLAIN.match(part) for part in parts):
        return "~".join(parts)
    return f"~{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
