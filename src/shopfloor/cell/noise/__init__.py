"""Sensor noise between a cell and a brain: six levels, from none to what nobody would accept."""

from shopfloor.cell.noise.cell import NoisyCell
from shopfloor.cell.noise.level import (
    LEVELS,
    DepthNoise,
    EncoderNoise,
    HandEyeError,
    NoiseLevel,
    PictureNoise,
    Timing,
    noise_level,
)

__all__ = [
    "LEVELS",
    "DepthNoise",
    "EncoderNoise",
    "HandEyeError",
    "NoiseLevel",
    "NoisyCell",
    "PictureNoise",
    "Timing",
    "noise_level",
]
