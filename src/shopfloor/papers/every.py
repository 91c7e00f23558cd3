"""Every file below a folder, as it is signed: nothing skipped, nothing that can run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from shopfloor.errors import PapersError
from shopfloor.papers.weight import CODE, hash_file

__all__ = ["hash_every"]

_GIT = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
"""What the official verifier always leaves out, so that signing it would fail there."""
_PICKLE = re.compile(rb"\x80[\x02-\x05]|PK\x03\x04")
"""How pickles begin, and archives that hold them."""
_MOST = 100_000


def hash_every(folder: Path, *, but: Path | None = None) -> Mapping[str, str]:
    """Hash every file below a folder.

    Args:
        folder: Of a model.
        but: The signature itself, where it lies inside.

    Returns:
        SHA-256 of each file by its path from the folder, in the order of their names.

    Raises:
        PapersError: There are none, or one is a link, can run code, is git's, or can't be read.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise PapersError(f"{folder} is no folder; give the folder of a checkpoint")
    left_out = but.absolute() if but else None
    sums: dict[str, str] = {}
    for file in _below(folder):
        if file.absolute() == left_out:
            continue
        if len(sums) == _MOST:
            raise PapersError(f"{folder} holds more than {_MOST} files; no checkpoint does")
        sums[file.relative_to(folder).as_posix()] = _hashed(file)
    if not sums:
        raise PapersError(f"{folder} holds no file to speak for; give the folder of a checkpoint")
    return dict(sorted(sums.items()))


def _below(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise PapersError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in inside:
        path = folder / entry.name
        if entry.is_symlink():
            raise PapersError(
                f"{path} is a link, and what it leads to can be changed without it; next: copy the "
                "files themselves (hf download --local-dir FOLDER)"
            )
        if entry.name in _GIT:
            raise PapersError(f"{path} is git's own, and is not signed; keep the model without it")
        if entry.is_dir():
            yield from _below(path)
        elif entry.is_file():
            yield path
        else:
            raise PapersError(f"{path} is no regular file; a checkpoint holds nothing else")


def _hashed(file: Path) -> str:
    if file.suffix.lower() in CODE:
        raise PapersError(
            f"{file} can run code when it is loaded and is refused; keep safetensors only (convert "
            "it, or remove the file)"
        )
    try:
        file.name.encode("utf-8")
        digest, _ = hash_file(file)
        with file.open("rb") as stream:
            head = stream.read(4)
    except UnicodeEncodeError as error:
        raise PapersError(f"{file!r} has a name that is no UTF-8; rename it") from error
    except OSError as error:
        raise PapersError(f"{file} cannot be read: {error.strerror}") from error
    if _PICKLE.match(head):
        raise PapersError(
            f"{file} is a pickle or an archive, whatever its name says, and is refused; keep "
            "safetensors only"
        )
    return digest
