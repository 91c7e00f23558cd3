"""Sends a body's tool round a ring and holds its inverse against its forward kinematics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopfloor.body.contract import Body
from shopfloor.errors import Unreachable
from shopfloor.testing.clause import Clause
from shopfloor.types import FloatArray

__all__ = ["check_inverse"]

Tool = Callable[[FloatArray], FloatArray]

_AGREE_M = 1e-3
_AGREE_RAD = 5e-3
_RING_M = 0.04
"""Radius of the ring around home on which the inverse is tried."""
_ROWS = 151
_MOST_STEP_RAD = 0.12
"""No joint may move further while the tool moves by the 2 mm of one step of the ring."""


def _ring(home: FloatArray) -> FloatArray:
    """``(n, 4, 4)`` poses from home round a tilted ring and back, the tool turning on its z."""
    phase = np.linspace(0, 2 * np.pi, _ROWS)
    poses = np.repeat(home[None], _ROWS, axis=0)
    poses[:, 0, 3] += _RING_M * np.sin(phase)
    poses[:, 1, 3] += _RING_M * (np.cos(phase) - 1)
    poses[:, 2, 3] += 0.5 * _RING_M * np.sin(phase)
    turn = 0.3 * np.sin(phase)
    spin = np.repeat(np.eye(3)[None], _ROWS, axis=0)
    spin[:, 0, 0] = spin[:, 1, 1] = np.cos(turn)
    spin[:, 1, 0] = np.sin(turn)
    spin[:, 0, 1] = -spin[:, 1, 0]
    poses[:, :3, :3] = poses[:, :3, :3] @ spin
    return poses


def check_inverse(body: Body, name: str, tool: Tool) -> None:
    """A limb's inverse, where ``tool`` gives its tool pose for joints."""
    limb = body.spec.limbs[name]
    poses = _ring(tool(limb.q_home))
    asked, seed = poses.copy(), limb.q_home.copy()
    try:
        q = body.inverse(name, asked, seed)
    except Unreachable as error:
        raise AssertionError(
            f"body.inverse.agrees: {name!r} cannot follow a ring of {_RING_M * 1000:g} mm next to "
            f"its home: {error}"
        ) from error
    q = Clause("body.inverse.agrees").array(q, (_ROWS, limb.dof), f"the inverse of {name!r}")
    pure = Clause("body.inverse.pure")
    pure.holds(
        np.array_equal(asked, poses) and np.array_equal(seed, limb.q_home),
        f"the inverse of {name!r} wrote into its arguments",
    )
    pure.holds(
        np.array_equal(body.inverse(name, asked, seed), q),
        f"asked again, the inverse of {name!r} answers differently",
    )
    Clause("body.inverse.range").holds(
        np.all(q >= limb.q_lower) and np.all(q <= limb.q_upper),
        f"the inverse of {name!r} leaves the joint range",
    )
    for row, pose in zip(q, poses, strict=True):
        got = tool(row)
        off = float(np.linalg.norm(got[:3, 3] - pose[:3, 3]))
        turned = float(np.linalg.norm(got[:3, :3].T @ pose[:3, :3] - np.eye(3)) / np.sqrt(2))
        Clause("body.inverse.agrees").holds(
            off < _AGREE_M and turned < _AGREE_RAD,
            f"where {name!r} was to put its tool it is {off * 1000:.2f} mm and {turned:.4f} rad "
            f"off (at most {_AGREE_M * 1000:g} mm and {_AGREE_RAD:g} rad)",
        )
    step = float(np.abs(np.diff(q, axis=0)).max())
    Clause("body.inverse.smooth").holds(
        step < _MOST_STEP_RAD,
        f"while the tool of {name!r} moves 2 mm a joint moves {step:.3f} rad; at most "
        f"{_MOST_STEP_RAD:g}",
    )
    away = float(np.abs(q[0] - limb.q_home).max())
    Clause("body.inverse.seed").holds(
        away < 0.05,
        f"asked for the pose at home with home as the seed, {name!r} answers {away:.3f} rad away",
    )
    far = poses[:1].copy()
    far[0, :3, 3] += 100.0
    try:
        body.inverse(name, far, seed)
    except Unreachable:
        return
    raise AssertionError(f"body.inverse.far: 100 m away, {name!r} does not raise Unreachable")
