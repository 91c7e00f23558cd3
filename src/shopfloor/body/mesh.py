"""Lighter meshes to look at: what a cell draws ten times a second needs no screw threads.

Only what is drawn becomes lighter. Shapes that touch, masses and inertias stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from shopfloor.types import FloatArray

__all__ = ["Shell", "cluster", "draw_lighter", "lighter"]

_HEAVY_FACES = 4000
"""Meshes with fewer triangles are drawn as they are."""
_CELL_M = 0.0015
"""Size of detail that is kept: about two pixels of the sharpest camera a metre away."""

Faces = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A surface of triangles: ``(n, 3)`` vertices [m] and ``(m, 3)`` indices of their corners."""

    vertices: FloatArray
    faces: Faces


def cluster(shell: Shell, cell_m: float) -> Shell:
    """Merge all vertices that share a cube of side ``cell_m`` [m] into their mean."""
    cells = np.floor(shell.vertices / cell_m).astype(np.int64)
    _, owner = np.unique(cells, axis=0, return_inverse=True)
    owner = owner.ravel()
    count = np.bincount(owner)
    merged = np.stack([np.bincount(owner, shell.vertices[:, k]) / count for k in range(3)], axis=1)
    faces = owner[shell.faces]
    flat = (
        (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    )
    faces = faces[~flat]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return Shell(merged, faces[np.sort(first)].astype(np.int32))


def lighter(model: mujoco.MjModel) -> dict[str, Shell]:
    """Lighter shells of the heavy meshes of a compiled model, by mesh name, in the file's frame."""
    out = {}
    for index in range(model.nmesh):
        if model.mesh_facenum[index] < _HEAVY_FACES:
            continue
        start, count = model.mesh_vertadr[index], model.mesh_vertnum[index]
        vertices = model.mesh_vert[start : start + count].astype(float)
        # The compiler moved the vertices into the frame of the mesh's inertia: move them back.
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, model.mesh_quat[index])
        vertices = vertices @ turn.reshape(3, 3).T + model.mesh_pos[index]
        start, count = model.mesh_faceadr[index], model.mesh_facenum[index]
        faces = model.mesh_face[start : start + count]
        out[model.mesh(index).name] = cluster(Shell(vertices, faces), _CELL_M)
    return out


def draw_lighter(model: mujoco.MjSpec, shells: Mapping[str, Shell]) -> None:
    """Let the geoms that are only there to be seen use lighter shells; in place."""
    for name, shell in shells.items():
        users = [g for g in model.geoms if g.meshname == name]
        seen = [g for g in users if not g.contype and not g.conaffinity]
        if not seen:
            continue
        model.add_mesh(
            name=f"{name} to look at",
            uservert=shell.vertices.ravel(),
            userface=shell.faces.ravel(),
            # A shell need not be closed to have one; the links' inertias are stated anyway.
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        for geom in seen:
            geom.meshname = f"{name} to look at"
        if len(seen) == len(users):
            model.delete(model.mesh(name))
