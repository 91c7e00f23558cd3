"""Orders read from a JSON Lines file: one lot, with one order, on a line.

A line is an object with these keys; all but the first and ``parts`` may be left out::

    {"instruction": "red cubes to A, the rest to B",
     "parts": [{"colour": "red", "shape": "cube", "size": "small",
                "id": "p0", "x_m": 0.05, "y_m": -0.02, "yaw_deg": 30}],
     "language": "en", "id": "morning-1", "totes": ["A", "B"], "time_limit_s": 60,
     "documents": ["sheet-17.png"],
     "goal": [{"select": {"colour": "red", "shape": "cube"}, "tote": "A", "count": 1},
              {"select": {}, "tote": null}]}

``color`` is read as ``colour``. Without ``language`` it is Chinese where the instruction has
a Chinese character, else English. Without ``goal`` the instruction is read by the grammar
(``shopfloor.order.grammar``), whose reading the judge then goes by. Without ``totes`` there
are the ones that the goal names, and at least two. Parts without a position are placed at
random by the seed. Documents are files in the order file's own folder or below it, and need a
``goal``. Unknown keys are refused, blank lines are skipped, and the whole file is checked before
the first lot is handed out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import radians
from pathlib import Path
from typing import Any

from shopfloor.errors import OrderError
from shopfloor.order.generator import time_limit_s
from shopfloor.order.goal import needed, validate
from shopfloor.order.grammar import parse
from shopfloor.order.part import overlap
from shopfloor.order.placement import TRAY_HALF_M, inside, scatter
from shopfloor.order.seed import lot_seed, rng
from shopfloor.order.token import TOTE_NAMES, detect
from shopfloor.types import COLOURS, SHAPES, SIZES, Goal, Language, Lot, Order, Part, Rule, Select

__all__ = ["MOST_PARTS", "OrderFile"]

_HUGE = 1e12
_LONGEST_S = 86_400.0
"""An order takes a day at most."""

MOST_PARTS = 24
"""More than these have no place on the tray."""

_SHOWN = 10
_MOST_DOCUMENTS, _MOST_BYTES = 8, 50_000_000
_KEYS = ("instruction", "parts", "language", "id", "totes", "time_limit_s", "goal", "documents")
_PART_KEYS = ("colour", "shape", "size", "id", "x_m", "y_m", "yaw_deg")
_ALLOWED = {"colour": COLOURS, "shape": SHAPES, "size": SIZES}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line, checked; parts whose index is in ``loose`` still need a place."""

    id: str
    instruction: str
    language: Language
    goal: Goal
    parts: tuple[Part, ...]
    loose: tuple[int, ...]
    totes: tuple[str, ...]
    time_limit_s: float
    documents: tuple[str, ...]


def _object(value: Any, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OrderError(f"{what} is {value!r}; an object with {', '.join(keys)} is allowed")
    found = dict(value)
    if "color" in found and "colour" in keys:
        if "colour" in found:
            raise OrderError(f"{what} has colour and color; one of them is allowed")
        found["colour"] = found.pop("color")
    if unknown := sorted(set(found) - set(keys)):
        raise OrderError(f"{what} has the unknown key {unknown[0]!r}; allowed: {', '.join(keys)}")
    return found


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise OrderError(f"{what} is {value!r}; a text that is not empty is allowed")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise OrderError(f"{what} holds half of a surrogate pair, which no file can keep")
    return value


def _number(value: Any, what: str) -> float:
    # Compared, not converted: Python's whole numbers may be larger than any float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _HUGE:
        raise OrderError(f"{what} is {str(value)[:40]}; a number below {_HUGE:g} is allowed")
    return float(value)


def _list(value: Any, what: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        got = f"{len(value)} entries" if isinstance(value, list) else repr(value)
        raise OrderError(f"{what} is {got}; a list of {least} to {most} is allowed")
    return value


def _property(value: Any, kind: str, what: str) -> str:
    if value not in _ALLOWED[kind]:
        raise OrderError(f"{what} has the {kind} {value!r}; allowed: {', '.join(_ALLOWED[kind])}")
    return str(value)


def _part(value: Any, index: int) -> tuple[Part, bool]:
    what = f"part {index}"
    data = _object(value, _PART_KEYS, what)
    said = {kind: _property(data.get(kind), kind, what) for kind in _ALLOWED}
    if ("x_m" in data) != ("y_m" in data) or ("yaw_deg" in data and "x_m" not in data):
        raise OrderError(f"{what} has half a position; x_m and y_m (and yaw_deg) or none of them")
    name = _text(data.get("id", f"p{index}"), f"the id of {what}")
    part = Part(
        id=name,
        **said,
        x_m=_number(data.get("x_m", 0.0), f"x_m of {what}"),
        y_m=_number(data.get("y_m", 0.0), f"y_m of {what}"),
        yaw_rad=radians(_number(data.get("yaw_deg", 0.0), f"yaw_deg of {what}")),
    )
    if "x_m" in data and not inside(part):
        raise OrderError(
            f"{what} at ({part.x_m:g}, {part.y_m:g}) m reaches out of the tray; its outline must "
            f"lie within x ±{TRAY_HALF_M[0]:g} m and y ±{TRAY_HALF_M[1]:g} m"
        )
    return part, "x_m" not in data


def _parts(value: Any) -> tuple[tuple[Part, ...], tuple[int, ...]]:
    listed = [_part(entry, i) for i, entry in enumerate(_list(value, "parts", 1, MOST_PARTS))]
    parts = tuple(part for part, _ in listed)
    loose = tuple(i for i, (_, free) in enumerate(listed) if free)
    names = [part.id for part in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise OrderError(f"the part id {twice!r} is used twice; ids must differ")
    fixed = [i for i in range(len(parts)) if i not in loose]
    for n, i in enumerate(fixed):
        for j in fixed[n + 1 :]:
            if overlap(parts[i], parts[j]):
                raise OrderError(f"parts {i} and {j} overlap; positions must leave them apart")
    return parts, loose


def _totes(value: Any) -> tuple[str, ...]:
    names = _list(value, "totes", 1, len(TOTE_NAMES))
    if any(name not in TOTE_NAMES for name in names) or len(set(names)) < len(names):
        raise OrderError(
            f"totes is {names!r}; different ones of {', '.join(TOTE_NAMES)} are allowed"
        )
    return tuple(names)


def _rule(value: Any, index: int) -> Rule:
    what = f"goal rule {index}"
    data = _object(value, ("select", "tote", "count"), what)
    if "select" not in data or "tote" not in data:
        raise OrderError(f"{what} has {', '.join(data) or 'nothing'}; select and tote are needed")
    select = _object(data["select"], tuple(_ALLOWED), f"select of {what}")
    said = {kind: _property(v, kind, what) for kind, v in select.items() if v is not None}
    tote, count = data["tote"], data.get("count")
    if tote is not None and tote not in TOTE_NAMES:
        raise OrderError(f"{what} has the tote {tote!r}; allowed: {', '.join(TOTE_NAMES)}, null")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise OrderError(f"{what} has the count {count!r}; a whole number from 1 is allowed")
    return Rule(Select(**said), tote, count)


def _entry(text: str, index: int, stem: str) -> _Entry:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise OrderError(
            f"column {error.colno} is not JSON ({error.msg}); one JSON object a line is allowed"
        ) from None
    except (ValueError, RecursionError) as error:
        raise OrderError(f"the line cannot be read: {error}; one JSON object is allowed") from None
    data = _object(raw, _KEYS, "the line")
    if missing := [key for key in ("instruction", "parts") if key not in data]:
        raise OrderError(f"{' and '.join(missing)} is missing; needed: instruction, parts")
    instruction = _text(data["instruction"], "instruction")
    language = data.get("language", detect(instruction))
    if language not in ("en", "zh"):
        raise OrderError(f"language is {language!r}; allowed: en, zh")
    parts, loose = _parts(data["parts"])
    if data.get("goal") is None:
        if data.get("documents"):
            raise OrderError(
                "documents without a goal: what stands in them is not read here, so say what the "
                "judge is to go by"
            )
        goal = parse(instruction, language)
    else:
        listed = _list(data["goal"], "goal", 1, 64)
        goal = Goal(tuple(_rule(entry, i) for i, entry in enumerate(listed)))
    if "totes" in data:
        totes = _totes(data["totes"])
    else:
        named = {rule.tote for rule in goal.rules}
        totes = tuple(name for name in TOTE_NAMES if name in named)
        spare = [name for name in TOTE_NAMES if name not in named]
        totes = tuple(sorted((*totes, *spare[: max(0, 2 - len(totes))])))
    validate(goal, parts, totes)
    limit = time_limit_s(needed(goal, parts))
    if "time_limit_s" in data:
        limit = _number(data["time_limit_s"], "time_limit_s")
        if not 0 < limit <= _LONGEST_S:
            raise OrderError(
                f"time_limit_s is {limit:g}; more than 0 and up to {_LONGEST_S:g} is allowed"
            )
    listed = _list(data.get("documents", []), "documents", 0, _MOST_DOCUMENTS)
    papers = tuple(_text(one, "a document's name") for one in listed)
    name = _text(data.get("id", f"{stem}-{index:04d}"), "id")
    return _Entry(name, instruction, language, goal, parts, loose, totes, limit, papers)


def _placed(entry: _Entry, seed: int, index: int) -> tuple[Part, ...]:
    fixed = [part for i, part in enumerate(entry.parts) if i not in entry.loose]
    free = [entry.parts[i] for i in entry.loose]
    found = scatter(free, rng(seed, index, "parts"), fixed=fixed)
    if found is None:
        raise OrderError(
            f"{len(entry.parts)} parts find no place on the tray with a finger's gap between "
            "them; give fewer, smaller, or all positions"
        )
    places = dict(zip(entry.loose, found, strict=True))
    return tuple(places.get(i, part) for i, part in enumerate(entry.parts))


class OrderFile:
    """The lots of one order file.

    Attributes:
        path: The file.
        sha256: Hash of its bytes, and of its documents' if there are any.
        documents: Content of each document that an order names, by its name.
    """

    def __init__(self, path: Path | str, seed: int) -> None:
        """Read and check the whole file.

        Args:
            path: A JSON Lines file in UTF-8.
            seed: Places the parts whose position is not given.

        Raises:
            OrderError: The file cannot be read or has no order, or lines are wrong. There is
                one line of the form ``FILE:LINE: what was got; what is allowed`` for each.
        """
        self.path = Path(path)
        try:
            content = self.path.read_bytes()
            text = content.decode("utf-8-sig")
        except OSError as error:
            raise OrderError(
                f"{path}: cannot be read ({error.strerror}); give a JSON Lines file"
            ) from None
        except UnicodeDecodeError as error:
            raise OrderError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from None
        self.documents: dict[str, bytes] = {}
        self._seed = seed
        self._lots: list[Lot] = []
        wrong: list[str] = []
        ids: dict[str, int] = {}
        entries = 0
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                entry = _entry(line, entries, self.path.stem)
                self._lots.append(self._make(entry, entries))
                first = ids.setdefault(entry.id, number)
                if first != number:
                    wrong.append(
                        f"{path}:{number}: the id {entry.id!r} is that of line {first}; ids must "
                        "differ"
                    )
            except OrderError as error:
                wrong.append(f"{path}:{number}: {' '.join(str(error).split())}")
            entries += 1
        if not entries:
            wrong.append(f"{path}:1: no order; one JSON object a line is allowed")
        if wrong:
            more = [f"{path}: {len(wrong) - _SHOWN} more lines are wrong"][: len(wrong) > _SHOWN]
            raise OrderError("\n".join([*wrong[:_SHOWN], *more]))
        digest = sha256(content)
        for name, document in sorted(self.documents.items()):
            digest.update(f"{name}\0{len(document)}\0".encode())
            digest.update(document)
        self.sha256 = digest.hexdigest()

    def _make(self, entry: _Entry, index: int) -> Lot:
        order = Order(
            id=entry.id,
            instruction=entry.instruction,
            language=entry.language,
            goal=entry.goal,
            time_limit_s=entry.time_limit_s,
            documents=tuple(map(self._document, entry.documents)),
        )
        return Lot(
            index=index,
            seed=lot_seed(self._seed, index),
            parts=_placed(entry, self._seed, index),
            totes=entry.totes,
            orders=(order,),
        )

    def _document(self, name: str) -> bytes:
        """Content of a document; it must lie in the order file's folder or below it."""
        if name not in self.documents:
            folder = self.path.resolve().parent
            path = (folder / name).resolve()
            named = Path(name)
            if ".." in named.parts or named.is_absolute() or not path.is_relative_to(folder):
                raise OrderError(
                    f"document {name!r} lies outside {folder}; put it beside the order file"
                )
            try:
                if not path.is_file() or path.stat().st_size > _MOST_BYTES:
                    raise OrderError(
                        f"document {name!r} is no file of up to {_MOST_BYTES:,} bytes; give one"
                    )
                self.documents[name] = path.read_bytes()
            except (OSError, ValueError) as error:
                raise OrderError(
                    f"document {name!r} cannot be read ({getattr(error, 'strerror', error)}); give "
                    "the name of a file beside the order file"
                ) from None
        return self.documents[name]

    def __len__(self) -> int:
        """Return the number of lots."""
        return len(self._lots)

    def lot(self, index: int) -> Lot:
        """Return one lot.

        Raises:
            OrderError: No such lot.
        """
        if not 0 <= index < len(self._lots):
            raise OrderError(f"lot {index} was asked for; there are lots 0 to {len(self) - 1}")
        return self._lots[index]

    def lots(self) -> Iterator[Lot]:
        """Yield the lots in their order."""
        return iter(self._lots)
