"""The six levels of sensor noise, and what each parameter means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from shopfloor.errors import UsageError

__all__ = [
    "LEVELS",
    "DepthNoise",
    "EncoderNoise",
    "HandEyeError",
    "NoiseLevel",
    "PictureNoise",
    "Timing",
    "noise_level",
    "table",
]


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """What a depth camera does to a distance.

    Attributes:
        multiplier: Times the standard deviation of the stereo model (``depth.stereo_sigma``).
        flying: Share of the pixels that float between the two surfaces of a depth edge.
        dropout: Share of the pixels without a reading, most of them dark or seen at a low angle.
    """

    multiplier: float = 0.0
    flying: float = 0.0
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class PictureNoise:
    """What a colour camera and its wire do to a picture.

    Attributes:
        exposure_ev: The exposure is off by up to so many stops, to either side.
        sigma: Standard deviation of the sensor's noise [grey levels of 255].
        blur_px: Length of the motion blur [px of the native picture].
        jpeg_quality: Of the compression on the way; None: not compressed.
    """

    exposure_ev: float = 0.0
    sigma: float = 0.0
    blur_px: float = 0.0
    jpeg_quality: int | None = None


@dataclass(frozen=True, slots=True)
class HandEyeError:
    """How wrong the calibrated pose of a camera is; fixed for a lot.

    Attributes:
        shift_mm: Distance between where the camera is and where it is believed to be [mm].
        turn_deg: Angle between the two orientations [deg].
    """

    shift_mm: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class EncoderNoise:
    """Standard deviation of a joint's reading [deg]."""

    sigma_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How late pictures and readings arrive.

    Attributes:
        latency_ms: On average [ms].
        jitter_ms: Drawn evenly up to so much around that [ms].
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """One level: everything that stands between the world and what the brain is told of it."""

    number: int
    name: str
    depth: DepthNoise = field(default_factory=DepthNoise)
    picture: PictureNoise = field(default_factory=PictureNoise)
    hand_eye: HandEyeError = field(default_factory=HandEyeError)
    encoder: EncoderNoise = field(default_factory=EncoderNoise)
    timing: Timing = field(default_factory=Timing)

    @property
    def sha256(self) -> str:
        """Hash of all parameters."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def note(self) -> str | None:
        """What a reader of a run must know first; None where there is no noise."""
        if self.number == 0:
            return None
        return f"Sensor noise level {self.number} of {LEVELS[-1].number} ({self.name})"


_JITTER = 0.25
"""Jitter as a share of the latency; ours, for want of a figure that holds for every bus."""


def _level(
    number: int,
    name: str,
    depth: tuple[float, float, float],
    picture: tuple[float, float, float, int],
    hand_eye: tuple[float, float],
    encoder: tuple[float, float],
) -> NoiseLevel:
    """One row: (multiplier, % flying, % lost), (EV, sigma, px, quality), (mm, deg), (deg, ms)."""
    multiplier, flying, dropout = depth
    sigma_deg, latency_ms = encoder
    return NoiseLevel(
        number,
        name,
        DepthNoise(multiplier, flying / 100, dropout / 100),
        PictureNoise(*picture),
        HandEyeError(*hand_eye),
        EncoderNoise(sigma_deg),
        Timing(latency_ms, latency_ms * _JITTER),
    )


LEVELS = (
    NoiseLevel(0, "none"),
    _level(1, "a good day", (0.5, 0.2, 0.5), (0.1, 2, 0, 95), (0.5, 0.05), (0.02, 5)),
    _level(2, "a usual day", (1, 0.5, 1), (0.3, 5, 1, 85), (1, 0.1), (0.05, 10)),
    _level(3, "a decent factory", (2, 1, 3), (0.6, 10, 3, 70), (2, 0.3), (0.1, 20)),
    _level(4, "a bad factory", (3, 2, 6), (1.0, 18, 6, 50), (4, 0.6), (0.2, 40)),
    _level(5, "nobody would accept this", (5, 4, 12), (1.5, 30, 12, 30), (8, 1.2), (0.4, 80)),
)
"""By number."""


def noise_level(number: int) -> NoiseLevel:
    """Return a level by its number.

    Raises:
        UsageError: There is no such level.
    """
    if number not in range(len(LEVELS)):
        known = ", ".join(f"{level.number} ({level.name})" for level in LEVELS)
        raise UsageError(f"noise level {number} does not exist; there are: {known}")
    return LEVELS[number]


def table() -> str:
    """Return all parameters as a Markdown table, a level in each column."""
    rows = [
        ("level", [f"{one.number}: {one.name}" for one in LEVELS]),
        ("depth: times the stereo model", [f"{one.depth.multiplier:g}" for one in LEVELS]),
        ("depth: pixels that float at edges", [f"{100 * x.depth.flying:g} %" for x in LEVELS]),
        ("depth: pixels without a reading", [f"{100 * x.depth.dropout:g} %" for x in LEVELS]),
        ("RGB: exposure", [f"± {one.picture.exposure_ev:g} EV" for one in LEVELS]),
        ("RGB: motion blur", [f"{one.picture.blur_px:g} px" for one in LEVELS]),
        ("RGB: noise, σ of 255", [f"{one.picture.sigma:g}" for one in LEVELS]),
        ("RGB: JPEG quality", [str(one.picture.jpeg_quality or "none") for one in LEVELS]),
        ("camera's pose: shift", [f"{one.hand_eye.shift_mm:g} mm" for one in LEVELS]),
        ("camera's pose: turn", [f"{one.hand_eye.turn_deg:g}°" for one in LEVELS]),
        ("encoders: σ of a joint", [f"{one.encoder.sigma_deg:g}°" for one in LEVELS]),
        ("latency", [f"{one.timing.latency_ms:g} ms" for one in LEVELS]),
        ("jitter", [f"± {one.timing.jitter_ms:g} ms" for one in LEVELS]),
    ]
    lines = [f"| {name} | {' | '.join(values)} |" for name, values in rows]
    return "\n".join([lines[0], "|---" * (len(LEVELS) + 1) + "|", *lines[1:]]) + "\n"
