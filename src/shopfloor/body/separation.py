"""How far the limbs are from each other, from themselves and from forbidden boxes.

Bounding spheres settle the pairs of shapes that are far apart; those that are near are measured
by MuJoCo, shape against shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np

from shopfloor.body.geometry import Geometry
from shopfloor.types import FloatArray

__all__ = ["KINDS", "Pairs", "Separation"]

KINDS = ("limb.distance", "self.distance", "keep_out")
"""What is measured, in the order of the results."""

_JOINTS_APART = 3
"""Links of one limb that are joined by fewer joints cannot be told apart from their own joint."""
_ONES = np.ones(3)
_SAFE_M = 0.01


class Pairs(NamedTuple):
    """Pairs of shapes by their indices in a model, and how far each pair must stay apart [m]."""

    first: FloatArray
    second: FloatArray
    kind: FloatArray
    keep_m: FloatArray


class Separation:
    """Slack of every pair of shapes that may not come near each other."""

    def __init__(
        self, geometry: Geometry, *, limbs_m: float, self_m: float, boxes_m: Sequence[float] = ()
    ) -> None:
        """Prepare for a body.

        Args:
            geometry: Where the limbs are, as last placed; its boxes are kept out of.
            boxes_m: Distance from each of its boxes [m].
            limbs_m: Distance that two limbs must keep [m].
            self_m: Distance that links of one limb must keep, three joints apart or more [m].
        """
        self._model, self._data = geometry.model, geometry.data
        boxes = dict(zip(geometry.boxes, boxes_m, strict=True))
        pairs = [
            *((a, b, 0, limbs_m) for a, b in _limbs(geometry)),
            *((a, b, 1, self_m) for a, b in _own(geometry, self_m)),
            *((a, b, 2, boxes[b]) for a, b in _boxes(geometry)),
        ]
        table = np.array(pairs, float).reshape(-1, 4)
        first, second, kind = table[:, :3].T.astype(int)
        self._pairs = Pairs(first, second, kind, table[:, 3])
        self._list = [(int(a), int(b), int(k), float(m)) for a, b, k, m in table]
        bound = self._model.geom_rbound
        box = self._pairs.kind == KINDS.index("keep_out")
        self._box_half = self._model.geom_size[self._pairs.second[box]]
        self._round, self._square = np.flatnonzero(~box), np.flatnonzero(box)
        self._reach = bound[self._pairs.first] + self._pairs.keep_m
        self._reach[~box] += bound[self._pairs.second[~box]]
        self._order = np.concatenate([self._round, self._square])
        self._first, self._second = (p[self._order] for p in self._pairs[:2])
        self._reach = self._reach[self._order]
        self._rounds = len(self._round)

    @property
    def pairs(self) -> Pairs:
        """What is measured."""
        return self._pairs

    def slack(self, near_m: float) -> FloatArray:
        """Least distance beyond what must be kept, as last placed.

        Returns:
            ``(3,)`` for each of ``KINDS`` [m]. What is above ``near_m`` may be anything above it.
        """
        out = np.full(len(KINDS), np.inf)
        gap = self._data.geom_xpos[self._first]
        gap -= self._data.geom_xpos[self._second]
        if len(self._box_half):  # boxes stand straight in the world
            part = gap[self._rounds :]
            np.abs(part, out=part)
            part -= self._box_half
            np.maximum(part, 0.0, out=part)
        gap *= gap
        rough = np.sqrt(gap @ _ONES)
        rough -= self._reach
        least = float(rough.min(initial=np.inf))
        if least > near_m:
            out[:] = least
            return out
        out[:] = near_m * 1.0001 + 1e-9
        for i in self._order[np.flatnonzero(rough <= near_m)].tolist():
            first, second, kind, keep = self._list[i]
            most = max(near_m + keep, 0.0) * 1.5 + 0.01
            exact = mujoco.mj_geomDistance(self._model, self._data, first, second, most, None)
            out[kind] = min(out[kind], exact - keep)
        return out


def _limbs(geometry: Geometry) -> list[tuple[int, int]]:
    shapes = list(geometry.shapes.values())
    return [
        (int(a), int(b))
        for i, mine in enumerate(shapes)
        for theirs in shapes[i + 1 :]
        for a in mine
        for b in theirs
        if _moves(geometry.model, a) or _moves(geometry.model, b)
    ]


def _own(geometry: Geometry, least_m: float) -> list[tuple[int, int]]:
    """Pairs of one limb, but for shapes so generous that they are too near at home already."""
    model, data = geometry.model, geometry.data
    geometry.place_all(geometry.q_home)
    pairs = []
    for shapes in geometry.shapes.values():
        depth = {int(g): _hinges(model, model.geom_bodyid[g]) for g in shapes}
        apart = [(a, b) for a in depth for b in depth if depth[b] - depth[a] >= _JOINTS_APART]
        far = 2 * least_m + _SAFE_M
        pairs += [
            (a, b)
            for a, b in apart
            if mujoco.mj_geomDistance(model, data, a, b, far, None) > least_m
        ]
    return pairs


def _boxes(geometry: Geometry) -> list[tuple[int, int]]:
    model = geometry.model
    return [
        (int(g), box)
        for shapes in geometry.shapes.values()
        for g in shapes
        if _moves(model, g)
        for box in geometry.boxes
    ]


def _moves(model: mujoco.MjModel, geom: int) -> bool:
    return bool(model.body_weldid[model.geom_bodyid[geom]])


def _hinges(model: mujoco.MjModel, body: int) -> int:
    """Turning joints between a body and the world."""
    count = 0
    while body:
        start, number = model.body_jntadr[body], model.body_jntnum[body]
        types = model.jnt_type[start : start + number] if number else np.empty(0)
        count += int(np.count_nonzero(types == mujoco.mjtJoint.mjJNT_HINGE))
        body = model.body_parentid[body]
    return count
