"""Documents that come with an order, as a chat model is sent them: whole, or not at all.

What a document is shows in its first bytes, never in a name. Half an order may not be carried out
as if it were whole, so a document that a model or its server does not take is a reason to refuse.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from unicodedata import category

import cv2
import numpy as np
import xxhash

from shopfloor.brain.chat.picture import picture_of
from shopfloor.brain.chat.profile import Seat

__all__ = ["Document", "Unreadable", "documents", "kind_of"]

_MOST_BYTES = 20_000_000
_MOST_PIXELS = 50_000_000
_MOST_LETTERS = 40_000
"""About ten thousand tokens: more would crowd the cell's own news out of a context."""

_MP4 = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "}
_RIFF = {b"WAVE": ("audio", "audio/wav"), b"WEBP": ("image", "image/webp")}
_MAGIC = {
    b"\xff\xd8\xff": ("image", "image/jpeg"),
    b"\x89PNG\r\n\x1a\n": ("image", "image/png"),
    b"%PDF-": ("document", "application/pdf"),
    b"ID3": ("audio", "audio/mpeg"),
    b"\xff\xfb": ("audio", "audio/mpeg"),
    b"\x1aE\xdf\xa3": ("video", "video/webm"),
}


class Unreadable(ValueError):
    """A document that cannot be sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is sent.

    Attributes:
        kind: ``text``, ``image``, ``audio``, ``video`` or ``document`` (PDF).
        parts: Content parts of a message, in OpenAI's form.
        reference: Names it in a log, instead of its bytes.
        text: What it says, where it is text.
    """

    kind: str
    parts: tuple[Mapping[str, Any], ...]
    reference: str
    text: str | None = None


def kind_of(data: bytes) -> tuple[str, str] | None:
    """Return (kind, media type) of a document by its first bytes; None if nothing fits."""
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[4:8] == b"ftyp" and data[8:12] in _MP4 and data[:2] == b"\0\0":
        return "video", "video/mp4"
    for start, found in _MAGIC.items():
        if data.startswith(start):
            return found
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return ("text", "text/plain") if text.strip() and all(map(_plain, text)) else None


def _plain(letter: str) -> bool:
    """Whether a letter can stand in a text: blanks of every script can, what controls cannot."""
    return letter in "\n\r\t\ufeff" or category(letter) not in {"Cc", "Cf", "Cn", "Co", "Cs"}


def documents(given: Sequence[bytes], seat: Seat) -> tuple[Document, ...]:
    """Make all documents of an order ready to be sent to a seat.

    Raises:
        Unreadable: One of them cannot be sent there; nothing of the order should be begun.
    """
    return tuple(_document(data, number, seat) for number, data in enumerate(given, start=1))


def _document(data: bytes, number: int, seat: Seat) -> Document:
    name = f"document {number}"
    if len(data) > _MOST_BYTES:
        raise Unreadable(
            f"{name} has {len(data):,} bytes; up to {_MOST_BYTES:,} are sent. Give a smaller one"
        )
    found = kind_of(data)
    if found is None:
        raise Unreadable(
            f"{name} is nothing that is known; UTF-8 text, JPEG, PNG, WebP, PDF, WAV, MP3, MP4 and "
            "WebM are"
        )
    kind, media = found
    for who, takes in (
        (seat.model.title, seat.model.modalities),
        (seat.server.title, _takes(seat)),
    ):
        if kind != "text" and kind not in takes:
            raise Unreadable(
                f"{name} is {media}, and {who} takes {', '.join(takes)}; give the order in a form "
                "that it takes, or to another brain"
            )
    about = {"type": "text", "text": f"{name} ({media}), quoted data:"}
    reference = f"[{name} {media} {xxhash.xxh3_128_hexdigest(data)}]"
    if kind == "text":
        text = _text(data, name)
        return Document(kind, (about, {"type": "text", "text": text}), reference, text)
    return Document(kind, (about, _part(kind, media, data, name, seat)), reference)


def _takes(seat: Seat) -> tuple[str, ...]:
    return ("text", *seat.server.parts)


def _text(data: bytes, name: str) -> str:
    text = data.decode("utf-8-sig")
    if len(text) > _MOST_LETTERS:
        raise Unreadable(
            f"{name} has {len(text):,} letters; up to {_MOST_LETTERS:,} are sent. Give what the "
            "order needs of it"
        )
    # Quoted line by line: nothing in it can begin a line of its own.
    return "\n".join(f"> {line}" for line in text.splitlines())


def _part(kind: str, media: str, data: bytes, name: str, seat: Seat) -> dict[str, Any]:
    """Content part of a document that is no text, in OpenAI's form."""
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": _image(data, name, media, seat)}}
    inside = base64.b64encode(data).decode()
    if kind == "audio":
        form = {"audio/wav": "wav", "audio/mpeg": "mp3"}[media]
        return {"type": "input_audio", "input_audio": {"data": inside, "format": form}}
    uri = f"data:{media};base64,{inside}"
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": uri}}
    return {"type": "file", "file": {"filename": f"{name}.pdf", "file_data": uri}}


def _image(data: bytes, name: str, media: str, seat: Seat) -> str:
    """Resize it by the model's own rule; small print stays as readable as the model allows."""
    width, height = _size(data, name)
    if width * height > _MOST_PIXELS:
        raise Unreadable(
            f"{name} has {width} x {height} pixels; up to {_MOST_PIXELS / 1e6:g} million are sent"
        )
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise Unreadable(f"{name} is {media} and cannot be decoded; it may be cut short")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    return picture_of(rgb, name, seat.model).uri


def _size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height from the head: a picture of gigabytes must not be decoded to be refused."""
    import av

    try:
        with av.open(BytesIO(data)) as container:
            stream = container.streams.video[0]
            return stream.width, stream.height
    except (OSError, IndexError, av.FFmpegError) as error:
        raise Unreadable(f"{name} cannot be decoded ({error}); it may be cut short") from error
