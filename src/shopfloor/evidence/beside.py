"""A benchmark's result beside that of another brain, order by order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from shopfloor.errors import UsageError
from shopfloor.evidence.paired import Paired, mcnemar
from shopfloor.evidence.score import Decision, Score, decision
from shopfloor.evidence.several import holm
from shopfloor.evidence.suite import Extent, Suite

__all__ = ["Beside", "Published", "Rival", "beside"]


@dataclass(frozen=True, slots=True)
class Published:
    """What somebody's ``bench.json`` says.

    Attributes:
        brain: Who was measured.
        made: Version and commit of the shopfloor that measured.
        outcomes: Of each condition by its name, ``1`` for each good order and ``0`` for each other.
        uph: Good units per hour under each condition, where measured.
        models: Hashes of what each condition was worked with.
    """

    brain: str
    made: str
    outcomes: Mapping[str, str]
    uph: Mapping[str, float | None]
    models: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, path: Path, suite: Suite, extent: Extent) -> Self:
        """Read a result of this very suite.

        Raises:
            UsageError: It cannot be read, or is of another suite, and so cannot be compared.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            theirs = data["suite"]
            of = f"{theirs['name']} of {theirs['version']} ({theirs['sha256'][:12]})"
            if theirs["sha256"] != suite.sha256:
                raise UsageError(
                    f"{path} is a result of suite {of}, and this is {suite.title}: results of two "
                    "suites are not compared; work that brain at this one, or take the shopfloor "
                    f"that has the other ({_made(data)})"
                )
            if data["extent"] != extent.name:
                raise UsageError(
                    f"{path} is a {data['extent']} result, and this is a {extent.name} one: they "
                    f"have different orders; {'leave out' if extent.name == 'quick' else 'give'} "
                    "--quick, or name another result"
                )
            conditions = data["conditions"]
            found = cls(
                brain=str(data["brain"]),
                made=_made(data),
                outcomes={str(each["name"]): str(each["outcomes"]) for each in conditions},
                uph={str(each["name"]): each["uph"] for each in conditions},
                models={str(each["name"]): dict(each["models"]) for each in conditions},
            )
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read: {error.strerror}; name the bench.json of a benchmark"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} is no result of a benchmark ({type(error).__name__}: {error}); name a "
                "bench.json"
            ) from error
        found._check(path, extent)
        return found

    def _check(self, path: Path, extent: Extent) -> None:
        for condition in extent.conditions:
            outcomes = self.outcomes.get(condition.name, "")
            if len(outcomes) != extent.orders or set(outcomes) - {"0", "1"}:
                raise UsageError(
                    f"{path} has not {extent.orders} outcomes for condition {condition.name!r}; "
                    "it was edited or damaged: take the one that was published"
                )


def _made(data: Mapping[str, Any]) -> str:
    return f"shopfloor {data['versions']['shopfloor']}, commit {(data['commit'] or 'unknown')[:12]}"


@dataclass(frozen=True, slots=True)
class Rival:
    """Both brains under one condition.

    Attributes:
        name: Of the condition.
        counts: Outcomes order by order; ``a`` is ours and ``b`` theirs.
        p_value, p_adjusted: Of McNemar's exact test, alone and with Holm's correction.
        decision: Whether ours is worse or better.
        uph: Good units per hour of theirs.
    """

    name: str
    counts: Paired
    p_value: float
    p_adjusted: float
    decision: Decision
    uph: float | None


@dataclass(frozen=True, slots=True)
class Beside:
    """A result beside another.

    Attributes:
        brain, made: Who the other is, and what measured it.
        rivals: Both under each condition, the base first.
        unlike: What is not the same besides the brain: models of cell, body, limits or noise.
    """

    brain: str
    made: str
    rivals: tuple[Rival, ...]
    unlike: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; unmeasured is null."""
        return {
            "brain": self.brain,
            "made": self.made,
            "unlike": list(self.unlike),
            "conditions": [
                {
                    "name": each.name,
                    "decision": each.decision,
                    "only_ours_good": each.counts.only_a,
                    "only_theirs_good": each.counts.only_b,
                    "both_good": each.counts.both,
                    "neither_good": each.counts.neither,
                    "p_value": each.p_value,
                    "p_adjusted": each.p_adjusted,
                    "their_uph": each.uph,
                }
                for each in self.rivals
            ],
        }


def beside(score: Score, other: Published) -> Beside:
    """Hold a result against a published one, condition by condition.

    Raises:
        UsageError: The orders are not the same, whatever the suite says.
    """
    counts, unlike = [], set()
    for mark in score.marks:
        ours, theirs = dict(mark.run.manifest.sha256), other.models[mark.name]
        if ours.get("orders") != theirs.get("orders"):
            raise UsageError(
                f"the orders of {mark.name!r} are not those that {other.brain} had, which "
                f"{other.made} made; work that brain anew with this shopfloor"
            )
        unlike |= {name for name in ours if ours[name] != theirs.get(name)}
        counts.append(Paired.of([e.good for e in mark.entries],
                                [sign == "1" for sign in other.outcomes[mark.name]]))  # fmt: skip
    tests = [mcnemar(each.only_a, each.only_b) for each in counts]
    rivals = tuple(
        Rival(
            name=mark.name,
            counts=count,
            p_value=p,
            p_adjusted=adjusted,
            decision=decision(count, adjusted, score.suite.alpha),
            uph=other.uph[mark.name],
        )
        for mark, count, p, adjusted in zip(score.marks, counts, tests, holm(tests), strict=True)
    )
    return Beside(other.brain, other.made, rivals, tuple(sorted(unlike)))
