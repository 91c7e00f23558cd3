"""What is counted over the lots of a run, and what must hold of each before it counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from shopfloor.errors import RunCorrupt
from shopfloor.record.entry import Entry
from shopfloor.report.interval import Rate
from shopfloor.report.measure import LEDGER

__all__ = [
    "by_brain",
    "by_language",
    "check",
    "first_pass",
    "in_lot_order",
    "log_sha256",
    "missing",
]


def log_sha256(entries: Sequence[Entry]) -> str | None:
    """Return the hash of a run: sha256 over the ascii hashes of its lots, in lot order.

    It holds no wall time, so the same manifest on the same machine gives the same hash with
    any number of workers, and after a kill and a resume too. None for a run without lots.
    """
    if not entries:
        return None
    digest = hashlib.sha256()
    for entry in in_lot_order(entries):
        digest.update(entry.log_sha256.encode("ascii"))
    return digest.hexdigest()


def in_lot_order(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Sort by lot.

    Raises:
        RunCorrupt: A lot is in the index twice.
    """
    ordered = tuple(sorted(entries, key=lambda entry: entry.lot))
    for before, after in pairwise(ordered):
        if before.lot == after.lot:
            raise RunCorrupt(
                f"lot {after.lot} is in the index twice; each lot counts once; remove one line"
            )
    return ordered


def missing(lots: Sequence[Entry]) -> tuple[int, ...]:
    """Return the lots below the highest one that are not there."""
    if not lots:
        return ()
    return tuple(sorted(set(range(lots[-1].lot)) - {lot.lot for lot in lots}))


def by_language(lots: Sequence[Entry]) -> dict[str, Rate]:
    """Return the rate of good orders by language of the instruction."""
    asked = Counter(lot.language for lot in lots)
    good = Counter(lot.language for lot in lots if lot.good)
    return {name: Rate.of(good[name], asked[name]) for name in sorted(asked)}


def by_brain(lots: Sequence[Entry]) -> dict[str, Rate]:
    """Return the rate of good orders by who decided, in the sequence in which they came."""
    asked = Counter(lot.worked_by for lot in lots)
    good = Counter(lot.worked_by for lot in lots if lot.good)
    return {name: Rate.of(good[name], asked[name]) for name in asked}


def first_pass(lot: Entry) -> bool:
    """Whether an order was good with no failed pick, no part picked twice and no assist."""
    attempted, succeeded = lot.picks
    named = sum(unit.state != "bystander" for unit in lot.units)
    # A part that one limb sets down for the other is picked twice by plan; any pick beyond that
    # means that some part was handled again after a drop.
    planned = named + lot.relays
    return lot.good and not lot.repair_ticks and attempted == succeeded <= planned


def check(lot: Entry) -> None:
    """Refuse a lot that contradicts itself.

    Raises:
        RunCorrupt: It does.
    """
    if lot.good != (lot.code is None):
        raise RunCorrupt(
            f"lot {lot.lot} is {'good' if lot.good else 'not good'} with the failure code "
            f"{lot.code!r}; a failed order has exactly one code and a good one none; judge it again"
        )
    if lot.good and not lot.ever:
        raise RunCorrupt(
            f"lot {lot.lot} is good at the end but at no settled moment; the end is one; "
            "judge it again"
        )
    for unit in lot.units:
        if unit.state not in (*LEDGER, "bystander"):
            raise RunCorrupt(
                f"part {unit.part} of lot {lot.lot} ended as {unit.state!r}; allowed are "
                f"{', '.join(LEDGER)} and bystander; every unit is in exactly one place"
            )
