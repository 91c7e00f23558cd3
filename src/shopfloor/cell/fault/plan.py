"""Which faults are put in, when, for how long and how strongly.

A fault is written ``NAME@AT``, with ``/TARGET`` after the name, ``+FOR`` and ``:AMOUNT`` behind::

    camera.freeze@12s                 from second 12 of each lot, for good
    camera.freeze/overview@2s..6s+1s  from some moment between, drawn by seed, for one second
    camera.drop@1s+20s:0.5            half of the pictures
    gripper.slip~40/h+2s              forty times an hour on average, for two seconds each

Times count from the start of a lot, on the virtual clock: a lot's beginning depends on nothing that
happened before it. Every draw comes from the lot's seed, so the same plan gives the same faults on
any number of workers. A target that is not named is drawn, too.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopfloor.cell.fault.kind import FaultKind, fault_kind
from shopfloor.errors import UsageError
from shopfloor.types import CellSpec, Lot

__all__ = ["Fault", "Injection", "draw", "parse", "read"]

_LONGEST_S = 86_400.0
_MOST_PER_HOUR = 36_000.0
_NUMBER = r"\d+(?:\.\d+)?"
_FORM = re.compile(
    rf"(?P<name>[a-z_]+\.[a-z_]+)(?:/(?P<target>[A-Za-z0-9_-]+))?"
    rf"(?:@(?P<at>{_NUMBER})s(?:\.\.(?P<until>{_NUMBER})s)?|~(?P<rate>{_NUMBER})/h)"
    rf"(?:\+(?P<lasts>{_NUMBER})s)?(?::(?P<amount>-?{_NUMBER}))?"
)
_HELP = (
    "write NAME@12s, NAME@2s..6s+1s or NAME~4/h, with /TARGET after the name and :AMOUNT at the end"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a fault plan.

    Attributes:
        text: As it was written.
        kind: What happens.
        target: The camera or limb that it befalls, or None: one drawn by seed.
        window_s: It begins within this stretch of a lot; None where ``rate_per_h`` says.
        rate_per_h: How often an hour it begins, on average, or None.
        lasts_s: How long it lasts, or None: to the end of the lot.
        amount: How strong it is, or None where there is nothing to set.
    """

    text: str
    kind: FaultKind
    target: str | None
    window_s: tuple[float, float] | None
    rate_per_h: float | None
    lasts_s: float | None
    amount: float | None


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault of one lot, with everything drawn.

    Attributes:
        kind: What happens.
        target: Name of the camera or limb; empty for the wire.
        begin, end: Ticks; ``end`` is None where it lasts for good.
        amount: How strong it is.
        seed: Of what it draws itself.
    """

    kind: FaultKind
    target: str
    begin: int
    end: int | None
    amount: float
    seed: int

    def at(self, tick: int) -> bool:
        """Whether it is in force at a tick."""
        return self.begin <= tick and (self.end is None or tick < self.end)


def parse(text: str) -> Fault:
    """Read one fault as it is written on the command line.

    Raises:
        UnknownName: No fault has this name.
        UsageError: It is not written as a fault is, or a number is impossible.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        name = re.match(r"[a-z_]+\.[a-z_]+", text.strip())
        if name is not None:
            fault_kind(name[0])
        raise UsageError(f"--fault {text!r} cannot be read; {_HELP}")
    kind = fault_kind(form["name"])
    if kind.place == "wire" and form["target"]:
        raise UsageError(f"--fault {text!r}: {kind.name} befalls the wire and takes no target")
    window = None
    if form["at"] is not None:
        window = float(form["at"]), float(form["until"] or form["at"])
        if not window[0] <= window[1] <= _LONGEST_S:
            raise UsageError(f"--fault {text!r}: it must end after it begins, within a day")
    rate = float(form["rate"]) if form["rate"] else None
    if rate is not None and not 0 < rate <= _MOST_PER_HOUR:
        raise UsageError(f"--fault {text!r}: a rate is above 0 and at most 36000/h")
    lasts = float(form["lasts"]) if form["lasts"] else None
    if lasts is not None and not 0 < lasts <= _LONGEST_S:
        raise UsageError(f"--fault {text!r}: it must last longer than 0 s and at most a day")
    return Fault(text.strip(), kind, form["target"], window, rate, lasts, _amount(text, kind, form))


def _amount(text: str, kind: FaultKind, form: re.Match[str]) -> float | None:
    if kind.amount is None:
        if form["amount"]:
            raise UsageError(f"--fault {text!r}: {kind.name} has no amount to set")
        return None
    least, usual, most = kind.amount
    amount = float(form["amount"]) if form["amount"] else usual
    if not least <= amount <= most:
        raise UsageError(
            f"--fault {text!r}: {kind.name} takes {least:g} to {most:g} {kind.unit}, not {amount:g}"
        )
    return amount


def read(items: Iterable[str]) -> tuple[str, ...]:
    """Return faults one by one: an item that ends in ``.toml`` is a file with a list ``faults``.

    Raises:
        UsageError: A file cannot be read, or one of its lines is no fault.
    """
    texts: list[str] = []
    for item in items:
        if not item.endswith(".toml"):
            texts.append(parse(item).text)
            continue
        try:
            listed = tomllib.loads(Path(item).read_text(encoding="utf-8")).get("faults")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"the fault plan {item} cannot be read: {error}") from None
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise UsageError(f'{item} must hold faults = ["camera.freeze@12s", ...] and no less')
        texts += [parse(text).text for text in listed]
    return tuple(texts)


def draw(faults: Iterable[Fault], lot: Lot, spec: CellSpec) -> tuple[Injection, ...]:
    """Draw the faults of one lot.

    Raises:
        UsageError: A target is not in the cell.
    """
    found = []
    longest = max((order.time_limit_s for order in lot.orders), default=0.0)
    for place, fault in enumerate(faults):
        known = tuple(spec.cameras if fault.kind.place == "camera" else spec.body.limbs)
        if fault.target is not None and fault.target not in known:
            raise UsageError(
                f"--fault {fault.text!r}: the cell has no {fault.kind.place} {fault.target!r}; it "
                f"has {', '.join(known)}"
            )
        rng = np.random.default_rng([lot.seed, lot.index, place, 0xFA017])
        for begin_s in _begins(fault, longest, rng):
            target = fault.target or str(rng.choice(known))
            begin = math.ceil(begin_s / spec.control_dt)
            end = None if fault.lasts_s is None else begin + round(fault.lasts_s / spec.control_dt)
            seed = int(rng.integers(2**31))
            target = "" if fault.kind.place == "wire" else target
            found.append(Injection(fault.kind, target, begin, end, fault.amount or 0.0, seed))
    return tuple(sorted(found, key=lambda one: one.begin))


def _begins(fault: Fault, longest_s: float, rng: np.random.Generator) -> list[float]:
    if fault.window_s is not None:
        return [float(rng.uniform(*fault.window_s))]
    if fault.rate_per_h is None:
        return []
    begins, now = [], 0.0
    while (now := now + float(rng.exponential(3600 / fault.rate_per_h))) < longest_s:
        begins.append(now)
    return begins
