"""What the brain was shown, as JPEG files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock

from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.record import Episode
from shopfloor.record.film import film_name
from shopfloor.record.video import VIEWS
from shopfloor.types import UInt8Array

__all__ = ["Stills"]

_QUALITY = 85
_MOST_FILMS = 4
_MOST_BYTES = 64 << 20
"""So much is kept of one film."""


class Stills:
    """Pictures of episodes that somebody looks at. May be used by several threads.

    A film is decoded from its first picture on, so it stays open where it was last read, and what
    was passed on the way is kept: a page that shows all pictures of an episode decodes each once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._films: OrderedDict[object, _Film] = OrderedDict()

    def jpeg(self, episode: Episode, camera: str, place: int) -> bytes:
        """Return a picture that the brain was shown.

        Args:
            episode: Of which episode.
            camera: Of which camera; one of the manifest's.
            place: Its place among the camera's views, from 0.

        Raises:
            UsageError: There is none.
            RunCorrupt: The video cannot be read.
            OSError: It is not there.
        """
        path = episode.path / film_name(f"{camera}{VIEWS}")
        stat = path.stat()
        key = path, stat.st_ino, stat.st_size, stat.st_mtime_ns
        with self._lock:
            film = self._films.setdefault(key, _Film(episode, camera))
            self._films.move_to_end(key)
            while len(self._films) > _MOST_FILMS:
                self._films.popitem(last=False)
        return film.jpeg(place)


class _Film:
    """One film, open where it was last read."""

    def __init__(self, episode: Episode, camera: str) -> None:
        self._episode, self._camera = episode, camera
        self._lock = Lock()
        self._frames: Iterator[UInt8Array] = iter(())
        self._next: int | None = None  # place of the next frame; None: not opened
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def jpeg(self, place: int) -> bytes:
        with self._lock:
            if (known := self._kept.get(place)) is not None:
                return known
            if self._next is None or place < self._next:
                self._frames, self._next = self._episode.views(self._camera), 0
            try:
                return self._read(self._next, place)
            except BaseException:
                self._next = None  # who asks again begins anew
                raise

    def _read(self, begin: int, place: int) -> bytes:
        for at in range(begin, place + 1):
            pixels = next(self._frames, None)
            if pixels is None:
                raise UsageError(
                    f"{self._episode.path} has no picture {place} of {self._camera!r} for the brain"
                )
            self._next = at + 1
            self._keep(at, self._drawn(pixels, at))
        return self._kept[place]

    def _keep(self, place: int, data: bytes) -> None:
        self._bytes += len(data) - len(self._kept.pop(place, b""))
        self._kept[place] = data
        while self._bytes > _MOST_BYTES and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])

    def _drawn(self, pixels: UInt8Array, place: int) -> bytes:
        import cv2

        ok, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not ok:
            raise RunCorrupt(
                f"picture {place} of {self._camera!r} in {self._episode.path} cannot be drawn"
            )
        return bytes(data)
