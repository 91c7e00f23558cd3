"""Hashes the files that a model is loaded from, and refuses what leads elsewhere or can run code.

Files are hashed as streams, so that a checkpoint never has to fit into memory, and *sealed*: when
the model has been loaded, each file must still be the one that was hashed (size, time of writing,
inode).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import PapersError
from shopfloor.types import Sealed

__all__ = ["CODE", "TEXTS", "Hashed", "files_of", "hash_file", "hash_folders", "texts_of"]

_LOADED = frozenset({".safetensors", ".json", ".jinja", ".txt", ".model"})
"""What is read when a model is loaded."""
CODE = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".py", ".so", ".joblib"})
"""What runs, or can run when it is read."""
TEXTS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENSE-MODEL", "LICENCE")
_LONGEST_HEADER = 100_000_000
"""Of a safetensors file, as its format has it [bytes]."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """What lies in the folders of a model.

    Attributes:
        sha256: Of each file by its name.
        seals: The same files, to be held against what is loaded.
        texts: SHA-256 of the licence texts beside them.
    """

    sha256: Mapping[str, str]
    seals: tuple[Sealed, ...]
    texts: Mapping[str, str]


def hash_folders(folders: Iterable[Path]) -> Hashed:
    """Hash all that is loaded from the folders of one model.

    Raises:
        PapersError: A file cannot be read, leads out of its folder, or can run code.
    """
    sums: dict[str, str] = {}
    texts: dict[str, str] = {}
    seals: list[Sealed] = []
    for folder in folders:
        for file in files_of(folder):
            if file.name in sums:
                raise PapersError(
                    f"{file.name} lies in two folders of one model; give papers for each of them"
                )
            sums[file.name], seal = hash_file(file)
            seals.append(seal)
        texts |= texts_of(folder)
    return Hashed(sums, tuple(seals), texts)


def texts_of(folder: Path) -> Mapping[str, str]:
    """Hash the licence texts in a folder.

    Raises:
        PapersError: One is there and cannot be read.
    """
    found = (folder / name for name in TEXTS)
    return {file.name: hash_file(file)[0] for file in found if file.is_file()}


def files_of(folder: Path) -> tuple[Path, ...]:
    """Name the files of a checkpoint that are loaded, in the order of their names.

    Raises:
        PapersError: As :func:`hash_folders`.
    """
    try:
        inside = sorted(folder.iterdir())
        root = folder.resolve(strict=True)
    except OSError as error:
        raise PapersError(
            f"{folder} cannot be read: {error.strerror}; give the folder of a checkpoint"
        ) from error
    found = []
    for file in inside:
        suffix = file.suffix.lower()
        if suffix in CODE:
            raise PapersError(
                f"{file} can run code when it is loaded and is refused; keep safetensors only "
                "(convert it, or remove the file)"
            )
        if suffix not in _LOADED:
            continue
        try:
            where = file.resolve(strict=True)
        except OSError as error:
            raise PapersError(f"{file} leads nowhere; fetch the checkpoint again") from error
        if not where.is_relative_to(root):
            raise PapersError(
                f"{file} is a link that leads out of its folder, to where others may write; next: "
                "copy the files themselves (hf download --local-dir FOLDER)"
            )
        found.append(file)
    return tuple(found)


def hash_file(file: Path) -> tuple[str, Sealed]:
    """Hash one file as a stream, and seal it; raises as :func:`hash_folders`."""
    try:
        with file.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise PapersError(f"{file} is no regular file; a checkpoint holds nothing else")
            if file.suffix.lower() == ".safetensors":
                _check_header(file, stream.read(9), facts.st_size)
                stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise PapersError(
            f"{file} cannot be read: {error.strerror}; nothing is started on weights that nobody "
            "could hash"
        ) from error
    if (seal := Sealed.of(str(file), facts)) != Sealed.of(str(file), after):
        raise PapersError(f"{file} was written to while it was hashed; wait, and start again")
    return digest, seal


def _check_header(file: Path, head: bytes, size: int) -> None:
    """A name says nothing: what begins otherwise than safetensors may be a pickle."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < 9 or head[8:9] != b"{" or length > min(_LONGEST_HEADER, size - 8):
        kind = "a pickle" if head[:1] == b"\x80" or head[:2] == b"PK" else "not safetensors"
        raise PapersError(
            f"{file} is {kind}, whatever its name says, and is refused; fetch the checkpoint again"
        )
