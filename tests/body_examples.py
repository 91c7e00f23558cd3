"""The bench in a model of its own: where tools and limbs truly are, found without the house."""

import mujoco
import numpy as np

from shopfloor.skill.jump import top_down

LIMBS = ("left", "right")
WIDE_M = 0.0425
"""How far each finger travels to open the jaw."""


class Arms:
    """Two arms, placed by hand, jaws wide open."""

    def __init__(self, bench):
        scene = mujoco.MjSpec()
        scene.compiler.degree = False
        bench.attach(scene)
        self.model = scene.compile()
        self.data = mujoco.MjData(self.model)
        self.solid = {
            limb: [
                geom
                for geom in range(self.model.ngeom)
                if self.model.geom_contype[geom]
                and self.model.body(self.model.geom_bodyid[geom]).name.startswith(limb)
            ]
            for limb in LIMBS
        }

    def place(self, targets, *, fingers=WIDE_M):
        for limb, q in targets.items():
            for i, value in enumerate(q):
                self.data.joint(f"{limb}/joint{i + 1}").qpos[0] = value
            for i in (1, 2):
                self.data.joint(f"{limb}/finger{i}").qpos[0] = fingers
        mujoco.mj_kinematics(self.model, self.data)
        return self.data

    def tools(self, targets):
        """Return each tool centre point in the world [m]."""
        self.place(targets)
        return {limb: self.data.site(f"{limb}/tcp").xpos.copy() for limb in LIMBS}

    def distance(self, targets, *, near=5.0, fingers=WIDE_M):
        """Return the least distance over all pairs of shapes of the two limbs, up to near [m]."""
        self.place(targets, fingers=fingers)
        return min(
            mujoco.mj_geomDistance(self.model, self.data, a, b, near, None)
            for a in self.solid["left"]
            for b in self.solid["right"]
        )


def joints_at(bench, limb, x, y, z, yaw=0.0):
    """Return joints that put a limb's tool somewhere, pointing down."""
    pose = top_down(*(np.array([float(c)]) for c in (x, y, z, yaw)))
    return bench.inverse(limb, pose, bench.spec.limbs[limb].q_home)[0]
