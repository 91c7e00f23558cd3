"""Reads a YAML file that nobody vouches for: plain values, no surprises, and the line of each.

Taken from YAML: mappings, lists, and scalars of its JSON schema (so ``NO`` is Norway, not false,
and a date is text). Refused: a key that stands twice, anchors and aliases (which is how a small
file becomes a large one), tags, several documents, and anything large or deep.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopfloor.errors import PapersError
from shopfloor.papers.extra import need

__all__ = ["LIMIT_BYTES", "Document", "Place", "parse", "read"]

LIMIT_BYTES = 1 << 20
"""A file of papers is a page or ten; hashes of a large checkpoint's files are the most in it."""

_MOST_DEPTH = 12
_MOST_VALUES = 50_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_WORDS = {"true": True, "false": False, "null": None, "": None, "~": None}

Place = tuple[str | int, ...]
"""Keys and indices from the top to a value."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read.

    Attributes:
        name: What messages call it.
        value: Its content in JSON's types.
        lines: The line of each value, counted from 1.
        sha256: Of its bytes.
    """

    name: str
    value: Any
    lines: Mapping[Place, int]
    sha256: str

    def where(self, place: Place) -> str:
        """Name the file and the line of a value, or of the nearest that holds it."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.name} line {self.lines.get(place, 1)}"


def read(path: Path) -> Document:
    """Read a file.

    Raises:
        PapersError: It can't be read, or holds what is refused; the message names the line.
        UsageError: The ``papers`` extra is not installed.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise PapersError(
            f"{path} cannot be read: {error.strerror}; make one with `shopfloor papers init`"
        ) from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Document:
    """Read the bytes of a file; raises as :func:`read`."""
    if len(data) > LIMIT_BYTES:
        raise PapersError(f"{name} is larger than {LIMIT_BYTES} bytes; no papers are")
    yaml = need("yaml")
    try:
        text = data.decode("utf-8")
        builder = _Builder(name, yaml)
        value = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except UnicodeDecodeError as error:
        raise PapersError(f"{name} is not UTF-8 text (byte {error.start}); save it so") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PapersError(f"{name} line {line} is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise PapersError(f"{name} is not YAML: {error}") from error
    return Document(name, value, builder.lines, hashlib.sha256(data).hexdigest())


class _Builder:
    """Makes plain values of a parser's events; the stack is ours, and bounded."""

    def __init__(self, name: str, yaml: Any) -> None:
        self.lines: dict[Place, int] = {}
        self._name, self._yaml, self._values = name, yaml, 0

    def document(self, events: Iterator[Any]) -> Any:
        yaml = self._yaml
        next(events)  # the stream begins
        if isinstance(next(events), yaml.StreamEndEvent):
            raise PapersError(f"{self._name} is empty; make one with `shopfloor papers init`")
        value = self._value(next(events), events, ())
        next(events)  # the document ends
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "a second document", "keep one cell in one file")
        return value

    def _value(self, event: Any, events: Iterator[Any], place: Place) -> Any:
        yaml = self._yaml
        self._values += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(event, "an anchor or alias", "write the value out")
        if event.tag is not None:
            raise self._refuse(event, f"the tag {event.tag!r}", "write a plain value")
        if len(place) > _MOST_DEPTH or self._values > _MOST_VALUES:
            raise self._refuse(event, "too much", f"at most {_MOST_DEPTH} levels, {_MOST_VALUES} "
                               "values")  # fmt: skip
        self.lines[place] = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            found: list[Any] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                found.append(self._value(event, events, (*place, len(found))))
            return found
        return self._mapping(events, place)

    def _mapping(self, events: Iterator[Any], place: Place) -> dict[str, Any]:
        yaml = self._yaml
        made: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(event, "a key that is no word", "write a name")
            key = event.value
            if key in made:
                first = self.lines[(*place, key)]
                raise self._refuse(event, f"{key!r} again (first in line {first})", "keep one")
            self._value(event, events, (*place, key))
            made[key] = self._value(next(events), events, (*place, key))
        return made

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style is not None:  # quoted, or a block of text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if found := _NUMBER.fullmatch(text):
            return float(text) if found[1] else int(text)
        return text

    def _refuse(self, event: Any, what: str, step: str) -> PapersError:
        line = event.start_mark.line + 1
        return PapersError(f"{self._name} line {line} has {what}, which is not read; {step}")
