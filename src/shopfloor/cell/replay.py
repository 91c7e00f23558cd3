"""The bare loop: the physics and the pictures of a lot that was worked before, and nothing else.

What shopfloor costs is measured against this, and a replay that ends in another state than
the run did would show that the two were not the same physics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from shopfloor.cell.sorting import SortingCell
from shopfloor.errors import SpecMismatch
from shopfloor.types import Action, FloatArray, Frame, Lot, Timestep

__all__ = ["Tape", "replay", "tap", "untap"]


class Tape:
    """What a lot needs to be replayed.

    Attributes:
        rows: What the servos were told, ``(substeps, actuators)`` for each tick.
        views: Cameras of which a native-resolution picture was taken, by tick.
        state: ``(nq,)`` positions at the end.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: list[FloatArray] = []
        self.views: dict[int, list[str]] = {}
        self.state: FloatArray = np.empty(0)


def tap(cell: SortingCell, tape: Tape) -> None:
    """Have a cell write the tape from now on; undone by deleting the two attributes."""
    step, view, servo_rows = cell.step, cell.view, cell.servo_rows

    def taped_rows(action: Action) -> FloatArray:
        rows = servo_rows(action)
        tape.rows.append(rows.copy())
        return rows

    def taped_step(action: Action) -> Timestep:
        timestep = step(action)
        tape.state = cell.data.qpos.copy()
        return timestep

    def taped_view(camera: str) -> Frame:
        tape.views.setdefault(len(tape.rows), []).append(camera)
        return view(camera)

    vars(cell).update(step=taped_step, view=taped_view, servo_rows=taped_rows)


def untap(cell: SortingCell) -> None:
    """Let the cell be as it was."""
    for name in ("step", "view", "servo_rows"):
        vars(cell).pop(name, None)


def replay(cell: SortingCell, lot: Lot, tape: Tape) -> FloatArray:
    """Step the same physics with the recorded commands and draw the same pictures.

    Returns:
        ``(nq,)`` positions at the end.
    """
    cell.load(lot, seed=lot.seed)
    model, data, rig = cell.model, cell.data, cell.rig
    if rig is None:
        raise SpecMismatch("a cell without pictures has no bare loop to compare with")
    streams: Sequence[tuple[int, int, int, int]] = [
        (model.camera(c.name).id, c.stream.width, c.stream.height, c.period_ticks)
        for c in cell.spec.cameras.values()
    ]
    natives: Mapping[str, tuple[int, int, int]] = {
        c.name: (model.camera(c.name).id, c.native.width, c.native.height)
        for c in cell.spec.cameras.values()
    }
    step, ctrl = mujoco.mj_step, data.ctrl
    for tick in range(len(tape.rows) + 1):
        for index, width, height, period in streams:
            if tick % period == 0:
                rig.draw(data, index, width, height)
        for camera in tape.views.get(tick, ()):
            rig.draw(data, *natives[camera])
        if tick == len(tape.rows):
            break
        for row in tape.rows[tick]:
            ctrl[:] = row
            step(model, data)
        mujoco.mj_kinematics(model, data)  # the pictures show this tick, as the cell's do
    state: FloatArray = data.qpos.copy()
    return state
