"""HTTP for stand-in servers: OpenAI's paths on loopback, whole answers and events."""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Loopback", "error_of", "events", "reply"]

_MOST_BYTES = 64_000_000


class Loopback(ABC):
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

    @abstractmethod
    def models(self) -> tuple[str, ...]:
        """Ids that ``/models`` names."""

    @abstractmethod
    def chat(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer a chat request, by whatever it writes to the handler."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a hanging answer may not keep the server from closing
    owner: Loopback

    def handleerror_of(self, request: Any, client_address: Any) -> None:
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
            return reply(self, 404, error_of(f"no {self.path} here; there is /v1/models"))
        found = [{"id": name, "object": "model", "owned_by": "stand-in"}
                 for name in self.server.owner.models()]  # fmt: skip
        return reply(self, 200, {"object": "list", "data": found})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_BYTES:
            self.close_connection = True
            return reply(self, 413, error_of(f"{length} bytes; at most {_MOST_BYTES}"))
        data = self.rfile.read(length)
        if self.path != "/v1/chat/completions":
            return reply(self, 404, error_of(f"no {self.path} here; POST /v1/chat/completions"))
        try:
            body = json.loads(data)
        except ValueError as error:
            return reply(self, 400, error_of(str(error)))
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return reply(self, 400, error_of("the body is no JSON object with a list of messages"))
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


def error_of(message: str) -> dict[str, Any]:
    """An error in OpenAI's form."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}
