"""The parts of a lot as shapes, for exports that show the simulator's truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shopfloor.export.robot import Shape
from shopfloor.order.part import FOOTPRINTS

__all__ = ["part_shape"]

_GREY = (0.6, 0.6, 0.6)
_UNKNOWN_M = 0.01
"""Half the side of the cube that stands for a part of a shape unknown here."""


def part_shape(part: Mapping[str, Any]) -> Shape:
    """Return the shape of a part as the log describes it, about its own middle."""
    from shopfloor.cell.scene import COLOUR_RGB

    outline = FOOTPRINTS.get((str(part.get("shape")), str(part.get("size"))))
    red, green, blue = COLOUR_RGB.get(str(part.get("colour")), _GREY)
    return Shape(
        kind="cylinder" if outline is not None and outline.round else "box",
        half_m=np.array(outline.half_m) if outline is not None else np.full(3, _UNKNOWN_M),
        position_m=np.zeros(3),
        quat=np.array([1.0, 0.0, 0.0, 0.0]),
        rgba=(red, green, blue, 1.0),
    )
