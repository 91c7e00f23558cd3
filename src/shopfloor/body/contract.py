"""What a body must offer, so that cells, skills and the guard can work with any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from shopfloor.types import BodySpec, FloatArray

if TYPE_CHECKING:
    import mujoco

__all__ = ["Body", "LimbModel"]


@dataclass(frozen=True, slots=True)
class LimbModel:
    """The names by which a limb is found in the compiled MuJoCo model.

    Attributes:
        joints: Hinge joints, in the order of ``LimbSpec.joints``.
        actuators: One position servo per joint, in the same order.
        jaw_joints: Slide joints of the two fingers.
        jaw_actuators: Position servos that move them.
        jaw_offset_m, jaw_gain: Opening [m] = offset + gain * joint position [m], where both
            fingers move alike.
        tool_site: Site at the tool centre point; z out of the jaw, x along the closing.
        force_sensor, torque_sensor: At the wrist, in the axes of the tool.
        finger_bodies: Bodies whose touch counts as the jaw's.
        link_bodies: Every body of the limb, base first, fingers included.
    """

    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    jaw_joints: tuple[str, ...]
    jaw_actuators: tuple[str, ...]
    jaw_offset_m: float
    jaw_gain: float
    tool_site: str
    force_sensor: str
    torque_sensor: str
    finger_bodies: tuple[str, ...]
    link_bodies: tuple[str, ...]


@runtime_checkable
class Body(Protocol):
    """An embodiment. ``shopfloor.testing.check_body`` tries all of it."""

    spec: BodySpec
    models: Mapping[str, LimbModel]

    def attach(self, scene: mujoco.MjSpec) -> None:
        """Add the body to a scene in radians whose table top is the plane z = 0 of the world."""
        ...

    def inverse(self, limb: str, tool_in_world: FloatArray, seed: FloatArray) -> FloatArray:
        """Find joint positions for a path of tool poses.

        Args:
            limb: Name of the limb.
            tool_in_world: ``(n, 4, 4)`` poses of the tool centre point.
            seed: ``(dof,)`` joint positions [rad] near those of the first pose.

        Returns:
            ``(n, dof)`` joint positions [rad], continuous along the path.

        Raises:
            Unreachable: Some pose cannot be reached within the joint range.
        """
        ...
