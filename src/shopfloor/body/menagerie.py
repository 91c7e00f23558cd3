"""``menagerie:NAME``: a robot of the MuJoCo Menagerie collection, read from this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shopfloor.body import collection, fitting
from shopfloor.body.contract import LimbModel
from shopfloor.errors import SpecMismatch, UsageError
from shopfloor.types import BodySpec, FloatArray

if TYPE_CHECKING:
    import mujoco

    from shopfloor.body.inverse import PathInverse
    from shopfloor.body.mesh import Shell

__all__ = ["Menagerie"]

_FITTINGS = {"aloha": "shopfloor.body.aloha"}
"""Modules of the robots whose arms can work in a cell."""
_NO_MODEL = {".md", ".patch", ".txt", ""}
"""Files beside a model that say nothing about it: readme, licence, notes."""
_QPOS = {"mjJNT_FREE": 7, "mjJNT_BALL": 4}


class Menagerie:
    """A robot of the MuJoCo Menagerie collection, read from MENAGERIE_ROOT or from its cache.

    Any robot loads, attaches and can be drawn. Those with a fitting (:mod:`.fitting`) also have
    ``spec`` and ``models`` and can work in a cell; of the others, these two raise
    :class:`SpecMismatch`.
    """

    spec: BodySpec
    models: Mapping[str, LimbModel]

    def __init__(self, name: str) -> None:
        """Find and read the model ``NAME`` or ``ROBOT/MODEL``.

        Raises:
            UnknownName: There is no such robot.
            UsageError: It is not on this machine, or its files are broken.
        """
        self._file = collection.find(name)
        self.name = f"menagerie:{self._file.name}"
        self._prefix = f"{self._file.name}/"
        fitted = _FITTINGS.get(self._file.name)
        self._fitting: fitting.Fitting | None = import_module(fitted).FITTING if fitted else None
        if self._fitting is None:
            return
        model = self._read()
        self._fitting.prepare(model)
        arms = self._fitting.arms
        self.models = {
            name: fitting.limb_model(model, name, arm, self._prefix) for name, arm in arms.items()
        }
        limbs = {
            name: fitting.limb_spec(model, name, arm, self._prefix) for name, arm in arms.items()
        }
        self.spec = BodySpec(self.name, self._sha256(), limbs)

    def __getattr__(self, name: str) -> Any:
        """Say what a robot without a fitting lacks when a cell asks for its limbs."""
        if name in {"spec", "models"}:
            raise SpecMismatch(
                f"{self.name!r} ({self._file.title}) can be drawn, but it cannot work in a cell: "
                f"{self._lacks()}; take the body bench or menagerie:{' or '.join(_FITTINGS)}, or "
                "write a fitting for it (docs/bodies.md)"
            )
        raise AttributeError(name)

    @classmethod
    def members(cls) -> Iterator[tuple[str, str]]:
        """Name and one line on each robot that loads without a download."""
        for file in collection.on_this_machine():
            use = "works in cells" if file.name in _FITTINGS else "to look at; no arms fitted yet"
            yield file.name, f"{file.title}: {use}"

    def attach(self, scene: mujoco.MjSpec) -> None:
        """Add the robot to the scene, all its names prefixed; see :class:`Body`.

        Lights, cameras, keyframes and options of its file are left behind: the scene has its own.
        """
        model = self._read()
        if self._fitting is not None:
            from shopfloor.body.mesh import draw_lighter

            fitting.fit(model, self._fitting)
            draw_lighter(model, self._shells)
        for things in (model.keys, model.lights, model.cameras, model.worldbody.geoms):
            for thing in list(things):
                model.delete(thing)
        for field in _fields(scene.option):
            setattr(model.option, field, getattr(scene.option, field))
        scene.attach(model, prefix=self._prefix, frame=scene.worldbody.add_frame())

    def inverse(self, limb: str, tool_in_world: FloatArray, seed: FloatArray) -> FloatArray:
        """Solve with ``mink``, each pose from the one before; see :class:`Body`."""
        return self._solvers[limb].solve(tool_in_world, seed)

    def stance(self) -> dict[str, FloatArray]:
        """Joint positions of the model's first keyframe by joint name; empty without one."""
        model = self._read()
        if not model.keys:
            return {}
        out, at, qpos = {}, 0, np.asarray(model.keys[0].qpos, float)
        for joint in model.joints:
            size = _QPOS.get(joint.type.name, 1)
            out[self._prefix + joint.name] = qpos[at : at + size]
            at += size
        return out if at == len(qpos) else {}

    @cached_property
    def _shells(self) -> dict[str, Shell]:
        from shopfloor.body.mesh import lighter

        return lighter(self._read().compile())

    @cached_property
    def _solvers(self) -> dict[str, PathInverse]:
        import mujoco

        from shopfloor.body.inverse import PathInverse

        scene = mujoco.MjSpec()
        scene.compiler.degree = False
        self.attach(scene)
        model = scene.compile()
        return {name: PathInverse(model, limb) for name, limb in self.models.items()}

    def _read(self) -> mujoco.MjSpec:
        import mujoco

        try:
            return mujoco.MjSpec.from_file(str(self._file.xml))
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise UsageError(
                f"{self._file.xml} is not a model that MuJoCo {mujoco.__version__} can read: "
                f"{reason}; get a fresh copy of the robot's folder"
            ) from error

    def _sha256(self) -> str:
        """Hash of the robot's files and of the code that fits it."""
        digest = hashlib.sha256()
        here = Path(__file__).parent
        code = ("menagerie.py", "fitting.py", "inverse.py", "mesh.py", f"{self._file.name}.py")
        model = (
            p
            for p in sorted(self._file.folder.rglob("*"))
            if p.is_file() and not p.name.startswith(".") and p.suffix.lower() not in _NO_MODEL
        )
        for path in (*(here / name for name in code), *model):
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _lacks(self) -> str:
        model = self._read()
        kinds = [joint.type.name for joint in model.joints]
        parts = [f"{len(kinds) - kinds.count('mjJNT_FREE')} joints"]
        if "mjJNT_FREE" in kinds:
            parts.append("a base that moves freely")
        return (
            f"it has {' and '.join(parts)}, and nobody has described arms with a jaw in it (tool "
            "centre point, opening, wrist force and torque)"
        )


def _fields(part: Any) -> list[str]:
    """Names of the settings in a part of a spec."""
    return [n for n in dir(part) if not n.startswith("_") and not callable(getattr(part, n))]
