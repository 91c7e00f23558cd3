"""Braking: the way on which limbs come to stand, slowing as hard as their limits allow.

A limb brakes on the straight way that it is on in joint space, all its joints alike, so that the
joint which needs longest decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopfloor.types import FloatArray

__all__ = ["Brakes"]


class Brakes:
    """Braking ramps of limbs whose joints stand in a row."""

    def __init__(self, loss: FloatArray, limbs: Sequence[slice]) -> None:
        """Take up limits.

        Args:
            loss: ``(joints,)`` how much shorter the step of each joint can get from one tick to
                the next [rad].
            limbs: Which joints are whose.
        """
        self._loss = loss
        self._starts = np.array([part.start for part in limbs])
        self._sizes = np.array([part.stop - part.start for part in limbs])

    def ticks(self, step: FloatArray) -> FloatArray:
        """``(joints,)`` ticks, with fractions, until the limb of each joint stands.

        Args:
            step: ``(joints,)`` how far the last command moved the joints [rad].
        """
        peak = np.maximum.reduceat(np.abs(step) / self._loss, self._starts)
        return np.repeat(peak, self._sizes)

    def length(self, step: FloatArray) -> FloatArray:
        """``(joints,)`` how far the joints still go until they stand [rad]: the end of ``way``."""
        ticks = np.maximum(self.ticks(step), 1.0)
        count = np.ceil(ticks - 1e-9) - 1
        return np.asarray(step * (count - count * (count + 1) / (2 * ticks)))

    def way(self, step: FloatArray) -> FloatArray:
        """``(n, joints)`` where the joints will be on the next ticks, from where they are [rad].

        The last row is where they stand; a standing body has no rows.
        """
        ticks = self.ticks(step)
        count = int(np.ceil(ticks.max() - 1e-9)) - 1
        left = 1 - np.arange(1, count + 1)[:, None] / np.maximum(ticks, 1e-12)
        return np.cumsum(np.maximum(left, 0.0) * step, axis=0)

    def next(self, step: FloatArray) -> FloatArray:
        """``(joints,)`` the next step of that way [rad]."""
        ticks = self.ticks(step)
        return step * np.maximum(1 - 1 / np.maximum(ticks, 1e-12), 0.0)
