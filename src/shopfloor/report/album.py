"""The pictures of an episode's moments, taken out of its videos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from shopfloor.errors import RunCorrupt
from shopfloor.record import Episode
from shopfloor.record.video import VIEWS
from shopfloor.report.moment import Moment
from shopfloor.types import UInt8Array

__all__ = ["Album", "album"]


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """Pictures, each ``(H, W, 3)`` uint8 RGB.

    Attributes:
        streams: By camera and place in its video.
        views: By camera and place among its views.
    """

    streams: Mapping[tuple[str, int], UInt8Array]
    views: Mapping[tuple[str, int], UInt8Array]


def album(episode: Episode, chosen: Sequence[Moment]) -> Album:
    """Take the pictures of moments out of an episode; each video is read once, and no further.

    Raises:
        RunCorrupt: A video cannot be read, or has fewer pictures than were recorded.
    """
    wanted: dict[str, set[int]] = {}
    viewed: dict[str, set[int]] = {}
    for moment in chosen:
        for camera, place in moment.places.items():
            wanted.setdefault(camera, set()).add(place)
        shown = moment.shown
        if shown is not None and f"{shown.camera}{VIEWS}" in episode.films():
            viewed.setdefault(shown.camera, set()).add(shown.place)
    return Album(
        {
            (camera, place): pixels
            for camera, places in wanted.items()
            for place, pixels in _picked(episode.video(camera), places, episode, camera)
        },
        {
            (camera, place): pixels
            for camera, places in viewed.items()
            for place, pixels in _picked(episode.views(camera), places, episode, camera)
        },
    )


def _picked(
    pictures: Iterator[UInt8Array], places: Collection[int], episode: Episode, camera: str
) -> Iterator[tuple[int, UInt8Array]]:
    left = set(places)
    for place, pixels in enumerate(islice(pictures, max(places) + 1)):
        if place in left:
            left.remove(place)
            yield place, pixels
    if left:
        raise RunCorrupt(
            f"a video of camera {camera!r} in {episode.path} has no picture {min(left)}, which was "
            "recorded; restore the folder from a copy"
        )
