"""People near the cell: how fast limbs may be, and whether they may move at all.

The separation distance has the form of ISO 13855, ``S = K T + D + Z``, where T is the reaction
time and the time that the limbs need to stand.
"""

from __future__ import annotations

import math

from shopfloor.types import People, PeopleLimits

__all__ = ["pace", "separation_m"]


def separation_m(limits: PeopleLimits, stopping_s: float) -> float:
    """Distance at which a person must be at least, if limbs need ``stopping_s`` to stand [m]."""
    time_s = limits.reaction_s + stopping_s
    return limits.approach_m_s * time_s + limits.intrusion_m + limits.supplement_m


def pace(people: People, limits: PeopleLimits, full_stop_s: float) -> tuple[float, float]:
    """How fast limbs may be, as a share of their full speed.

    The time to stand is proportional to the speed, so the separation distance is met at all speeds
    if the share falls evenly from 1 to 0 between the distances for full speed and for standing.

    Args:
        people: What the sensor says. A distance that is no number means that nobody knows: 0.
        limits: The numbers of the cell.
        full_stop_s: Time to stand from full speed [s].

    Returns:
        The share, from 0 to 1, and the distance that decided [m]; infinite if nobody is there.
    """
    if not people.distances_m:
        return 1.0, math.inf
    if not all(math.isfinite(d) and d >= 0 for d in people.distances_m):
        return 0.0, 0.0
    nearest = min(people.distances_m)
    least, full = separation_m(limits, 0.0), separation_m(limits, full_stop_s)
    return min(max((nearest - least) / (full - least), 0.0), 1.0), nearest
