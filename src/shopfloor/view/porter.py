"""Stands before the pages: who may ask, for what, and what a browser may do with the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shopfloor.entrance import loopback

__all__ = ["CLOSED", "Porter"]

_Headers = list[tuple[bytes, bytes]]

_STRICT = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
CLOSED = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For a page that stands alone, which may be from a stranger's folder: nothing in it runs."""

_ALWAYS: _Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
_MOST_QUERY = 2_000


class Porter:
    """An ASGI application around another.

    Args:
        app: What to guard.
        names: Whether only requests to a name of this machine pass: a web page can have its own
            name resolve to loopback, and would then be let read what is served here.
    """

    def __init__(self, app: Callable[..., Any], *, names: bool) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or turn it away."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        if (refused := self._refused(scope)) is not None:
            await _turn_away(send, *refused)
            return

        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _dressed(list(message.get("headers", ())))}
            await send(message)

        await self._app(scope, receive, dressed)

    def _refused(self, scope: Any) -> tuple[int, bytes] | None:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, b"only GET: nothing can be changed here\n"
        headers = list(scope["headers"])
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if self._names and (len(hosts) != 1 or not loopback(_bare(hosts[0]))):
            return 421, b"this server answers only to 127.0.0.1, localhost or [::1]\n"
        fetch = {name: value for name, value in headers if name.startswith(b"sec-fetch-")}
        if (
            fetch.get(b"sec-fetch-site") == b"cross-site"
            and fetch.get(b"sec-fetch-mode") != b"navigate"
        ):
            return 403, b"a page from elsewhere may link here and load nothing from here\n"
        if len(scope.get("query_string", b"")) > _MOST_QUERY:
            return 414, b"this question is too long\n"
        if any(name == b"transfer-encoding" for name, _ in headers) or any(
            name == b"content-length" and value.strip() != b"0" for name, value in headers
        ):
            return 413, b"nothing can be sent here\n"
        return None


def _bare(host: str) -> str:
    """Return a host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _dressed(headers: _Headers) -> _Headers:
    there = {name.lower() for name, _ in headers}
    more = [*_ALWAYS, (b"content-security-policy", _STRICT), (b"cache-control", b"no-store")]
    return [*headers, *((name, value) for name, value in more if name not in there)]


async def _turn_away(send: Any, status: int, said: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers += [(b"allow", b"GET, HEAD")] if status == 405 else []
    start = {"type": "http.response.start", "status": status, "headers": _dressed(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": said})
