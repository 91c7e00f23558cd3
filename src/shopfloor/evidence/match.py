"""Which orders several runs have in common, and what else differs between the runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from shopfloor.errors import RunCorrupt, UsageError
from shopfloor.evidence.contestant import Contestant
from shopfloor.order import GeneratedOrders
from shopfloor.record import RunFolder
from shopfloor.record.entry import Entry, Manifest
from shopfloor.types import Language

__all__ = ["Matched", "match"]

_VARIED = ("cell", "body", "brain", "language", "latency", "limits", "noise", "faults", "cameras")
"""What somebody may mean to compare."""


def _said(value: object) -> str:
    """Write a value of a manifest in one line."""
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:g} s"


_FACTS: tuple[tuple[str, Callable[[Manifest], str]], ...] = (
    *((name, lambda m, name=name: _said(getattr(m, name))) for name in _VARIED),
    (
        "deadline of the brain",
        lambda m: f"{m.brain_deadline_s:g} s" if m.brain_deadline_s else "none",
    ),
    ("fallback", lambda m: m.fallback or "nobody"),
    ("seed", lambda m: str(m.seed)),
    ("source of orders", lambda m: m.sha256.get("orders", "unknown")[:12]),
    ("model of the cell", lambda m: m.sha256.get("cell", "unknown")[:12]),
    ("model of the body", lambda m: m.sha256.get("body", "unknown")[:12]),
    ("values of the limits", lambda m: m.sha256.get("limits", "unknown")[:12]),
    ("values of the noise", lambda m: m.sha256.get("noise", "unknown")[:12]),
    ("tick", lambda m: f"{m.control_dt:g} s"),
    ("changeover", lambda m: f"{m.changeover_s:g} s"),
    ("who the brain says it is", lambda m: json.dumps(dict(m.brain_identity), sort_keys=True)),
    ("versions", lambda m: ", ".join(f"{k} {v}" for k, v in sorted(m.versions.items()))),
    ("commit", lambda m: (m.git_commit or "unknown")[:12]),
    ("renderer", lambda m: m.renderer),
    ("processor", lambda m: m.cpu),
)


@dataclass(frozen=True, slots=True)
class Matched:
    """Runs on the orders that they have in common.

    Attributes:
        contestants: The runs, whole.
        orders: ``(n, m)`` entries of the n common orders, one for each of m contestants, in the
            sequence of the first one's lots.
        whole: Whether no run has an order that the others lack.
        dropped: Orders left out because an unfinished run lacks one before them.
        fixed: Whether the length of every run was fixed beforehand.
        by_content: Whether logs were asked what each order was, as the runs took their orders from
            different sources.
        differs: (what, value for each contestant) of everything that is not the same.
    """

    contestants: tuple[Contestant, ...]
    orders: tuple[tuple[Entry, ...], ...]
    whole: bool
    dropped: int
    fixed: bool
    by_content: bool
    differs: tuple[tuple[str, tuple[str, ...]], ...]

    def entries(self, index: int) -> tuple[Entry, ...]:
        """Return the common orders as one contestant worked them."""
        return tuple(row[index] for row in self.orders)


def match(contestants: Sequence[Contestant]) -> Matched:
    """Find the common orders.

    Where all runs took their orders from the same source, or from one that told the same lots in
    other words, lots are told by index and seed. Otherwise each log is asked what the lot was:
    parts and their places, totes, words, goal, seed.

    Raises:
        UsageError: Fewer than two runs, a run without orders, or no order in common.
        RunCorrupt: Two runs from one source have different orders, or a log cannot be read.
    """
    if len(contestants) < 2:
        raise UsageError(
            f"got {len(contestants)} run; a comparison needs two or more: name another run folder, "
            "or another --brain"
        )
    for each in contestants:
        if not each.entries:
            raise UsageError(
                f"{each.path} has 0 orders: nothing was measured, so nothing can be compared; "
                "work it first, with shopfloor run --resume"
            )
    by_content = not _same_lots([each.manifest for each in contestants])
    keyed = _keyed(contestants, by_content=by_content)
    dropped = 0
    kept: list[dict[Hashable, Entry]] = []
    for each, orders in zip(contestants, keyed, strict=True):
        end = len(each.entries) if each.fixed else _first_gap(each.entries)
        within = {key: entry for key, entry in orders.items() if each.fixed or entry.lot < end}
        kept.append(within)
    every = set.intersection(*map(set, keyed))
    common = [key for key in kept[0] if all(key in other for other in kept)]
    dropped = len(every) - len(common)
    differs = tuple(_differences([each.manifest for each in contestants]))
    if not common:
        raise UsageError(_nothing_in_common(contestants, differs))
    return Matched(
        contestants=tuple(contestants),
        orders=tuple(tuple(orders[key] for orders in kept) for key in common),
        whole=all(len(orders) == len(common) for orders in keyed),
        dropped=dropped,
        fixed=all(each.fixed for each in contestants),
        by_content=by_content,
        differs=differs,
    )


def _same_lots(manifests: Sequence[Manifest]) -> bool:
    """Return whether lots with one index are the same lot; the words of their orders may differ."""
    sources = {manifest.sha256.get("orders") for manifest in manifests}
    if len({manifest.seed for manifest in manifests}) > 1 or None in sources:
        return False
    if len(sources) == 1:
        return True
    return all(
        manifest.order_file is None
        and manifest.sha256["orders"] == _generated(manifest.seed, manifest.language)
        for manifest in manifests
    )


def _generated(seed: int, language: str) -> str:
    """Return the hash of the orders that this very generator makes, in a language."""
    told: Language | None = "en" if language == "en" else "zh" if language == "zh" else None
    return GeneratedOrders(seed, language=told).sha256


def _keyed(contestants: Sequence[Contestant], *, by_content: bool) -> list[dict[Hashable, Entry]]:
    """Return the entries of each by what the order is."""
    if not by_content:
        keyed: list[dict[Hashable, Entry]] = [
            {entry.lot: entry for entry in each.entries} for each in contestants
        ]
        for each, orders in zip(contestants[1:], keyed[1:], strict=True):
            for lot, entry in orders.items():
                _same_order(keyed[0].get(lot), entry, each)
        return keyed
    return [
        {_recorded(run, entry): entry for entry in each.entries}
        for each in contestants
        for run in (RunFolder.open(each.path),)
    ]


def _same_order(one: Entry | None, other: Entry, where: Contestant) -> None:
    if one is not None and (one.seed, one.order) != (other.seed, other.order):
        raise RunCorrupt(
            f"lot {other.lot} of {where.path} is order {other.order!r} with seed {other.seed}, and "
            f"elsewhere {one.order!r} with seed {one.seed}, though both runs name the same source "
            "of orders; an index was edited: see shopfloor check"
        )


def _recorded(run: RunFolder, entry: Entry) -> str:
    """Return a hash of a lot as its log says it was, but for its place in the shift."""
    lot = {k: v for k, v in run.episode(entry.lot).begin()["lot"].items() if k != "index"}
    return sha256(json.dumps(lot, sort_keys=True).encode()).hexdigest()


def _first_gap(entries: Sequence[Entry]) -> int:
    """Return the first lot that is not there."""
    lots = {entry.lot for entry in entries}
    return next(lot for lot in range(len(lots) + 1) if lot not in lots)


def _differences(manifests: Sequence[Manifest]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, fact in _FACTS:
        values = tuple(map(fact, manifests))
        if len(set(values)) > 1:
            yield name, values


def _nothing_in_common(
    contestants: Sequence[Contestant], differs: Sequence[tuple[str, tuple[str, ...]]]
) -> str:
    told = dict(differs)
    apart = [
        f"{name} {' / '.join(dict.fromkeys(told[name]))}"
        for name in ("cell", "body", "seed", "source of orders")
        if name in told
    ]
    counts = ", ".join(f"{each.path} has {len(each.entries)}" for each in contestants)
    why = f" They differ in {'; '.join(apart)}." if apart else ""
    return (
        f"these runs have no order in common ({counts}), so they cannot be compared order by "
        f"order.{why} Work them on the same --seed or --order-file, or let shopfloor compare "
        "--brain A --brain B do it"
    )
