"""What a body, a camera and a cell are; checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopfloor.types.frame import FloatArray, Intrinsics

__all__ = ["BodySpec", "CameraSpec", "CellSpec", "LimbSpec", "Sensing", "Station"]


@dataclass(frozen=True, slots=True, eq=False)
class LimbSpec:
    """What moves as one: an arm with its jaw.

    Attributes:
        name: Name of the limb, unique in the body.
        joints: Joint names, in the order of every ``q`` of this limb.
        q_lower, q_upper: ``(dof,)`` mechanical joint range [rad].
        q_home: ``(dof,)`` joint position out of everybody's way [rad].
        qd_max, qdd_max: ``(dof,)`` what the drives can do [rad/s], [rad/s²].
        jaw_max_m: Widest opening between the fingertips [m].
        base_in_world: ``(4, 4)`` calibrated pose of the limb's base.
    """

    name: str
    joints: tuple[str, ...]
    q_lower: FloatArray
    q_upper: FloatArray
    q_home: FloatArray
    qd_max: FloatArray
    qdd_max: FloatArray
    jaw_max_m: float
    base_in_world: FloatArray

    @property
    def dof(self) -> int:
        """Number of joints, the jaw not counted."""
        return len(self.joints)


@dataclass(frozen=True, slots=True, eq=False)
class BodySpec:
    """An embodiment: its name, the hash of its model, and its limbs."""

    name: str
    sha256: str
    limbs: Mapping[str, LimbSpec]


@dataclass(frozen=True, slots=True, eq=False)
class CameraSpec:
    """A camera: what it gives as a stream, and what it gives when asked to look.

    Attributes:
        name: Name of the camera.
        stream: Intrinsics of the recorded stream (224² in ``bench`` cells).
        native: Intrinsics at native resolution, rendered only on request.
        period_ticks: The stream has one frame every so many ticks.
        camera_in_world: ``(4, 4)`` calibrated pose, OpenCV axes; for a camera on a
            limb the pose at home, while each frame carries its own.
    """

    name: str
    stream: Intrinsics
    native: Intrinsics
    period_ticks: int
    camera_in_world: FloatArray


@dataclass(frozen=True, slots=True)
class Station:
    """A taught fixture of the cell, such as a tote or the tray: a box in the world.

    Attributes:
        name: What an instruction calls it (``A``), or ``tray``.
        center_m: Centre of its floor in the world [m].
        size_m: Inner width (x), depth (y) and wall height (z) [m].
    """

    name: str
    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Sensing:
    """How far a limb's readings may be from the truth; nothing is what the guard allows least for.

    Attributes:
        late_s: Oldest moment that a reading may be of [s].
        q_rad: Length of the largest error of all joints of a limb together [rad].
    """

    late_s: float = 0.0
    q_rad: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class CellSpec:
    """A cell: its body, cameras and clock.

    Attributes:
        name: Name of the cell.
        sha256: Hash of everything that shapes its physics and pictures.
        body: The body at its stations.
        cameras: By name.
        control_dt: Length of one tick [s].
        changeover_s: Time charged between two lots [s].
        sensing: How exact and how fresh readings of its limbs are.
    """

    name: str
    sha256: str
    body: BodySpec
    cameras: Mapping[str, CameraSpec]
    control_dt: float
    changeover_s: float
    sensing: Sensing = Sensing()
