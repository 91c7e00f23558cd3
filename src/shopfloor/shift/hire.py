"""Brings everybody together who works a shift, in one process."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from inspect import signature
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from shopfloor import plugins
from shopfloor.errors import (
    PluginError,
    ShopfloorError,
    UnknownName,
    UsageError,
)
from shopfloor.record import FORMAT, Manifest
from shopfloor.shift.calendar import load_calendar
from shopfloor.shift.chair import Chair, may_wait
from shopfloor.shift.dispatch import Dispatcher
from shopfloor.shift.fit import require_brain, require_cell, require_papers, require_proven
from shopfloor.shift.latency import Charge
from shopfloor.shift.plan import MIXED, Plan
from shopfloor.types import (
    Brain,
    BrainContext,
    Cell,
    Event,
    Limits,
    OrderSource,
    Skill,
    SkillCall,
)

__all__ = ["Staff", "code_version", "manifest", "order_source"]

_T = TypeVar("_T")


class Staff:
    """The cell, the brain and the skills of a plan, made from their plugins.

    Attributes:
        cell, brain: Ready to work; a brain that may keep the loop waiting sits in a chair.
        world: The cell without faults and sensor noise, for those who read the simulator's state.
        injected: Returns the faults that were put into the cell since it was last asked.
        fallback: Who works while the brain is lost, ready to work, or None.
        charge: What the brain's decisions cost.
        limits: Of the cell with its body.
        skills: Schemas of all skills by name.
    """

    def __init__(self, plan: Plan) -> None:
        """Make everybody.

        Raises:
            UnknownName: A name is not known; the message lists what is.
            SpecMismatch: The brain needs what the cell does not have, or one of them lacks what
                every cell or brain has.
            UsageError: The cell is real, and only a simulated one may be moved.
            PluginError: A plugin cannot be made.
            LimitsError: Nobody has stated limits for this cell and body.
            RenderError: No picture can be drawn on this machine.
            PapersRefused: The cell is real, or papers are enforced, and they do not pass.
            PapersError: A weight file is not the one that was hashed.
        """
        # Everything that can be wrong with names and limits is found before a GL context opens.
        make_cell = plugins.factory("cells", plan.cell)
        hire = plan.replay or _by_name(plan)
        # Recorded answers stand for whoever gave them.
        other = _brain(plan.fallback) if plan.fallback and not plan.replay else None
        make_body = plugins.factory("bodies", plan.body)
        body = _made(f"body {plan.body!r}", make_body)

        from shopfloor.guard import EnvelopeGuard, load_limits

        self.limits: Limits = load_limits(plan.cell, body.spec, plan.limits)
        self.world: Cell = require_cell(
            _made(f"cell {plan.cell!r}", lambda: make_cell(body, record_fps=plan.record_fps)),
            plan,
        )
        try:
            faulty = _troubled(self.world, plan.faults)
            self.cell = _sensed(faulty, body, plan.noise)
        except BaseException:
            self.world.close()
            raise
        self.injected: Callable[[], Sequence[Event]] = getattr(faulty, "take_injected", tuple)
        self._skills: dict[str, Any] = {
            name: plugins.factory("skills", name) for name in plugins.names("skills")
        }
        self.skills: Mapping[str, Mapping[str, Any]] = {
            name: skill.schema for name, skill in self._skills.items()
        }
        context = BrainContext(self.cell.spec, self.limits, self.skills, plan.cameras)
        self.fallback: Brain | None = None
        try:
            self.brain: Brain
            self.charge: Charge
            require_papers(self.cell, plan)
            what = f"brain {plan.brain!r}"
            self.brain, self.charge = _made(what, lambda: hire(context))
            for seal in plan.seals:  # it was made from the files that were hashed, or not at all
                seal.check()
            self._check(self.brain, plan.brain, plan.cameras, plan)
            self.brain = _seated(self.brain, lambda: _made(what, lambda: hire(context))[0], plan)
            if other is not None:
                self.fallback = self._stand_in(other, plan)
        except BaseException:
            self.cell.close()
            raise
        self.guard = EnvelopeGuard(body, self.cell.spec.control_dt, self.cell.spec.sensing)

        from shopfloor.body.geometry import Geometry
        from shopfloor.skill.context import SkillContext

        self._context = SkillContext(body, Geometry(body), self.limits, self.cell.spec.control_dt)
        self._validators = _validators(self.skills)

    def dispatcher(self) -> Dispatcher:
        """Make a fresh dispatcher for a lot."""
        return Dispatcher(
            limbs=tuple(self.cell.spec.body.limbs),
            make=self._make_skill,
            validate=self._fault,
            control_dt=self.cell.spec.control_dt,
        )

    def close(self) -> None:
        """Give back what cell and brain hold.

        Raises:
            PluginError: The brain does not let go; the cell has been closed all the same.
        """
        try:
            for brain in filter(None, (self.brain, self.fallback)):
                brain.close()
        except Exception as error:
            raise PluginError(
                f"the brain raised {type(error).__name__} when it was closed: {error}; what was "
                "committed is safe: see it with `shopfloor report`, and mend the brain"
            ) from error
        finally:
            self.cell.close()

    def _make_skill(self, name: str) -> Skill:
        skill: Skill = self._skills[name](self._context)
        return skill

    def _stand_in(self, make: Callable[..., Any], plan: Plan) -> Brain:
        """Make the fallback, which looks through what it likes."""
        context = BrainContext(self.cell.spec, self.limits, self.skills)
        what = f"fallback {plan.fallback!r}"
        brain: Brain = _made(what, lambda: make(context))
        self._check(brain, str(plan.fallback), (), plan)
        return _seated(brain, lambda: _made(what, lambda: make(context)), plan)

    def _check(self, brain: object, name: str, cameras: tuple[str, ...], plan: Plan) -> None:
        require_brain(brain, name, self.cell.spec, skills=self._skills, cameras=cameras)
        require_proven(brain, self.cell, plan)

    def _fault(self, call: SkillCall) -> str | None:
        """What is wrong with a call, or None."""
        if call.skill not in self._validators:
            return f"unknown skill {call.skill!r}; known: {', '.join(sorted(self._validators))}"
        limbs = tuple(self.cell.spec.body.limbs)
        if unknown := [limb for limb in call.limbs if limb not in limbs]:
            return f"unknown limb {unknown[0]!r}; known: {', '.join(limbs)}"
        if len(set(call.limbs)) != len(call.limbs):
            return "a limb is named twice"
        least, most = _LIMBS.get(call.skill, (0, len(limbs)))
        if not least <= len(call.limbs) <= most:
            return f"{call.skill!r} takes {least} to {most} limbs, not {len(call.limbs)}"
        if not _finite(call.arguments):
            return "the arguments hold a number that is not finite"  # NaN passes every schema
        error = next(iter(self._validators[call.skill].iter_errors(dict(call.arguments))), None)
        return None if error is None else str(error.message)


_UNPROVEN = (
    "The brain has not proved that it can point: no probe was passed for this address, model and "
    "profile, and it was let work all the same"
)
_LIMBS = {"pick": (1, 1), "place": (1, 1), "handover": (2, 2)}


def _brain(name: str) -> Callable[..., Any]:
    """Find a brain; a model that was named without saying where it answers is told apart."""
    try:
        return plugins.factory("brains", name)
    except UnknownName as error:
        from shopfloor.brain.chat.profile import model_of

        try:
            model = model_of(name)
        except UnknownName:
            raise error from None
        raise UsageError(
            f"{name!r} is a model ({model.title}), and nobody said where it answers; give "
            f"{name}@http://HOST:PORT/v1, or PROVIDER:{name}"
        ) from None


def _by_name(plan: Plan) -> Callable[[BrainContext], tuple[Brain, Charge]]:
    """How the brain of a plan is made that works itself."""
    make: Callable[[BrainContext], Brain] = _brain(plan.brain)
    return lambda context: (make(context), plan.latency)


def _seated(brain: Brain, make: Callable[[], Brain], plan: Plan) -> Brain:
    """Give a brain a chair, unless it waits for nobody."""
    return Chair(brain, make, deadline_s=plan.brain_deadline_s) if may_wait(brain) else brain


def _made(what: str, make: Callable[[], _T]) -> _T:
    """Make a plugin; whatever it raises comes as one error that names it."""
    try:
        return make()
    except ShopfloorError:
        raise
    except Exception as error:
        raise PluginError(
            f"the {what} cannot be made: {type(error).__name__}: {error}; mend or remove its "
            "package"
        ) from error


def _sensed(world: Cell, body: Any, noise: int) -> Cell:
    """The cell as its sensors show it."""
    if noise == 0:
        return world
    from shopfloor.cell.noise import NoisyCell, noise_level

    return NoisyCell(world, body, noise_level(noise))


def _troubled(world: Cell, faults: tuple[str, ...]) -> Cell:
    """The cell with the faults that are put into it."""
    if not faults:
        return world
    from shopfloor.cell.fault import FaultyCell, parse
    from shopfloor.cell.sorting import SortingCell

    if not isinstance(world, SortingCell):
        raise UsageError("--fault needs the simulated cell 'sorting'; others have no such seam")
    return FaultyCell(world, [parse(text) for text in faults])


def _finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or isfinite(value)


def _validators(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    from jsonschema import Draft202012Validator

    return {name: Draft202012Validator(dict(schema)) for name, schema in schemas.items()}


def order_source(plan: Plan, cell: Cell) -> OrderSource:
    """Where the lots of the plan come from.

    Raises:
        OrderError: The order file is wrong; the message names the line.
    """
    if plan.order_file is None:
        return _generated(plan, cell)
    from shopfloor.order.file import OrderFile

    source = OrderFile(plan.order_file, plan.seed)
    if plan.orders is not None and plan.orders > len(source):
        raise UsageError(
            f"--orders is {plan.orders}, but {plan.order_file.name} has {len(source)} orders"
        )
    return source


def _generated(plan: Plan, cell: Cell) -> OrderSource:
    if plan.language == MIXED:
        return cell.orders(seed=plan.seed, count=plan.orders)
    make: Callable[..., OrderSource] = cell.orders
    wanted: dict[str, Any] = {
        "seed": plan.seed, "count": plan.orders, "language": plan.language,
    }  # fmt: skip
    try:
        signature(make).bind(**wanted)
    except TypeError:
        raise UsageError(
            f"cell {plan.cell!r} cannot tell its orders in one language; leave --language out"
        ) from None
    return make(**wanted)


def manifest(plan: Plan, staff: Staff, source: OrderSource) -> Manifest:
    """Write down everything that the run depends on."""
    from shopfloor.cell.noise import noise_level

    spec = staff.cell.spec
    unproven = getattr(staff.brain, "unproven", None) or getattr(staff.fallback, "unproven", None)
    noise = noise_level(plan.noise)
    faults = plan.faults and f"Faults were put in on purpose: {', '.join(plan.faults)}"
    said = (*plan.notes, plan.latency.note, faults, noise.note, unproven and _UNPROVEN)
    notes = [note for note in said if note]
    identity = getattr(staff.brain, "identity", None) or type(staff.brain).__qualname__
    facts = getattr(staff.brain, "facts", None) or {"id": str(identity)}
    return Manifest(
        format=FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cell=plan.cell,
        body=plan.body,
        brain=plan.brain,
        latency=str(plan.latency),
        limits=staff.limits.name,
        seed=plan.seed,
        orders=plan.orders,
        hours=plan.hours,
        order_file=plan.order_file.name if plan.order_file else None,
        record_fps=plan.record_fps,
        video=plan.video,
        depth=plan.depth,
        audit=plan.audit,
        allow_unproven=plan.allow_unproven,
        noise=plan.noise,
        faults=plan.faults,
        cameras=plan.cameras,
        control_dt=spec.control_dt,
        changeover_s=spec.changeover_s,
        calendar=load_calendar(plan.calendar),
        planned_cycle_s=plan.planned_cycle.seconds if plan.planned_cycle else None,
        planned_cycle_source=plan.planned_cycle.source if plan.planned_cycle else None,
        language=plan.language,
        brain_deadline_s=plan.brain_deadline_s,
        fallback=plan.fallback,
        limb_names=tuple(spec.body.limbs),
        camera_names=tuple(spec.cameras),
        notes=tuple(notes),
        versions={
            "shopfloor": version("shopfloor"),
            "python": platform.python_version(),
            "mujoco": version("mujoco"),
            "numpy": version("numpy"),
        },
        renderer=str(getattr(staff.cell, "renderer", "none")),
        cpu=_cpu(),
        git_commit=_commit(),
        sha256={
            "body": spec.body.sha256,
            "cell": spec.sha256,
            "orders": source.sha256,
            "limits": staff.limits.sha256,
            "noise": noise.sha256,
        },
        brain_identity={str(key): str(value) for key, value in facts.items()},
        papers=plan.papers,
    )


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def code_version() -> tuple[str, str | None]:
    """Version of this shopfloor, and its commit or None outside a checkout."""
    return version("shopfloor"), _commit()


def _commit() -> str | None:
    """Commit of the checkout that shopfloor runs from, with + for uncommitted changes."""
    here = Path(__file__).parent
    try:
        _git(
            here, "ls-files", "--error-unmatch", Path(__file__).name
        )  # not somebody else's checkout
        commit = _git(here, "rev-parse", "HEAD")
        dirty = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if dirty else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        command, cwd=folder, capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()
