"""One committed episode: its folder, what it says of itself, and whether that is true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import xxhash

from shopfloor.errors import RunCorrupt, RunVersion
from shopfloor.record.digest import LogDigest
from shopfloor.record.entry import FORMAT, Entry
from shopfloor.record.log import read_log
from shopfloor.record.recording import LOG_FILE, TRUTH_FILE, Recording
from shopfloor.record.squeeze import unsqueeze

__all__ = ["EPISODE_FILE", "Episode", "FileSum", "episode_bytes"]

EPISODE_FILE = "episode.json"


@dataclass(frozen=True, slots=True)
class FileSum:
    """Size [bytes] and XXH3 128-bit hash of one file of an episode."""

    size: int
    xxh3_128: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file and sum it up."""
        state = xxhash.xxh3_128()
        size = 0
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                state.update(chunk)
                size += len(chunk)
        return cls(size, state.hexdigest())


def _canonical(value: Any) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def episode_bytes(entry: Entry, files: Mapping[str, FileSum], manifest_sha256: str) -> bytes:
    """Return the content of ``episode.json``: the entry, sums of all other files, its own hash.

    The hash of the run's manifest is in it, so an episode cannot slip into another run.
    """
    body = {
        "format": FORMAT,
        "manifest_sha256": manifest_sha256,
        "entry": entry.to_json(),
        "files": {
            name: {"size": total.size, "xxh3_128": total.xxh3_128}
            for name, total in sorted(files.items())
        },
    }
    body["sha256"] = sha256(_canonical(body)).hexdigest()
    return json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True, eq=False)
class Episode(Recording):
    """A committed episode, opened for reading.

    Attributes:
        path: Its folder.
        entry: Its index entry.
        files: Sums of its other files, by name.
        manifest_sha256: Of the run it was recorded in.
    """

    path: Path
    entry: Entry
    files: Mapping[str, FileSum]
    manifest_sha256: str

    @classmethod
    def open(cls, path: Path, *, brain: str) -> Self:
        """Read ``episode.json``. The other files are looked at when they are asked for.

        Args:
            path: Its folder.
            brain: Name of the brain of the run.

        Raises:
            RunCorrupt: It is missing, damaged, or belongs to another lot than its folder.
            RunVersion: It has another format version.
        """
        try:
            data = json.loads((path / EPISODE_FILE).read_bytes())
            said = data.pop("sha256")
            whole = said == sha256(_canonical(data)).hexdigest()
        except OSError as error:
            raise _corrupt(path, f"{EPISODE_FILE} cannot be read ({error.strerror})") from error
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise _corrupt(path, f"{EPISODE_FILE} is not what was written") from error
        if not whole:
            raise _corrupt(path, f"{EPISODE_FILE} is not what was written (wrong hash)")
        if data.get("format") != FORMAT:
            raise RunVersion(
                f"{path} has format {data.get('format')!r}, this shopfloor reads {FORMAT}; open "
                "it with the version that wrote it"
            )
        entry = Entry.from_json(data["entry"], brain=brain)
        if path.name != f"{entry.lot:06d}":
            raise _corrupt(path, f"it holds lot {entry.lot}")
        files = {name: FileSum(**total) for name, total in data["files"].items()}
        return cls(path, entry, files, data["manifest_sha256"])

    def check_files(self) -> None:
        """Compare every file with its sum.

        Raises:
            RunCorrupt: One is missing or has changed; for a log with the byte offset.
        """
        for name, expected in self.files.items():
            try:
                found = FileSum.of(self.path / name)
            except OSError as error:
                raise _corrupt(self.path, f"{name} cannot be read ({error.strerror})") from error
            if found != expected:
                where = ""
                if name in (LOG_FILE, TRUTH_FILE):
                    try:
                        for _ in read_log(self.path / name):
                            pass
                    except (RunCorrupt, RunVersion) as error:
                        where = f": {error}"
                raise _corrupt(
                    self.path,
                    f"{name} has changed{_resized(expected, found)}{where}",
                )

    def log_sha256(self) -> str:
        """Compute ``log_sha256`` anew from what is on the disk."""
        digest = LogDigest()
        for record in self.records():
            if record.kind == "rows":
                digest.rows(unsqueeze(record.body, str(self.path / LOG_FILE)))
            elif record.kind != "end":
                digest.note(record.kind, record.body, record.payload)
        if TRUTH_FILE in self.files:
            for record in read_log(self.path / TRUTH_FILE):
                if record.kind == "rows":
                    digest.truth(unsqueeze(record.body, str(self.path / TRUTH_FILE)))
        return digest.hexdigest()

    def _names(self) -> frozenset[str]:
        return frozenset(self.files)

    def _corrupt(self, what: str) -> RunCorrupt:
        return _corrupt(self.path, what)


def _resized(expected: FileSum, found: FileSum) -> str:
    if expected.size == found.size:
        return ""
    return f" (was {expected.size} bytes, is {found.size})"


def _corrupt(path: Path, what: str) -> RunCorrupt:
    return RunCorrupt(
        f"episode {path.name} of {path.parent.parent} is not what was written: {what}; restore "
        f"{path} from a copy, or delete it and index.jsonl and continue with --resume, which "
        "works that lot again"
    )
