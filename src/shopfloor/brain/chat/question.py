"""Who puts the questions of a probe; and where it asks a model to point."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, isfinite
from statistics import quantiles
from typing import Any

from shopfloor.brain.chat.answer import MODES, Mode, calls_in
from shopfloor.brain.chat.convention import Convention, Grounding, GroundingError, convention
from shopfloor.brain.chat.engine import ChatAnswer, ChatRequest, Engine
from shopfloor.brain.chat.golden import Golden, Target, golden
from shopfloor.brain.chat.picture import picture_of
from shopfloor.brain.chat.profile import Seat
from shopfloor.brain.chat.prompt import system
from shopfloor.brain.chat.seen import Seen
from shopfloor.brain.chat.tool import Tools, choice
from shopfloor.types import Finish

__all__ = ["FIRST_S", "SAID", "Asker", "Check", "Pointing", "lies_on", "user"]

FIRST_S, _ANSWER_S = 9.0, 60.0
"""A dead endpoint is known as one within 10 s; an answer may take longer."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SAID = 160
"""So much of an answer is shown [characters]."""
_MARGIN = 0.15
"""Share of a part's box by which a point may miss it and still meets the part from above."""
_QUESTIONS = {
    ("point", "en"): "Point to the {}.",
    ("box", "en"): "Give the bounding box of the {}.",
    ("point", "zh"): "指出图中的{}。",
    ("box", "zh"): "用框标出图中的{}。",
}
_PICK = {
    "type": "object",
    "description": "Pick up the part at a pixel or in a box of a camera's view, from above.",
    "properties": {"camera": {"type": "string"}, "point": {}, "box": {}},
    "required": ["camera"],
}
_AIM = 0.8
"""Share of the calls that must point at their part for a way to call to count as working."""
_CAN_FAIL = (TimeoutError, ConnectionError, ValueError)


@dataclass(frozen=True, slots=True)
class Check:
    """One capability: whether it is there (None: could not be told), and how that showed."""

    name: str
    ok: bool | None
    shown: str


@dataclass(frozen=True, slots=True)
class Pointing:
    """One answer to a golden question.

    Attributes:
        picture, label, language: What was asked, where.
        kind: ``point`` or ``box``.
        seen: Size of the picture, and of what was sent.
        truth: The part's box [px of the picture].
        got: Point or box that was answered [px of the picture], or None.
        hit: Whether the point, or the box's middle, lies on the part.
        error_px: From the middle of the truth [px]; None without an answer.
        iou: Overlap of two boxes; None for points.
        said: The answer, shortened.
        numbers: The numbers of the answer as they stand.
    """

    picture: str
    label: str
    language: str
    kind: str
    seen: Seen
    truth: tuple[float, float, float, float]
    got: tuple[float, ...] | None
    hit: bool
    error_px: float | None
    iou: float | None
    said: str
    numbers: tuple[float, ...]


class Asker:
    """Puts the questions, and keeps count.

    Attributes:
        model_id: Id that answered first.
        strangers: Other ids that answered later.
        works: Ways to call skills that worked.
        tokens: (in, out) so far, or None where the server does not tell.
    """

    def __init__(self, seat: Seat, engine: Engine) -> None:
        """Ask nothing yet."""
        self.seat, self.engine = seat, engine
        self.model_id = ""
        self.strangers: set[str] = set()
        self.works: set[Mode] = set()
        self.tokens: tuple[int, int] | None = (0, 0)
        self._walls: list[float] = []

    @property
    def latency_s(self) -> tuple[float, float] | None:
        """(p50, p95) of the answers [s]; None where there were fewer than two."""
        if len(self._walls) < 2:
            return None
        cuts = quantiles(self._walls, n=20, method="inclusive")
        return cuts[9], cuts[18]

    def first(self) -> None:
        """See that somebody is there.

        Raises:
            TimeoutError, ConnectionError, ValueError: Nobody, or nobody to be understood.
        """
        answer = self.ask([user("Answer with the word ready.")], deadline_s=FIRST_S)
        self.model_id = answer.model_id

    def points(self, picture: Golden, language: str) -> Iterator[Pointing]:
        """Ask where every target of a golden picture is."""
        name = self.seat.model.convention
        if name is None:
            return
        how = convention(name)
        shown = picture_of(picture.pixels, "golden", self.seat.model)
        for target in picture.targets:
            for kind in _kinds(how, shown.seen):
                label = target.zh if language == "zh" else target.en
                question = f"{_QUESTIONS[kind, language].format(label)} {how.hint}"
                try:
                    answer = self.ask([user(question, shown.uri)])
                except _CAN_FAIL as error:
                    text, failed = "", f"{type(error).__name__}: {error}"
                else:
                    text, failed = answer.text, ""
                one = _pointed(picture, target, label, language, kind, how, shown.seen, text)
                # An error may hold numbers, too: they are no answer.
                yield replace(one, said=failed[:SAID]) if failed else one

    def ask(
        self, messages: Sequence[Mapping[str, Any]], *, deadline_s: float = _ANSWER_S, **more: Any
    ) -> ChatAnswer:
        """Put one question, and keep count.

        Raises:
            TimeoutError, ConnectionError, ValueError: No answer, or none to be understood.
        """
        request = ChatRequest(messages=tuple(messages), max_tokens=512, **more)
        answer = self.engine.answer(request, deadline_s=deadline_s)
        self._walls.append(answer.latency_s)
        if self.model_id and answer.model_id != self.model_id:
            self.strangers.add(answer.model_id)
        if answer.tokens is None or self.tokens is None:
            self.tokens = None
        else:
            self.tokens = self.tokens[0] + answer.tokens[0], self.tokens[1] + answer.tokens[1]
        return answer

    def attempt(self, name: str, attempt: Callable[[], tuple[bool | None, str]]) -> Check:
        """Make a check of what an attempt shows; one that breaks off shows that it is not there."""
        try:
            ok, shown = attempt()
        except _CAN_FAIL as error:
            return Check(name, ok=False, shown=f"{type(error).__name__}: {str(error)[:SAID]}")
        return Check(name, ok, shown)

    def called(
        self, mode: Mode, tools: Tools, how: Convention | None, question: Mapping[str, Any]
    ) -> ChatAnswer:
        """Ask for a call in one of the three ways, as a brain does; ``how`` is the convention."""
        role = "system" if self.seat.server.system_role else "user"
        prompt = {"role": role, "content": system(tools, ("left",), how, mode)}
        more: dict[str, Any] = {}
        if mode == "tools":
            more = {"tools": tools.definitions, "tool_choice": choice(self.seat.server)}
        elif mode == "schema":
            more = {"schema": tools.schema}
        return self.ask([prompt, question], **more)

    def aims(self) -> Iterator[Check]:
        """See whether it points right in the calls that would move a limb, not in words alone.

        A way to call in which it does not is struck off those that work.
        """
        if self.seat.model.convention is None:
            return
        how = convention(self.seat.model.convention)
        tools = Tools({"pick": _PICK}, ("left",), ("golden",), how)
        for mode in MODES:
            if mode not in self.works:
                continue
            hits = [self._aimed(mode, tools, how, picture) for picture in golden()]
            ok = sum(hits) >= _AIM * len(hits)
            if not ok:
                self.works.discard(mode)
            yield Check(
                f"points in calls ({mode})", ok, f"{sum(hits)} of {len(hits)} on their part"
            )

    def _aimed(self, mode: Mode, tools: Tools, how: Convention, picture: Golden) -> bool:
        shown, target = picture_of(picture.pixels, "golden", self.seat.model), picture.targets[0]
        text = f"Call pick for limb left on the {target.en}. The picture is of camera golden."
        try:
            answer = self.called(mode, tools, how, user(text, shown.uri))
            calls = tools.read(calls_in(answer, mode), {"golden": shown.seen}, 1)
        except _CAN_FAIL:
            return False
        if isinstance(calls, Finish) or len(calls) != 1:
            return False
        place = calls[0].arguments.get("point") or calls[0].arguments.get("box")
        if not place:
            return False
        at = place if len(place) == 2 else [(place[0] + place[2]) / 2, (place[1] + place[3]) / 2]
        return lies_on((at[0], at[1]), target.box)


def _kinds(how: Convention, seen: Seen) -> tuple[str, ...]:
    """What a model of this convention can be asked for: some write only points, some only boxes."""
    try:
        how.write((Grounding("", point=(1.0, 1.0)),), seen)
    except GroundingError:
        return ("box",)
    return ("point", "box") if how.boxes else ("point",)


def user(text: str, *uris: str) -> dict[str, Any]:
    """A message with pictures, and then a question about them."""
    if not uris:
        return {"role": "user", "content": text}
    parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": u}} for u in uris]
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


def _pointed(
    picture: Golden,
    target: Target,
    label: str,
    language: str,
    kind: str,
    how: Convention,
    seen: Seen,
    text: str,
) -> Pointing:
    """Hold an answer against the truth."""
    left, top, right, bottom = target.box
    middle = (left + right) / 2, (top + bottom) / 2
    try:
        found: list[Grounding] = how.parse(text, seen)
    except GroundingError:
        found = []
    places = [place for one in found if (place := one.point if kind == "point" else one.box)]
    # Exactly one was asked for: to choose among several would be to help.
    got: tuple[float, ...] | None = tuple(places[0]) if len(places) == 1 else None
    at = None
    if got is not None:
        at = (got[0], got[1]) if kind == "point" else ((got[0] + got[2]) / 2, (got[1] + got[3]) / 2)
    return Pointing(
        picture=picture.name,
        label=label,
        language=language,
        kind=kind,
        seen=seen,
        truth=target.box,
        got=got,
        hit=at is not None and lies_on(at, target.box),
        error_px=None if at is None else hypot(at[0] - middle[0], at[1] - middle[1]),
        iou=None if kind == "point" else _overlap(got, target.box),
        said=text[:SAID],
        numbers=_numbers(text, 4 if kind == "box" else 2),
    )


def _numbers(text: str, count: int) -> tuple[float, ...]:
    """The last numbers of a text; none where one of them is beyond all numbers."""
    found = tuple(float(number) for number in _NUMBER.findall(text)[-count:])
    return found if all(map(isfinite, found)) else ()


def lies_on(at: tuple[float, float], box: tuple[float, float, float, float]) -> bool:
    """Whether a point lies on a part's box, or beside it by little."""
    left, top, right, bottom = box
    dx, dy = _MARGIN * (right - left), _MARGIN * (bottom - top)
    return left - dx <= at[0] <= right + dx and top - dy <= at[1] <= bottom + dy


def _overlap(got: tuple[float, ...] | None, truth: tuple[float, float, float, float]) -> float:
    """Intersection over union; 0 without an answer."""
    if got is None:
        return 0.0
    width = min(got[2], truth[2]) - max(got[0], truth[0])
    height = min(got[3], truth[3]) - max(got[1], truth[1])
    inside = max(width, 0.0) * max(height, 0.0)
    area = (got[2] - got[0]) * (got[3] - got[1])
    of_truth = (truth[2] - truth[0]) * (truth[3] - truth[1])
    return inside / (area + of_truth - inside)
