"""Smooth letters on a picture, from the fonts that OpenCV brings along.

OpenCV 5 has fonts with Chinese in them. Before it there were only the strokes of ASCII, which look
rough at their size; drawn large and averaged they are smooth enough to read, and what is not ASCII
becomes ``?``. No font file is needed with either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from shopfloor.report.printable import ascii_only, printable
from shopfloor.types import UInt8Array

__all__ = ["Ink", "Letters"]

_FINE = 4
"""Letters are drawn so many times larger, and averaged."""
_STROKES = cv2.FONT_HERSHEY_SIMPLEX
_STROKES_CAP_PX = 21.0
"""Height of a capital of the strokes at scale 1 [px]."""
_FONT_CAP = 0.71
"""Height of a capital of the font, as a share of its size."""

Ink = tuple[int, int, int]
"""RGB."""


@dataclass(frozen=True, slots=True)
class Letters:
    """A size and weight of letters.

    Attributes:
        cap: Height of capitals [px].
        bold: Whether they are heavy.
    """

    cap: float
    bold: bool = False

    def width(self, text: str) -> int:
        """Return how wide a text is [px]."""
        return -(-_width(_drawn(text), self) // _FINE)

    def fitted(self, text: str, width: float) -> str:
        """Return a text, cut off with two dots where it is wider than ``width`` [px]."""
        text = _drawn(text[: round(width) + 1])  # no letter is narrower than a pixel
        if self.width(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.width(f"{text[:middle]}..") <= width:
                low = middle
            else:
                high = middle - 1
        return f"{text[:low].rstrip()}.."

    def draw(self, canvas: UInt8Array, text: str, x: float, baseline: float, ink: Ink) -> int:
        """Draw a text on ``(H, W, 3)`` RGB, and return where it ends [px]."""
        text = _drawn(text)
        if not text:
            return round(x)
        wide, pad = self.width(text) + 2, round(self.cap)
        tall = 3 * pad
        mask = np.zeros((_FINE * tall, _FINE * wide), np.uint8)
        _write(mask, text, (_FINE, _FINE * 2 * pad), self)
        shape = cv2.resize(mask, (wide, tall), interpolation=cv2.INTER_AREA)
        left, top = round(x) - 1, round(baseline) - 2 * pad
        _blend(canvas, np.asarray(shape, np.uint8), left, top, ink)
        return round(x) + wide - 2


@lru_cache(1)
def _font() -> cv2.FontFace | None:
    """Return OpenCV's own font, or None where this version has none."""
    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


def _drawn(text: str) -> str:
    """Return the letters of a text that can be drawn, on one line."""
    return ascii_only(text) if _font() is None else printable(text).replace("⏎", " ")


def _weight(letters: Letters) -> int:
    return 650 if letters.bold else 500


def _size(letters: Letters) -> int:
    return round(_FINE * letters.cap / _FONT_CAP)


def _thick(letters: Letters) -> int:
    return max(1, round(_FINE * letters.cap * (0.15 if letters.bold else 0.1)))


@lru_cache(4096)
def _width(text: str, letters: Letters) -> int:
    """Return the width of a text before it is averaged [px]."""
    if (font := _font()) is not None:
        box = cv2.getTextSize((1 << 14, 1 << 9), text, (0, 1 << 8), font, _size(letters),
                              _weight(letters))  # fmt: skip
        return int(box[0] + box[2])
    scale = _FINE * letters.cap / _STROKES_CAP_PX
    (width, _), _ = cv2.getTextSize(text, _STROKES, scale, _thick(letters))
    return width


def _write(mask: UInt8Array, text: str, at: tuple[int, int], letters: Letters) -> None:
    if (font := _font()) is not None:
        cv2.putText(mask, text, at, (255,), font, _size(letters), _weight(letters))
        return
    scale = _FINE * letters.cap / _STROKES_CAP_PX
    cv2.putText(mask, text, at, _STROKES, scale, (255,), _thick(letters), cv2.LINE_AA)


def _blend(canvas: UInt8Array, mask: UInt8Array, left: int, top: int, ink: Ink) -> None:
    """Put ink on a canvas through a mask; what lies outside of the canvas is left out."""
    tall, wide = canvas.shape[:2]
    a, b = max(0, -left), max(0, -top)
    mask = mask[b : tall - top, a : wide - left]
    place = canvas[top + b : top + b + mask.shape[0], left + a : left + a + mask.shape[1]]
    share = mask[..., None].astype(np.float32) / 255
    place[:] = np.round(place * (1 - share) + np.array(ink, np.float32) * share)
