"""A benchmark suite: one stated base, and conditions that vary one factor of it at a time."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from shopfloor import plugins
from shopfloor.cell.noise.level import noise_level
from shopfloor.errors import UnknownName, UsageError
from shopfloor.evidence.catalogue import suite_bytes, suites
from shopfloor.evidence.power import Discordance, mcnemar_power
from shopfloor.guard.limits import MODES
from shopfloor.shift import Latency
from shopfloor.shift.plan import LANGUAGES

__all__ = ["BASE", "FACTORS", "Condition", "Effect", "Extent", "Suite", "load_suite"]

BASE = "base"
"""Name of the condition that all others are held against."""

EXTENTS = ("full", "quick")
_MOST_ORDERS = 2000
"""Orders that a suite may ask of a brain."""


def _plugin(kind: plugins.Kind) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        plugins.factory(kind, _text(value))
        return str(value)

    return checked


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{value!r} is no name; write it in quotes")
    return value


def _language(value: Any) -> str:
    if value not in LANGUAGES:
        raise UsageError(f"{value!r} is no language; known: {', '.join(LANGUAGES)}")
    return str(value)


def _limits(value: Any) -> str:
    if value not in MODES:  # a file's content would not be in the hash
        raise UsageError(f"{value!r} are no limits of a suite; known: {', '.join(MODES)}")
    return str(value)


def _latency(value: Any) -> Latency:
    latency = Latency.parse(_text(value))
    if latency.mode == "measured":
        raise UsageError("measured repeats on no other machine; a suite takes fixed:MS or none")
    return latency


def _noise(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{value!r} is no level of noise; write a whole number")
    return noise_level(value).number


FACTORS: Mapping[str, Callable[[Any], Any]] = {
    "cell": _plugin("cells"),
    "body": _plugin("bodies"),
    "limits": _limits,
    "language": _language,
    "latency": _latency,
    "noise": _noise,
}
"""What can be varied, and how a level becomes what a plan takes."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a brain is tried under.

    Attributes:
        factor: What is not as in the base; None in the base itself.
        level: What it is instead, as it is written in the suite.
        settings: Every factor of the condition by its name, as a plan takes it.
    """

    factor: str | None
    level: str | None
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``base``, or the factor and its level."""
        return BASE if self.factor is None else f"{self.factor} {self.level}"


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference that a number of orders can resolve.

    Attributes:
        lost, won: Shares of all orders that the condition costs, and that it wins.
        power: Least chance that it is seen.
        reached: That chance, computed.
    """

    lost: float
    won: float
    power: float
    reached: float


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a suite is worked: ``full`` or ``quick``.

    Attributes:
        name: Which.
        orders: For each condition; the same ones for all.
        effect: What that resolves.
        conditions: The base first.
    """

    name: str
    orders: int
    effect: Effect
    conditions: tuple[Condition, ...]

    @property
    def total(self) -> int:
        """Orders in all."""
        return self.orders * len(self.conditions)


@dataclass(frozen=True, slots=True)
class Suite:
    """A benchmark suite.

    Attributes:
        name, version: What it is called, and its date.
        frozen: Whether it will never change.
        seed: Of the orders.
        alpha: Chance of calling any condition different where none is.
        extents: By name.
        sha256: Of everything that the file says, however it is laid out.
        given: What it was loaded by: its name, or the path of its file.
    """

    name: str
    version: str
    frozen: bool
    seed: int
    alpha: float
    extents: Mapping[str, Extent]
    sha256: str
    given: str

    @property
    def title(self) -> str:
        """How the suite is told from every other."""
        return f"{self.name} of {self.version} ({self.sha256[:12]})"

    def level_of(self, extent: Extent) -> float:
        """Return the level that Holm's correction leaves for the first of all conditions."""
        return self.alpha / (len(extent.conditions) - 1)


def load_suite(name: str) -> Suite:
    """Read a suite by its name, or from a file of one's own.

    Args:
        name: One of ``suites()``, or the path of a TOML file.

    Raises:
        UnknownName: There is no such suite.
        UsageError: The file cannot be read, or says what cannot be; the message names what.
    """
    if name.endswith(".toml"):
        try:
            raw, where = Path(name).read_bytes(), Path(name).name
        except OSError as error:
            raise UsageError(
                f"the suite {name} cannot be read: {error.strerror}; give one of "
                f"{', '.join(suites())} or a file that is there"
            ) from error
    elif name in suites():
        raw, where = suite_bytes(name), f"suite-{name}.toml"
    else:
        raise UnknownName("suite", name, suites())
    try:
        table = tomllib.loads(raw.decode())
    except ValueError as error:
        raise UsageError(f"{where} is not TOML: {error}; mend it there") from error
    try:
        return _suite(table, given=name)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _suite(table: Mapping[str, Any], *, given: str) -> Suite:
    top = ("name", "version", "frozen", "seed", "alpha", "base", "factors", *EXTENTS)
    _exactly(table, top, "the suite")
    alpha = _share(table, "alpha", "the suite")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha:g}; it must lie between 0 and 1")
    if not isinstance(table["frozen"], bool):
        raise UsageError(f"frozen is {table['frozen']!r}; write true or false")
    seed = _whole(table, "seed", "the suite", 0, 2**31 - 1)
    base = _table(table, "base")
    _exactly(base, FACTORS, "[base]")
    settings = {name: _value(name, base[name], "[base]") for name in FACTORS}
    conditions = tuple(_conditions(settings, _table(table, "factors"), base))
    extents = {
        name: _extent(name, _table(table, name), conditions, alpha=alpha) for name in EXTENTS
    }
    canonical = json.dumps(table, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Suite(
        name=_text(table["name"]),
        version=_dated(table["version"]),
        frozen=table["frozen"],
        seed=seed,
        alpha=alpha,
        extents=extents,
        sha256=sha256(canonical.encode()).hexdigest(),
        given=given,
    )


def _conditions(
    settings: Mapping[str, Any], factors: Mapping[str, Any], base: Mapping[str, Any]
) -> Iterator[Condition]:
    yield Condition(None, None, settings)
    if not factors:
        raise UsageError("[factors] varies nothing; name a factor and its levels")
    for name, levels in factors.items():
        if name not in FACTORS:
            raise UnknownName("factor", name, FACTORS)
        if not isinstance(levels, list) or not levels:
            raise UsageError(f"[factors] {name} is {levels!r}; write a list of levels")
        for i, level in enumerate(levels):
            if level == base[name] or level in levels[:i]:
                raise UsageError(f"[factors] {name} has {level!r} twice, or it is the base's own")
            changed = {**settings, name: _value(name, level, "[factors]")}
            yield Condition(name, str(level), changed)


def _extent(
    name: str, table: Mapping[str, Any], conditions: tuple[Condition, ...], *, alpha: float
) -> Extent:
    where = f"[{name}]"
    allowed = ("orders", "lost", "won", "power", *(("factors",) if "factors" in table else ()))
    _exactly(table, allowed, where)
    if "factors" in table:
        conditions = tuple(_chosen(_table(table, "factors"), conditions, where))
    orders = _whole(table, "orders", where, 1, _MOST_ORDERS)
    if orders * len(conditions) > _MOST_ORDERS:
        raise UsageError(
            f"{where} asks for {orders * len(conditions):,} orders in all; at most "
            f"{_MOST_ORDERS:,} may be asked of a brain"
        )
    lost, won, power = (_share(table, key, where) for key in ("lost", "won", "power"))
    if not 0 <= won < lost or lost + won > 1:
        raise UsageError(f"{where} loses {lost:g} and wins {won:g}; a loss is the larger of both")
    truth = Discordance(lost + won, lost / (lost + won))
    reached = mcnemar_power(orders, truth, alpha=alpha / (len(conditions) - 1))
    if reached < power:
        raise UsageError(
            f"{where} says that {orders} orders show a loss of {lost:g} against {won:g} with a "
            f"chance of {power:g}; it is {reached:.3f}: ask for more orders, or claim less"
        )
    return Extent(name, orders, Effect(lost, won, power, reached), conditions)


def _chosen(
    factors: Mapping[str, Any], conditions: tuple[Condition, ...], where: str
) -> Iterator[Condition]:
    wanted = {
        (name, str(level))
        for name, levels in factors.items()
        for level in (levels if isinstance(levels, list) else [levels])
    }
    if not wanted or (more := wanted - {(each.factor, each.level) for each in conditions}):
        raise UsageError(
            f"{where} factors has {', '.join(f'{n} {v}' for n, v in sorted(more)) or 'nothing'}; "
            "it must choose from [factors]"
            if wanted
            else f"{where} factors chooses nothing; leave it out, or choose from [factors]"
        )
    for each in conditions:
        if each.factor is None or (each.factor, each.level) in wanted:
            yield each


def _value(name: str, level: Any, where: str) -> Any:
    try:
        return FACTORS[name](level)
    except UsageError as error:
        raise UsageError(f"{where} {name}: {error}") from error


def _exactly(table: Mapping[str, Any], names: Mapping[str, Any] | tuple[str, ...],
             where: str) -> None:  # fmt: skip
    if missing := [name for name in names if name not in table]:
        raise UsageError(f"{where} lacks {', '.join(missing)}; nothing in a suite has a default")
    if unknown := [name for name in table if name not in names]:
        raise UsageError(f"{where} has {unknown[0]!r}; known: {', '.join(names)}")


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table[name]
    if not isinstance(found, dict):
        raise UsageError(f"{name} is {found!r}; write a table, [{name}]")
    return found


def _whole(table: Mapping[str, Any], name: str, where: str, least: int, most: int) -> int:
    value = table[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise UsageError(
            f"{where} {name} is {value!r}; it must be a whole number from {least} to {most}"
        )
    return value


def _share(table: Mapping[str, Any], name: str, where: str) -> float:
    value = table[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise UsageError(f"{where} {name} is {value!r}; it must be a number from 0 to 1")
    return float(value)


def _dated(value: Any) -> str:
    try:
        return date.fromisoformat(_text(value)).isoformat()
    except ValueError as error:
        raise UsageError(f"version is {value!r}; write a date such as '2026-11-25'") from error
