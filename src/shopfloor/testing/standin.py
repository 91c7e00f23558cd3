"""A server that speaks OpenAI's chat API and decides from the HTTP request alone.

It has no weights. It looks at the pictures of the request with ``shopfloor.testing.eye``, reads the
story of the conversation, lets ``shopfloor.testing.planner`` decide, and answers in the numbers of
one grounding convention. There is no depth and no side channel into a simulator, and it keeps
nothing from one request to the next. So it proves the path - pictures out, numbers back, skills
called - and nothing about any model.

What it reads in a conversation, each on a line of its own in a system, user or tool text:

- ``order: WORDS``, or ``order (zh): WORDS``
- ``limb left reaches columns 0-640 of overview; totes A, B`` (or ``no tote``), in the convention's
  numbers
- ``free limbs: left, right``
- ``result ID SKILL LIMB ok {json}`` or ``result ID SKILL LIMB failed CODE {json}``; ids are c1, c2
  and so on, in the order of the calls
- ``Your answer was not carried out``: the calls of the last answer were never made
- ``camera overview WxH`` in the text part before a picture
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

import cv2
import numpy as np

from shopfloor.brain.chat.convention import Convention, Grounding, GroundingError
from shopfloor.brain.chat.prompt import Zone
from shopfloor.brain.chat.seen import Seen
from shopfloor.testing.eye import named, things
from shopfloor.testing.loopback import Loopback, error_of, events, reply
from shopfloor.testing.planner import Claim, Planner, Wanted
from shopfloor.testing.situation import Made, Picture, Situation
from shopfloor.types import Language, UInt8Array

__all__ = ["Mode", "StandIn", "completion"]

Mode = Literal["tools", "json_schema", "tags"]

_CAMERA = "overview"
_ORDER = re.compile(r"^\W*order(?: \((en|zh)\))?:\s*(.+)$", re.MULTILINE)
_ZONE = re.compile(
    r"^\W*limb (\S+) reaches columns ([\d.]+)-([\d.]+) of overview; (?:totes ([^\n;]+)|no tote)",
    re.MULTILINE,
)
_FREE = re.compile(r"^\W*free limbs: *(.*)$", re.MULTILINE)
_RESULT = re.compile(
    r"^\W*result (\S+) \w+ \S+ (ok|failed)(?: ([\w.]+))?(?: \{.*\})?\s*$", re.MULTILINE
)
_NOT_DONE = "was not carried out"
_SHOWN = re.compile(r"camera (\S+) \d+x\d+\W*$")
_CALL = re.compile(r"Call (\w+) for limb (\w+) with the number (\d+)")
_AIM = re.compile(r"Call (\w+) for limb (\w+) on the ([^.]+)\.")
_QUESTION = re.compile(
    r"(?P<list>\blist\b|列出)|(?P<box>\bbox\b|框)|(?P<point>\bpoint to\b|指出|指向)", re.IGNORECASE
)


def completion(
    body: Mapping[str, Any],
    model: str,
    *,
    text: str | None = None,
    calls: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Make a chat completion that is the same for the same request.

    Args:
        body: The request.
        model: Who says that it answered.
        text: What is said, or None.
        calls: Name and arguments (JSON text) of each tool call.
    """
    before = sum(len(m.get("tool_calls") or ()) for m in body["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{before + i}", "type": "function",
             "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(calls)
        ]  # fmt: skip
    # About four characters a token, and a token for each 28 x 28 px.
    asked = json.dumps([_text(m) for m in body["messages"]] + [body.get("tools")])
    pixels = sum(p.shape[0] * p.shape[1] for p in map(_decoded, _urls(body)))
    used = len(asked) // 4 + pixels // 784, (len(text or "") + sum(map(len, sum(calls, ())))) // 4
    return {
        "id": "chatcmpl-" + sha256(json.dumps(body).encode()).hexdigest()[:24],
        "object": "chat.completion",
        "created": 0,  # a clock would make two answers differ
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None,
                     "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": used[0], "completion_tokens": used[1],
                  "total_tokens": sum(used)},
    }  # fmt: skip


class StandIn(Loopback):
    """The server that decides for itself; see the module."""

    def __init__(
        self, convention: Convention, mode: Mode = "tools", model_id: str = "stand-in"
    ) -> None:
        """Listen on a free port.

        Args:
            convention: In which numbers it reads and answers.
            mode: The most that it understands of a request: ``tools``, or ``json_schema``, as
                servers that pass over ``tools``, or neither, which leaves ``<calls>`` tags.
            model_id: The one id that it serves; another one gets a 404.
        """
        super().__init__()
        self.convention, self.mode, self.model_id = convention, mode, model_id
        self.planner = Planner()

    def models(self) -> tuple[str, ...]:
        """The one id that it serves."""
        return (self.model_id,)

    def chat(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer, whole or in events."""
        if body.get("model") != self.model_id:
            return reply(handler, 404, error_of(f"no model {body.get('model')!r}; {self.model_id}"))
        try:
            answer = self.answer(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return reply(handler, 400, error_of(f"{type(error).__name__}: {error}"))
        if not body.get("stream"):
            return reply(handler, 200, answer)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        for event in events(answer, usage=usage):
            handler.wfile.write(event)
        handler.close_connection = True
        return None

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request, without any HTTP.

        Raises:
            ValueError: A picture or the story cannot be read.
        """
        story = _story(body["messages"], self.convention)
        if story is None:
            return self._asked(body)
        decision = self.planner.decide(story)
        tools = {t["function"]["name"]: t["function"].get("parameters") or {}
                 for t in (body.get("tools") or () if self.mode == "tools" else ())}  # fmt: skip
        size = story.pictures[-1].pixels.shape if story.pictures else (1, 1)
        written = [
            (skill, _known(arguments, tools.get(skill)))
            for skill, arguments in _calls(decision, self.convention, _seen(size))
        ]
        if tools:
            calls = [(skill, json.dumps(arguments)) for skill, arguments in written]
            return completion(body, self.model_id, calls=calls)
        text = json.dumps({"calls": [{"skill": skill, **args} for skill, args in written]})
        if self.mode == "tags" or not body.get("response_format"):
            text = f"<calls>{text}</calls>"
        return completion(body, self.model_id, text=text)

    def _asked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer what is no order: a question about a picture, a tool or a schema to try."""
        text = _text(body["messages"][-1])
        pictures = [_decoded(url) for url in _urls(body)]
        if (asked := _QUESTION.search(text)) and pictures:
            return completion(body, self.model_id, text=self._point(asked, text, pictures[-1]))
        if (tried := self._tried(body, text)) is not None:
            return tried
        if body.get("tools") and self.mode == "tools" and body.get("tool_choice") != "none":
            wanted = body.get("tool_choice")
            name = wanted["function"]["name"] if isinstance(wanted, dict) else None
            known = [t["function"] for t in body["tools"]]
            tool = next((t for t in known if t["name"] == name), known[0])
            made = json.dumps(_instance(tool.get("parameters") or {}))
            return completion(body, self.model_id, calls=[(tool["name"], made)])
        form = body.get("response_format") or {}
        schema = (form.get("json_schema") or {}).get("schema") or form.get("schema")
        if schema and self.mode != "tags":
            return completion(body, self.model_id, text=json.dumps(_instance(schema)))
        return completion(body, self.model_id, text=f"A stand-in, shown {len(pictures)} pictures.")

    def _tried(self, body: Mapping[str, Any], text: str) -> dict[str, Any] | None:
        """Do what the probe asks for to see how calls are made here; None for anything else."""
        if asked := _CALL.search(text):
            skill, limb, number = asked.groups()
            given: dict[str, Any] = {"limb": limb, "number": int(number)}
        elif (asked := _AIM.search(text)) and (urls := list(_urls(body))):
            skill, limb, words = asked.groups()
            picture = _decoded(urls[-1])
            found = named(things(picture), words)
            if len(found) != 1:
                return completion(body, self.model_id, text=f"{len(found)} parts are {words}.")
            point = self.convention.encode_point((found[0].u, found[0].v), _seen(picture.shape))
            given = {"limb": limb, "camera": "golden", "point": list(point)}
        else:
            return None
        if body.get("tools") and self.mode == "tools":
            return completion(body, self.model_id, calls=[(skill, json.dumps(given))])
        written = json.dumps({"calls": [{"skill": skill, **given}]})
        if self.mode == "json_schema" and body.get("response_format"):
            return completion(body, self.model_id, text=written)
        return completion(body, self.model_id, text=f"<calls>{written}</calls>")

    def _point(self, asked: re.Match[str], text: str, picture: UInt8Array) -> str:
        found = things(picture)
        if asked["list"] is None:
            found = named(found, re.split(r"[\n.。]", text[asked.start() :], maxsplit=1)[0])
        labelled = [(f"{thing.colour} {thing.shape}", thing) for thing in found]
        points = [Grounding(label, point=(t.u, t.v)) for label, t in labelled]
        boxes = [Grounding(label, box=t.box) for label, t in labelled]
        seen = _seen(picture.shape)
        try:
            return self.convention.write(boxes if asked["point"] is None else points, seen)
        except GroundingError:  # some models have only the one, some only the other
            return self.convention.write(points if asked["point"] is None else boxes, seen)


def _story(messages: Sequence[Mapping[str, Any]], convention: Convention) -> Situation | None:
    """Read a conversation; None where it gives no order."""
    texts = "\n".join(_text(m) for m in messages if m.get("role") != "assistant")
    if (order := _last(_ORDER, texts)) is None:
        return None
    language: Language | None = "zh" if order[1] == "zh" else "en" if order[1] == "en" else None
    pictures = tuple(
        Picture(_decoded(url), turn)
        for turn, message in enumerate(messages)
        for camera, url in _shown(message)
        if camera == _CAMERA
    )
    seen = _seen(pictures[-1].pixels.shape if pictures else (1, 1))

    def column(number: str) -> float:
        pair = [float(number), 0.0]
        return convention.decode_point(pair if convention.axes == "xy" else pair[::-1], seen)[0]

    zones = {
        limb: Zone(limb, column(low), column(high), tuple(re.findall(r"\b[A-Z]\b", totes)))
        for limb, low, high, totes in _ZONE.findall(texts)
    }
    free = _last(_FREE, texts)
    return Situation(
        instruction=order[2].strip(),
        language=language,
        pictures=pictures,
        zones=tuple(zones.values()),
        free=tuple(re.findall(r"[\w-]+", free[1])) if free else tuple(zones),
        made=tuple(_made(messages, convention, seen)),
    )


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)


def _shown(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Camera and address of each picture of a message; a picture that nobody named is left out."""
    camera = ""
    for part in message.get("content") or () if isinstance(message.get("content"), list) else ():
        if part["type"] == "text":
            camera = name[1] if (name := _SHOWN.search(part["text"])) else ""
        elif part["type"] == "image_url":
            yield camera, part["image_url"]["url"]
            camera = ""


def _made(messages: Sequence[Mapping[str, Any]], convention: Convention, seen: Seen) -> list[Made]:
    """The calls of a conversation with their results, oldest first."""
    made: list[Made] = []
    last = 0
    for turn, message in enumerate(messages):
        if message.get("role") == "assistant":
            last = turn
            made += _asked_for(message, turn, len(made), convention, seen)
            continue
        if _NOT_DONE in _text(message):
            made = [call for call in made if call.asked < last]
        for name, outcome, code in _RESULT.findall(_text(message)):
            made = [
                replace(call, ended=turn, ok=outcome == "ok", code=code or None)
                if call.id == name and call.ended is None
                else call
                for call in made
            ]
    return made


def _asked_for(
    message: Mapping[str, Any], turn: int, before: int, convention: Convention, seen: Seen
) -> Iterator[Made]:
    """The calls of one of its own answers."""
    calls = [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    ]
    if not calls and (found := re.search(r"\{.*\}", _text(message), re.DOTALL)):
        calls = [(call["skill"], call) for call in json.loads(found[0]).get("calls", ())]
    for i, (skill, arguments) in enumerate(calls, before + 1):
        if skill == "finish":
            continue
        limbs = tuple(arguments[k] for k in ("limb", "giver", "taker") if k in arguments)
        point = arguments.get("point")
        uv = None if point is None else convention.decode_point(point, seen)
        yield Made(f"c{i}", skill, limbs, uv, arguments.get("tote"), turn)


def _calls(
    decision: tuple[Wanted, ...] | Claim, convention: Convention, seen: Seen
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write a decision as skills and their arguments, in the model's numbers."""
    if isinstance(decision, Claim):
        yield "finish", {"claim": decision.claim, "note": decision.note}
        return
    for call in decision:
        made: dict[str, Any] = {}
        if call.skill == "handover":
            made["giver"], made["taker"] = call.limbs
        elif call.skill != "look" and call.limbs:
            made["limb"] = call.limbs[0]
        if call.point is not None or call.skill == "look":
            made["camera"] = _CAMERA
        if call.point is not None:
            made["point"] = list(convention.encode_point(call.point, seen))
        if call.tote is not None:
            made["tote"] = call.tote
        if call.skill == "wait":
            made |= {"seconds": call.seconds, "clear": True}
        if call.skill == "look":
            made["clear"] = True
        yield call.skill, made


def _known(arguments: dict[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out what a tool does not take."""
    known = (schema or {}).get("properties")
    return arguments if known is None else {k: v for k, v in arguments.items() if k in known}


def _instance(schema: Mapping[str, Any]) -> Any:
    """The plainest value that a JSON schema allows, as far as plain schemas go."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    match schema.get("type", "object"):
        case "object":
            wanted = schema.get("required", ())
            return {k: _instance(v) for k, v in schema.get("properties", {}).items() if k in wanted}
        case "array":
            return [_instance(schema.get("items", {}))] * int(schema.get("minItems", 0))
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    return "stand-in"


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _urls(body: Mapping[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        if isinstance(message.get("content"), list):
            yield from (p["image_url"]["url"] for p in message["content"] if "image_url" in p)


@lru_cache(maxsize=16)
def _decoded(url: str) -> UInt8Array:
    """``(H, W, 3)`` RGB of a data URI."""
    head, _, data = url.partition(";base64,")
    if not head.startswith("data:image/"):
        raise ValueError(f"got a picture {url[:40]!r}; allowed: data:image/png;base64,...")
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("a picture is neither JPEG nor PNG")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _seen(size: Sequence[int]) -> Seen:
    """The server knows only the picture as it was sent."""
    return Seen(size[1], size[0], size[1], size[0])
