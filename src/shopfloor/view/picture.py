"""What the brain was shown, as a JPEG file."""

from __future__ import annotations

from itertools import islice

from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.record import Episode

__all__ = ["jpeg"]

_QUALITY = 85


def jpeg(episode: Episode, camera: str, place: int) -> bytes:
    """Return a picture that the brain was shown.

    Args:
        episode: Of which episode.
        camera: Of which camera; one of the manifest's.
        place: Its place among the camera's views, from 0.

    Raises:
        UsageError: There is none.
        RunCorrupt: The video cannot be read.
    """
    import cv2

    pixels = next(islice(episode.views(camera), place, None), None)
    if pixels is None:
        raise UsageError(f"{episode.path} has no picture {place} of {camera!r} for the brain")
    ok, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise RunCorrupt(f"picture {place} of {camera!r} in {episode.path} cannot be drawn")
    return bytes(data)
