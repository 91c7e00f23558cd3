"""What is recorded to time a recorder: the pictures and ticks of a shift, in memory.

Rendered pictures have no noise and compress far better than a camera's, so each gets Gaussian
noise of ``NOISE`` grey levels, drawn by seed, on top of what the shift's own videos show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopfloor.export import choose
from shopfloor.export.align import align
from shopfloor.export.reading import Reading
from shopfloor.export.setup import Setup
from shopfloor.record import Entry
from shopfloor.shift import Plan, run_shift
from shopfloor.types import (
    Action,
    CellSpec,
    FloatArray,
    Frame,
    Goal,
    Language,
    LimbState,
    Lot,
    Observation,
    Order,
    Outcome,
    People,
    Ruling,
    Timestep,
    UInt8Array,
)

__all__ = ["NOISE", "Take", "takes"]

NOISE = 2.0
"""Standard deviation of the noise on each channel of each pixel [grey levels of 256]."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One episode in memory.

    Attributes:
        entry: Of the episode that it was taken from.
        pictures: ``(n, H, W, 3)`` uint8 RGB by camera.
        state, action: ``(n, d)`` float32 at the pictures, as an export has them.
        steps: What a recorder is given at each tick.
    """

    entry: Entry
    pictures: Mapping[str, UInt8Array]
    state: FloatArray
    action: FloatArray
    steps: tuple[tuple[Timestep, Action, Ruling], ...]

    @property
    def lot(self) -> Lot:
        """The lot to record it as."""
        entry = self.entry
        language: Language = "zh" if entry.language == "zh" else "en"
        order = Order(entry.order, entry.instruction, language, Goal(()), 60.0)
        return Lot(entry.lot, entry.seed, (), ("A",), (order,))

    @property
    def outcome(self) -> Outcome:
        """How the episode ended."""
        entry = self.entry
        return Outcome(entry.good, entry.ever, entry.code, entry.code_tick, (), entry.ticks)


def takes(plan: Plan, spec: CellSpec, folder: Path) -> tuple[Take, ...]:
    """Work a shift in ``folder`` and return its episodes.

    Args:
        plan: With video.
        spec: Of the cell that the plan names.
        folder: A new folder for the run.
    """
    run_shift(plan, folder, resume=False, progress=lambda _: None)
    rng = np.random.default_rng(plan.seed)
    return tuple(_take(Reading.of(each), spec, rng) for each in choose([folder]))


def _take(reading: Reading, spec: CellSpec, rng: np.random.Generator) -> Take:
    rows = align(reading, Setup.of(reading.chosen, reading.begin))
    pictures = {}
    for camera in spec.cameras:
        shown = np.stack(list(reading.episode.video(camera)))
        noise = rng.normal(0.0, NOISE, shown.shape).astype(np.float32)
        pictures[camera] = np.clip(np.rint(shown + noise), 0, 255).astype(np.uint8)
    steps = tuple(_steps(reading, spec, pictures))
    return Take(reading.chosen.entry, pictures, rows.state, rows.action, steps)


def _steps(
    reading: Reading, spec: CellSpec, pictures: Mapping[str, UInt8Array]
) -> Iterator[tuple[Timestep, Action, Ruling]]:
    pose = np.eye(4)
    frames: dict[str, Frame] = {}
    for row in reading.ticks:
        tick = int(row["tick"])
        for name, camera in spec.cameras.items():
            seq, late = divmod(tick, camera.period_ticks)
            if not late:
                frames[name] = Frame(
                    name, pictures[name][seq], None, seq, tick, camera.stream, pose
                )
        limbs = {
            limb: LimbState(
                q=row[f"{limb}.q"],
                qd=row[f"{limb}.qd"],
                tool_in_world=pose,
                jaw_m=float(row[f"{limb}.jaw_m"]),
                wrench=row[f"{limb}.wrench"],
                q_target=row[f"{limb}.applied"],
            )
            for limb in spec.body.limbs
        }
        action = Action(
            {limb: row[f"{limb}.applied"] for limb in limbs},
            {limb: float(row[f"{limb}.applied_jaw_m"]) for limb in limbs},
            tick,
            tick,
            "skill",
        )
        observation = Observation(tick, limbs, dict(frames), {}, {}, People())
        yield (
            Timestep(observation, None, terminated=False, truncated=False),
            action,
            Ruling("pass", action),
        )
