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
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

import cv2
import numpy as np

from shopfloor.brain.chat.convention import Convention, Grounding, GroundingError
from shopfloor.brain.chat.seen import Seen
from shopfloor.testing.eye import named, things
from shopfloor.testing.planner import Claim, Made, Picture, Planner, Situation, Wanted, Zone
from shopfloor.types import Language, UInt8Array

__all__ = ["Loopback", "Mode", "StandIn", "completion", "events", "reply"]

Mode = Literal["tools", "json_schema", "tags"]

_MOST_BYTES = 64_000_000
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
_QUESTION = re.compile(
    r"(?P<list>\blist\b|列出)|(?P<box>\bbox\b|框)|(?P<point>\bpoint to\b|指出|指向)", re.IGNORECASE
)


class Loopback:
    """An HTTP server on this machine's loopback, in threads of its own; a context manager.

    Attributes:
        base_url: Root of the chat API, ``http://127.0.0.1:PORT/v1``.
        requests: The last chat requests, as they were sent.
    """

    def __init__(self) -> None:
        """Listen on a free port; nobody is answered before ``with``."""
        self.requests: deque[dict[str, Any]] = deque(maxlen=64)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        # A short interval: it is how long closing the server takes.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def models(self) -> tuple[str, ...]:
        """Ids that ``/models`` names."""
        raise NotImplementedError

    def chat(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer a chat request, by whatever it writes to the handler."""
        raise NotImplementedError


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a hanging answer may not keep the server from closing
    owner: Loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is what tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet, or the next waits 40 ms for an answer
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:  # the name is the base class's
        if self.path != "/v1/models":
            return reply(self, 404, _error(f"no {self.path} here; there is /v1/models"))
        found = [{"id": name, "object": "model", "owned_by": "stand-in"}
                 for name in self.server.owner.models()]  # fmt: skip
        return reply(self, 200, {"object": "list", "data": found})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_BYTES:
            self.close_connection = True
            return reply(self, 413, _error(f"{length} bytes; at most {_MOST_BYTES}"))
        data = self.rfile.read(length)
        if self.path != "/v1/chat/completions":
            return reply(self, 404, _error(f"no {self.path} here; POST /v1/chat/completions"))
        try:
            body = json.loads(data)
        except ValueError as error:
            return reply(self, 400, _error(str(error)))
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return reply(self, 400, _error("the body is no JSON object with a list of messages"))
        self.server.owner.requests.append(body)
        return self.server.owner.chat(self, body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def reply(handler: BaseHTTPRequestHandler, status: int, body: Mapping[str, Any],
          headers: Mapping[str, str] | None = None) -> None:  # fmt: skip
    """Send JSON as an HTTP answer."""
    data = json.dumps(body, ensure_ascii=False).encode()
    handler.send_response(status)
    length = {"Content-Type": "application/json", "Content-Length": str(len(data))}
    for name, value in {**length, **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)
    handler.wfile.flush()


def events(answer: Mapping[str, Any], *, usage: bool) -> Iterator[bytes]:
    """Cut a completion into the server-sent events of ``stream: true``.

    Args:
        answer: As :func:`completion` makes it.
        usage: Whether the tokens were asked for (``stream_options.include_usage``).
    """
    choice = answer["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    text = message["content"] or ""
    deltas += [{"content": text[i : i + 16]} for i in range(0, len(text), 16)]
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        opened = {"name": function["name"], "arguments": ""}
        deltas.append({"tool_calls": [{**call, "index": index, "function": opened}]})
        rest = {"index": index, "function": {"arguments": function["arguments"]}}
        deltas.append({"tool_calls": [rest]})
    base = {k: answer[k] for k in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    chunks: list[dict[str, Any]] = [
        base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    ended = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    chunks.append(base | {"choices": [ended]})
    if usage:
        chunks.append(base | {"choices": [], "usage": answer["usage"]})
    for chunk in chunks:
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
    yield b"data: [DONE]\n\n"


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
            return reply(handler, 404, _error(f"no model {body.get('model')!r}; {self.model_id}"))
        try:
            answer = self.answer(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return reply(handler, 400, _error(f"{type(error).__name__}: {error}"))
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


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}
