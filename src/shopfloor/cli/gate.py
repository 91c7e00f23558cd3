"""The gate that every command passes before a brain is made: its papers, as of today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shopfloor.shift import Plan
    from shopfloor.types import PapersStamp

__all__ = ["checked", "checked_again"]

_REGIMES = "eu,us,cn"


def checked(
    plan: Plan, *, file: Path | None, enforce: bool, regimes: str, key: Path | None
) -> Plan:
    """Check the papers before anything of the brain is loaded.

    Args:
        plan: What is to be worked.
        file: The papers; None: those of the example.
        enforce: Whether to refuse what does not pass; who stands in needs papers then as well.
        regimes: Rule sets to ask, with commas between.
        key: Public key that waivers are signed with, or None.

    Raises:
        PapersError, PapersRefused, UsageError: As ``pass_gate``.
    """
    from shopfloor.papers import pass_gate

    brains = [plan.brain, *([plan.fallback] if plan.fallback is not None and enforce else [])]
    passed = [
        pass_gate(brain, file=file, enforce=enforce, regimes=regimes, key=key) for brain in brains
    ]
    seals = tuple(seal for each in passed for seal in each.seals)
    return replace(plan, papers=passed[0].stamp, papers_file=file, seals=seals)


def checked_again(plan: Plan, was: PapersStamp, key: Path | None) -> Plan:
    """Check what a run was begun with, on this day and on the files that are here.

    Of what its manifest says, only what was asked is taken, never an answer.

    Args:
        plan: As read from the run.
        was: What its manifest says of its papers.
        key: Public key that waivers are signed with, or None.

    Raises:
        PapersError, PapersRefused, UsageError: As ``pass_gate``.
    """
    regimes = ",".join(name for name in was.regimes if name != "licence")
    return checked(
        plan,
        file=plan.papers_file,
        enforce=was.enforced,
        regimes=regimes or _REGIMES,
        key=key,
    )
