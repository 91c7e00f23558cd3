"""What a predicate answers: a verdict with its reason, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from shopfloor.types import Verdict

__all__ = ["Said", "counsel", "fails", "passes", "unknown"]


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict and why; ``source`` where it is nearer than that of the rule."""

    verdict: Verdict
    en: str
    zh: str
    source: str | None = None


def passes(en: str, zh: str) -> Said:
    """Nothing stands against it."""
    return Said("pass", en, zh)


def fails(en: str, zh: str) -> Said:
    """Something stands against it."""
    return Said("fail", en, zh)


def unknown(en: str, zh: str) -> Said:
    """Something was not said, not read, or cannot be told from here."""
    return Said("unknown", en, zh)


def counsel(en: str, zh: str) -> Said:
    """All that can be known is known, and a lawyer has to decide."""
    return Said("counsel", en, zh)
