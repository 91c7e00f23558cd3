"""Which episodes a report shows, and their videos as data URIs within a budget."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shopfloor.record.entry import Entry, Manifest

__all__ = ["Clip", "Video", "clips"]

_HEAD = len("data:video/mp4;base64,")


@dataclass(frozen=True, slots=True)
class Video:
    """One camera's view of an episode.

    Attributes:
        camera: Name of the camera.
        path: Where it lies in the run folder.
        uri: The whole file as a data URI; None where it is absent or didn't fit.
        why: Why there is no ``uri``, else None.
    """

    camera: str
    path: str
    uri: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Clip:
    """An episode worth watching: a good one, or the first of a kind of failure."""

    entry: Entry
    videos: tuple[Video, ...]


def clips(
    folder: Path, manifest: Manifest, entries: Sequence[Entry], *, budget: int
) -> tuple[Clip, ...]:
    """Choose episodes and embed as many of their videos as fit.

    The first good order comes first, then the first of each failure code, most frequent
    code first. Each episode gets one camera before any gets its second.

    Args:
        folder: The run folder.
        manifest: Of the run; its cameras in their order.
        entries: In lot order.
        budget: Bytes that the data URIs may take together.
    """
    chosen = _chosen(entries)
    uris: dict[tuple[int, str], str] = {}
    reasons: dict[tuple[int, str], str] = {}
    for camera in manifest.camera_names:
        for entry in chosen:
            key = (entry.lot, camera)
            file = folder / _relative(entry, camera)
            # A camera's name comes from a file; it must not reach out of the folder.
            inside = file.resolve().is_relative_to(folder.resolve())
            if not inside or not file.is_file() or not (raw := file.stat().st_size):
                reasons[key] = "no video was recorded"
                continue
            size = _HEAD + 4 * -(-raw // 3)
            if size > budget:
                reasons[key] = f"left out to keep this page small ({raw / 1e6:.1f} MB)"
                continue
            data = base64.b64encode(file.read_bytes()).decode("ascii")
            uris[key] = f"data:video/mp4;base64,{data}"
            budget -= len(uris[key])
    return tuple(
        Clip(
            entry,
            tuple(
                Video(
                    camera,
                    _relative(entry, camera),
                    uris.get((entry.lot, camera)),
                    reasons.get((entry.lot, camera)),
                )
                for camera in manifest.camera_names
            ),
        )
        for entry in chosen
    )


def _relative(entry: Entry, camera: str) -> str:
    return f"episodes/{entry.lot:06d}/{camera}.mp4"


def _chosen(entries: Sequence[Entry]) -> list[Entry]:
    good = next((entry for entry in entries if entry.good), None)
    first: dict[str, Entry] = {}
    count: dict[str, int] = {}
    for entry in entries:
        if entry.code is not None:
            first.setdefault(entry.code, entry)
            count[entry.code] = count.get(entry.code, 0) + 1
    failed = sorted(first, key=lambda code: (-count[code], code))
    return [*([good] if good else []), *(first[code] for code in failed)]
