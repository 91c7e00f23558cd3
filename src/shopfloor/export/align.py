"""Rows at frames: what the log says of the ticks at which pictures were taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopfloor.export.reading import Reading, corrupt
from shopfloor.export.setup import Setup

__all__ = ["Aligned", "align", "vectors"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """The rows of an episode, one for each recorded frame.

    Attributes:
        ticks: ``(n,)`` ticks at which the frames were captured.
        state: ``(n, d)`` q [rad] and jaw [m] of all limbs, as ``vectors`` names them.
        velocity: ``(n, j)`` joint speeds of all limbs [rad/s].
        wrench: ``(n, 6 * limbs)`` at the wrists [N, N m].
        action: ``(n, d)`` targets that went to the cell at that tick, behind the guard.
        terminated: Whether the cell said so at the last tick of the log.
    """

    ticks: npt.NDArray[np.int64]
    state: Floats
    velocity: Floats
    wrench: Floats
    action: Floats
    terminated: bool

    def __len__(self) -> int:
        return len(self.ticks)


def vectors(setup: Setup) -> dict[str, tuple[str, ...]]:
    """Return the names of the numbers in ``Aligned``'s vectors, by attribute."""
    joints = {
        limb: tuple(
            name if name.startswith(f"{limb}/") else f"{limb}/{name}" for name in setup.limbs[limb]
        )
        for limb in setup.limbs
    }
    state = tuple(name for limb in joints for name in (*joints[limb], f"{limb}/jaw"))
    return {
        "state": state,
        "velocity": tuple(name for limb in joints for name in joints[limb]),
        "wrench": tuple(f"{limb}/{axis}" for limb in joints for axis in _WRENCH),
        "action": state,
    }


_WRENCH = ("fx", "fy", "fz", "tx", "ty", "tz")


def align(reading: Reading, setup: Setup) -> Aligned:
    """Return the rows at an episode's frames.

    Raises:
        RunCorrupt: The cameras do not have the same frames, frames are missing or not evenly
            apart, or the log has no row of a frame's tick.
    """
    ticks = _captured(reading, setup)
    rows = reading.at(ticks)
    limbs = tuple(setup.limbs)

    def side_by_side(*columns: str) -> Floats:
        blocks = [
            np.reshape(rows[f"{limb}.{column}"], (len(rows), -1))
            for limb in limbs
            for column in columns
        ]
        return np.concatenate(blocks, axis=1).astype(np.float32)

    return Aligned(
        ticks=ticks,
        state=side_by_side("q", "jaw_m"),
        velocity=side_by_side("qd"),
        wrench=side_by_side("wrench"),
        action=side_by_side("applied", "applied_jaw_m"),
        terminated=bool(reading.ticks["terminated"][-1]),
    )


def _captured(reading: Reading, setup: Setup) -> npt.NDArray[np.int64]:
    """Return the ticks ``(n,)`` at which every camera took its frames."""
    chosen = reading.chosen
    taken: dict[str, list[int]] = {name: [] for name in setup.cameras}
    for note in reading.notes["frame"]:
        frames = taken.setdefault(note["camera"], [])
        if note["seq"] != len(frames):
            raise corrupt(
                chosen,
                f"after frame {len(frames) - 1} of camera {note['camera']!r} comes {note['seq']}",
            )
        frames.append(int(note["captured_tick"]))
    first, *others = taken
    for other in others:
        if taken[other] != taken[first]:
            raise corrupt(
                chosen,
                f"cameras {first!r} and {other!r} took their {len(taken[first])} and "
                f"{len(taken[other])} frames at other ticks, though both are due at the same",
            )
    for name, frames in taken.items():
        said = reading.episode.entry.frames.get(name)
        if said != len(frames) or not frames:
            raise corrupt(
                chosen,
                f"its log has {len(frames)} frames of camera {name!r}, its entry says {said}",
            )
    ticks = np.array(taken[first], dtype=np.int64)
    period = setup.cameras[first][2]
    uneven = np.flatnonzero(np.diff(ticks) != period)
    if uneven.size:
        k = int(uneven[0])
        raise corrupt(
            chosen,
            f"frames {k} and {k + 1} were captured at ticks {ticks[k]} and {ticks[k + 1]}; one is "
            f"due every {period}",
        )
    return ticks
