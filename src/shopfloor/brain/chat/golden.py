"""The golden pictures: crops of the sorting cell with the boxes of parts that are known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from shopfloor.errors import PluginError
from shopfloor.types import UInt8Array

__all__ = ["Golden", "Target", "golden"]


@dataclass(frozen=True, slots=True)
class Target:
    """A part that is asked for: the only one of its kind in the picture.

    Attributes:
        en, zh: What it is called.
        box: (left, top, right, bottom) around it in the picture [px].
    """

    en: str
    zh: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """A picture with what can be asked in it; ``pixels`` is ``(H, W, 3)`` RGB."""

    name: str
    pixels: UInt8Array
    targets: tuple[Target, ...]


@cache
def golden() -> tuple[Golden, ...]:
    """All golden pictures.

    Raises:
        PluginError: The package is damaged.
    """
    folder = files("shopfloor.brain") / "data" / "golden"
    listed = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["pictures"]
    found = []
    for entry in listed:
        data = np.frombuffer((folder / entry["file"]).read_bytes(), np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if bgr is None or bgr.shape[:2] != (entry["height"], entry["width"]):
            raise PluginError(f"the golden picture {entry['file']} is damaged; reinstall shopfloor")
        targets = tuple(
            Target(target["en"], target["zh"], tuple(target["box"])) for target in entry["targets"]
        )
        pixels = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        found.append(Golden(entry["file"], pixels, targets))
    return tuple(found)
