"""Draws RGB-D pictures of a MuJoCo scene: one scene update and one pass for both."""

from __future__ import annotations

from typing import Any, ClassVar

import mujoco
import numpy as np
import numpy.typing as npt

from shopfloor.cell import gl
from shopfloor.types import FloatArray, Intrinsics, UInt8Array

__all__ = ["Rig", "intrinsics", "look_at"]


def intrinsics(width: int, height: int, fovy_rad: float) -> Intrinsics:
    """Pinhole of a picture whose vertical field of view is ``fovy_rad`` [rad]."""
    f = height / 2 / np.tan(fovy_rad / 2)
    return Intrinsics(width, height, f, f, width / 2, height / 2)


def look_at(eye: tuple[float, float, float], at: tuple[float, float, float]) -> FloatArray:
    """``(4, 4)`` camera pose in the world, OpenCV axes, world y up where it looks straight down."""
    z = np.asarray(at, float) - np.asarray(eye, float)
    z /= np.linalg.norm(z)
    up = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 0.999 else np.array([0.0, 1.0, 0.0])
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = eye
    return pose


class Rig:
    """Cameras with a GL context of their own. Give it each new model before drawing from it."""

    _current: ClassVar[Rig | None] = None
    """Whose context is current: GL has one a thread, and a process may hold several cells."""

    def __init__(self, width: int, height: int) -> None:
        """Open the GL context for pictures up to ``width`` by ``height`` [px]."""
        self._gl: Any = gl.context(width, height)
        Rig._current = self
        self._context: mujoco.MjrContext | None = None
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._option = mujoco.MjvOption()
        self._option.sitegroup[:] = 0
        self._all = mujoco.mjtCatBit.mjCAT_ALL.value

    @property
    def renderer(self) -> str:
        """Name and version of the GL renderer."""
        from OpenGL import GL

        return (
            f"{GL.glGetString(GL.GL_RENDERER).decode()}, {GL.glGetString(GL.GL_VERSION).decode()}"
        )

    def load(self, model: mujoco.MjModel) -> None:
        """Upload a model's textures; the one before is given back."""
        self._take()
        if self._context is not None:
            self._context.free()
        self._model = model
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        # 1 at the near plane, 0 at the far one: floats are densest where far things lie.
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 16)
        # A shadow or a mirror costs software GL more than all the rest of a picture.
        for flag in ("mjRND_SHADOW", "mjRND_REFLECTION", "mjRND_HAZE", "mjRND_SKYBOX"):
            self._scene.flags[getattr(mujoco.mjtRndFlag, flag)] = 0
        extent = model.stat.extent
        self._near = np.float32(model.vis.map.znear * extent)
        self._far = np.float32(model.vis.map.zfar * extent)

    def draw(
        self, data: mujoco.MjData, camera: int, width: int, height: int
    ) -> tuple[UInt8Array, npt.NDArray[np.float32]]:
        """Draw what a camera sees.

        Returns:
            ``(H, W, 3)`` uint8 RGB and ``(H, W)`` float32 distance along the optical axis [m].
        """
        self._take()
        self._camera.fixedcamid = camera
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._camera, self._all, self._scene
        )
        area = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(area, self._scene, self._context)
        rgb = np.empty((height, width, 3), np.uint8)
        z = np.empty((height, width), np.float32)
        mujoco.mjr_readPixels(rgb, z, area, self._context)
        z *= (self._far - self._near) / (self._near * self._far)
        z += np.float32(1) / self._far
        np.reciprocal(z, out=z)
        return rgb[::-1].copy(), z[::-1].copy()

    def close(self) -> None:
        """Give the GL context back."""
        self._take()
        if self._context is not None:
            self._context.free()
            self._context = None
        Rig._current = None
        self._gl.free()

    def _take(self) -> None:
        if Rig._current is not self:
            self._gl.make_current()
            Rig._current = self
