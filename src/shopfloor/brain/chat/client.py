"""Talks to any server that speaks OpenAI's chat API over HTTP.

Every wait has a deadline that covers all tries together; answers are bounded in bytes; what may
pass by waiting (429, 5xx, a broken connection) is tried again with growing pauses.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread, Timer
from typing import Any

import httpx

from shopfloor.brain.chat.engine import ChatAnswer, ChatRequest, Refused, ToolCall
from shopfloor.brain.chat.profile import Seat
from shopfloor.errors import UsageError

__all__ = ["Client"]

_MOST_BYTES = 4_000_000
"""An answer that goes on for longer than this is none."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which asking again makes sense."""
_NOBODY = frozenset({502, 503, 504})
"""Statuses by which a gateway says that nobody is behind it."""
_TRIES = 4
_PAUSE_S = 0.5
_CONNECT_S = 5.0
_GRACE_S = 0.2
"""So much later than agreed an answer may come that is on its way [s]."""
_TOLD = 300
"""So much of what a server said about an error is repeated [characters]."""
_SECRET = 8
"""A key of fewer characters (EMPTY, for servers that want some) is no secret."""


class Client:
    """An engine behind HTTP."""

    def __init__(
        self, seat: Seat, *, transport: httpx.BaseTransport | None = None, tries: int = _TRIES
    ) -> None:
        """Connect to nobody yet.

        Args:
            seat: Who answers.
            transport: Instead of the network, for tests.
            tries: How often a question is put at most.

        Raises:
            UsageError: The key cannot be sent: it is not plain ASCII, or has more than one line.
        """
        self.seat = seat
        self._tries = tries
        key = os.environ.get(seat.key_env, "").strip() if seat.key_env else ""
        if not key.isascii() or not key.isprintable():  # httpx would quote it in its error
            raise UsageError(
                f"the environment variable {seat.key_env} holds characters that no key has; put "
                "the key into it as its vendor shows it, on one line"
            )
        # The key lives in this header and nowhere else.
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(headers=headers, transport=transport, follow_redirects=False)
        self._socket: socket.socket | None = None

    def answer(self, request: ChatRequest, *, deadline_s: float) -> ChatAnswer:
        """Put a question; see :class:`shopfloor.brain.chat.engine.Engine`."""
        began = time.monotonic()
        until = began + deadline_s
        body = self._body(request)
        pause = _PAUSE_S
        for again in range(self._tries):
            try:
                reply = self._post(body, until)
            except _Passing as error:
                wait = max(pause, error.after_s)
                if again + 1 == self._tries or time.monotonic() + wait >= until:
                    raise ConnectionError(str(error)) from error
                time.sleep(wait)
                pause *= 2
                continue
            return _read(reply, time.monotonic() - began)
        raise ConnectionError("no try was allowed")

    def context(self, *, deadline_s: float) -> int | None:
        """Longest context of the model [tokens], where the server's list of models tells it."""
        try:
            _, data = self._sent("GET", "/models", None, time.monotonic() + deadline_s)
            (one,) = (m for m in _parsed(data)["data"] if m["id"] == self.seat.model_id)
            longest = one.get("max_model_len") or one.get("context_length")
        except (_Passing, OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return longest if type(longest) is int else None

    def reachable(self, *, deadline_s: float) -> bool:
        """Whether a server answers at all: anything but silence and the errors of a gateway."""
        try:
            response, _ = self._sent("GET", "/models", None, time.monotonic() + deadline_s)
        except (_Passing, OSError, ValueError):
            return False
        return response.status_code not in _NOBODY

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        server = self.seat.server
        body: dict[str, Any] = {
            "model": self.seat.model_id,
            "messages": [dict(message) for message in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            **(server.extra or {}),
        }
        if request.seed is not None:
            body["seed"] = request.seed
        if request.tools:
            body["tools"] = [dict(tool) for tool in request.tools]
            if request.tool_choice in server.tools:
                body["tool_choice"] = request.tool_choice
        if request.schema is not None:
            body.update(_schema(server.schema, request.schema))
        return {**body, **request.extra}

    def _post(self, body: dict[str, Any], until: float) -> Any:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time was left to ask")
        path = "/chat/completions"
        response, data = self._sent("POST", path, body, until)
        if response.status_code == 200:
            try:
                return self._hidden(_parsed(data))
            except RecursionError as error:
                raise ValueError("the server's answer is a nest of lists") from error
        url = self.seat.base_url + path
        text = self._hidden(data[:_TOLD].decode("utf-8", "replace").replace("\\/", "/"))
        # Somebody may print this: nothing that a terminal obeys.
        said = "".join(letter if letter.isprintable() else " " for letter in text).strip()
        message = f"{url} answered {response.status_code}: {said or 'nothing'}"
        if response.status_code in _PASSING:
            raise _Passing(message, _after(response))
        if response.status_code in {401, 403}:
            name = self.seat.key_env
            message += f"; put a valid key into the environment variable {name}" if name else ""
        raise Refused(message, response.status_code)

    def _hidden(self, value: Any) -> Any:
        """The same with the key blotted out of every text, however it was escaped on the way."""
        key = self._http.headers.get("Authorization", "").removeprefix("Bearer ")
        if len(key) < _SECRET:
            return value
        if isinstance(value, str):
            return value.replace(key, "***")
        if isinstance(value, list):
            return [self._hidden(one) for one in value]
        if isinstance(value, dict):
            return {name: self._hidden(one) for name, one in value.items()}
        return value

    def _sent(
        self, method: str, path: str, body: Any, until: float
    ) -> tuple[httpx.Response, bytes]:
        """Send a request, and wait no longer than until the time is over.

        A name that nobody resolves, or a host with many dead addresses, can hold a connection up
        beyond every limit of httpx, so the wait for it is our own.
        """
        found: SimpleQueue[tuple[httpx.Response, bytes] | BaseException] = SimpleQueue()

        def send() -> None:
            try:
                found.put(self._exchanged(method, path, body, until))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                found.put(error)

        Thread(target=send, name="chat request", daemon=True).start()
        try:
            got = found.get(timeout=max(until - time.monotonic(), 0.0) + _GRACE_S)
        except Empty:
            raise TimeoutError(f"{self.seat.base_url}{path} did not answer in time") from None
        if isinstance(got, BaseException):
            raise got
        return got

    def _exchanged(
        self, method: str, path: str, body: Any, until: float
    ) -> tuple[httpx.Response, bytes]:
        """Send a request; returns the answer's head and its body, the key blotted out in it."""
        url, left = self.seat.base_url + path, until - time.monotonic()
        try:
            with (
                self._cut_off(left) as trace,
                self._http.stream(
                    method, url, json=body, timeout=_timeout(left), extensions={"trace": trace}
                ) as response,
            ):
                data = _bounded(response, until)
        except httpx.InvalidURL as error:
            raise Refused(f"{url} is no address: {error}") from error
        except httpx.DecodingError as error:
            raise ValueError(f"the server's answer cannot be unpacked: {error}") from error
        except httpx.TransportError as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise _Passing(f"{url} does not take the connection") from error
            if isinstance(error, httpx.TimeoutException) or time.monotonic() >= until:
                raise TimeoutError(f"{url} did not answer in time") from error
            raise _Passing(f"{url}: {type(error).__name__}: {error}") from error
        key = self._http.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        # Some servers quote the key that they refuse, and a model may say anything.
        return response, data.replace(key, b"***") if len(key) >= _SECRET else data

    @contextmanager
    def _cut_off(self, left_s: float) -> Iterator[Any]:
        """Break the connection when the time is over; gives what httpx is to trace with.

        The limits of httpx begin anew with every byte, so an answer that drips never meets them.
        """

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                self._socket = info["return_value"].get_extra_info("socket")

        def cut() -> None:
            if self._socket is not None:
                with suppress(OSError):  # it was closed already
                    # Not SSLSocket's own, which takes the connection from under the reader.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

        timer = Timer(max(left_s, 0.0), cut)
        timer.daemon = True
        timer.start()
        try:
            yield trace
        finally:
            timer.cancel()


class _Passing(Exception):
    """Asking again may help."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


def _timeout(left_s: float) -> httpx.Timeout:
    left = max(left_s, 0.001)
    return httpx.Timeout(left, connect=min(left, _CONNECT_S))


def _bounded(response: httpx.Response, until: float) -> bytes:
    """The body, as long as it ends within the time and is not without end."""
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        parts.append(part)
        if size > _MOST_BYTES:
            raise ValueError(f"the answer is longer than {_MOST_BYTES:,} bytes")
        if time.monotonic() > until:
            break
    if time.monotonic() > until:  # what was cut off may look like an end
        raise TimeoutError("the answer did not end in time")
    return b"".join(parts)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the server answered no JSON: {data[:80]!r}") from error


def _after(response: httpx.Response) -> float:
    try:
        return min(max(float(response.headers.get("retry-after", "0")), 0.0), 60.0)
    except ValueError:  # a date: our own pause will do
        return 0.0


def _schema(form: str | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    if form == "json_schema":
        inside = {"name": "answer", "schema": dict(schema), "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": inside}}
    if form == "json_object_schema":
        return {"response_format": {"type": "json_object", "schema": dict(schema)}}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    return {}


def _read(reply: Any, latency_s: float) -> ChatAnswer:
    """Take an answer apart, believing nothing of its form."""
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        content = message.get("content")
        # Some servers answer in parts, as requests do.
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content)
        calls = tuple(
            ToolCall(
                _text(call.get("id")) or f"call_{i}",
                _text(call["function"]["name"]),
                _text(call["function"].get("arguments")),
            )
            for i, call in enumerate(message.get("tool_calls") or ())
        )
        reasoning, finish = message.get("reasoning_content"), choice.get("finish_reason")
        model_id, usage = reply.get("model"), reply.get("usage")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the server's answer is no chat completion ({type(error).__name__}: {error})"
        ) from error
    return ChatAnswer(
        text=_text(content),
        calls=calls,
        model_id=_text(model_id),
        latency_s=latency_s,
        tokens=_counted(usage),
        finish=_text(finish) or "stop",
        reasoning=_text(reasoning) if isinstance(reasoning, str) else None,
    )


def _counted(usage: Any) -> tuple[int, int] | None:
    """Tokens in and out, where they are told; a server may write anything there."""
    if not isinstance(usage, Mapping):
        return None
    into, out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(into) is not int or type(out) is not int or into < 0 or out < 0:
        return None
    return into, out


def _text(value: Any) -> str:
    """Text as it is, nothing for None; anything else as JSON, for the parser to refuse or take."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON allows half a surrogate pair, and no UTF-8 holds one.
    return text.encode("utf-8", "replace").decode()
