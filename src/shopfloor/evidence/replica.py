"""What a run that was repeated came to: identical, equivalent or different, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shopfloor.evidence.agreement import Agreement
from shopfloor.evidence.divergence import Divergence

__all__ = ["Difference", "Kind", "Replica", "Verdict", "Way", "judged"]

Verdict = Literal["identical", "equivalent", "different"]
"""Same log; another log, and figures that agree within stated bounds; neither."""

Way = Literal["worked again", "replayed", "asked again"]
"""The brain worked again; its recorded answers stood in for it; a model was asked anew."""

Kind = Literal[
    "tampering", "missing", "length", "setting", "brain", "environment", "figures", "log"
]
"""``tampering``: the original contradicts itself; ``missing``: it lacks what it says it holds;
``length``: one of the two has a lot that the other one lacks;
``setting``: cell, body, orders, limits or another input; ``brain``: who decided; ``environment``:
version, renderer, processor; ``figures``: an entry, of the same log; ``log``: what happened."""

_EXCUSES = frozenset({"environment", "log"})
"""Kinds that an equivalent replica may have."""


_UNEXPLAINED = (
    "nothing explains it: version, renderer and processor are the same, so the log should be"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        kind: What sort of thing.
        what: Its name: ``version mujoco``, ``limits``, ``lot 3``.
        was, now: In the original and in the replica; of tampering, what it should be and is.
    """

    kind: Kind
    what: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: {self.was} → {self.now}"


@dataclass(frozen=True, slots=True)
class Replica:
    """What came of repeating a run.

    Attributes:
        original, replica: Folders; ``replica`` is None where the original was not worth repeating.
        way: How the brain was repeated.
        lots: How many were compared.
        held: How many the original holds.
        sample: Whether fewer lots were repeated than the original was to have.
        verdict: The verdict.
        reasons: Why, as sentences.
        differences: Everything that is not the same, whether it decided or not.
        unlike: Lots whose logs differ.
        divergence: Where the first of them differs first, or None.
        agreement: How far the figures agree, or None where nothing was repeated.
        log_sha256: Of the compared lots of the original and of the replica.
    """

    original: str
    replica: str | None
    way: Way
    lots: int
    held: int
    sample: bool
    verdict: Verdict
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...]
    unlike: tuple[int, ...] = ()
    divergence: Divergence | None = None
    agreement: Agreement | None = None
    log_sha256: tuple[str | None, str | None] = (None, None)

    @property
    def headline(self) -> str:
        """The verdict in a line; of a sample it never says more than was seen."""
        if self.verdict == "different" or not self.sample:
            return self.verdict
        lots = "lot that was" if self.lots == 1 else "lots that were"
        return f"{self.verdict} in the {self.lots} {lots} worked"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {
            "headline": self.headline,
            "agreement": None if self.agreement is None else self.agreement.to_json(),
        }


def judged(
    way: Way,
    differences: Sequence[Difference],
    unlike: Sequence[int],
    agreement: Agreement | None,
) -> tuple[Verdict, tuple[str, ...]]:
    """Reach the verdict.

    Logs that are the same to the last bit are identical wherever they were made. Logs that differ
    are equivalent only where something explains it: another machine, renderer or version, or a
    model that was asked anew. On the same machine the same manifest gives the same log, so there a
    difference that nothing explains is one.

    Args:
        way: How the brain was repeated.
        differences: What is not the same.
        unlike: Lots whose logs differ.
        agreement: How far the figures agree; None where nothing was repeated.

    Returns:
        The verdict, and the reasons as sentences.
    """
    grave = [each for each in differences if each.kind not in _EXCUSES]
    if grave:
        return "different", tuple(_grave(each) for each in grave)
    elsewhere = [each for each in differences if each.kind == "environment"]
    if not unlike or agreement is None:
        reasons = ["every lot has the same log, to the last bit"]
        if elsewhere:
            names = ", ".join(each.what for each in elsewhere)
            reasons.append(f"though it was made with another {names}")
        return "identical", tuple(reasons)
    count = f"{len(unlike)} of {agreement.lots} lots have another log"
    if not elsewhere and way != "asked again":
        return "different", (count, _UNEXPLAINED)
    explained = (
        "the model was asked anew"
        if way == "asked again"
        else "not the same: " + ", ".join(each.what for each in elsewhere)
    )
    if agreement.held:
        return "equivalent", (count, explained, "all figures agree within their bounds")
    broken = tuple(f"{bound.what} is out of its bounds" for bound in agreement.broken)
    return "different", (count, explained, *broken)


def _grave(difference: Difference) -> str:
    match difference.kind:
        case "tampering":
            return f"the original was changed after it was recorded: {difference}"
        case "missing":
            return f"the original is not whole: {difference}"
        case "length":
            return f"one has a lot that the other lacks: {difference}"
        case "brain":
            return f"another brain decided: {difference}"
        case "figures":
            return f"the same log, and other figures of it: {difference}"
        case _:
            return f"not the same was repeated: {difference}"
