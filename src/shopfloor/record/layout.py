"""How one tick lies in a row of float64 numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan, prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt, SpecMismatch
from shopfloor.types import Action, CellSpec, Observation, Ruling, Timestep, Truth

__all__ = ["SOURCES", "VERDICTS", "RowLayout", "TickLayout", "TruthLayout"]

SOURCES = ("brain", "skill", "person", "guard")
"""Sources of an action; the column ``source`` holds the place in this tuple."""

VERDICTS = ("pass", "limit", "stop")
"""Rulings of the guard; the column ``verdict`` holds the place in this tuple."""

_SOURCE = {name: float(code) for code, name in enumerate(SOURCES)}
_VERDICT = {name: float(code) for code, name in enumerate(VERDICTS)}
_MASK_BITS = 52  # whole numbers up to 2**53 are exact in float64

_PER_TICK = (
    "tick",
    "source",
    "verdict",
    "requested_tick",
    "requested_seq",
    "terminated",
    "truncated",
)

Row = npt.NDArray[np.float64]


class RowLayout:
    """Named columns of float64, each a plain number or a small array.

    Attributes:
        columns: (name, shape) in the order of the row; the shape of a plain number is ().
        width: Numbers in a row.
        dtype: The row as a NumPy structured type, to read columns by name.
    """

    def __init__(self, columns: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        self.columns = tuple(columns)
        self.dtype = np.dtype([(name, "<f8", shape) for name, shape in self.columns])
        self.width = self.dtype.itemsize // 8
        self._place: dict[str, slice] = {}
        end = 0
        for name, shape in self.columns:
            start, end = end, end + prod(shape)
            self._place[name] = slice(start, end)

    @staticmethod
    def stored(columns: Any, what: str) -> RowLayout:
        """Return the layout that a log's first record describes.

        Raises:
            RunCorrupt: It does not describe one; ``what`` is named.
        """
        try:
            return RowLayout([(str(name), tuple(map(int, shape))) for name, shape in columns])
        except (TypeError, ValueError) as error:
            raise RunCorrupt(f"{what} does not say how its rows are laid out: {error}") from error

    def table(self, data: bytes, what: str) -> npt.NDArray[Any]:
        """Return rows as a structured array ``(n,)``: ``table["left.q"]`` is ``(n, dof)``.

        Raises:
            RunCorrupt: The data is no whole number of rows; ``what`` is named.
        """
        if len(data) % self.dtype.itemsize:
            raise RunCorrupt(f"{what} has rows of another length than it says")
        return np.frombuffer(data, self.dtype)


class TickLayout(RowLayout):
    """What everybody may know of a tick: sensors, what was asked, what was done.

    Columns: ``tick``; ``source`` and ``verdict`` (places in ``SOURCES`` and ``VERDICTS``);
    ``requested_tick``, ``requested_seq``; ``terminated``, ``truncated``; and for each limb
    ``L.q`` [rad], ``L.qd`` [rad/s], ``L.jaw_m``, ``L.wrench`` [N, N m], ``L.requested`` [rad],
    ``L.requested_jaw_m``, ``L.applied`` [rad], ``L.applied_jaw_m``. The tool's pose is not
    stored; it follows from q and the body.
    """

    def __init__(self, limbs: Mapping[str, int]) -> None:
        columns: list[tuple[str, tuple[int, ...]]] = [(name, ()) for name in _PER_TICK]
        for limb, dof in limbs.items():
            columns += [
                (f"{limb}.q", (dof,)),
                (f"{limb}.qd", (dof,)),
                (f"{limb}.jaw_m", ()),
                (f"{limb}.wrench", (6,)),
                (f"{limb}.requested", (dof,)),
                (f"{limb}.requested_jaw_m", ()),
                (f"{limb}.applied", (dof,)),
                (f"{limb}.applied_jaw_m", ()),
            ]
        super().__init__(columns)
        self.limbs = dict(limbs)
        at = self._place
        # Looked up once: 50 times a second the names would cost more than the copying.
        self._sensed = [
            (
                limb,
                at[f"{limb}.q"],
                at[f"{limb}.qd"],
                at[f"{limb}.jaw_m"].start,
                at[f"{limb}.wrench"],
            )
            for limb in limbs
        ]
        self._asked, self._done = (
            [
                (limb, (dof,), at[f"{limb}.{what}"], at[f"{limb}.{what}_jaw_m"].start)
                for limb, dof in limbs.items()
            ]
            for what in ("requested", "applied")
        )

    @classmethod
    def of(cls, spec: CellSpec) -> Self:
        """Return the layout of a cell's ticks."""
        return cls({name: limb.dof for name, limb in spec.body.limbs.items()})

    def check(self, observation: Observation) -> None:
        """Check once a lot what ``fill`` would not see at every tick.

        Raises:
            SpecMismatch: The observation has other limbs or shapes than the cell's spec.
        """
        if set(observation.limbs) != set(self.limbs):
            raise SpecMismatch(
                f"the cell observes the limbs {', '.join(sorted(observation.limbs))}; its spec "
                f"names {', '.join(sorted(self.limbs))}. Mend the cell"
            )
        for limb, dof in self.limbs.items():
            state = observation.limbs[limb]
            got = (np.shape(state.q), np.shape(state.qd), np.shape(state.wrench))
            if got != ((dof,), (dof,), (6,)):
                raise SpecMismatch(
                    f"the cell observes q, qd, wrench of limb {limb!r} with the shapes {got}; "
                    f"its spec says {((dof,), (dof,), (6,))}. Mend the cell"
                )

    def fill(self, row: Row, timestep: Timestep, requested: Action, ruling: Ruling) -> bool:
        """Write one tick into ``row`` ``(width,)``.

        Returns:
            Whether the requested action had a row's shape. A brain may ask for anything; what
            does not fit is stored as NaN, and its number of limbs and shapes are for the
            caller to log.
        """
        observation = timestep.observation
        applied = ruling.action
        row[0] = observation.tick
        row[1] = _SOURCE.get(requested.source, nan)
        row[2] = _VERDICT[ruling.verdict]
        row[5] = timestep.terminated
        row[6] = timestep.truncated
        limbs = observation.limbs
        for limb, q, qd, jaw, wrench in self._sensed:
            state = limbs[limb]
            row[q] = state.q
            row[qd] = state.qd
            row[jaw] = state.jaw_m
            row[wrench] = state.wrench
        if not self._targets(row, applied, self._done):
            raise SpecMismatch(
                "the guard let an action through that does not fit the body: "
                f"{self.describe(applied)}; allowed is one target for each limb with its dof "
                f"({self.limbs})"
            )
        try:
            row[3] = requested.tick
            row[4] = requested.seq
            whole = self._targets(row, requested, self._asked)
        except (TypeError, ValueError, OverflowError, AttributeError):
            whole = False
        if not whole:
            row[3:5] = nan
            for _, _, place, jaw in self._asked:
                row[place] = nan
                row[jaw] = nan
        return whole

    @staticmethod
    def _targets(
        row: Row, action: Action, places: Sequence[tuple[str, tuple[int], slice, int]]
    ) -> bool:
        targets = action.targets
        jaws = action.jaw_m
        if len(targets) != len(places) or len(jaws) != len(places):
            return False
        for limb, shape, place, jaw in places:
            target: object = targets.get(limb)
            opening: object = jaws.get(limb)
            # A scalar or a length of one would be broadcast, a complex number cut, silently.
            if (
                not isinstance(target, np.ndarray)
                or target.shape != shape
                or target.dtype.kind not in "fiu"
                or not isinstance(opening, float | int | np.floating | np.integer)
            ):
                return False
            row[place] = target
            row[jaw] = opening
        return True

    @staticmethod
    def describe(action: Action) -> dict[str, str]:
        """Return type, dtype and shape of each target that an action has, for the log."""
        targets: Mapping[str, object] = action.targets
        try:
            shapes = {
                str(limb)[:64]: (
                    f"{target.dtype} {target.shape}"
                    if isinstance(target, np.ndarray)
                    else type(target).__name__
                )
                for limb, target in list(targets.items())[:16]
            }
            jaws = ", ".join(f"{type(jaw).__name__}" for jaw in list(action.jaw_m.values())[:16])
        except (TypeError, AttributeError) as error:
            return {"error": str(error)[:200]}
        return shapes | {"jaw_m": jaws}


class TruthLayout(RowLayout):
    """What only the simulator knows of a tick; kept apart, so that nobody trains on it unasked.

    Columns: ``tick``; ``position`` (n, 3) [m], ``quat`` (n, 4) w x y z, ``speed`` (n) [m/s];
    ``collision_n`` [N]; and for each limb ``L.jaw_open`` and ``L.touched``, a set of part
    indices as bits, 52 to a number.
    """

    def __init__(self, limbs: Sequence[str], parts: int) -> None:
        self._masks = -(-parts // _MASK_BITS)
        columns: list[tuple[str, tuple[int, ...]]] = [
            ("tick", ()),
            ("position", (parts, 3)),
            ("quat", (parts, 4)),
            ("speed", (parts,)),
            ("collision_n", ()),
        ]
        for limb in limbs:
            columns += [(f"{limb}.jaw_open", ()), (f"{limb}.touched", (self._masks,))]
        super().__init__(columns)
        self.limbs = tuple(limbs)
        self.parts = parts
        self._position, self._quat, self._speed = (
            self._place[name] for name in ("position", "quat", "speed")
        )
        self._collision = self._speed.stop

    def fill(self, row: Row, truth: Truth) -> None:
        """Write one tick into ``row`` ``(width,)``.

        Raises:
            SpecMismatch: The truth is about another number of parts.
        """
        shapes = (truth.position.shape, truth.quat.shape, truth.speed.shape)
        if shapes != ((self.parts, 3), (self.parts, 4), (self.parts,)):
            raise SpecMismatch(
                f"the cell tells the truth about parts with the shapes {shapes}; the lot has "
                f"{self.parts} parts. Mend the cell"
            )
        row[0] = truth.tick
        row[self._position] = truth.position.reshape(-1)
        row[self._quat] = truth.quat.reshape(-1)
        row[self._speed] = truth.speed
        at = self._collision
        row[at] = truth.collision_n
        for limb in self.limbs:
            row[at + 1] = truth.jaw_open[limb]
            row[at + 2 : at + 2 + self._masks] = 0.0
            for part in set(truth.touched[limb]):
                row[at + 2 + part // _MASK_BITS] += float(1 << part % _MASK_BITS)
            at += 1 + self._masks

    def truth(self, row: Row) -> Truth:
        """Return the truth that ``fill`` wrote into ``row`` ``(width,)``."""
        touched: dict[str, tuple[int, ...]] = {}
        jaw_open: dict[str, bool] = {}
        at = self._collision
        for limb in self.limbs:
            jaw_open[limb] = bool(row[at + 1])
            words = [int(word) for word in row[at + 2 : at + 2 + self._masks]]
            touched[limb] = tuple(
                part
                for part in range(self.parts)
                if words[part // _MASK_BITS] >> part % _MASK_BITS & 1
            )
            at += 1 + self._masks
        return Truth(
            tick=int(row[0]),
            position=row[self._position].reshape(-1, 3).copy(),
            quat=row[self._quat].reshape(-1, 4).copy(),
            speed=row[self._speed].copy(),
            touched=touched,
            jaw_open=jaw_open,
            collision_n=float(row[self._collision]),
        )
