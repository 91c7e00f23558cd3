"""What a model is sent of a picture, and the exact way back to the picture's own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt

__all__ = ["Seen", "fit"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as a model was sent it: resized, not cropped, nothing padded.

    Pixel coordinates are continuous: the centre of the top-left pixel is (0.5, 0.5), the picture
    spans (0, 0) to (width, height), in both sizes.

    Attributes:
        width, height: Size of the original [px].
        sent_width, sent_height: Size of what was sent [px].
    """

    width: int
    height: int
    sent_width: int
    sent_height: int

    def to_original(self, u: float, v: float) -> tuple[float, float]:
        """Pixel of the original for a pixel of what was sent."""
        return u * self.width / self.sent_width, v * self.height / self.sent_height

    def to_sent(self, u: float, v: float) -> tuple[float, float]:
        """Pixel of what was sent for a pixel of the original."""
        return u * self.sent_width / self.width, v * self.sent_height / self.height


def fit(width: int, height: int, *, multiple: int, min_pixels: int, max_pixels: int) -> Seen:
    """Choose the size in which a picture is sent.

    Both sides become multiples of ``multiple`` and their product lies within the bounds, while
    the aspect ratio is kept as nearly as that allows. This is the rule by which Qwen's own
    processor resizes (Qwen2.5-VL ``smart_resize``): a picture that already keeps it is passed on
    by the server untouched, so that the coordinates it answers in are those of what we sent.

    Args:
        width, height: Size of the original [px].
        multiple: Side of what the vision encoder merges into one token [px].
        min_pixels, max_pixels: Bounds of the area [px²].
    """
    rows, columns = (max(round(side / multiple), 1) for side in (height, width))
    if rows * columns * multiple**2 > max_pixels:
        shrink = sqrt(width * height / max_pixels)
        rows, columns = (max(floor(side / shrink / multiple), 1) for side in (height, width))
    elif rows * columns * multiple**2 < min_pixels:
        grow = sqrt(min_pixels / (width * height))
        rows, columns = (ceil(side * grow / multiple) for side in (height, width))
    return Seen(width, height, columns * multiple, rows * multiple)
