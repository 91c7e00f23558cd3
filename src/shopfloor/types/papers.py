"""What the papers of a brain say about a run: the verdict, and every rule's answer with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from shopfloor.errors import PapersError

__all__ = ["NOT_CHECKED", "PapersStamp", "RuleAnswer", "Sealed", "Verdict"]

Verdict = Literal["pass", "fail", "unknown", "counsel"]
"""``counsel``: a lawyer has to decide. Only ``pass`` lets a brain start."""


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule says of one cell.

    Attributes:
        rule: Its id (``licence.territory``).
        verdict: Its answer.
        asks, asks_zh: The question, in English and Chinese.
        reason, reason_zh: Why this is the answer, in English and Chinese.
        source: The law, clause or text that the rule is from.
        valid_from, review_by: Dates between which the rule counts as read (ISO).
        change: What would change the answer, as found by answering again; empty for a pass.
        waiver: Who answers for it by a signed waiver, or None.
    """

    rule: str
    verdict: Verdict
    asks: str
    asks_zh: str
    reason: str
    reason_zh: str
    source: str
    valid_from: str
    review_by: str
    change: tuple[str, ...] = ()
    waiver: str | None = None

    @property
    def passes(self) -> bool:
        """Whether this rule lets the brain start."""
        return self.verdict == "pass" or self.waiver is not None


@dataclass(frozen=True, slots=True)
class PapersStamp:
    """What is written into a run about its papers.

    Attributes:
        verdict: ``pass``, ``fail``, ``unknown``, ``counsel``, or ``not checked``.
        said, said_zh: The verdict as a sentence that claims no more than was checked.
        enforced: Whether the run would have been refused without a pass.
        given: Whether somebody gave papers for this cell; those of the example that ships prove
            nothing of a real one.
        regimes: Rule sets that were asked (``eu``).
        checked: Day of the check (ISO), or None.
        models: The models of the papers, as package addresses.
        papers_sha256: Of the papers file, or None.
        weights: SHA-256 of each weight file as hashed before the start, by its name.
        rules: Every rule's answer.
    """

    verdict: str
    said: str
    said_zh: str
    enforced: bool = False
    given: bool = False
    regimes: tuple[str, ...] = ()
    checked: str | None = None
    models: tuple[str, ...] = ()
    papers_sha256: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[RuleAnswer, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` made of it.

        Raises:
            TypeError, KeyError: It is not what was written.
        """
        values = dict(data)
        for name in ("regimes", "models"):
            values[name] = tuple(values[name])
        values["rules"] = tuple(
            RuleAnswer(**{**rule, "change": tuple(rule["change"])}) for rule in values["rules"]
        )
        return cls(**values)


NOT_CHECKED = PapersStamp(
    "not checked",
    "The brain's papers were not checked",
    "未检查决策模型的文件",
)
"""Of a run whose papers nobody asked for."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it was when it was hashed; what is loaded later must still be this one.

    Attributes:
        path: Where it lies.
        size: Its length [bytes].
        mtime_ns: When it was last written [ns].
        inode: Its number in its file system.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str, facts: os.stat_result) -> Self:
        """Describe a file by what the system says of it."""
        return cls(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)

    def check(self) -> None:
        """Refuse a file that is not the one that was hashed.

        Raises:
            PapersError: It was written to, replaced or removed since.
        """
        try:
            now = self.of(self.path, Path(self.path).stat())
        except OSError as error:
            raise PapersError(
                f"{self.path} was removed after it was hashed; start again"
            ) from error
        if now != self:
            raise PapersError(
                f"{self.path} was changed between being hashed and being loaded; nothing was "
                "started: find out who writes there, and start again"
            )
