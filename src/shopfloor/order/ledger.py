"""Where every part is: in = good + scrap + work in progress + quarantine, always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shopfloor.errors import RunError
from shopfloor.types import Outcome

__all__ = ["Ledger"]

_STATES = ("good", "scrap", "wip", "quarantine", "bystander")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The count of all units that orders named, and of the parts they left alone.

    Attributes:
        entered: Units that orders named ("in").
        good: Where they should be.
        scrap: Outside every station.
        wip: Still in, or at, a jaw, or still moving, when the order ended.
        quarantine: In a station, but not in the one they should be in.
        bystanders: Parts that the orders left alone; not part of ``entered``.

    Raises:
        RunError: A count is negative, or the account does not balance.
    """

    entered: int = 0
    good: int = 0
    scrap: int = 0
    wip: int = 0
    quarantine: int = 0
    bystanders: int = 0

    def __post_init__(self) -> None:
        counts = (self.good, self.scrap, self.wip, self.quarantine)
        if min(self.entered, self.bystanders, *counts) < 0 or sum(counts) != self.entered:
            raise RunError(
                f"the ledger does not balance: in {self.entered}, good {self.good}, scrap "
                f"{self.scrap}, wip {self.wip}, quarantine {self.quarantine}; in must be the sum "
                "of the others and none may be negative. A part was lost or counted twice"
            )

    def add(self, outcome: Outcome, *, entered: int | None = None) -> Ledger:
        """Return the ledger with one more order.

        Args:
            outcome: The judge's word.
            entered: Units that the order named, counted by somebody else; must agree.

        Raises:
            RunError: A part is listed twice, has an unknown state, or the numbers differ.
        """
        parts = [unit.part for unit in outcome.units]
        if twice := sorted(part for part, n in Counter(parts).items() if n > 1):
            raise RunError(f"parts {', '.join(twice)} are listed twice; a part has one state")
        counts = Counter(unit.state for unit in outcome.units)
        if unknown := sorted(set(counts) - set(_STATES)):
            raise RunError(f"unknown unit state {unknown[0]!r}; known: {', '.join(_STATES)}")
        named = len(parts) - counts["bystander"]
        if outcome.good and counts["good"] != named:
            raise RunError(f"a good order has {named - counts['good']} units that are not good")
        return Ledger(
            entered=self.entered + (named if entered is None else entered),
            good=self.good + counts["good"],
            scrap=self.scrap + counts["scrap"],
            wip=self.wip + counts["wip"],
            quarantine=self.quarantine + counts["quarantine"],
            bystanders=self.bystanders + counts["bystander"],
        )

    def __add__(self, other: Ledger) -> Ledger:
        """Return the sum of two ledgers, so that workers' accounts can be joined."""
        return Ledger(
            entered=self.entered + other.entered,
            good=self.good + other.good,
            scrap=self.scrap + other.scrap,
            wip=self.wip + other.wip,
            quarantine=self.quarantine + other.quarantine,
            bystanders=self.bystanders + other.bystanders,
        )

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Ledger:
        """Return the ledger of many orders."""
        ledger = cls()
        for outcome in outcomes:
            ledger = ledger.add(outcome)
        return ledger
