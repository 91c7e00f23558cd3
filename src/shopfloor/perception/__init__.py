"""From RGB-D pictures to points, outlines, parts and grasps. Sees frames only, never truth."""

from shopfloor.perception.deproject import cloud, pixel
from shopfloor.perception.grasp import Grasp, grasp_at
from shopfloor.perception.height import surface
from shopfloor.perception.outline import Outline, outline
from shopfloor.perception.register import registered
from shopfloor.perception.relief import point
from shopfloor.perception.segment import Sighting, find_parts

__all__ = [
    "Grasp",
    "Outline",
    "Sighting",
    "cloud",
    "find_parts",
    "grasp_at",
    "outline",
    "pixel",
    "point",
    "registered",
    "surface",
]
