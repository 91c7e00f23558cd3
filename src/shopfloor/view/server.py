"""Serves the pages until somebody presses Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from shopfloor import entrance
from shopfloor.entrance import Token, loopback
from shopfloor.errors import UsageError
from shopfloor.view.app import make_app
from shopfloor.view.library import Library
from shopfloor.view.porter import Porter

__all__ = ["HEAD_S", "Http", "configured", "guarded", "serve"]

HEAD_S = 10.0
"""Who has not said in this time what it wants is hung up on [s]."""
_MOST_REQUESTS = 64
_CLOSE_S = 1
_IDLE_S = 10
_MOST_HEAD = 16_384
_PORTS_AFTER = 20


@dataclass(frozen=True, slots=True)
class Http(entrance.Http):
    """An address to serve the pages at."""

    terms: ClassVar[entrance.Terms] = entrance.Terms(
        option="--host", token="--token-file",  # noqa: S106 - the name of an option
        name="the token", harm="look at every run",
    )  # fmt: skip

    def bind(self) -> socket.socket:
        """Take the address; raises UsageError, which names a port that is free."""
        try:
            return entrance.Http.bind(self)
        except UsageError as error:
            free = _free_after(self)
            more = "" if free is None else f": `--port {free}` is free"
            raise UsageError(
                f"{str(error).partition(';')[0]}; take another --port{more}"
            ) from error


class _Prompt(H11Protocol):
    """Hangs up on who does not say what it wants in time."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_S, self._hang_up)

    def data_received(self, data: bytes) -> None:
        if self._late is None and not self._answering():
            self._late = self.loop.call_later(HEAD_S, self._hang_up)
        super().data_received(data)
        if self._late is not None and self._answering():
            self._late.cancel()
            self._late = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first
        return cycle is not None and not cycle.response_complete

    def _hang_up(self) -> None:
        self._late = None
        self.transport.close()


def _free_after(http: Http) -> int | None:
    if not http.port:
        return None
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    for port in range(http.port + 1, min(http.port + _PORTS_AFTER, 65536)):
        with suppress(OSError), socket.create_server((http.host, port), family=family):
            return port
    return None


def guarded(root: Path, http: Http) -> Callable[..., Any]:
    """Return the pages of a folder with everybody who stands before them."""
    # A rebinding page does not have the token, and a host behind a proxy has any name.
    app = Porter(make_app(Library(root)), names=loopback(http.host))
    return app if http.token is None else Token(app, http.token, people=True)


def configured(root: Path, http: Http) -> uvicorn.Config:
    """Return how the pages of a folder are served: with limits of size and time."""
    return uvicorn.Config(
        guarded(root, http),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_REQUESTS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_CLOSE_S,
        h11_max_incomplete_event_size=_MOST_HEAD,
        http=_Prompt,
        ssl_certfile=http.cert,
        ssl_keyfile=http.key,
    )


def serve(root: Path, http: Http, *, listening: Callable[[str], None]) -> None:
    """Serve the runs of a folder until interrupted.

    Args:
        root: The folder.
        http: Where.
        listening: Called with the address when it can be reached.

    Raises:
        UsageError: The address cannot be had.
    """
    with http.bind() as taken, suppress(KeyboardInterrupt):
        listening(http.url(taken) + "/")
        uvicorn.Server(configured(root, http)).run([taken])
