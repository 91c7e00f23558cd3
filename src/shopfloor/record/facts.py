"""What a log says of the cell that it was recorded in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shopfloor.types import CellSpec

__all__ = ["cameras", "limbs"]


def limbs(spec: CellSpec) -> dict[str, Any]:
    """Names of the joints, in the order of each limb's columns, and where its base stands."""
    return {
        name: {"joints": list(limb.joints), "base_in_world": limb.base_in_world}
        for name, limb in spec.body.limbs.items()
    }


def cameras(spec: CellSpec) -> dict[str, Any]:
    """Where each camera stands and what its pictures are; a view is a picture on request."""
    return {
        name: {
            "stream": asdict(camera.stream),
            "native": asdict(camera.native),
            "period_ticks": camera.period_ticks,
            "camera_in_world": camera.camera_in_world,
        }
        for name, camera in spec.cameras.items()
    }
