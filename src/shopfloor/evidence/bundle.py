"""A run as one file: packed the same way everywhere, and unpacked as if a stranger had sent it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from shopfloor.errors import RunCorrupt, RunUnwritable, UsageError
from shopfloor.record import RunFolder
from shopfloor.record.disk import writing

__all__ = ["is_bundle", "pack_bundle", "unpacked"]

_LEFT_OUT = frozenset({"flight", "lock"})
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MANIFEST = "manifest.json"
_MOST_FILES = 2_000_000
_MOST_BYTES = 1 << 40
_MOST_SHARE = 200
"""A file of a run never shrinks to less than this part of itself; what does is a bomb."""
_SMALL_BYTES = 1 << 20
"""Below this nobody counts how far a file shrinks."""
_CHUNK = 1 << 20
_ENCRYPTED = 0x1


def is_bundle(path: Path) -> bool:
    """Whether a path names a bundle and not a run's folder."""
    return path.is_file() or path.suffix.lower() == ".zip"


def pack_bundle(run: Path, bundle: Path) -> int:
    """Pack a run into a zip file; the same run gives the same bytes. Returns how many files.

    All of it goes in but lots in progress and the lock. Nothing is compressed: logs and videos are
    already, and deflate does not give the same bytes everywhere.

    Raises:
        UsageError: There is no run, the file is there already, or the run holds what no bundle can.
        RunCorrupt: The run is damaged.
        RunUnwritable: The file cannot be written; nothing is left behind.
    """
    with RunFolder.open(run) as folder:
        for entry in folder.entries():
            folder.episode(entry.lot).check_files()
    if bundle.exists():
        raise UsageError(f"{bundle} is there already; remove it, or name another with --bundle")
    if bundle.absolute().parent.is_relative_to(run.absolute()):
        raise UsageError(f"{bundle} would lie in the run that it is to hold; name it elsewhere")
    files = _contents(run)
    temporary = bundle.with_name(f".{bundle.name}.{os.getpid()}.tmp")
    try:
        with writing(bundle):
            with zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as archive:
                archive.writestr(_member("episodes/"), b"")  # a run without lots has it, too
                for name, path in files:
                    member = _member(name)
                    with path.open("rb") as source, archive.open(member, "w") as to:
                        shutil.copyfileobj(source, to, _CHUNK)
            temporary.replace(bundle)
    finally:
        temporary.unlink(missing_ok=True)
    return len(files)


def _member(name: str) -> zipfile.ZipInfo:
    """Return an entry that says nothing of when and by whom it was written."""
    member = zipfile.ZipInfo(name, _LONG_AGO)
    member.create_system = 3
    member.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    return member


def _contents(run: Path) -> list[tuple[str, Path]]:
    """Return the files of a run by their names in the bundle, in order."""
    found = []
    for path in run.rglob("*"):
        place = path.relative_to(run)
        if place.parts[0] in _LEFT_OUT or path.name.endswith(".tmp"):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UsageError(
                f"{path} is no plain file, and a bundle holds nothing else; move it elsewhere"
            )
        if path.is_file():
            found.append((place.as_posix(), path))
    return sorted(found)


@contextmanager
def unpacked(bundle: Path, beside: Path) -> Iterator[Path]:
    """Unpack a bundle beside a folder, for as long as it is used.

    Everything is looked at before a byte is written: names that lead out of the folder, links, a
    name twice, and sizes that no run has. What the headers say is not believed: bytes are counted
    as they come.

    Args:
        bundle: The zip file.
        beside: Where it is unpacked: into a new folder next to this one.

    Yields:
        The run's folder.

    Raises:
        UsageError: It is no bundle, or one that may not be unpacked; the message says why.
        RunCorrupt: It is damaged.
        RunUnwritable: There is no room for it.
    """
    try:
        archive = zipfile.ZipFile(bundle)
    except OSError as error:
        raise UsageError(
            f"{bundle} cannot be read: {error.strerror}; name the file that --bundle made"
        ) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UsageError(
            f"{bundle} is no bundle ({error}); name the file that --bundle made, or a run's folder"
        ) from error
    with archive:
        members = _looked_at(archive, bundle)
        parent = beside.absolute().parent
        with writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            _require_room(parent, sum(member.file_size for member in members.values()))
            # Not hidden and named after what it is for, should somebody find it after a crash.
            temporary = Path(tempfile.mkdtemp(prefix=f"{bundle.stem}-unpacked-", dir=parent))
        try:
            run = temporary / "run"
            with writing(run):
                (run / "episodes").mkdir(parents=True)
            for name, member in members.items():
                _unpack(archive, member, run / name, bundle)
            yield run
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _looked_at(archive: zipfile.ZipFile, bundle: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a bundle by the name that each gets, or refuse all of them."""
    listed = archive.infolist()
    if len(listed) > _MOST_FILES:
        raise _refused(bundle, f"it has {len(listed)} files; at most {_MOST_FILES} are unpacked")
    for member in listed:
        _look(member, bundle)
    files = [member for member in listed if not member.is_dir()]
    total = sum(member.file_size for member in files)
    held = max(bundle.stat().st_size, 1)
    if total > _MOST_BYTES or (total > _SMALL_BYTES and total > _MOST_SHARE * held):
        raise _refused(bundle, f"its {held} bytes would unpack to {total}, as in a zip bomb")
    top = _top([member.filename for member in files], bundle)
    found: dict[str, zipfile.ZipInfo] = {}
    for member in files:
        name = member.filename.removeprefix(top)
        if not member.filename.startswith(top):
            raise _refused(bundle, f"{member.filename!r} lies beside the run")
        if name in found:
            raise _refused(bundle, f"it holds {name!r} twice")
        found[name] = member
    for name in found:
        if any(str(parent) in found for parent in PurePosixPath(name).parents):
            raise _refused(bundle, f"{name!r} lies in what is a file as well")
    return found


def _look(member: zipfile.ZipInfo, bundle: Path) -> None:
    """Refuse an entry that would not become a plain file below the folder."""
    name = member.filename
    # What zipfile makes of a name (it cuts it at a NUL) is not what was written in the file.
    parts = name.rstrip("/").split("/")
    if member.orig_filename != name or "\\" in name or "\0" in name or ":" in parts[0]:
        raise _refused(bundle, f"it holds the name {member.orig_filename!r}")
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise _refused(bundle, f"{name!r} leads out of the folder")
    if len(name.encode(errors="surrogatepass")) > 1000 or len(parts) > 32:
        raise _refused(bundle, f"the name {name[:60]!r}… is too long")
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(bundle, f"{name!r} is a link or a device")
    if member.flag_bits & _ENCRYPTED:
        raise _refused(bundle, f"{name!r} is encrypted")
    if member.file_size > _SMALL_BYTES and member.file_size > _MOST_SHARE * member.compress_size:
        raise _refused(
            bundle,
            f"{name!r} would unpack from {member.compress_size} bytes to {member.file_size}, as in "
            "a zip bomb",
        )


def _top(names: list[str], bundle: Path) -> str:
    """Return what stands before all names: nothing, or the one folder that somebody zipped."""
    tops = {name.partition("/")[0] for name in names}
    if _MANIFEST in names:
        return ""
    if len(tops) == 1 and f"{next(iter(tops))}/{_MANIFEST}" in names:
        return f"{tops.pop()}/"
    raise UsageError(
        f"{bundle} holds no run: it has no {_MANIFEST}; name the file that --bundle made"
    )


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path, bundle: Path) -> None:
    count = 0
    try:
        with writing(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            file = to.open("xb")
        with file, archive.open(member) as source:
            while chunk := source.read(_CHUNK):
                count += len(chunk)
                if count > member.file_size:
                    raise _refused(bundle, f"{member.filename!r} is longer than it says")
                with writing(to):
                    file.write(chunk)
    except RunUnwritable:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise RunCorrupt(
            f"{bundle} is damaged in {member.filename!r} ({error}); get it once more"
        ) from error
    if count != member.file_size:
        raise RunCorrupt(f"{bundle} is cut off in {member.filename!r}; get it once more")


def _require_room(parent: Path, size: int) -> None:
    free = shutil.disk_usage(parent).free
    if size > free:
        raise RunUnwritable(
            f"the bundle unpacks to {size} bytes, and {parent} has {free} left; free some space "
            "there, or choose another --out"
        )


def _refused(bundle: Path, why: str) -> UsageError:
    return UsageError(
        f"{bundle} may not be unpacked: {why}; get the bundle from somebody whom you trust"
    )
