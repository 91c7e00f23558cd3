"""Where a limb that is in another's way can draw back to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from shopfloor.skill.jump import TopDown
from shopfloor.types import FloatArray

__all__ = ["retreats"]

_STEP_M = 0.12
"""How far a limb steps aside or towards its own base."""


def retreats(here: TopDown, home: TopDown, base_xy: FloatArray) -> Iterator[TopDown]:
    """Poses to draw back to, best first; not all of them can be reached.

    Home is best. Where two arms have crossed, the way there may lead through the other one: then
    straight up, towards the own base, or to a side leads out.

    Args:
        here: Where the tool is.
        home: Where the limb is in nobody's way.
        base_xy: Where the limb's base stands on the ground [m].
    """
    yield home
    up = replace(here, z_m=max(here.z_m, home.z_m))
    if up != here:
        yield up
    inward = np.asarray(base_xy) - (here.x_m, here.y_m)
    inward *= _STEP_M / max(float(np.hypot(*inward)), _STEP_M)
    aside = np.array([-inward[1], inward[0]])
    for step in (inward, inward + aside, inward - aside, aside, -aside):
        yield replace(here, x_m=here.x_m + float(step[0]), y_m=here.y_m + float(step[1]))
