"""Public figures that are printed beside ours, each with its source.

They come from real robots and real people at other tasks. Ours come from simulation.
They say how far the field is, not who is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CAVEAT",
    "INTERRUPTION_MINUTES",
    "PHAIL",
    "SIMULATED_CAVEAT",
    "SUCCESS",
    "UNITS_PER_HOUR",
    "Reference",
]

PHAIL = "PhAIL: real Franka arm, bin to bin, 2026"
"""What most of the figures were measured on."""

CAVEAT = "real robot / human, different task; ours is simulation"
"""Stands beside every figure of real robots and people."""

SIMULATED_CAVEAT = "another simulated benchmark, different task; ours is simulation too"
"""Stands beside every figure of :data:`SUCCESS`."""

_PHAIL = "PhAIL 2026; arXiv 2605.29710"
_STOW = "Amazon Stow; arXiv 2505.04572"
_MAHLER = "Mahler et al.; IEEE 8481720"
_EB = "EB-Manipulation, EmbodiedBench site"


@dataclass(frozen=True, slots=True)
class Reference:
    """A published figure.

    Attributes:
        name: Who or what achieved it.
        lo, hi: The figure; both ends of a range, the same number twice otherwise.
        kind: Whether hands or a machine did it.
        source: Where it was published.
        counts: (k, n) behind a rate, where published.
    """

    name: str
    lo: float
    hi: float
    kind: Literal["human", "robot", "simulation"]
    source: str
    counts: tuple[int, int] | None = None


UNITS_PER_HOUR = (
    Reference("Human hands", 1331, 1331, "human", _PHAIL),
    Reference("Human pickers", 400, 600, "human", f"{_MAHLER}; picks"),
    Reference("Teleoperation", 330, 330, "human", _PHAIL),
    Reference("Human stowers", 243, 243, "human", _STOW),
    Reference("Amazon Stow robot", 224, 224, "robot", _STOW),
    Reference("π0.5", 64, 65, "robot", _PHAIL),
    Reference("GR00T N1.6", 60, 60, "robot", _PHAIL),
    Reference("ACT", 44, 44, "robot", _PHAIL),
    Reference("SmolVLA", 18, 18, "robot", _PHAIL),
)
"""Throughput [units/h], greatest first."""

INTERRUPTION_MINUTES = (Reference("π0.5, GR00T N1.6, ACT, SmolVLA", 2.7, 4.0, "robot", _PHAIL),)
"""Mean time between failures or assists [min]; the range over four policies."""

SUCCESS = (
    Reference("GPT-4o", 66 / 228, 66 / 228, "simulation", _EB, (66, 228)),
    Reference("Qwen2.5-VL-7B", 0.162, 0.162, "simulation", _EB),
    Reference("Qwen2.5-VL-72B", 22 / 228, 22 / 228, "simulation", _EB, (22, 228)),
)
"""Success of vision-language models at another simulated benchmark [fraction of tasks]."""
