"""Tries everything that cells, skills and the guard rely on in a body."""

from __future__ import annotations

from functools import partial

import numpy as np

from shopfloor.body.contract import Body, LimbModel
from shopfloor.testing.bare import Bare
from shopfloor.testing.clause import Clause
from shopfloor.testing.inverse import check_inverse
from shopfloor.types import BodySpec

__all__ = ["check_body"]


def check_body(body: Body) -> None:
    """Check that a body keeps its contract.

    The body is compiled in an empty scene, moved, and held against its own specification:

    ========================  ====================================================================
    ``body.protocol``         has ``spec``, ``models``, ``attach`` and ``inverse``
    ``body.spec``             shapes, dtypes and plausible SI units of every field
    ``body.home``             home is inside the joint range, and no limb touches another there
    ``body.attach``           adds the body and changes nothing else of the scene; twice alike
    ``body.names``            every name of every ``LimbModel`` exists and is of the right kind
    ``body.range``            the model's joints turn as far as the specification says, in radians
    ``body.servo``            position servos, in the order of the joints, that hold the arm at home
    ``body.links``            the guard knows every solid piece of the body
    ``body.sensors``          force and torque in the axes of the tool, torque right after force
    ``body.tool``             the tool's z points out of the jaw, its x along the closing
    ``body.jaw``              offset and gain give the opening, from shut to ``jaw_max_m``
    ``body.inverse.agrees``   forward kinematics of the inverse give the pose back within 1 mm
    ``body.inverse.smooth``   a smooth path of the tool is a smooth path of the joints
    ``body.inverse.seed``     the first row is the solution near the seed
    ``body.inverse.range``    solutions lie inside the joint range
    ``body.inverse.far``      a pose out of reach raises ``Unreachable``
    ``body.inverse.pure``     arguments are left as they are, and give the same answer again
    ========================  ====================================================================

    Raises:
        AssertionError: A clause is broken; the message begins with its name.
    """
    _check_protocol(body)
    _check_spec(body.spec)
    bare = Bare(body)
    for name, limb in body.spec.limbs.items():
        model = body.models[name]
        bare.check_names(name, model, limb)
        bare.check_range(name, model, limb)
        bare.check_servos(name, model)
        bare.check_sensors(name, model)
    bare.check_links()
    for name, limb in body.spec.limbs.items():
        bare.check_tool_and_jaw(name, body.models[name], limb)
    bare.check_home()
    for name in body.spec.limbs:
        check_inverse(body, name, partial(bare.tool_at, name))
    bare.check_holding()


def _check_protocol(body: Body) -> None:
    clause = Clause("body.protocol")
    clause.holds(
        isinstance(body, Body),
        f"{type(body).__name__} lacks one of: spec, models, attach, inverse",
    )
    clause.holds(isinstance(body.spec, BodySpec), "spec is no BodySpec")
    clause.holds(body.spec.limbs, "a body has at least one limb")
    clause.keys(body.models, body.spec.limbs, "models")
    for name, model in body.models.items():
        clause.holds(isinstance(model, LimbModel), f"models[{name!r}] is no LimbModel")


def _check_spec(spec: BodySpec) -> None:
    clause = Clause("body.spec")
    clause.sha256(spec.sha256, "sha256")
    for name, limb in spec.limbs.items():
        clause.holds(limb.name == name, f"limb {name!r} calls itself {limb.name!r}")
        clause.holds(limb.dof > 0, f"limb {name!r} has no joints")
        clause.holds(len(set(limb.joints)) == limb.dof, f"{name!r} names a joint twice")
        for field in ("q_lower", "q_upper", "q_home", "qd_max", "qdd_max"):
            clause.array(getattr(limb, field), (limb.dof,), f"{name!r} {field}")
        clause.holds(
            np.all(limb.q_lower < limb.q_upper), f"{name!r} q_lower is not below q_upper everywhere"
        )
        widest = float(np.maximum(np.abs(limb.q_lower), np.abs(limb.q_upper)).max())
        clause.holds(
            widest <= 8 * np.pi,
            f"{name!r} turns up to {widest:g} rad; are these degrees?",
        )
        clause.holds(np.all(limb.qd_max > 0), f"{name!r} qd_max is not above 0 everywhere")
        clause.holds(
            limb.qd_max.max() <= 50, f"{name!r} qd_max is {limb.qd_max.max():g} rad/s; degrees?"
        )
        clause.holds(np.all(limb.qdd_max > 0), f"{name!r} qdd_max is not above 0 everywhere")
        clause.number(limb.jaw_max_m, 1e-3, 0.5, f"{name!r} jaw_max_m", "m", hint="; are these mm?")
        base = clause.pose(limb.base_in_world, f"{name!r} base_in_world")
        clause.holds(
            np.abs(base[:3, 3]).max() < 10, f"{name!r} stands {base[:3, 3]} m from the cell; mm?"
        )
        Clause("body.home").holds(
            np.all(limb.q_home >= limb.q_lower) and np.all(limb.q_home <= limb.q_upper),
            f"{name!r} q_home {limb.q_home} is outside its joint range",
        )
