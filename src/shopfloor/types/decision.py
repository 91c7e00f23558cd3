"""What a brain needs, and what it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shopfloor.types.action import ActionChunk
from shopfloor.types.limits import Limits
from shopfloor.types.spec import CellSpec

__all__ = [
    "BrainContext",
    "Decision",
    "Exchange",
    "Finish",
    "Needs",
    "Reply",
    "SkillCall",
    "SkillResult",
]


@dataclass(frozen=True, slots=True, eq=False)
class BrainContext:
    """Handed to every brain's factory: where it is to work and what it may call.

    Attributes:
        cell: The cell, its limbs and cameras.
        limits: The envelope; nothing a brain says can widen it.
        skills: JSON schema of each skill's arguments, by name.
        cameras: Cameras that a person wants the brain to be shown; empty: its own choice.
    """

    cell: CellSpec
    limits: Limits
    skills: Mapping[str, Mapping[str, Any]]
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a brain needs of a cell; checked before the first step.

    Attributes:
        cameras: Cameras that it must be shown.
        refresh: Whether those cameras are looked through at native resolution before the
            first decision of an ``order`` only (a ``look`` asks for more), before every
            ``decision``, or ``never``.
        depth: Whether the frames must carry depth.
        skills: Skills that it calls.
    """

    cameras: tuple[str, ...] = ()
    refresh: Literal["order", "decision", "never"] = "order"
    depth: bool = False
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SkillCall:
    """One call of a skill.

    Attributes:
        id: Unique within an order; comes back in the skill's events.
        skill: Name of the skill.
        limbs: One limb; two for ``handover`` (giver first); none for ``look`` and ``wait``.
        arguments: As in the skill's JSON schema.
    """

    id: str
    skill: str
    limbs: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkillResult:
    """How a skill ended.

    Attributes:
        ok: Whether the skill saw, with its own sensors, that it did what it should.
        code: Failure code (``grasp.miss``) if not ok.
        data: Plain JSON values for the brain and the log.
        look: Cameras of which the brain is to get a fresh native-resolution view.
    """

    ok: bool
    code: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    look: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The brain says that it is through with the order. A claim: the judge decides."""

    claim: Literal["done", "gave_up", "refused"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked of a model and what it answered; images by reference.

    Attributes:
        request: What was asked, as text or JSON.
        answer: What came back.
        model_id: Who answered.
        latency_s: Wall time of the answer [s]; not part of ``log_sha256``.
        tokens: (in, out), or None where not counted.
        cost_usd: Price of the exchange [USD], or None where unknown.
        gauges: What else was measured of a model in this process, such as ``peak_memory_bytes``
            and ``energy_j``; None where the machine cannot tell. Not part of ``log_sha256``.
    """

    request: str
    answer: str
    model_id: str
    latency_s: float
    tokens: tuple[int, int] | None = None
    cost_usd: float | None = None
    gauges: Mapping[str, float | None] = field(default_factory=dict)


Decision = tuple[SkillCall, ...] | ActionChunk | Finish


@dataclass(frozen=True, slots=True)
class Reply:
    """A brain's answer. An empty tuple of calls means: go on, ask me again later.

    Several calls for the same limb are carried out in their order; the first that fails
    drops the rest of that limb's queue.
    """

    decision: Decision
    exchange: Exchange
