"""Reads the envelope of a cell from its data file. No field has a default."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from shopfloor.errors import LimitsError, UnknownName
from shopfloor.types import (
    BodySpec,
    Box,
    FloatArray,
    LimbLimits,
    LimbSpec,
    Limits,
    PeopleLimits,
    ServoLimits,
)

__all__ = ["MODES", "load_limits"]

MODES = ("fenced", "collaborative")

_LENGTHS = (
    "tool_speed_m_s",
    "tool_acceleration_m_s2",
    "limb_distance_m",
    "self_distance_m",
    "contact_force_n",
    "contact_release_s",
)
_SHARES = ("joint_overshoot", "tool_overshoot")
_SERVO = {*_SHARES, "tracking_m", "tracking_deg", "following_deg"}
_PEOPLE = {"approach_m_s", "reaction_s", "intrusion_m", "supplement_m"}
_BOX = {"lower_m", "upper_m"}
_TOP = {
    *("name", "dated", "command_age_ticks", "servo", "people", "keep_out", "limbs"),
    *_LENGTHS,
}
_MOST = 1e9
"""No number of a cell is larger; it also keeps integers out that no float can hold."""
_SLACK_RAD = 1e-6
_LIMB = {
    "q_lower_deg",
    "q_upper_deg",
    "qd_max_deg_s",
    "qdd_max_deg_s2",
    "carry",
    "gain",
    "workspace_lower_m",
    "workspace_upper_m",
}


def load_limits(cell: str, body: BodySpec, mode: str) -> Limits:
    """Read the limits of a cell with a body in a mode.

    Args:
        cell: Name of the cell.
        body: Its body; every limb must have limits for every joint.
        mode: ``fenced`` or ``collaborative``, or the path of a limits file.

    Raises:
        UnknownName: No such mode.
        LimitsError: A field is missing, unknown, contradictory or impossible.
    """
    if mode.endswith(".toml"):
        path = Path(mode)
        if not path.is_file():
            raise LimitsError(f"no limits file {mode}; give fenced, collaborative or a .toml file")
        raw, where = path.read_bytes(), path.name
    else:
        where = f"{cell}.{body.name.replace(':', '-')}.{mode}.toml"
        data = resources.files("shopfloor.guard") / "data" / where
        if mode not in MODES:
            raise UnknownName("limits", mode, MODES)
        if not data.is_file():
            raise LimitsError(
                f"nobody has stated limits for cell {cell!r} with body {body.name!r} ({where}); "
                "write such a file and give it with --limits FILE.toml"
            )
        raw = data.read_bytes()
    try:
        table = tomllib.loads(raw.decode())
    except ValueError as error:  # of TOML, of UTF-8, or a number with thousands of digits
        raise LimitsError(f"{where} is not TOML: {error}") from error
    return _limits(table, body, where, hashlib.sha256(raw).hexdigest())


def _limits(table: Mapping[str, Any], body: BodySpec, where: str, sha256: str) -> Limits:
    _exactly(table, _TOP, where)
    limbs = table["limbs"]
    if not isinstance(limbs, dict):
        raise LimitsError(f"{where}: limbs must be a table of limbs")
    _exactly(limbs, set(body.limbs), f"{where}: limbs")
    dated = table["dated"]
    if not isinstance(dated, date):
        raise LimitsError(f"{where}: dated is {dated!r}; write a date such as 2026-11-22")
    name, age = table["name"], table["command_age_ticks"]
    if not isinstance(name, str) or not name:
        raise LimitsError(f"{where}: name is {name!r}; it must be a text such as fenced")
    if not isinstance(age, int) or isinstance(age, bool) or age < 1:
        raise LimitsError(f"{where}: command_age_ticks is {age!r}; it must be a whole number >= 1")
    return Limits(
        name=name,
        dated=dated.isoformat(),
        **{field: _positive(table, field, where) for field in _LENGTHS},
        command_age_ticks=age,
        servo=_servo(table["servo"], f"{where}: servo"),
        people=_people(table["people"], f"{where}: people"),
        keep_out=_keep_out(table["keep_out"], f"{where}: keep_out"),
        limbs={
            limb: _limb(limbs[limb], spec, f"{where}: limbs.{limb}")
            for limb, spec in body.limbs.items()
        },
        sha256=sha256,
    )


def _servo(table: Any, where: str) -> ServoLimits:
    _table(table, _SERVO, where)
    shares = [_positive(table, field, where) for field in _SHARES]
    for field, share in zip(_SHARES, shares, strict=True):
        if share >= 1:
            raise LimitsError(f"{where}: {field} is {share:g}; it must be a share below 1")
    tracking, following = (
        float(np.radians(_positive(table, f"{field}_deg", where)))
        for field in ("tracking", "following")
    )
    tracking_m = _positive(table, "tracking_m", where)
    return ServoLimits(shares[0], shares[1], tracking_m, tracking, following)


def _people(table: Any, where: str) -> PeopleLimits:
    _table(table, _PEOPLE, where)
    return PeopleLimits(**{field: _positive(table, field, where) for field in sorted(_PEOPLE)})


def _keep_out(table: Any, where: str) -> tuple[Box, ...]:
    """Read the boxes; none is allowed, but it must be said: ``[keep_out]``."""
    if not isinstance(table, dict):
        raise LimitsError(f"{where} must be a table of boxes; it may be empty")
    boxes = []
    for name, box in table.items():
        _table(box, _BOX, f"{where}.{name}")
        low, high = (_numbers(box, field, 3, f"{where}.{name}") for field in ("lower_m", "upper_m"))
        if np.any(low >= high):
            raise LimitsError(f"{where}.{name}: lower_m must be below upper_m")
        boxes.append(Box(name, low, high))
    return tuple(boxes)


def _table(table: Any, names: set[str], where: str) -> None:
    if not isinstance(table, dict):
        raise LimitsError(f"{where} must be a table")
    _exactly(table, names, where)


def _limb(table: Any, spec: LimbSpec, where: str) -> LimbLimits:
    _table(table, _LIMB, where)
    q_lower, q_upper, qd_max, qdd_max = (
        np.radians(_numbers(table, field, spec.dof, where))
        for field in ("q_lower_deg", "q_upper_deg", "qd_max_deg_s", "qdd_max_deg_s2")
    )
    carry, gain = (_numbers(table, field, spec.dof, where) for field in ("carry", "gain"))
    low, high = (_numbers(table, f"workspace_{side}_m", 3, where) for side in ("lower", "upper"))
    if np.any(q_lower >= q_upper):
        raise LimitsError(f"{where}: q_lower_deg must be below q_upper_deg for every joint")
    for field, least in (("qd_max_deg_s", qd_max), ("qdd_max_deg_s2", qdd_max)):
        if np.any(least <= 0):
            raise LimitsError(f"{where}: {field} must be above 0 for every joint")
    if np.any(low >= high):
        raise LimitsError(f"{where}: workspace_lower_m must be below workspace_upper_m")
    for field, share in (("carry", carry), ("gain", gain)):
        if np.any(share < 0) or np.any(share >= 1):
            raise LimitsError(f"{where}: {field} is {table[field]!r}; shares from 0 to below 1")
    for field, over in (
        ("q_lower_deg", spec.q_lower - q_lower),
        ("q_upper_deg", q_upper - spec.q_upper),
        ("qd_max_deg_s", qd_max - spec.qd_max),
        ("qdd_max_deg_s2", qdd_max - spec.qdd_max),
    ):
        if np.any(over > _SLACK_RAD):
            raise LimitsError(
                f"{where}: {field} is {table[field]!r}, which is {np.degrees(over.max()):g} more "
                "than the body can do; state what it may do"
            )
    return LimbLimits(q_lower, q_upper, qd_max, qdd_max, carry, gain, low, high)


def _exactly(table: Mapping[str, Any], names: set[str], where: str) -> None:
    if missing := sorted(names - table.keys()):
        raise LimitsError(f"{where} lacks {', '.join(missing)}; safety has no default value")
    if unknown := sorted(table.keys() - names):
        raise LimitsError(
            f"{where} has unknown {', '.join(unknown)}; known: {', '.join(sorted(names))}"
        )


def _positive(table: Mapping[str, Any], name: str, where: str) -> float:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MOST:
        raise LimitsError(f"{where}: {name} is {value!r}; it must be a finite number above 0")
    return float(value)


def _numbers(table: Mapping[str, Any], name: str, count: int, where: str) -> FloatArray:
    values = table[name]
    good = isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < _MOST for v in values
    )
    if not good or len(values) != count:
        raise LimitsError(f"{where}: {name} is {values!r}; it must be {count} finite numbers")
    return np.array(values, float)
