"""Asks every rule, and says no more than was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers import licence, regime
from shopfloor.papers.card import Catalogue
from shopfloor.papers.case import Case
from shopfloor.papers.paper import Papers
from shopfloor.papers.rule import Rule, RuleSet, facts_of
from shopfloor.papers.said import Said, unknown
from shopfloor.papers.weight import Hashed
from shopfloor.types import RuleAnswer, Verdict

__all__ = ["WORST", "Checked", "ask", "check", "strictest"]

WORST: tuple[Verdict, ...] = ("fail", "unknown", "counsel", "pass")
"""Answers, the strictest first."""
_ZH = {"pass": "通过", "fail": "不通过", "unknown": "未知", "counsel": "须咨询律师"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What all rules say of one cell.

    Attributes:
        sets: The rule sets that were asked.
        today: The day of the check.
        answers: Of each rule, in order.
    """

    sets: tuple[RuleSet, ...]
    today: date
    answers: tuple[RuleAnswer, ...]

    @property
    def verdict(self) -> Verdict:
        """The strictest answer; a rule that a waiver answers for does not count."""
        return strictest([answer for answer in self.answers if not answer.passes])

    @property
    def said(self) -> str:
        """The verdict as a sentence."""
        asked = ", ".join(f"{each.name} dated {each.dated}" for each in self.sets)
        waived = sum(1 for answer in self.answers if answer.waiver)
        extra = f" ({waived} answered for by a signed waiver)" if waived else ""
        return f"{_HEAD[self.verdict]} under rule set {asked}, on {self.today}{extra}"

    @property
    def said_zh(self) -> str:
        """The same in Chinese."""
        asked = "、".join(f"{each.title_zh}（{each.dated}）" for each in self.sets)
        return f"{self.today} 依规则集{asked}检查：{_ZH[self.verdict]}"


_HEAD: Mapping[Verdict, str] = {
    "pass": "Checks passed",
    "fail": "Checks failed",
    "unknown": "Checks not passed: something is unknown",
    "counsel": "Checks not passed: a lawyer has to decide",
}


def strictest(answers: Sequence[RuleAnswer]) -> Verdict:
    """Return the strictest of some answers; pass where there are none."""
    return min((answer.verdict for answer in answers), key=WORST.index, default="pass")


def check(
    papers: Papers,
    sets: tuple[RuleSet, ...],
    *,
    today: date,
    cards: Catalogue,
    hashed: Hashed | None = None,
    of_copy: bool = True,
) -> Checked:
    """Ask all rules of some sets.

    Args:
        papers: Of the cell.
        sets: What to ask.
        today: The day to ask for.
        cards: What is known of models.
        hashed: What hashing the files found, or None.
        of_copy: Whether to ask about the files here, too.
    """
    case = Case(papers, today, cards, facts_of(sets), hashed)
    return Checked(
        sets,
        today,
        tuple(
            ask(rule, case, dated=each.dated)
            for each in sets
            for rule in each.rules
            if of_copy or not rule.of_copy
        ),
    )


def ask(rule: Rule, case: Case, *, dated: date) -> RuleAnswer:
    """Ask one rule of a case; what it needs and does not find makes it unknown."""
    said = _stale(rule, case.today, dated) or _lacking(rule, case.papers)
    said = said or _predicate(rule.id)(case)
    return RuleAnswer(
        rule=rule.id,
        verdict=said.verdict,
        asks=rule.asks,
        asks_zh=rule.asks_zh,
        reason=said.en,
        reason_zh=said.zh,
        source=said.source or rule.source,
        valid_from=rule.valid_from.isoformat(),
        review_by=rule.review_by.isoformat(),
    )


def _predicate(name: str) -> Callable[[Case], Said]:
    found = licence.PREDICATES.get(name) or regime.PREDICATES.get(name)
    if found is None:
        raise PapersError(f"rule {name} has nobody who answers it; install shopfloor again")
    return found


def _stale(rule: Rule, today: date, dated: date) -> Said | None:
    if today >= rule.review_by:
        return unknown(
            f"the rule was to be read again by {rule.review_by}, and today is {today}",
            f"规则应于 {rule.review_by} 前复核，今日为 {today}",
        )
    if today < (begins := max(rule.valid_from, dated)):
        return unknown(
            f"the clock says {today}, before this rule was written ({begins}): "
            "it was set back, or is wrong",
            f"时钟为 {today}，早于规则日期 {begins}：时钟有误或被回拨",
        )
    return None


def _lacking(rule: Rule, papers: Papers) -> Said | None:
    for field in rule.reads:
        if any(value is None for value in _values(papers, field.split("."))):
            return unknown(f"{field} is null in the papers", f"文件中 {field} 为空")
    return None


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, tuple):
        for each in value:
            yield from _values(each, path)
    elif not path or value is None:
        yield value
    else:
        yield from _values(getattr(value, path[0]), path[1:])
