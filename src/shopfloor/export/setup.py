"""What all episodes of one dataset must have in common: robot, rate, limbs and cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from shopfloor.errors import UsageError
from shopfloor.export.choice import Chosen

__all__ = ["Setup"]


@dataclass(frozen=True, slots=True)
class Setup:
    """How an episode was recorded.

    Attributes:
        body: Name of the robot.
        limbs: Joint names by limb, in the order of the log's columns.
        control_dt: Length of a tick [s].
        cameras: Width, height [px] and ticks from frame to frame, by camera.
    """

    body: str
    limbs: Mapping[str, tuple[str, ...]]
    control_dt: float
    cameras: Mapping[str, tuple[int, int, int]]

    @classmethod
    def of(cls, chosen: Chosen, begin: Mapping[str, Any]) -> Self:
        """Return the setup that a log's first record tells of."""
        return cls(
            body=chosen.run.manifest.body,
            limbs={name: tuple(limb["joints"]) for name, limb in begin["limbs"].items()},
            control_dt=float(begin["control_dt"]),
            cameras={
                name: (
                    int(camera["stream"]["width"]),
                    int(camera["stream"]["height"]),
                    int(camera["period_ticks"]),
                )
                for name, camera in begin["cameras"].items()
            },
        )

    @property
    def tick_s(self) -> Fraction:
        """Length of a tick [s], exactly."""
        return Fraction(self.control_dt).limit_denominator(1_000_000)

    def period_s(self, camera: str) -> Fraction:
        """Time from one recorded frame of a camera to the next [s]."""
        return self.cameras[camera][2] * self.tick_s

    def common_period_s(self, run: object) -> Fraction:
        """Time from frame to frame where all cameras have the same [s].

        Raises:
            UsageError: They have not, or there is no camera; ``run`` is named.
        """
        periods = {name: self.period_s(name) for name in self.cameras}
        if len(set(periods.values())) != 1:
            rates = ", ".join(f"{name} {float(1 / each):g} Hz" for name, each in periods.items())
            raise UsageError(
                f"the cameras of {run} were recorded at {rates or 'no rate: there are none'}; a "
                "dataset with one row a frame needs one rate. Export it with --to parquet or "
                "--to mcap"
            )
        return next(iter(periods.values()))

    def refuse_other(self, other: Setup, here: object, there: object) -> None:
        """Compare with the setup of another run.

        Args:
            other: Of the run ``there``.
            here, there: Named in the error.

        Raises:
            UsageError: They differ; the message says in what.
        """
        self.refuse_other_limbs(other, here, there)
        _refuse(
            (
                ("the body is", self.body, other.body),
                ("a tick is", f"{self.control_dt:g} s", f"{other.control_dt:g} s"),
                ("the cameras are", self._cameras_said(), other._cameras_said()),
            ),
            here,
            there,
        )

    def refuse_other_limbs(self, other: Setup, here: object, there: object) -> None:
        """Compare as ``refuse_other``, but only what the limbs' numbers mean.

        Raises:
            UsageError: They differ.
        """
        _refuse((("the limbs are", self._limbs_said(), other._limbs_said()),), here, there)

    def _limbs_said(self) -> str:
        return ", ".join(f"{name} ({', '.join(joints)})" for name, joints in self.limbs.items())

    def _cameras_said(self) -> str:
        return ", ".join(
            f"{name} {width} x {height} at {float(1 / self.period_s(name)):g} Hz"
            for name, (width, height, _) in sorted(self.cameras.items())
        )


def _refuse(said: tuple[tuple[str, str, str], ...], here: object, there: object) -> None:
    for what, mine, its in said:
        if mine != its:
            raise UsageError(
                f"{there} cannot go into one dataset with {here}: {what} {its} there and {mine} "
                "here. Export them apart"
            )
