"""How each model family says where something is in a picture, and the exact way back to pixels.

A wrong convention sends the arm to the wrong place without any error, so a convention is data that
is chosen by name, never recognised by the look of the numbers; whether it is the right one for a
live endpoint is for the probe to measure. What stands a little outside the picture is cut at its
edge, as models do overshoot there; anything further is refused.

All numbers stand on one scale per axis: 0 is the picture's left or upper edge and ``full`` its
right or lower one, so that ``u = n / full * width`` in continuous pixels of the original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, nextafter
from types import MappingProxyType
from typing import Any, Literal

from shopfloor.brain.chat.form import FORMS, GroundingError, Marked, shown
from shopfloor.brain.chat.seen import Seen
from shopfloor.errors import UnknownName

__all__ = ["CONVENTIONS", "Convention", "Grounding", "GroundingError", "convention"]

_LONGEST = 65_536
"""Characters of an answer; an endless one is not searched."""
_THOUGHT = "</think>"
"""What a model thinks aloud may hold drafts; its answer begins after this."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """Where a model says something is.

    Attributes:
        label: What it is called, as the model wrote it; empty where it did not.
        point: (u, v) in the original picture [px], within [0, width) x [0, height), or None.
        box: (left, top, right, bottom) in the original picture [px], with an area, or None.
    """

    label: str
    point: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None


_NUMBERED = frozenset({"point_list", "framed"})
"""Forms in which an answer says by number which picture it means."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How a model family writes points and boxes.

    Attributes:
        name: What a model's profile calls it.
        axes: Which axis comes first.
        full: Number at the right and lower edge of the picture; None where the model counts
            pixels of the picture as it was sent.
        decimals: Decimals the model writes. With none, a fraction is refused: it is the sign of a
            model that has fallen into another convention (0.26 on a scale to 1000 would be the
            picture's corner).
        form: Name of its text form in ``shopfloor.brain.chat.form``.
        hint: Tells a model in which numbers to give a point and a box.
        source: Where scale and order are documented.
        read: When that was read (ISO), or why it was not.
        boxes: Whether it has boxes.
        documented: Whether its vendor documents it; if not, it is no more than what we ask for.
        overshoot: Share of the picture by which a number may lie outside and is cut at the edge;
            at least one step.
    """

    name: str
    axes: Literal["xy", "yx"]
    full: float | None
    decimals: int
    form: str
    hint: str
    source: str
    read: str
    boxes: bool = True
    documented: bool = True
    overshoot: float = 0.02

    def decode_point(self, numbers: Sequence[float], seen: Seen) -> tuple[float, float]:
        """Find the pixel of the original (u, v) [px] that a model's two numbers mean.

        Raises:
            GroundingError: They are not two numbers of this convention in or near the picture.
        """
        u, v = self._place(self._checked(numbers, "point"), seen)
        return (
            min(max(u, 0.0), nextafter(seen.width, 0.0)),
            min(max(v, 0.0), nextafter(seen.height, 0.0)),
        )

    def decode_box(self, numbers: Sequence[float], seen: Seen) -> tuple[float, float, float, float]:
        """Find (left, top, right, bottom) in the original [px] that a model's four numbers mean.

        Raises:
            GroundingError: This convention has no boxes; or they are not four of its numbers in
                or near the picture; or the box has no area within the picture.
        """
        self._box_allowed()
        four = self._checked(numbers, "box")
        u1, v1 = self._place(four[:2], seen)
        u2, v2 = self._place(four[2:], seen)
        left, right = (min(max(u, 0.0), float(seen.width)) for u in (u1, u2))
        top, bottom = (min(max(v, 0.0), float(seen.height)) for v in (v1, v2))
        if left >= right or top >= bottom:
            raise GroundingError(
                f"got box {shown(list(numbers))}, which has no area in the picture; allowed: "
                f"{self._names('box')} with each first corner left of and above the second"
            )
        return left, top, right, bottom

    def encode_point(self, uv: Sequence[float], seen: Seen) -> tuple[float, float]:
        """Write a pixel of the original (u, v) [px] as the model would, in its own order.

        Raises:
            GroundingError: It lies outside the picture.
        """
        n = [
            self._written(value, side, full)
            for value, side, full in zip(
                self._two(uv), (seen.width, seen.height), self._full(seen), strict=True
            )
        ]
        x, y = n
        return (x, y) if self.axes == "xy" else (y, x)

    def encode_box(self, box: Sequence[float], seen: Seen) -> tuple[float, float, float, float]:
        """Write (left, top, right, bottom) of the original [px] as the model would.

        A box thinner than one step may come out without an area, as it would from the model.

        Raises:
            GroundingError: This convention has no boxes, or the box leaves the picture.
        """
        self._box_allowed()
        if len(box) != 4:
            raise GroundingError(f"got {len(box)} numbers for a box; allowed: 4")
        return (*self.encode_point(box[:2], seen), *self.encode_point(box[2:], seen))

    @property
    def numbers_pictures(self) -> bool:
        """Whether an answer says in which of several pictures it points."""
        return self.form in _NUMBERED

    def parse(self, text: str, seen: Seen) -> list[Grounding]:
        """Read a model's answer in its own form; prose, thinking and code fences are passed over.

        An answer that says in its form that there is nothing gives an empty list.

        Raises:
            GroundingError: There is no mark in it, or one of them is wrong.
        """
        if not isinstance(text, str):
            raise GroundingError(f"got {shown(text)} for an answer; allowed: text")
        answer = text.rpartition(_THOUGHT)[2]
        if len(answer) > _LONGEST:
            raise GroundingError(
                f"the answer has {len(answer)} characters; allowed: {_LONGEST}; lower its tokens"
            )
        return [
            Grounding(
                mark.label,
                None if mark.point is None else self.decode_point(mark.point, seen),
                None if mark.box is None else self.decode_box(mark.box, seen),
            )
            for mark in FORMS[self.form].read(answer)
        ]

    def write(self, groundings: Sequence[Grounding], seen: Seen) -> str:
        """Write an answer as the model would by its documentation; for stand-ins and tests.

        Raises:
            GroundingError: The model has no way to write one of them.
        """
        marks = []
        for found in groundings:
            if found.point is None and found.box is None:
                raise GroundingError("got a grounding with neither point nor box; give one")
            marks.append(
                Marked(
                    found.label,
                    None if found.point is None else self.encode_point(found.point, seen),
                    None if found.box is None else self.encode_box(found.box, seen),
                )
            )
        return FORMS[self.form].write(marks)

    def half_step(self, seen: Seen) -> tuple[float, float]:
        """Half of what the last digit is worth, in the original (u, v) [px].

        No point comes back from this convention nearer than that.
        """
        full_u, full_v = self._full(seen)
        half = 0.5 * self._step
        return half / full_u * seen.width, half / full_v * seen.height

    @property
    def _step(self) -> float:
        return 10.0**-self.decimals

    def _full(self, seen: Seen) -> tuple[float, float]:
        """Numbers at the right and at the lower edge."""
        if self.full is None:
            return float(seen.sent_width), float(seen.sent_height)
        return self.full, self.full

    def _names(self, what: str) -> str:
        x, y = self.axes
        return f"[{x}, {y}]" if what == "point" else f"[{x}1, {y}1, {x}2, {y}2]"

    def _box_allowed(self) -> None:
        if not self.boxes:
            raise GroundingError(
                f"{self.name} has points only, no boxes; give {self._names('point')}"
            )

    def _checked(self, numbers: Any, what: Literal["point", "box"]) -> list[float]:
        """Let only the right count of finite numbers with the right decimals through."""
        wanted = 2 if what == "point" else 4
        if isinstance(numbers, str | bytes) or not isinstance(numbers, Sequence):
            raise GroundingError(
                f"got {shown(numbers)} for a {what}; allowed: {wanted} numbers {self._names(what)}"
            )
        if len(numbers) != wanted:
            raise GroundingError(
                f"got {len(numbers)} numbers for a {what}; allowed: {wanted}, {self._names(what)}"
            )
        return [self._number(number, what) for number in numbers]

    def _number(self, number: Any, what: str) -> float:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise GroundingError(f"got {shown(number)} in a {what}; allowed: numbers only")
        # Integers have no size limit, and a float's range is far more than any picture's.
        if not -1e9 < number < 1e9 or not isfinite(number):
            raise GroundingError(
                f"got {shown(number)} in a {what}; allowed: numbers in the picture"
            )
        if self.decimals == 0 and number != floor(number):
            raise GroundingError(
                f"got {number!r} in a {what}; allowed: whole numbers, as {self.name} writes them"
            )
        return float(number)

    def _place(self, pair: Sequence[float], seen: Seen) -> tuple[float, float]:
        """Pixel of the original for two numbers, not yet cut at the edge."""
        x, y = pair if self.axes == "xy" else reversed(pair)
        full_u, full_v = self._full(seen)
        for axis, number, full in (("x", x, full_u), ("y", y, full_v)):
            slack = max(self.overshoot * full, self._step)
            if not -slack <= number <= full + slack:
                raise GroundingError(
                    f"got {axis} = {number:g}; allowed: 0 to {full:g} in {self.name}, and "
                    f"{slack:g} beyond, which is cut at the picture's edge"
                )
        return x / full_u * seen.width, y / full_v * seen.height

    def _two(self, uv: Sequence[float]) -> tuple[float, float]:
        if len(uv) != 2:
            raise GroundingError(f"got {len(uv)} numbers for a point; allowed: 2")
        return uv[0], uv[1]

    def _written(self, value: float, side: int, full: float) -> float:
        if not 0.0 <= value <= side:
            raise GroundingError(f"got pixel {shown(value)}; allowed: 0 to {side} in this picture")
        number = value / side * full
        # Half up, not to even: two edges one step apart must not fall on the same number.
        return floor(number + 0.5) if self.decimals == 0 else round(number, self.decimals)


def convention(name: str) -> Convention:
    """Find a convention by name.

    Raises:
        UnknownName: There is none of that name; the message lists what exists.
    """
    if name not in CONVENTIONS:
        raise UnknownName("grounding convention", name, CONVENTIONS)
    return CONVENTIONS[name]


_XY = "a point as [x, y] and a box as [x1, y1, x2, y2] (left, top, right, bottom)"
_EDGES = "relative to the picture: 0 is its left or upper edge, {0} its right or lower edge"
_1000 = f"in whole numbers from 0 to 1000, {_EDGES.format(1000)}"
_UNIT = f"in decimal fractions from 0 to 1 with three decimals, {_EDGES.format(1)}"

# fmt: off
CONVENTIONS: Mapping[str, Convention] = MappingProxyType({c.name: c for c in (
    # Its maintainers advise to cut whatever leaves the picture at its edge (issue 1035, where a
    # side was 6 % outside); so far we do not follow.
    Convention(
        "qwen2.5-vl", "xy", None, 0, "json_2d",
        f"Give {_XY} in whole pixels of the picture as it was sent, counted from its upper left "
        "corner.",
        "https://github.com/QwenLM/Qwen3-VL/issues/676 and /1035",
        "2026-11-22 (stored copies)",
    ),
    # A help page of its vendor says 0-999 (issue 1741); numbers above 1000 have been seen
    # (https://github.com/QwenLM/Qwen3.8-Flash-Next/issues/4).
    Convention(
        "qwen3-vl", "xy", 1000.0, 0, "json_2d", f"Give {_XY} {_1000}.",
        "https://github.com/QwenLM/Qwen3-VL/issues/1741 and /1427",
        "2026-11-22 (stored copies)",
    ),
    Convention(
        "rynnbrain", "xy", 1000.0, 0, "framed", f"Give {_XY} {_1000}.",
        "https://github.com/alibaba-damo-academy/RynnBrain",
        "2026-11-22 (stored copies of training notes; cookbooks not re-read)",
    ),
    Convention(
        "gemini-er", "yx", 1000.0, 0, "json_box_2d",
        f"Give a point as [y, x] and a box as [ymin, xmin, ymax, xmax], y first, {_1000}.",
        "https://ai.google.dev/gemini-api/docs/robotics-spatial",
        "2026-11-22 (stored copy of its part on points; the one on boxes not re-read)",
    ),
    Convention(
        "internvl", "xy", 1000.0, 0, "ref_box", f"Give {_XY} {_1000}.",
        "https://internvl.readthedocs.io/en/latest/get_started/chat_data_format.html",
        "2026-11-22 (stored copy)",
    ),
    Convention(
        "molmo", "xy", 100.0, 1, "point_tags",
        "Give a point as [x, y] in percent of the picture's width and height with one decimal, "
        "counted from its upper left corner; give no boxes.",
        "https://huggingface.co/allenai/Molmo-7B-O-0924/discussions/1",
        "2026-11-22 (stored copy)", boxes=False,
    ),
    Convention(
        "molmo2", "xy", 1000.0, 0, "point_list",
        f"Give a point as [x, y] {_1000}; give no boxes.",
        "https://huggingface.co/allenai/Molmo2-8B",
        "not re-read; as others recorded its answers", boxes=False,
    ),
    # The page says 0-1000 and divides by 1000; other pages of the vendor say 0-999 (not re-read).
    # A number means the same place either way.
    Convention(
        "doubao", "xy", 1000.0, 0, "ark", f"Give {_XY} {_1000}.",
        "https://www.volcengine.com/docs/82379/1616136",
        "2026-11-22 (stored copy of the page of 2025-09-08)",
    ),
    Convention(
        "robopoint", "xy", 1.0, 3, "tuples", f"Give a point as [x, y] {_UNIT}; give no boxes.",
        "https://github.com/wentaoyuan/RoboPoint", "2026-11-22 (stored copy)", boxes=False,
    ),
    Convention(
        "deepseek-vl2", "xy", 999.0, 0, "ref_det",
        f"Give {_XY} in whole numbers from 0 to 999, {_EDGES.format(999)}.",
        "https://github.com/deepseek-ai/DeepSeek-VL2 (README and parse_ref_bbox)",
        "2026-11-22 (stored copies)",
    ),
    Convention(
        "unit-float", "xy", 1.0, 3, "json", f"Give {_XY} {_UNIT}.",
        "none: OpenAI documents no convention for GPT-4o; this is what we ask for",
        "2026-11-22", documented=False,
    ),
)})
# fmt: on
"""Every convention, by name."""
