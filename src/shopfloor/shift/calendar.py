"""Reads the calendar of a shift from a file or from those that are built in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from shopfloor.errors import UnknownName, UsageError
from shopfloor.record.calendar import DAY_S, NO_CALENDAR, STATES, Calendar, Window

__all__ = ["CALENDARS", "calendar_bytes", "load_calendar"]

CALENDARS = ("none", "two-breaks")

_TOP = {"name", "start", "window"}
_WINDOW = {"name", "state", "at", "minutes"}
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_MOST_WINDOWS = 100


def load_calendar(name: str) -> Calendar:
    """Read a calendar.

    Args:
        name: ``none``, ``two-breaks``, or the path of a TOML file.

    Raises:
        UnknownName: No such calendar.
        UsageError: The file is not there or wrong; the message names the key.
    """
    if name == "none":
        return NO_CALENDAR
    where = Path(name).name
    try:
        table = tomllib.loads(calendar_bytes(name).decode())
    except ValueError as error:  # of TOML, of UTF-8, or a number with thousands of digits
        raise UsageError(f"{where} is not TOML: {error}; docs/metrics.md has an example") from error
    return _calendar(table, where)


def calendar_bytes(name: str) -> bytes:
    """Return the file of a calendar that has one; raises as :func:`load_calendar`."""
    if not name.endswith(".toml"):
        if name not in CALENDARS:
            raise UnknownName("calendar", name, (*CALENDARS, "a FILE.toml"))
        return (resources.files("shopfloor.shift") / "data" / f"{name}.toml").read_bytes()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"the calendar {name} cannot be read: {error.strerror}; give {', '.join(CALENDARS)} or "
            "a TOML file"
        ) from error


def _calendar(table: Mapping[str, Any], where: str) -> Calendar:
    _exactly(table, _TOP, where)
    start_s = _time(table["start"], f"{where}: start")
    entries = table["window"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_WINDOWS:
        raise UsageError(
            f"{where}: window must be 1 to {_MOST_WINDOWS} tables [[window]]; without any take "
            "--calendar none"
        )
    named = [_window(entry, start_s, f"{where}: window {i + 1}") for i, entry in enumerate(entries)]
    windows = sorted(named, key=lambda window: window.at_s)
    for before, after in pairwise(windows):
        if before.at_s + before.length_s > after.at_s:
            raise UsageError(
                f"{where}: window {after.name!r} begins before {before.name!r} is over; no moment "
                "can be in two states"
            )
    last = windows[-1]
    if last.at_s + last.length_s > DAY_S:
        raise UsageError(
            f"{where}: window {last.name!r} still goes on at the start of the shift, "
            f"{table['start']}; let it end there, and begin another one at the start"
        )
    if sum(window.length_s for window in windows) == DAY_S:
        raise UsageError(f"{where}: the windows fill the whole day; leave some time for work")
    return Calendar(_text(table["name"], f"{where}: name"), start_s, tuple(windows))


def _window(entry: Any, start_s: int, where: str) -> Window:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is {entry!r}; write it as a table [[window]]")
    _exactly(entry, _WINDOW, where)
    state, minutes = entry["state"], entry["minutes"]
    if state not in STATES:
        raise UsageError(f"{where}: state is {state!r}; what can be planned is {', '.join(STATES)}")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < 1440:
        raise UsageError(f"{where}: minutes is {minutes!r}; it must be above 0 and below 1440")
    length_s = round(60 * minutes)
    if length_s < 1:
        raise UsageError(f"{where}: minutes is {minutes!r}; the shortest window is a second")
    at_s = (_time(entry["at"], f"{where}: at") - start_s) % DAY_S
    return Window(_text(entry["name"], f"{where}: name"), state, at_s, length_s)


def _exactly(table: Mapping[str, Any], names: set[str], where: str) -> None:
    if missing := sorted(names - table.keys()):
        raise UsageError(f"{where} lacks {', '.join(missing)}; docs/metrics.md has an example")
    if unknown := sorted(table.keys() - names):
        raise UsageError(
            f"{where} has unknown {', '.join(unknown)}; known: {', '.join(sorted(names))}"
        )


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f'{where} is {value!r}; it must be a text such as "lunch"')
    return value


def _time(value: Any, where: str) -> int:
    """Read a time of day [s after midnight]."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise UsageError(f'{where} is {value!r}; write a time of day such as "06:00"')
    return 3600 * int(match[1]) + 60 * int(match[2]) + int(match[3] or 0)
