"""Pictures of a request: decoded from data URIs, never resized."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from typing import Any

from shopfloor.brain.local.extra import need

__all__ = ["decode", "token_size"]

_URI = re.compile(r"data:image/(?:png|jpeg|webp);base64,", re.IGNORECASE)
_MOST_PX = 50_000_000
"""A file of a few kilobytes can unfold to more than memory holds."""


def decode(url: str) -> Any:
    """Decode a data URI to an RGB picture (``PIL.Image``).

    Raises:
        ValueError: An address (nothing is fetched), not base64, no picture, or one too large.
    """
    match = _URI.match(url)
    if match is None:
        raise ValueError(
            f"picture {url[:40]!r} is no data URI of png, jpeg or webp; a local model fetches "
            "nothing: send data:image/png;base64,…"
        )
    library = need("PIL.Image")
    try:
        raw = base64.b64decode(url[match.end() :], validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", library.DecompressionBombWarning)  # ours is stricter
            picture = library.open(io.BytesIO(raw), formats=("PNG", "JPEG", "WEBP"))
        if picture.width * picture.height > _MOST_PX:
            raise ValueError(
                f"picture is {picture.width} x {picture.height} px; at most {_MOST_PX} px²"
            )
        return picture.convert("RGB")
    except (binascii.Error, OSError, SyntaxError, library.DecompressionBombError) as error:
        raise ValueError(f"a picture cannot be decoded: {error}") from error


def token_size(pictures: list[Any], side_px: int) -> None:
    """Check that the model will see each picture as it was sent.

    A picture whose sides are not whole tokens would be resized on the way in, and its coordinates
    would no longer be those of what was sent.

    Args:
        pictures: ``PIL.Image``.
        side_px: Side of what becomes one token [px].

    Raises:
        ValueError: A side is no multiple.
    """
    for number, picture in enumerate(pictures):
        if picture.width % side_px or picture.height % side_px:
            raise ValueError(
                f"picture {number} is {picture.width} x {picture.height} px; sides must be "
                f"multiples of {side_px} px (shopfloor.brain.chat.seen.fit chooses them)"
            )
