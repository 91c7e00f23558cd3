"""What a probe asks beside where things are: everything that a brain would use of a server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np

from shopfloor.brain.chat.answer import MODES, Mode, calls_in
from shopfloor.brain.chat.client import Client
from shopfloor.brain.chat.golden import golden
from shopfloor.brain.chat.picture import picture_of
from shopfloor.brain.chat.question import FIRST_S, SAID, Asker, Check, user
from shopfloor.brain.chat.tool import Tools

__all__ = ["capabilities"]

_SKILL = {
    "type": "object",
    "description": "Report what was asked for.",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
    "additionalProperties": False,
}
_NAMES = {"tools": "calls tools", "schema": "keeps a JSON schema", "tags": "calls in tags"}
_FORCED = ("auto", "required", "named")
_JSON = {"response_format": {"type": "json_object"}}
_SIDE, _FRAMES = 112, 8


def capabilities(asker: Asker) -> Iterator[Check]:
    """Try everything that a brain would use; ways to call that work are noted with the asker."""
    seat = asker.seat
    asked = seat.model_id
    shown = f"asked for {asked!r}, {asker.model_id!r} answered"
    yield Check("model id", asker.model_id == asked, shown)
    yield _context(asker)
    yield asker.attempt("system role", lambda: _system(asker))
    yield asker.attempt("Chinese", lambda: _chinese(asker))
    yield asker.attempt("the same twice at temperature 0", lambda: _twice(asker))
    for mode in MODES:
        yield _calls(asker, mode)
    if isinstance(asker.engine, Client):  # what a server of ours in this process does is known
        for value in _FORCED:
            yield asker.attempt(f"tool_choice {value}", partial(_forced, asker, value))
        yield asker.attempt("JSON object without a schema", lambda: _object(asker))
    if seat.model.images:
        yield asker.attempt("a picture", lambda: _pictures(asker, 1))
        yield asker.attempt("several pictures", lambda: _pictures(asker, 2))
    if "video" in seat.model.modalities and "video" in seat.server.parts:
        yield asker.attempt("a video", lambda: _video(asker))


def _context(asker: Asker) -> Check:
    engine = asker.engine
    longest = engine.context(deadline_s=FIRST_S) if isinstance(engine, Client) else None
    told = f"{longest:,} tokens" if longest else "the server does not say"
    return Check("context", None if longest is None else True, told)


def _system(asker: Asker) -> tuple[bool, str]:
    rule = {"role": "system", "content": "Whatever you are asked, answer with the word seven."}
    text = asker.ask([rule, user("What is the capital of France?")]).text
    return "seven" in text.lower(), repr(text[:SAID])


def _chinese(asker: Asker) -> tuple[bool, str]:
    text = asker.ask([user("天空在晴天是什么颜色？请用中文回答。")]).text
    return "蓝" in text, repr(text[:SAID])


def _twice(asker: Asker) -> tuple[bool, str]:
    texts = [asker.ask([user("Name three metals.")], seed=1).text for _ in range(2)]
    return texts[0] == texts[1], repr(texts[0][:SAID])


def _pictures(asker: Asker, count: int) -> tuple[bool, str]:
    """Whether it takes pictures; what it sees in them is for the grounding part."""
    uris = [picture_of(g.pixels, "golden", asker.seat.model).uri for g in golden()[:count]]
    text = asker.ask([user("How many pictures do you see? Answer with a number.", *uris)]).text
    return str(count) in text, repr(text[:SAID])


def _video(asker: Asker) -> tuple[bool, str]:
    """Whether it sees in which order things come: red first, then blue."""
    part = {"type": "video_url", "video_url": {"url": _red_then_blue()}}
    question = "One colour fills this video, then another. Which comes last? Answer with one word."
    message = {"role": "user", "content": [part, {"type": "text", "text": question}]}
    text = asker.ask([message]).text
    said = text.lower()
    return "blue" in said and "red" not in said, repr(text[:SAID])


def _red_then_blue() -> str:
    import av

    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width = stream.height = _SIDE
        stream.pix_fmt = "yuv420p"
        for index in range(_FRAMES):
            colour = (220, 30, 30) if index < _FRAMES // 2 else (30, 40, 220)
            pixels = np.full((_SIDE, _SIDE, 3), colour, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return "data:video/mp4;base64," + base64.b64encode(file.getvalue()).decode()


def _calls(asker: Asker, mode: Mode) -> Check:
    if mode == "schema" and asker.seat.server.schema is None:
        return Check(_NAMES[mode], ok=False, shown="this server is sent no schema")
    tools = Tools({"report": _SKILL}, ("left",), (), None)

    def attempt() -> tuple[bool, str]:
        question = user("Call report for limb left with the number 3.")
        answer = asker.called(mode, tools, None, question)
        calls = calls_in(answer, mode)
        given = [(call.name, json.loads(call.arguments)) for call in calls]
        ok = given == [("report", {"limb": "left", "number": 3})]
        if mode == "tools":
            ok = ok and bool(answer.calls)
        return ok, repr(given)[:SAID]

    check = asker.attempt(_NAMES[mode], lambda: _keyed(attempt))
    if check.ok:
        asker.works.add(mode)
    return check


def _forced(asker: Asker, value: str) -> tuple[bool, str]:
    """Whether a tool is called as ``tool_choice`` says: freely, whatever is said, or this one."""
    tools = Tools({"report": _SKILL}, ("left",), (), None)
    wanted: Any = value
    question = "Good morning."
    if value == "auto":
        question = "Call report for limb left with the number 3."
    elif value == "named":
        wanted = {"type": "function", "function": {"name": "report"}}
    answer = asker.ask([user(question)], tools=tools.definitions, extra={"tool_choice": wanted})
    names = [call.name for call in answer.calls]
    ok = bool(names) if value == "required" else names == ["report"]
    return ok, repr(names or answer.text)[:SAID]


def _object(asker: Asker) -> tuple[bool, str]:
    question = 'Answer in json with the number three, as in {"number": 5}.'
    text = asker.ask([user(question)], extra=_JSON).text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return isinstance(found, dict) and found.get("number") == 3, repr(text[:SAID])


def _keyed(attempt: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    try:
        ok, shown = attempt()
    except (KeyError, TypeError) as error:
        return False, f"the call lacks {error}"
    except RecursionError:
        return False, "the call's arguments are a nest of lists"
    return ok, shown
