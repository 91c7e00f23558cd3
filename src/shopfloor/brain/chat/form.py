"""The text forms in which models write where something is: read them, and write as they would.

A form knows tags, brackets and keys, never a scale: which number means what is the convention's
business. It raises when something that looks like its form cannot be read, because half an answer
is not an answer; prose and code fences around it are passed over.

The form of each family is quoted at its class, with where it is documented. All of them were read
in stored copies on 2026-11-22 unless it says otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

__all__ = ["FORMS", "Form", "GroundingError", "Marked", "shown"]


class GroundingError(ValueError):
    """A model's answer does not say where in the picture; the message says got and allowed."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One thing as a model marked it, in the model's own numbers and their own order.

    Attributes:
        label: What it is called; empty where the form or the model does not say.
        point: The numbers of its point, unchecked, or None.
        box: The numbers of its box, unchecked, or None.
    """

    label: str
    point: Any = None
    box: Any = None


class Form(Protocol):
    """A way to write marks in text; both raise a GroundingError where that cannot be done."""

    def read(self, text: str) -> list[Marked]:
        """Find every mark in an answer; an answer that says "nothing" gives none."""
        ...

    def write(self, marks: Sequence[Marked]) -> str:
        """Write marks as the model would."""
        ...


def shown(value: object) -> str:
    """Quote what was got, shortened, for a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; a nest of lists
        text = f"some {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


_TRIES = 256
"""So many brackets of a text that open no JSON are tried before it is given up."""
_DEPTH = 8
"""Objects that lie deeper in an answer are no list of marks."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,18})?")
_TUPLE = re.compile(r"\(([^()]*)\)")
_LIST = re.compile(r"\[([^\[\]]*)\]")


def _some(marks: list[Marked], form: str) -> list[Marked]:
    if not marks:
        raise GroundingError(f"no mark found in the answer; expected {form}")
    return marks


def _number(word: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise GroundingError(f"got {shown(word)} where a number was expected")
    return float(word) if "." in word else int(word)


def _numbers(text: str) -> list[float]:
    """Numbers with commas or blanks between them."""
    return [_number(word) for word in text.replace(",", " ").split()]


def _plain(label: str) -> str:
    """A label without the characters that would end its tag."""
    return " ".join(re.sub(r'[<>"]', " ", label).split())


@dataclass(frozen=True, slots=True)
class _Json:
    """A JSON list of objects, one for each thing: ``[{"bbox_2d": [..], "label": ".."}]``.

    - Qwen: ``bbox_2d`` and ``point_2d`` with ``label``, in a fence
      (https://github.com/QwenLM/Qwen3-VL/issues/1927 and cookbooks/2d_grounding.ipynb, the
      notebook itself not re-read).
    - Gemini Robotics-ER: ``point`` and ``box_2d`` with ``label``
      (https://ai.google.dev/gemini-api/docs/robotics-spatial).

    Attributes:
        point, box: Keys of point and box; the first is written, all are read.
        fenced: Whether the model puts its list into a code fence.
    """

    point: tuple[str, ...]
    box: tuple[str, ...]
    fenced: bool

    def read(self, text: str) -> list[Marked]:
        values, broken = _values(text)
        marks = []
        for entry in (entry for value in values for entry in _objects(value)):
            point, box = (
                next((entry[key] for key in keys if key in entry), None)
                for keys in (self.point, self.box)
            )
            if point is not None or box is not None:
                label = entry.get("label")
                marks.append(Marked(label if isinstance(label, str) else "", point, box))
        # An answer that was cut off may end in an empty list too, and does not say "nothing".
        if [] in values and not broken:
            return marks
        return _some(marks, f'JSON such as [{{"{self.box[0]}": [..], "label": ".."}}]')

    def write(self, marks: Sequence[Marked]) -> str:
        entries = []
        for mark in marks:
            entry: dict[str, Any] = {}
            if mark.box is not None:
                entry[self.box[0]] = list(mark.box)
            if mark.point is not None:
                entry[self.point[0]] = list(mark.point)
            entries.append(json.dumps(entry | {"label": mark.label}, ensure_ascii=False))
        if not self.fenced:
            return f"[{', '.join(entries)}]"
        listed = "[\n\t" + ",\n\t".join(entries) + "\n]" if entries else "[]"
        return f"```json\n{listed}\n```"


def _values(text: str) -> tuple[list[Any], int]:
    """Every JSON list or object of a text, from left to right; and how many brackets open none."""
    decoder, opening = json.JSONDecoder(), re.compile(r"[\[{]")
    values: list[Any] = []
    at, broken = opening.search(text), 0
    while at and broken < _TRIES:
        try:
            value, end = decoder.raw_decode(text, at.start())
        except ValueError:
            broken, end = broken + 1, at.start() + 1
        except RecursionError:
            raise GroundingError(
                f"the answer nests brackets too deeply; allowed: {_DEPTH} levels"
            ) from None
        else:
            values.append(value)
        at = opening.search(text, end)
    return values, broken


def _objects(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON value, the outer before the inner."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list) and depth < _DEPTH:
        for item in value:
            yield from _objects(item, depth + 1)


@dataclass(frozen=True, slots=True)
class _Referred:
    """A name in one tag and a list of its boxes in the next; points have no form here.

    - InternVL: ``<ref>class name</ref><box>[[x1, y1, x2, y2], ...]</box>``
      (https://internvl.readthedocs.io/en/latest/get_started/chat_data_format.html).
    - DeepSeek-VL2: ``<|ref|>The giraffe at the back.<|/ref|><|det|>[[580, 270, 999, 900]]<|/det|>``
      (https://github.com/deepseek-ai/DeepSeek-VL2, README).

    Attributes:
        name: Opening and closing tag of the name.
        place: Opening and closing tag of the boxes.
    """

    name: tuple[str, str]
    place: tuple[str, str]

    def read(self, text: str) -> list[Marked]:
        name, end_name, place, end_place = (re.escape(tag) for tag in (*self.name, *self.place))
        found = re.findall(rf"(?:{name}([^<]*){end_name}\s*)?{place}([^<]*){end_place}", text)
        marks = [
            Marked(label.strip(), box=_numbers(row))
            for label, content in found
            for row in (_LIST.findall(content) or [content])
        ]
        return _some(marks, "[[x1, y1, x2, y2]]".join(self.place))

    def write(self, marks: Sequence[Marked]) -> str:
        lines = []
        for mark in marks:
            if mark.box is None or mark.point is not None:
                raise GroundingError(
                    f"this model writes boxes only ({self.place[0]}); give a box and no point"
                )
            row = ", ".join(map(str, mark.box))
            label = f"{self.name[0]}{_plain(mark.label)}{self.name[1]}"
            lines.append(f"{label}{self.place[0]}[[{row}]]{self.place[1]}")
        return "\n".join(lines)


_POINTS = re.compile(r"<points?\s([^<>]*)>([^<]*)")
_ATTRIBUTE = re.compile(r'(?<![a-z0-9])([a-z]{1,8})([0-9]{0,4})="([^"]*)"')


def _points_tags(text: str) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
    """Label and attributes of every ``<point>`` and ``<points>`` tag."""
    for inside, content in _POINTS.findall(text):
        attributes = {
            (name, index): value.strip() for name, index, value in _ATTRIBUTE.findall(inside)
        }
        yield attributes.get(("alt", "")) or content.strip(), attributes


def _points_only(marks: Sequence[Marked]) -> list[tuple[Any, str]]:
    """Numbers and label of every point."""
    if any(mark.box is not None or mark.point is None for mark in marks):
        raise GroundingError("this model writes points only; give a point and no box")
    return [(mark.point, _plain(mark.label)) for mark in marks]


class _PointTags:
    """Molmo: points as attributes of a tag.

    ``<point x="63.5" y="44.5" alt="Mt Rainier">Mt Rainier</point>``, and several of one kind as
    ``<points x1="9.1" y1="11.7" x2="17.2" y2="41.3" alt="boats">boats</points>``; numbers from 0
    to 100 (https://huggingface.co/allenai/Molmo-7B-O-0924/discussions/1).
    """

    def read(self, text: str) -> list[Marked]:
        marks = []
        for label, attributes in _points_tags(text):
            indices = dict.fromkeys(index for name, index in attributes if name in {"x", "y"})
            for index in indices:
                pair = [attributes.get((name, index), "") for name in ("x", "y")]
                marks.append(Marked(label, point=[_number(word) for word in pair]))
        return _some(marks, '<point x=".." y=".." alt="..">')

    def write(self, marks: Sequence[Marked]) -> str:
        tag = '<point x="{}" y="{}" alt="{label}">{label}</point>'
        return "\n".join(tag.format(*xy, label=label) for xy, label in _points_only(marks))


class _PointList:
    """Molmo 2: index of the picture, then for each point its number, x and y.

    ``<points coords="1 1 308 305 2 752 377">curb ramp</points>``: picture 1 with points 1 and 2;
    further pictures follow after a semicolon or a tab (https://huggingface.co/allenai/Molmo2-8B,
    not re-read; the answer is one that others recorded). Only the one sent picture may be meant.
    """

    def read(self, text: str) -> list[Marked]:
        marks: list[Marked] = []
        for label, attributes in _points_tags(text):
            for group in re.split(r"[;\t]", attributes.get(("coords", ""), "")):
                if numbers := _numbers(group):
                    marks += self._group(label, numbers)
        return _some(marks, '<points coords="1 1 x y">')

    def write(self, marks: Sequence[Marked]) -> str:
        tag = '<points coords="1 1 {:03d} {:03d}">{label}</points>'
        return "\n".join(tag.format(*xy, label=label) for xy, label in _points_only(marks))

    def _group(self, label: str, numbers: list[float]) -> Iterator[Marked]:
        picture, *rest = numbers
        _this_picture(picture, 1)
        if not rest or len(rest) % 3:
            raise GroundingError(
                f"got {len(rest)} numbers after the picture's index; allowed: 3 for each point"
            )
        for at in range(0, len(rest), 3):
            yield Marked(label, point=rest[at + 1 : at + 3])


def _this_picture(index: float, only: int) -> None:
    if index != only:
        raise GroundingError(f"got picture {shown(index)}; allowed: {only}, the one that was sent")


class _Framed:
    """RynnBrain: what kind of place, the frame, and its corners or points.

    ``<object> <frame n>; (x1,y1),(x2,y2) </object>`` is a box, ``<affordance>`` one point,
    ``<area>`` several, ``<trajectory>`` or ``<traj>`` a path; a colon is seen in place of the
    semicolon, and for a single picture the frame is left out (README files of
    https://github.com/alibaba-damo-academy/RynnBrain). Frames count from 0 (its cookbooks were not
    re-read), and ``####`` ends its thinking. There are no labels, but points of a path are labelled
    ``trajectory``: they are no thing's place. ``<grasp_pose>`` is told in two ways and not read.
    """

    def read(self, text: str) -> list[Marked]:
        marks = []
        tag = r"<(object|affordance|area|trajectory|traj)>"
        marked = re.compile(tag + r"([^<]*)(?:<frame\s([^<>]*)>([^<]*))?</\1>")
        for kind, bare, frame, content in marked.findall(text.rpartition("####")[2]):
            if frame:
                _this_picture(_number(frame.strip()), 0)
            pairs = [_numbers(pair) for pair in _TUPLE.findall(content or bare)]
            marks += self._marks(kind, pairs)
        return _some(marks, "<object> <frame 0>: (x1, y1), (x2, y2) </object>")

    def write(self, marks: Sequence[Marked]) -> str:
        lines = []
        for mark in marks:
            if mark.box is not None:
                x1, y1, x2, y2 = mark.box
                lines.append(f"<object> <frame 0>: ({x1}, {y1}), ({x2}, {y2}) </object>")
            if mark.point is not None:
                x, y = mark.point
                lines.append(f"<affordance> <frame 0>: ({x}, {y}) </affordance>")
        return "\n".join(lines)

    def _marks(self, kind: str, pairs: list[list[float]]) -> list[Marked]:
        wanted = {"object": 2, "affordance": 1}.get(kind)
        if not pairs or (wanted and len(pairs) != wanted):
            raise GroundingError(f"got {len(pairs)} points in <{kind}>; allowed: {wanted or '1..'}")
        if kind == "object":
            return [Marked("", box=[*pairs[0], *pairs[1]])]
        label = "trajectory" if kind.startswith("traj") else ""
        return [Marked(label, point=pair) for pair in pairs]


class _Ark:
    """Doubao Seed: numbers in a tag, blanks between them.

    ``<bbox>175 98 791 476</bbox>`` and ``<point>x y</point>``; several kinds of things as
    ``[{"category": "cup", "bbox": "<bbox>x1 y1 x2 y2</bbox>"}]``, while a box as a JSON list is
    advised against (https://www.volcengine.com/docs/82379/1616136, page of 2025-09-08). For a
    point with a name no form is documented; the same list is written.
    """

    def read(self, text: str) -> list[Marked]:
        marks = []
        name = r'"(?:category|label)"\s*:\s*"((?:[^"\\]|\\.)*)"\s*,\s*"[a-z_0-9]{1,20}"\s*:\s*"'
        for label, kind, content in re.findall(rf"(?:{name})?<(bbox|point)>([^<]*)</\2>", text):
            numbers = _numbers(content)
            box = kind == "bbox"
            marks.append(Marked(label, None if box else numbers, numbers if box else None))
        return _some(marks, "<bbox>x1 y1 x2 y2</bbox> or <point>x y</point>")

    def write(self, marks: Sequence[Marked]) -> str:
        tagged = [
            (_plain(mark.label).replace("\\", " "), kind, " ".join(map(str, numbers)))
            for mark in marks
            for kind, numbers in (("bbox", mark.box), ("point", mark.point))
            if numbers is not None
        ]
        if not any(label for label, _, _ in tagged):
            return "\n".join(f"<{kind}>{numbers}</{kind}>" for _, kind, numbers in tagged)
        entries = (
            f'{{"category": "{label}", "{kind}": "<{kind}>{numbers}</{kind}>"}}'
            for label, kind, numbers in tagged
        )
        return f"[{', '.join(entries)}]"


class _Tuples:
    """RoboPoint: a list of pairs and nothing else; no labels.

    ``[(0.461, 0.527), (0.498, 0.521)]`` (https://github.com/wentaoyuan/RoboPoint, README).
    """

    def read(self, text: str) -> list[Marked]:
        lists = _LIST.findall(text)
        pairs = [pair for content in lists for pair in _TUPLE.findall(content)]
        marks = [Marked("", point=_numbers(pair)) for pair in pairs]
        return marks if any(not content.strip() for content in lists) else _some(marks, "[(x, y)]")

    def write(self, marks: Sequence[Marked]) -> str:
        return f"[{', '.join('({}, {})'.format(*xy) for xy, _ in _points_only(marks))}]"


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "json_2d": _Json(("point_2d", "point"), ("bbox_2d", "bbox"), fenced=True),
        "json_box_2d": _Json(("point",), ("box_2d",), fenced=False),
        "json": _Json(("point",), ("box",), fenced=False),
        "ref_box": _Referred(("<ref>", "</ref>"), ("<box>", "</box>")),
        "ref_det": _Referred(("<|ref|>", "<|/ref|>"), ("<|det|>", "<|/det|>")),
        "point_tags": _PointTags(),
        "point_list": _PointList(),
        "framed": _Framed(),
        "ark": _Ark(),
        "tuples": _Tuples(),
    }
)
"""Every form, by the name that a convention gives it."""
