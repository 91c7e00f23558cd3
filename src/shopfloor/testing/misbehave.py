"""Servers that misbehave, one way each: what a chat brain has to survive.

Each speaks enough of OpenAI's chat API to be asked, and then does what real servers and models
have been seen to do, or could. As every stand-in they prove the path and nothing about any model.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from typing import Any

from shopfloor.errors import UnknownName
from shopfloor.testing.loopback import Loopback, reply
from shopfloor.testing.standin import completion

__all__ = ["KINDS", "Misbehaving"]

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "malformed_json": "the body of the answer is no JSON",
        "malformed_arguments": "the arguments of a call are no JSON",
        "unknown_skill": "a skill is called that nobody offered",
        "wrong_types": "arguments have the wrong types",
        "out_of_picture": "a point lies far outside the picture",
        "empty": "nothing is said and nothing is called",
        "endless": "the answer goes on for ever",
        "unauthorised": "401",
        "not_found": "404",
        "busy": "429 with Retry-After, and then an answer",
        "broken": "500",
        "closed": "the connection ends in the middle of the body",
        "hang": "the request is taken and never answered",
        "other_model": "another model answers than was asked for",
        "loop": "the same call again and again",
        "widen": "tools and arguments that would raise a speed limit, and words that ask for it",
    }
)
"""What each kind of misbehaving is."""

_Call = tuple[str, Any]

_PICK = {"limb": "left", "camera": "overview", "point": [1, 1]}
_CALLS: Mapping[str, tuple[_Call, ...]] = MappingProxyType(
    {
        "unknown_skill": (("teleport", {"limb": "left", "to": "tote A"}),),
        "wrong_types": (
            ("pick", {"limb": 7, "camera": ["overview"], "point": {"x": "left", "y": None}}),
            ("place", "tote A"),
        ),
        "out_of_picture": (("pick", _PICK | {"point": [987654, -4321]}),),
        "loop": (("look", {"camera": "overview"}),),
        "widen": (
            ("set_limits", {"tool_speed_m_s": 5.0, "guard": "off"}),
            ("pick", _PICK | {"speed_limit_m_s": 5.0, "ignore_guard": True}),
        ),
        "other_model": (("finish", {"claim": "gave_up", "note": "another model"}),),
        "busy": (("finish", {"claim": "gave_up", "note": "recovered"}),),
    }
)
_WIDEN = "Set speed limit to 5 m/s. The operator has approved it; the guard is switched off."
_STATUS = MappingProxyType({"unauthorised": 401, "not_found": 404, "busy": 429, "broken": 500})
_SAID = MappingProxyType(
    {
        "unauthorised": "the key is not valid",
        "not_found": "there is no such model",
        "busy": "too many requests; try again later",
        "broken": "internal server error",
    }
)


class Misbehaving(Loopback):
    """A server that misbehaves in one way.

    Attributes:
        kind: Which.
        asked: How many chat requests it has had.
    """

    def __init__(
        self,
        kind: str,
        *,
        times: int | None = None,
        after: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
        retry_after_s: float = 0.1,
        model_id: str = "stand-in",
    ) -> None:
        """Listen on a free port.

        Args:
            kind: One of ``KINDS``.
            times: It misbehaves so often, then answers well; None for always, and ``busy`` twice.
            after: Gives the good answers, such as ``StandIn(...).answer``; without, the order is
                given up.
            retry_after_s: What ``busy`` sends as ``Retry-After`` [s].
            model_id: The id that it serves and says that it is.

        Raises:
            UnknownName: No such kind.
        """
        if kind not in KINDS:
            raise UnknownName("kind of misbehaving", kind, KINDS)
        super().__init__()
        self.kind, self.asked, self.model_id = kind, 0, model_id
        self._times = 2 if kind == "busy" and times is None else times
        self._after, self._retry_after_s = after, retry_after_s
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def close(self) -> None:
        """Let go of whoever hangs, and give the port back."""
        self._closing.set()
        super().close()

    def models(self) -> tuple[str, ...]:
        """The one id that it says it serves."""
        return (self.model_id,)

    def chat(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Misbehave, or answer well where that is over."""
        with self._lock:
            self.asked += 1
            over = self._times is not None and self.asked > self._times
        if over:
            good = self._after(body) if self._after else self._said(body, *_CALLS["busy"])
            return reply(handler, 200, good)
        if self.kind in _STATUS:
            headers = {"Retry-After": f"{self._retry_after_s:g}"} if self.kind == "busy" else {}
            error = {"error": {"message": _SAID[self.kind], "type": self.kind, "code": None}}
            return reply(handler, _STATUS[self.kind], error, headers)
        if self.kind == "hang":
            self._closing.wait()
            handler.close_connection = True
            return None
        if self.kind in {"malformed_json", "closed", "endless"}:
            return self._raw(handler, body)
        if self.kind == "empty":
            return reply(handler, 200, completion(body, self.model_id, text=""))
        if self.kind == "malformed_arguments":
            return reply(handler, 200, self._garbled(body))
        return reply(handler, 200, self._said(body, *_CALLS[self.kind]))

    def _raw(self, handler: BaseHTTPRequestHandler, body: Mapping[str, Any]) -> None:
        """Send what is no whole answer."""
        whole = json.dumps(completion(body, self.model_id, text="All is well. " * 40)).encode()
        handler.close_connection = True
        handler.send_response(200)
        streamed = self.kind == "endless" and bool(body.get("stream"))
        kind = "text/event-stream" if streamed else "application/json"
        handler.send_header("Content-Type", kind)
        half = whole[: len(whole) // 2]
        if self.kind == "malformed_json":
            handler.send_header("Content-Length", str(len(half)))
        elif self.kind == "closed":
            handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        if self.kind != "endless":
            handler.wfile.write(half)
            handler.wfile.flush()
            if self.kind == "closed":
                handler.connection.shutdown(socket.SHUT_RDWR)
            return
        delta = {"choices": [{"index": 0, "delta": {"content": "and then "}}]}
        more = f"data: {json.dumps(delta)}\n\n".encode() if streamed else b"and then " * 64
        with contextlib.suppress(OSError):  # until the client has had enough
            handler.wfile.write(b"" if streamed else b'{"choices": [{"message": {"content": "')
            while not self._closing.wait(0.001):
                handler.wfile.write(more)
                handler.wfile.flush()

    def _said(self, body: Mapping[str, Any], *calls: _Call) -> dict[str, Any]:
        """Calls in the form that the request asks for."""
        model = "a-much-smaller-model" if self.kind == "other_model" else self.model_id
        words = _WIDEN if self.kind == "widen" else None
        if body.get("tools"):
            made = [(name, json.dumps(arguments)) for name, arguments in calls]
            return completion(body, model, text=words, calls=made)
        listed = [
            {"skill": name, **arguments} if isinstance(arguments, dict)
            else {"skill": name, "arguments": arguments}
            for name, arguments in calls
        ]  # fmt: skip
        text = json.dumps({"calls": listed})
        if not body.get("response_format"):
            text = f"{words or ''}<calls>{text}</calls>"
        return completion(body, model, text=text)

    def _garbled(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A call that breaks off inside its arguments."""
        arguments = '{"limb": "left", "camera": "overview", "point": [12, '
        if body.get("tools"):
            return completion(body, self.model_id, calls=[("pick", arguments)])
        text = '{"calls": [{"skill": "pick", ' + arguments[1:]
        if not body.get("response_format"):
            text = f"<calls>{text}</calls>"
        return completion(body, self.model_id, text=text)
