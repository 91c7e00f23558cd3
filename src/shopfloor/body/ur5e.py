"""Closed-form kinematics of a Universal Robots UR5e.

Link parameters: Universal Robots, "DH Parameters for calculations of kinematics and
dynamics" (UR5e). The inverse follows from the same geometry: the axes of joints 2, 3 and 4 are
parallel, so the arm is a planar two-link chain between a known wrist and a known shoulder
(K. P. Hawkins, "Analytic Inverse Kinematics for the Universal Robots", 2013).
"""

from __future__ import annotations

import numpy as np

from shopfloor.errors import Unreachable
from shopfloor.types import FloatArray

__all__ = ["ALPHA", "A", "Branch", "D", "forward", "inverse"]

D = (0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996)
"""Offsets along the joint axes [m]."""
A = (0.0, -0.425, -0.3922, 0.0, 0.0, 0.0)
"""Link lengths [m]."""
ALPHA = (np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0)
"""Link twists [rad]."""

Branch = tuple[int, int, int]
"""Signs of (shoulder, wrist, elbow); each of the eight solutions has its own."""


def _link(i: int, theta: FloatArray) -> FloatArray:
    """``(n, 4, 4)`` pose of frame i + 1 in frame i for ``(n,)`` angles [rad]."""
    c, s = np.cos(theta), np.sin(theta)
    ca, sa = np.cos(ALPHA[i]), np.sin(ALPHA[i])
    t = np.zeros((len(theta), 4, 4))
    t[:, 0, 0], t[:, 0, 1], t[:, 0, 2], t[:, 0, 3] = c, -s * ca, s * sa, A[i] * c
    t[:, 1, 0], t[:, 1, 1], t[:, 1, 2], t[:, 1, 3] = s, c * ca, -c * sa, A[i] * s
    t[:, 2, 1], t[:, 2, 2], t[:, 2, 3] = sa, ca, D[i]
    t[:, 3, 3] = 1.0
    return t


def forward(q: FloatArray) -> FloatArray:
    """Pose of the flange in the base.

    Args:
        q: ``(n, 6)`` joint positions [rad].

    Returns:
        ``(n, 4, 4)`` poses, translation [m].
    """
    pose = _link(0, q[:, 0])
    for i in range(1, 6):
        pose = pose @ _link(i, q[:, i])
    return pose


def _frame_4(
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    five: tuple[FloatArray, FloatArray],
    six: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """``(n, 3)`` x and y axes of frame 4 from the flange's and (cos, sin) of joints 5 and 6."""
    (c5, s5), (c6, s6) = five, six
    turned = c6[:, None] * x - s6[:, None] * y
    return (
        c5[:, None] * turned - s5[:, None] * z,
        s5[:, None] * turned + c5[:, None] * z,
    )


def inverse(flange: FloatArray, branch: Branch) -> FloatArray:
    """Joint positions that put the flange at each pose, all on one branch.

    Args:
        flange: ``(n, 4, 4)`` poses of the flange in the base.
        branch: Signs of shoulder, wrist and elbow.

    Returns:
        ``(n, 6)`` joint positions [rad], wrapped to (-pi, pi].

    Raises:
        Unreachable: Some pose lies outside the arm's reach or at a wrist singularity.
    """
    shoulder, wrist, elbow = branch
    x, y, z, p = (flange[:, :3, k] for k in range(4))
    # The wrist centre (frame 5) lies d6 behind the flange; joint 1 turns until the plane of the
    # arm, d4 beside the shoulder, goes through it.
    w = p - D[5] * z
    radius = np.hypot(w[:, 0], w[:, 1])
    if np.any(radius < abs(D[3]) + 1e-9):
        raise Unreachable("the wrist would stand inside the arm's own shoulder")
    q1 = np.arctan2(w[:, 1], w[:, 0]) + shoulder * np.arccos(D[3] / radius) + np.pi / 2
    s1, c1 = np.sin(q1), np.cos(q1)
    cos5 = (p[:, 0] * s1 - p[:, 1] * c1 - D[3]) / D[5]
    if np.any(np.abs(cos5) > 1 + 1e-9):
        raise Unreachable("the flange cannot turn that far from the plane of the arm")
    q5 = wrist * np.arccos(np.clip(cos5, -1.0, 1.0))
    s5 = np.sin(q5)
    if np.any(np.abs(s5) < 1e-6):
        raise Unreachable("wrist singularity: axes 4 and 6 are parallel")
    q6 = np.arctan2((-y[:, 0] * s1 + y[:, 1] * c1) / s5, (x[:, 0] * s1 - x[:, 1] * c1) / s5)
    # What is left is planar. Frame 4, from the flange back over joints 6 and 5:
    s6, c6 = np.sin(q6), np.cos(q6)
    x4, y4 = _frame_4(x, y, z, (np.cos(q5), s5), (c6, s6))
    z4 = -s6[:, None] * x - c6[:, None] * y
    # Frame 3 lies d4 behind it on the axis that joint 4 turns about, seen in the plane of the arm.
    p3 = w - D[4] * z4 - D[3] * y4
    px, py = c1 * p3[:, 0] + s1 * p3[:, 1], p3[:, 2] - D[0]
    square = px * px + py * py
    cos3 = (square - A[1] ** 2 - A[2] ** 2) / (2 * A[1] * A[2])
    if np.any(np.abs(cos3) > 1):
        far = float(np.sqrt(square.max()))
        raise Unreachable(
            f"the wrist would have to be {far:.3f} m from the shoulder; "
            f"the arm is {abs(A[1] + A[2]):.3f} m long"
        )
    q3 = elbow * np.arccos(cos3)
    q2 = np.arctan2(py, px) - np.arctan2(A[2] * np.sin(q3), A[1] + A[2] * np.cos(q3))
    # Joints 2, 3 and 4 turn about one direction: their sum is where frame 4 points.
    q4 = np.arctan2(x4[:, 2], c1 * x4[:, 0] + s1 * x4[:, 1]) - q2 - q3
    q = np.stack([q1, q2, q3, q4, q5, q6], axis=1)
    return np.asarray((q + np.pi) % (2 * np.pi) - np.pi)
