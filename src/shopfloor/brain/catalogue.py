"""What is known of the models that can be put in charge: who made them, what is claimed for them.

Everything stands in the data files that the brain itself reads (``shopfloor.brain.chat.profile``);
nothing is said here that is not said there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shopfloor.brain.chat.profile import Claim, Grade, Model, models
from shopfloor.errors import PluginError

__all__ = ["GRADES", "HOW", "NOTHING", "Row", "markdown", "row", "rows"]

GRADES: tuple[Grade, ...] = ("proved here", "verified elsewhere", "reported", "unconfirmed")
"""Grades of a claim, best first: measured by a run of ours; measured by others than those who made
the model or use it; said by those; said, but not to be confirmed where we read."""

HOW = ("real weights", "real server", "stand-in")
"""With what something was proved here, best first. A claim graded ``proved here`` begins with one
of these and a colon. Only real weights say anything of the model; a real server with random
weights, and a stand-in that answers in the model's form, prove the path to it."""

NOTHING = "nothing yet"
"""In place of what was proved here, where nothing was."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the catalogue.

    Attributes:
        name: What the command line calls it.
        title: What people call it.
        developer: Who made it.
        weights: ``open`` or ``closed``.
        modalities: What it takes.
        licence: Its terms, as its developer calls them.
        hardware: On what it is known to run.
        claim: What is said of it and robots, with the best grade there is; None for nothing.
        convention: How it points; None for a model that is not asked for coordinates.
        proved: With what something was proved here: a word of ``HOW``, or ``NOTHING``.
    """

    name: str
    title: str
    developer: str
    weights: str
    modalities: tuple[str, ...]
    licence: str
    hardware: tuple[str, ...]
    claim: Claim | None
    convention: str | None
    proved: str


def rows() -> tuple[Row, ...]:
    """Return all models, by name; what stands for models that are not known is left out."""
    return tuple(row(models()[name]) for name in sorted(models()) if name != "generic")


def row(model: Model) -> Row:
    """Return what the catalogue says of a model.

    Raises:
        PluginError: A claim is graded ``proved here`` and does not say with what.
    """
    with_what = {claim: _how(model, claim) for claim in model.claims if _is_ours(claim)}
    # What only proves the path to a model is no claim about the model.
    about = [c for c in model.claims if with_what.get(c, HOW[0]) == HOW[0]]
    return Row(
        name=model.name,
        title=model.title,
        developer=model.developer,
        weights=model.weights,
        modalities=model.modalities,
        licence=model.licence.name,
        hardware=model.hardware,
        claim=min(about, key=lambda claim: GRADES.index(claim.grade), default=None),
        convention=model.convention,
        proved=min(with_what.values(), key=HOW.index, default=NOTHING),
    )


def markdown() -> str:
    """Return the table of ``docs/brains.md``: one line for each model, no empty line at the end."""
    head = ("model", "made by", "takes", "runs on", "terms", "points", "said of it and robots",
            "proved how")  # fmt: skip
    lines = [head, ("---",) * len(head), *(_cells(each) for each in rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_ours(claim: Claim) -> bool:
    return claim.grade == GRADES[0]


def _how(model: Model, claim: Claim) -> str:
    how = claim.text.partition(":")[0]
    if how not in HOW:
        raise PluginError(
            f"{model.name} has a claim that is proved here and begins with {how!r}; "
            f"begin it with {', '.join(HOW)} and a colon"
        )
    return how


def _cells(each: Row) -> Iterable[str]:
    yield f"{_safe(each.title)} `{each.name}`"
    yield _safe(each.developer)
    yield ", ".join(each.modalities)
    yield f"{', '.join(each.hardware)} ({each.weights} weights)"
    yield _safe(each.licence)
    yield f"`{each.convention}`" if each.convention else "text only"
    if each.claim is None:
        yield "nothing that we found"
    else:
        claim = each.claim
        yield f"{_safe(claim.text)}: **{claim.grade}**, {_link(claim.source)}, {claim.date}"
    yield each.proved


def _link(source: str) -> str:
    """Make an address a link; what stands behind it in the data stays text."""
    address, _, rest = source.partition(" ")
    if not address.startswith("https://"):
        return _safe(source)
    return f"[source]({address})" + (f" {_safe(rest)}" if rest else "")


def _safe(text: str) -> str:
    """Keep a text from ending its cell, or from reading as a tag."""
    return text.replace("|", r"\|").replace("<", r"\<")
