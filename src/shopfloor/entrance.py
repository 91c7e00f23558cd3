"""Who may come in to a server of ours: an address on loopback, or a token and TLS."""

from __future__ import annotations

import base64
import binascii
import hmac
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Self

from shopfloor.errors import UsageError

__all__ = ["Http", "Terms", "Token", "loopback"]

_LEAST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """How a server speaks of its address.

    Attributes:
        option: Where the address comes from (``--http``).
        token: Where the token comes from, with its article.
        name: The same in short, as the subject of a sentence.
        harm: What a stranger could do.
    """

    option: str
    token: str
    name: str
    harm: str


@dataclass(frozen=True, slots=True)
class Http:
    """An address to serve HTTP at.

    Attributes:
        host, port: Where; port 0 takes a free one.
        token: What a client must show; None for nobody.
        cert, key: Files of the TLS certificate and its key, or None for plain HTTP.
    """

    terms: ClassVar[Terms]
    """What a server's own class says."""

    host: str
    port: int
    token: str | None = None
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def parse(cls, text: str, *, token: str | None, cert: Path | None, key: Path | None) -> Self:
        """Read ``PORT`` or ``HOST:PORT``.

        Raises:
            UsageError: It is none, or would let strangers in.
        """
        terms = cls.terms
        host, colon, port = text.rpartition(":")
        host = host.strip("[]") if colon else "127.0.0.1"
        if not port.isdecimal() or int(port) > 65535 or not host:
            raise UsageError(
                f"{terms.option} is {text!r}; give PORT or HOST:PORT, such as 8765 or "
                "127.0.0.1:8765"
            )
        if token is not None and len(token) < _LEAST_TOKEN:
            raise UsageError(
                f"{terms.name} has {len(token)} characters; a token that cannot be guessed has at "
                f"least {_LEAST_TOKEN}: make one with `openssl rand -hex 24`"
            )
        if (cert is None) != (key is None):
            raise UsageError("--tls-cert and --tls-key belong together: give both, or none")
        for path in (cert, key):
            if path is not None and not path.is_file():
                raise UsageError(f"there is no file {path}; give the PEM files of your certificate")
        if not loopback(host) and (token is None or cert is None):
            missing = [] if token else [terms.token]
            missing += [] if cert else ["--tls-cert and --tls-key"]
            raise UsageError(
                f"{terms.option} {host} can be reached by others, who could {terms.harm}; it needs "
                f"{' and '.join(missing)}. Or serve on 127.0.0.1"
            )
        return cls(host, int(port), token, cert, key)

    @property
    def scheme(self) -> str:
        """``https`` where there is a certificate, else ``http``."""
        return "https" if self.cert else "http"

    def url(self, taken: socket.socket) -> str:
        """Return the address of a socket that ``bind`` took, without a path."""
        host, port = taken.getsockname()[:2]
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def bind(self) -> socket.socket:
        """Take the address.

        Raises:
            UsageError: It cannot be had.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            raise UsageError(
                f"cannot serve at {self.host} port {self.port}: {error.strerror}; take another "
                f"{self.terms.option}"
            ) from error


class Token:
    """Lets only requests with the token pass. An ASGI application around another."""

    def __init__(self, app: Callable[..., Any], token: str, *, people: bool = False) -> None:
        """Guard ``app``.

        Args:
            app: The application.
            token: To be shown as ``Authorization: Bearer TOKEN``.
            people: Whether it may be shown as the password of any user, too, for which a browser
                asks.
        """
        self._app, self._token, self._people = app, token.encode(), people

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and self._knows(scope)):
            await self._app(scope, receive, send)
            return
        how = b'Basic realm="shopfloor: any name, and the token", charset="UTF-8"'
        asked = how if self._people else b"Bearer"
        headers = [(b"www-authenticate", asked), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"a bearer token is needed\n"})

    def _knows(self, scope: Any) -> bool:
        shown = [value for name, value in scope["headers"] if name == b"authorization"]
        kind, _, token = (shown[0] if len(shown) == 1 else b"").partition(b" ")
        if self._people and kind.lower() == b"basic":
            return self._fits(_password(token.strip()))
        return kind.lower() == b"bearer" and self._fits(token.strip())

    def _fits(self, token: bytes) -> bool:
        # Compared in constant time: how long it takes must not tell how much was right.
        return hmac.compare_digest(token, self._token)


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything, tomorrow to something else
