"""A body alone in a scene, held against its own specification."""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from shopfloor.body.contract import Body, LimbModel
from shopfloor.testing.clause import Clause
from shopfloor.types import FloatArray, LimbSpec

__all__ = ["Bare"]

_SAG_M = 5e-3
_JAW_M = 2e-3
_TIMESTEP_S = 0.002
_SETTLE_STEPS = 500


class Bare:
    """The body alone in a compiled scene."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.model = _compile(body)
        self.data = mujoco.MjData(self.model)
        again = _compile(body)
        for field in ("body_pos", "body_quat", "jnt_axis", "geom_size", "body_mass"):
            Clause("body.attach").holds(
                np.array_equal(getattr(self.model, field), getattr(again, field)),
                f"attached to a second scene the model differs in {field}",
            )

    def _id(self, kind: str, name: str, clause: Clause, what: str) -> int:
        index = mujoco.mj_name2id(self.model, getattr(mujoco.mjtObj, f"mjOBJ_{kind}"), name)
        clause.holds(index >= 0, f"{what}: the compiled model has no {kind.lower()} {name!r}")
        return int(index)

    def check_names(self, name: str, model: LimbModel, limb: LimbSpec) -> None:
        """Check ``body.names``."""
        clause = Clause("body.names")
        clause.holds(
            len(model.joints) == limb.dof and len(model.actuators) == limb.dof,
            f"{name!r} has {len(model.joints)} joints and {len(model.actuators)} servos in its "
            f"model, and {limb.dof} in its specification",
        )
        clause.holds(
            len(model.jaw_joints) == 2 and len(model.jaw_actuators) == 2,
            f"{name!r}: a parallel jaw has two fingers with a servo each",
        )
        hinge, slide = mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE
        for joints, kind, word in (
            (model.joints, hinge, "hinge"),
            (model.jaw_joints, slide, "slide"),
        ):
            for joint in joints:
                index = self._id("JOINT", joint, clause, repr(name))
                clause.holds(self.model.jnt_type[index] == kind, f"{joint!r} is no {word} joint")
        for actuator in (*model.actuators, *model.jaw_actuators):
            self._id("ACTUATOR", actuator, clause, repr(name))
        self._id("SITE", model.tool_site, clause, repr(name))
        for sensor in (model.force_sensor, model.torque_sensor):
            self._id("SENSOR", sensor, clause, repr(name))
        for link in (*model.link_bodies, *model.finger_bodies):
            self._id("BODY", link, clause, repr(name))
        stray = sorted(set(model.finger_bodies) - set(model.link_bodies))
        clause.holds(not stray, f"{name!r}: fingers {stray} are missing in link_bodies")

    def check_range(self, name: str, model: LimbModel, limb: LimbSpec) -> None:
        """Check ``body.range``."""
        clause = Clause("body.range")
        for i, joint in enumerate(model.joints):
            index = self.model.joint(joint).id
            if not self.model.jnt_limited[index]:
                continue
            low, high = self.model.jnt_range[index]
            clause.holds(
                low <= limb.q_lower[i] + 1e-6 and high >= limb.q_upper[i] - 1e-6,
                f"{joint!r} of {name!r} turns from {low:.3f} to {high:.3f} rad in the model, and "
                f"from {limb.q_lower[i]:.3f} to {limb.q_upper[i]:.3f} in the specification",
            )

    def check_servos(self, name: str, model: LimbModel) -> None:
        """Check the wiring of ``body.servo``."""
        clause = Clause("body.servo")
        pairs = (
            *zip(model.actuators, model.joints, strict=True),
            *zip(model.jaw_actuators, model.jaw_joints, strict=True),
        )
        for actuator, joint in pairs:
            index = self.model.actuator(actuator).id
            clause.holds(
                self.model.actuator_trnid[index, 0] == self.model.joint(joint).id,
                f"{actuator!r} of {name!r} does not drive {joint!r}: servos stand in the order of "
                "the joints",
            )
            gain, bias = self.model.actuator_gainprm[index], self.model.actuator_biasprm[index]
            clause.holds(
                gain[0] > 0 and abs(bias[1] + gain[0]) <= 1e-6 * gain[0],
                f"{actuator!r} is no position servo (gain {gain[0]:g}, bias {bias[1]:g})",
            )

    def check_sensors(self, name: str, model: LimbModel) -> None:
        """Check ``body.sensors``."""
        clause = Clause("body.sensors")
        force, torque = (self.model.sensor(s) for s in (model.force_sensor, model.torque_sensor))
        kinds = (mujoco.mjtSensor.mjSENS_FORCE, mujoco.mjtSensor.mjSENS_TORQUE)
        for sensor, kind, word in ((force, kinds[0], "force"), (torque, kinds[1], "torque")):
            clause.holds(
                self.model.sensor_type[sensor.id] == kind,
                f"the {word} sensor of {name!r} measures something else",
            )
        clause.holds(
            torque.adr[0] == force.adr[0] + 3,
            f"the torque sensor of {name!r} must follow its force sensor in the sensor data",
        )
        mujoco.mj_kinematics(self.model, self.data)
        tool = self.data.site(model.tool_site).xmat
        for sensor, word in ((force, "force"), (torque, "torque")):
            turned = float(np.abs(self.data.site_xmat[sensor.objid[0]] - tool).max())
            clause.holds(turned < 1e-6, f"the {word} sensor of {name!r} is not in the tool's axes")

    def check_links(self) -> None:
        """Check ``body.links``."""
        clause = Clause("body.links")
        owner: dict[int, str] = {}
        for name, model in self.body.models.items():
            for link in model.link_bodies:
                index = self.model.body(link).id
                clause.holds(
                    owner.setdefault(index, name) == name,
                    f"{link!r} belongs to {owner[index]!r} and to {name!r}",
                )
        solid = (self.model.geom_contype != 0) | (self.model.geom_conaffinity != 0)
        for geom in np.flatnonzero(solid):
            index = int(self.model.geom_bodyid[geom])
            clause.holds(
                index in owner,
                f"geom {self.model.geom(geom).name!r} of body {self.model.body(index).name!r} is "
                "solid, and no limb names that body in link_bodies: the guard would not see it",
            )
            clause.holds(
                self.model.geom_contype[geom] != 0,
                f"geom {self.model.geom(geom).name!r} is solid by its conaffinity alone; give it a "
                "contype, by which the guard finds what is solid",
            )
        for name, model in self.body.models.items():
            fingers = [self.model.body(f).id for f in model.finger_bodies]
            clause.holds(
                len(fingers) == 2
                and all((self.model.geom_bodyid[solid] == f).any() for f in fingers),
                f"the jaw of {name!r} has no two solid fingers",
            )

    def place(self, q: Mapping[str, FloatArray], opening_m: float | None = None) -> None:
        """Put limbs at joint positions, all jaws at an opening."""
        for name, row in q.items():
            for joint, value in zip(self.body.models[name].joints, row, strict=True):
                self.data.qpos[self.model.joint(joint).qposadr[0]] = value
        if opening_m is not None:
            for model in self.body.models.values():
                for joint in model.jaw_joints:
                    self.data.qpos[self.model.joint(joint).qposadr[0]] = (
                        opening_m - model.jaw_offset_m
                    ) / model.jaw_gain
        mujoco.mj_kinematics(self.model, self.data)

    def tool(self, name: str) -> FloatArray:
        """``(4, 4)`` tool pose in the world, as placed."""
        site = self.data.site(self.body.models[name].tool_site)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = site.xmat.reshape(3, 3), site.xpos
        return pose

    def tool_at(self, name: str, q: FloatArray) -> FloatArray:
        """``(4, 4)`` tool pose in the world for ``(dof,)`` joints [rad]."""
        self.place({name: q})
        return self.tool(name)

    def _fingers(self, name: str) -> tuple[FloatArray, FloatArray]:
        first, second = (
            self.data.body(f).xpos.copy() for f in self.body.models[name].finger_bodies
        )
        return first, second

    def check_tool_and_jaw(self, name: str, model: LimbModel, limb: LimbSpec) -> None:
        """Check ``body.tool`` and ``body.jaw``."""
        home = {n: spec.q_home for n, spec in self.body.spec.limbs.items()}
        self.place(home, 0.0)
        tool = Clause("body.tool").pose(self.tool(name), f"the tool of {name!r}")
        solid = self.model.geom_contype != 0
        fingers = [self.model.body(f).id for f in model.finger_bodies]
        held = self.data.geom_xpos[np.isin(self.model.geom_bodyid, fingers) & solid].mean(axis=0)
        parent = self.model.body_parentid[fingers[0]]
        out = held - self.data.xpos[parent]
        Clause("body.tool").holds(
            out @ tool[:3, 2] > 0.7 * np.linalg.norm(out),
            f"the z axis of the tool of {name!r} does not point out of the jaw",
        )
        Clause("body.tool").holds(
            (tool[:3, 3] - self.data.xpos[parent]) @ tool[:3, 2] > 0,
            f"the tool centre point of {name!r} lies behind its jaw",
        )
        shut = self._fingers(name)
        self.place(home, limb.jaw_max_m)
        wide = self._fingers(name)
        apart = (wide[0] - wide[1]) - (shut[0] - shut[1])
        Clause("body.jaw").holds(
            abs(float(np.linalg.norm(apart)) - limb.jaw_max_m) < 1e-4,
            f"from shut to jaw_max_m ({limb.jaw_max_m * 1000:g} mm) {name!r} parts its fingers by "
            f"{np.linalg.norm(apart) * 1000:.2f} mm; see jaw_offset_m and jaw_gain",
        )
        along = abs(float(apart @ tool[:3, 0]))
        Clause("body.tool").holds(
            along > 0.999 * np.linalg.norm(apart),
            f"the fingers of {name!r} do not close along the x axis of the tool",
        )
        for joint in model.jaw_joints:
            low, high = self.model.joint(joint).range
            if not self.model.jnt_limited[self.model.joint(joint).id]:
                continue
            ends = sorted((o - model.jaw_offset_m) / model.jaw_gain for o in (0.0, limb.jaw_max_m))
            Clause("body.jaw").holds(
                low <= ends[0] + 1e-4 and ends[1] <= high + 1e-4,
                f"{joint!r} of {name!r} travels from {low:g} to {high:g} m, and shut to wide open "
                f"needs {ends[0]:g} to {ends[1]:g}",
            )

    def check_home(self) -> None:
        """Check ``body.home``: nothing touches there."""
        clause = Clause("body.home")
        self.place({n: limb.q_home for n, limb in self.body.spec.limbs.items()}, 0.0)
        for name in self.body.spec.limbs:
            height = float(self.tool(name)[2, 3])
            clause.holds(
                height > 0, f"at home the tool of {name!r} is {height:.3f} m high: under the table"
            )
        mujoco.mj_forward(self.model, self.data)
        owner = {
            self.model.body(link).id: name
            for name, model in self.body.models.items()
            for link in model.link_bodies
        }
        for geoms in self.data.contact.geom:
            first, second = (owner.get(int(self.model.geom_bodyid[g])) for g in geoms)
            names = " and ".join(repr(self.model.geom(g).name) for g in geoms)
            clause.holds(
                first == second, f"at home {names} touch: {first!r} is in the way of {second!r}"
            )

    def check_holding(self) -> None:
        """Let the servos hold home for a second, jaws wide open, then shut."""
        home = {n: limb.q_home for n, limb in self.body.spec.limbs.items()}
        mujoco.mj_resetData(self.model, self.data)
        self.place(home, 0.0)
        before = {name: self.tool(name) for name in home}
        for wide in (True, False):
            for name, q in home.items():
                model, limb = self.body.models[name], self.body.spec.limbs[name]
                for actuator, value in zip(model.actuators, q, strict=True):
                    self.data.actuator(actuator).ctrl[0] = value
                opening = limb.jaw_max_m if wide else 0.0
                for actuator in model.jaw_actuators:
                    self.data.actuator(actuator).ctrl[0] = (
                        opening - model.jaw_offset_m
                    ) / model.jaw_gain
            mujoco.mj_step(self.model, self.data, _SETTLE_STEPS)
            for name, pose in before.items():
                drift = float(np.linalg.norm(self.tool(name)[:3, 3] - pose[:3, 3]))
                Clause("body.servo").holds(
                    drift < _SAG_M,
                    f"told to stay at home, {name!r} moved its tool by {drift * 1000:.1f} mm in "
                    f"1 s; at most {_SAG_M * 1000:g}",
                )
                self._check_opening(name, wide=wide)

    def _check_opening(self, name: str, *, wide: bool) -> None:
        model = self.body.models[name]
        at = [self.data.joint(joint).qpos[0] for joint in model.jaw_joints]
        opening = model.jaw_offset_m + model.jaw_gain * float(np.mean(at))
        wanted = self.body.spec.limbs[name].jaw_max_m if wide else 0.0
        Clause("body.jaw").holds(
            abs(opening - wanted) < _JAW_M,
            f"told to open to {wanted * 1000:g} mm, the jaw of {name!r} opened to "
            f"{opening * 1000:.1f} mm in 1 s",
        )


def _compile(body: Body) -> mujoco.MjModel:
    """Compile the body in an empty scene that must stay as it was apart from the body."""
    clause = Clause("body.attach")
    scene = mujoco.MjSpec()
    scene.compiler.degree = False
    scene.option.timestep = _TIMESTEP_S
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.worldbody.add_geom(
        name="witness", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.01, 0, 0], pos=[0, 0, -9],
        contype=0, conaffinity=0,
    )  # fmt: skip
    body.attach(scene)
    clause.holds(not scene.compiler.degree, "attaching switched the scene to degrees")
    clause.holds(
        scene.option.timestep == _TIMESTEP_S
        and scene.option.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        and np.array_equal(scene.option.gravity, [0, 0, -9.81]),
        "attaching changed the scene's timestep, integrator or gravity; those are the cell's",
    )
    try:
        model = scene.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise AssertionError(f"{clause.name}: the scene does not compile: {error}") from error
    at = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, "witness")
    clause.holds(
        at >= 0 and np.array_equal(model.geom_pos[at], [0, 0, -9]),
        "attaching changed what was in the scene before",
    )
    return model
