"""How far a cell with noisy sensors may be from what a cell with perfect ones tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopfloor.cell.noise import NoiseLevel, noise_level
from shopfloor.types import Frame

__all__ = ["Slack"]

_DEVIATIONS = 6.0
_REACH_M = 3.0
"""A tool moves by at most so much for each radian, all joints of an arm together."""
_STEP_M = 0.045
"""Depth between the top of a part and what it stands on; a pixel may look beside it."""


@dataclass(frozen=True, slots=True)
class Slack:
    """What a level of noise may add to every tolerance; nothing at level 0."""

    level: NoiseLevel
    control_dt: float

    @classmethod
    def of(cls, level: NoiseLevel | None, control_dt: float) -> Slack:
        """Return the slack of a level; None is level 0."""
        return cls(level or noise_level(0), control_dt)

    @property
    def angle_rad(self) -> float:
        """Of a joint's reading [rad]."""
        return float(_DEVIATIONS * np.radians(self.level.encoder.sigma_deg))

    @property
    def speed_rad_s(self) -> float:
        """Of a joint's speed, and of one made from two readings two ticks apart [rad/s]."""
        return 2 * float(np.sqrt(2)) * self.angle_rad / (2 * self.control_dt)

    @property
    def speed_share(self) -> float:
        """Of a speed made from readings that did not come evenly."""
        return self.level.timing.jitter_ms / 1000 / self.control_dt

    @property
    def tool_m(self) -> float:
        """Of where a tool seems to be [m]."""
        return _REACH_M * self.angle_rad

    @property
    def lost(self) -> float:
        """Share of a picture without depth."""
        return 1.5 * self.level.depth.dropout

    def depth_m(self, z: float) -> float:
        """Of a distance ``z`` [m]."""
        from shopfloor.cell.noise.depth import stereo_sigma

        if not self.level.depth.multiplier:
            return 0.0
        return _DEVIATIONS * float(stereo_sigma(z, self.level.depth.multiplier)) + _STEP_M

    def aside_px(self, frame: Frame, z: float) -> int:
        """How far from its place something ``z`` [m] away may show in a picture [px]."""
        hand_eye = self.level.hand_eye
        off = np.radians(hand_eye.turn_deg) + hand_eye.shift_mm / 1000 / z
        return int(np.ceil(frame.intrinsics.fx * off))
