"""Where a server can be reached: its own pipes, or HTTP on loopback unless it is guarded."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from shopfloor import entrance
from shopfloor.entrance import Token
from shopfloor.errors import UsageError

__all__ = ["TOKEN", "Http", "Token", "check_stdin", "over_http", "over_stdio"]

TOKEN = "SHOPFLOOR_MCP_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable that holds the token: what stands in a command line is seen by everybody."""

_MOST_BYTES = 1 << 20
"""A request is a few hundred bytes; nobody needs a megabyte to point at a part."""
_MOST_SESSIONS = 8
_MOST_REQUESTS = 64
_CLOSE_S = 3
_POLL_S = 0.1
_LINGER_S = 3.0
"""After the last order the server stays for so long, so that its answer is fetched [s]."""


@dataclass(frozen=True, slots=True)
class Http(entrance.Http):
    """An address to serve MCP at."""

    terms: ClassVar[entrance.Terms] = entrance.Terms(
        option="--http", token=f"a token in {TOKEN}", name=TOKEN, harm="drive the robot"
    )


def check_stdin() -> None:
    """See that somebody can talk to this process.

    Raises:
        UsageError: Stdin is neither a pipe nor a terminal.
    """
    try:
        mode = os.fstat(0).st_mode
        fits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(0)
    except OSError:
        fits = False
    if not fits:
        raise UsageError(
            "stdin is no pipe, so nobody can talk to this server; let an MCP client start "
            "`shopfloor serve mcp`, or serve HTTP with --http 8765"
        )


def over_stdio(server: Server[Any]) -> None:
    """Serve one client over stdin and stdout until it hangs up."""

    async def serve() -> None:
        # While it serves, the transport has stdout to itself: what else is printed goes to stderr.
        async with stdio_server(stdin=await _lines()) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)


def over_http(
    server: Server[Any],
    http: Http,
    *,
    listening: Callable[[str], None],
    working: Callable[[], bool],
) -> None:
    """Serve HTTP until there is no more work.

    Args:
        server: What to serve.
        http: Where.
        listening: Called with the URL when it can be reached.
        working: Whether the cell still takes orders.

    Raises:
        UsageError: The address cannot be had.
    """
    plain = entrance.loopback(http.host)
    names = ("127.0.0.1:*", "localhost:*", "[::1]:*")
    security = TransportSecuritySettings(
        # Against web pages that have their own name resolve to loopback. Elsewhere there is a
        # token, which such a page does not have.
        enable_dns_rebinding_protection=plain,
        allowed_hosts=list(names),
        allowed_origins=[f"{http.scheme}://{name}" for name in names],
    )
    app: Any = server.streamable_http_app(
        json_response=False,  # on a stream it is noticed when a client goes away in a call
        max_request_body_size=_MOST_BYTES,
        max_sessions=_MOST_SESSIONS,
        transport_security=security,
    )
    config = uvicorn.Config(
        app if http.token is None else Token(app, http.token),
        log_config=None,
        access_log=False,
        limit_concurrency=_MOST_REQUESTS,
        timeout_graceful_shutdown=_CLOSE_S,
        ssl_certfile=http.cert,
        ssl_keyfile=http.key,
    )
    with http.bind() as taken:
        listener = uvicorn.Server(config)

        async def serve() -> None:
            watch = asyncio.create_task(_until_done(listener, working))
            try:
                await listener.serve([taken])
            finally:
                watch.cancel()

        listening(f"{http.url(taken)}/mcp")
        anyio.run(serve)


async def _until_done(listener: uvicorn.Server, working: Callable[[], bool]) -> None:
    while working():  # noqa: ASYNC110 - it is a thread that ends, and knows no loop
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(_LINGER_S)
    listener.should_exit = True


async def _lines() -> Any:
    """Stdin by lines that are not too long, in a way that can be cancelled."""
    private = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # what is started from here must not eat the client's words
    os.close(null)
    reader = asyncio.StreamReader(limit=_MOST_BYTES)
    pipe = os.fdopen(private, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    return _Lines(reader)


class _Lines:
    """Iterates over lines; one that is too long is dropped, however long it is."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        dropping = False
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                if not end.partial or dropping:
                    raise StopAsyncIteration from None
                line = end.partial
            except asyncio.LimitOverrunError as much:
                await self._reader.readexactly(much.consumed)
                dropping = True
                continue
            if not dropping:
                return line.decode("utf-8", errors="replace")
            dropping = False
            print(  # noqa: T201 - stderr is all a server has to complain to
                f"shopfloor: a message of more than {_MOST_BYTES} bytes was dropped",
                file=sys.stderr,
            )
