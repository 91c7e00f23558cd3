"""What a limb's own sensors say of it, a little wrong and a little late."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from math import ceil

import numpy as np

from shopfloor.body.geometry import Geometry
from shopfloor.cell.noise.draw import Draws
from shopfloor.cell.noise.level import EncoderNoise, Timing
from shopfloor.types import FloatArray, LimbState, Sensing

__all__ = ["JAW_RADIUS_M", "Encoders", "sensing", "speed_sigma"]

JAW_RADIUS_M = 0.010
"""Pinion that turns the jaw's motor into an opening: an angle's error becomes one of length [m]."""
_BLOCK = 256
"""Ticks whose noise is drawn together."""


_FARTHEST = 6.0
"""Length of the error of six joints that is passed in three of a million readings [deviations]."""


def sensing(noise: EncoderNoise, timing: Timing) -> Sensing:
    """State how far readings may be off."""
    late_s = (timing.latency_ms + timing.jitter_ms) / 1000
    return Sensing(late_s=late_s, q_rad=_FARTHEST * float(np.radians(noise.sigma_deg)))


def speed_sigma(noise: EncoderNoise, control_dt: float) -> float:
    """Standard deviation of a joint's speed [rad/s]: the difference of readings two ticks apart."""
    return float(np.sqrt(2) * np.radians(noise.sigma_deg) / (2 * control_dt))


class Encoders:
    """The sensors of one limb during one lot."""

    def __init__(
        self,
        limb: str,
        noise: EncoderNoise,
        timing: Timing,
        *,
        control_dt: float,
        geometry: Geometry,
        draws: Draws,
    ) -> None:
        """Begin with no reading; the tool's pose follows from the joints by ``geometry``."""
        self._limb, self._timing, self._dt = limb, timing, control_dt
        self._sigma = float(np.radians(noise.sigma_deg))
        self._speed_sigma = speed_sigma(noise, control_dt)
        self._geometry, self._draws = geometry, draws
        self._past: deque[tuple[int, LimbState]] = deque(maxlen=_kept(timing, control_dt))
        self._block: tuple[int, FloatArray] = (-1, np.empty(0))

    def read(self, tick: int, state: LimbState) -> LimbState:
        """Return what is known at a tick.

        All readings of a message are of one moment, between two ticks as a rule; what the
        controller was told (``q_target``) is not measured and is known at once.
        """
        self._past.append((tick, state))
        noise = self._noise(tick, state.q.size)
        late = self._timing.latency_ms + float(noise[-1]) * self._timing.jitter_ms
        before, after, share = self._around(tick - late / 1000 / self._dt)
        dof = state.q.size
        q = _between(before.q, after.q, share) + self._sigma * noise[:dof]
        qd = _between(before.qd, after.qd, share) + self._speed_sigma * noise[dof : 2 * dof]
        jaw = (1 - share) * before.jaw_m + share * after.jaw_m
        return replace(
            state,
            q=q,
            qd=qd,
            tool_in_world=self._geometry.tool_pose(self._limb, q),
            jaw_m=float(jaw + JAW_RADIUS_M * self._sigma * noise[2 * dof]),
            wrench=_between(before.wrench, after.wrench, share),
        )

    def _around(self, moment: float) -> tuple[LimbState, LimbState, float]:
        """The readings before and after a moment, and how far it is from one to the other."""
        tick, after = self._past[-1]
        for earlier, before in reversed(self._past):
            if earlier <= moment:
                return before, after, (moment - earlier) / max(tick - earlier, 1)
            tick, after = earlier, before
        return after, after, 0.0  # it has stood there since before the lot began

    def _noise(self, tick: int, dof: int) -> FloatArray:
        """Numbers of a tick: for q, for qd, for the jaw (deviation 1), and for the jitter (±1)."""
        index = tick // _BLOCK
        if self._block[0] != index:
            rng = self._draws.of(f"{self._limb} encoders", index)
            drawn = rng.standard_normal((_BLOCK, 2 * dof + 2))
            drawn[:, -1] = rng.uniform(-1, 1, _BLOCK)
            self._block = index, drawn
        row: FloatArray = self._block[1][tick % _BLOCK]
        return row


def _kept(timing: Timing, control_dt: float) -> int:
    """Readings that are remembered [ticks]: back to before the latest that one can be, and now."""
    return ceil((timing.latency_ms + timing.jitter_ms) / 1000 / control_dt) + 2


def _between(before: FloatArray, after: FloatArray, share: float) -> FloatArray:
    return np.asarray(before + share * (after - before))
