"""Pictures as a chat model is sent them: resized by us, so that the way back is exact."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import xxhash

from shopfloor.brain.chat.profile import Model
from shopfloor.brain.chat.seen import Seen, fit
from shopfloor.types import Frame, UInt8Array

__all__ = ["Picture", "picture", "picture_of"]

_QUALITY = 92
"""JPEG quality: colours of parts stay apart, and a picture stays below 200 kB."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is sent of one frame.

    Attributes:
        camera: Whose picture it is.
        seen: Its sizes, and the way between them.
        uri: ``data:image/jpeg;base64,…`` of the resized picture.
        reference: Names it in a log, instead of its bytes.
    """

    camera: str
    seen: Seen
    uri: str
    reference: str


def picture(frame: Frame, model: Model) -> Picture:
    """Resize and encode a frame for a model; depth is not sent."""
    return picture_of(frame.pixels, frame.camera, model)


def picture_of(pixels: UInt8Array, camera: str, model: Model) -> Picture:
    """Resize and encode ``(H, W, 3)`` RGB for a model."""
    height, width = pixels.shape[:2]
    seen = fit(
        width,
        height,
        multiple=model.multiple_px,
        min_pixels=model.min_pixels,
        max_pixels=model.max_pixels,
    )
    data = _encoded(_resized(pixels, seen))
    digest = xxhash.xxh3_128_hexdigest(data)
    reference = f"[{camera} {seen.sent_width}x{seen.sent_height} jpeg {digest}]"
    uri = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return Picture(camera, seen, uri, reference)


def _resized(pixels: UInt8Array, seen: Seen) -> UInt8Array:
    """Resize ``(H, W, 3)`` RGB to what is sent: area means down, cubic up."""
    size = (seen.sent_width, seen.sent_height)
    if size == (seen.width, seen.height):
        return pixels
    smaller = size[0] * size[1] < seen.width * seen.height
    out = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return out.astype("uint8", copy=False)


def _encoded(pixels: UInt8Array) -> bytes:
    """``(H, W, 3)`` RGB as JPEG."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:  # pragma: no cover - OpenCV encodes any array of bytes
        raise ValueError("the picture cannot be encoded as JPEG")
    return data.tobytes()
