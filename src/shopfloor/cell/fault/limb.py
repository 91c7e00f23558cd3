"""What can befall a limb: its encoders as they are read, its drives and jaw in the physics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import mujoco
import numpy as np

from shopfloor.body.contract import LimbModel
from shopfloor.body.geometry import Geometry
from shopfloor.cell.fault.plan import Injection
from shopfloor.cell.sorting import SortingCell
from shopfloor.types import Action, FloatArray, LimbState, Truth

__all__ = ["Encoders", "Mechanics"]

Took = Callable[[Injection], None]

_FELT_RAD = 0.02
"""A joint that is so far from where it was sent feels its fault."""
_BRAKE = 2000.0
"""Damping of a joint whose brake has fallen in [N m s/rad]."""
_MOVING_RAD_S = 0.05
_LEAST_LOSS_NM = 2.0
"""Dry friction of a healthy joint, which the model leaves out [N m]: what is multiplied."""
_MOVED_RAD_PER_M = 1.0
"""A camera that is knocked by so many metres also turns, by so many radians a metre."""


class Encoders:
    """One limb's readings with the faults that are in force."""

    def __init__(self, name: str, geometry: Geometry, took: Took) -> None:
        """Begin a lot."""
        self._name, self._geometry, self._took = name, geometry, took
        self._stuck: dict[Injection, float] = {}

    def read(self, state: LimbState, active: Sequence[Injection]) -> LimbState:
        """Return what the encoders say."""
        q, qd = state.q.copy(), state.qd.copy()
        changed = False
        for one in active:
            joint = one.seed % len(q)
            if one.kind.name == "encoder.bias":
                q[joint] += one.amount
                self._took(one)
                changed = True
            elif one.kind.name == "encoder.stuck":
                stuck = self._stuck.setdefault(one, float(q[joint]))
                if abs(q[joint] - stuck) > _FELT_RAD:
                    self._took(one)
                q[joint], qd[joint] = stuck, 0.0
                changed = True
        if not changed:
            return state
        return replace(state, q=q, qd=qd, tool_in_world=self._geometry.tool_pose(self._name, q))


class Mechanics:
    """Faults that the physics itself has, put into the compiled model of one lot.

    The model is compiled anew for each lot, so that nothing outlives one.
    """

    def __init__(self, world: SortingCell, took: Took) -> None:
        """Begin a lot that the world has loaded."""
        self._model, self._data, self._body = world.model, world.data, world.body
        self._took = took
        self._undo: dict[Injection, Callable[[], None]] = {}
        self._held: dict[str, tuple[int, ...]] = {}

    def before(self, action: Action, active: Sequence[Injection]) -> Action:
        """Put faults in and take them out; returns the command that reaches the jaws."""
        for one in [one for one in self._undo if one not in active]:
            self._undo.pop(one)()
        jaws = dict(action.jaw_m)
        for one in active:
            if one not in self._undo:
                self._undo[one] = self._put_in(one)
            if one.kind.name == "gripper.open":
                jaws[one.target] = self._body.spec.limbs[one.target].jaw_max_m
        return replace(action, jaw_m=jaws) if jaws != action.jaw_m else action

    def after(
        self, limbs: dict[str, LimbState], truth: Truth | None, active: Sequence[Injection]
    ) -> None:
        """See which faults have made a difference; ``limbs`` are as they truly are."""
        for one in active:
            name = one.kind.name
            if name in {"actuator.stall", "actuator.weak"}:
                state = limbs[one.target]
                if np.abs(state.q - state.q_target).max() > _FELT_RAD:
                    self._took(one)
            elif name == "actuator.friction":
                if np.abs(limbs[one.target].qd).max() > _MOVING_RAD_S:
                    self._took(one)
            elif name.startswith("gripper.") and truth is not None:
                before = self._held.get(one.target, ())
                if set(before) - set(truth.touched[one.target]):
                    self._took(one)
        if truth is not None:
            # A jaw that opens by itself still holds, for its limb, what it held before.
            opened = {one.target for one in active if one.kind.name == "gripper.open"}
            for limb in truth.touched.keys() - opened:
                self._held[limb] = () if truth.jaw_open[limb] else truth.touched[limb]

    def _put_in(self, one: Injection) -> Callable[[], None]:
        match one.kind.name:
            case "actuator.stall":
                return self._set(self._model.dof_damping, self._dofs(one)[self._joint(one)], _BRAKE)
            case "actuator.weak":
                servo = self._model.actuator(self._names(one).actuators[self._joint(one)]).id
                before = self._model.actuator_forcerange[servo].copy()
                return self._set(self._model.actuator_forcerange, servo, before * one.amount)
            case "actuator.friction":
                dofs = self._dofs(one)
                loss = np.maximum(self._model.dof_frictionloss[dofs], _LEAST_LOSS_NM)
                return self._set(self._model.dof_frictionloss, dofs, loss * one.amount)
            case "gripper.slip":
                fingers = [self._model.body(name).id for name in self._names(one).finger_bodies]
                geoms = np.flatnonzero(np.isin(self._model.geom_bodyid, fingers))
                # Of two touching surfaces the rougher one counts, unless one comes first.
                rough = self._set(
                    self._model.geom_friction, geoms, self._model.geom_friction[geoms] * one.amount
                )
                first = self._set(self._model.geom_priority, geoms, 1)

                def undo() -> None:
                    rough()
                    first()

                return undo
            case "camera.moved":
                return self._knock(one)
        return _nothing

    def _knock(self, one: Injection) -> Callable[[], None]:
        rng = np.random.default_rng(one.seed)
        shift, axis = (vector / np.linalg.norm(vector) for vector in rng.standard_normal((2, 3)))
        camera = self._model.camera(one.target).id
        turn, out = np.empty(4), np.empty(4)
        mujoco.mju_axisAngle2Quat(turn, axis, one.amount * _MOVED_RAD_PER_M)
        mujoco.mju_mulQuat(out, turn, self._model.cam_quat[camera])
        moved = self._set(
            self._model.cam_pos, camera, self._model.cam_pos[camera] + one.amount * shift
        )
        turned = self._set(self._model.cam_quat, camera, out)
        self._took(one)

        def undo() -> None:
            moved()
            turned()

        return undo

    def _set(self, array: FloatArray, index: object, value: object) -> Callable[[], None]:
        before = np.copy(array[index])  # type: ignore[call-overload]

        def undo() -> None:
            array[index] = before  # type: ignore[call-overload]

        array[index] = value  # type: ignore[call-overload]
        return undo

    def _names(self, one: Injection) -> LimbModel:
        return self._body.models[one.target]

    def _joint(self, one: Injection) -> int:
        return one.seed % len(self._names(one).joints)

    def _dofs(self, one: Injection) -> FloatArray:
        return np.array([self._model.joint(j).dofadr[0] for j in self._names(one).joints])


def _nothing() -> None:
    """Nothing was changed."""
