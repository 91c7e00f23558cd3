"""Fetches small answers from sources that nobody vouches for: bounded in time, size and place."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx

from shopfloor.errors import UsageError

__all__ = ["Answer", "Silence", "fetch", "source"]

_LIMIT_BYTES = 8 << 20
"""The list of a large repository's files is a megabyte."""
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Silence(Exception):
    """A source gave no answer that can be believed; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said.

    Attributes:
        status: Of HTTP.
        location: Where it sends on to, or None; nobody goes there.
        body: What came with it.
    """

    status: int
    location: str | None
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Silence: It is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Silence(f"its answer is not JSON ({type(error).__name__})") from error

    def mapping(self) -> Mapping[str, Any]:
        """The body as a JSON object; raises as :meth:`json`."""
        value = self.json()
        if not isinstance(value, Mapping):
            raise Silence("its answer is JSON, and no object")
        return value


def source(address: str, flag: str) -> str:
    """Check the address of a source.

    Raises:
        UsageError: It is no address, or goes over the network in the clear.
    """
    try:
        parts = urlsplit(address)
        clear = parts.scheme == "http" and parts.hostname in _HERE
    except ValueError:
        parts, clear = urlsplit(""), False
    if not parts.hostname or parts.query or parts.fragment or parts.username or not (
        parts.scheme == "https" or clear
    ):  # fmt: skip
        raise UsageError(f"{flag} is {address!r}; give an address such as https://huggingface.co")
    return address.rstrip("/")


def fetch(address: str, *, deadline_s: float, limit: int = _LIMIT_BYTES) -> Answer:
    """Get one address, without going where it sends on to.

    Args:
        address: To get.
        deadline_s: For all of it [s]; a server that drips its answer is left there.
        limit: Longest body [bytes].

    Raises:
        Silence: No answer came in time, or it was too long.
    """
    found: SimpleQueue[Answer | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            found.put(_get(address, deadline_s, limit))
        except Exception as error:  # noqa: BLE001 - told to who waits
            found.put(error)

    # The limits of httpx are for each read; only a wait of our own bounds them together.
    Thread(target=ask, daemon=True).start()
    try:
        answer = found.get(timeout=deadline_s)
    except Empty as error:
        raise Silence(f"it did not answer within {deadline_s:g} s") from error
    if isinstance(answer, Silence):
        raise answer
    if isinstance(answer, httpx.HTTPError | httpx.InvalidURL | OSError | ValueError):
        raise Silence(f"it cannot be reached ({type(answer).__name__})") from answer
    if isinstance(answer, Exception):
        raise answer
    return answer


@cache
def _authorities() -> ssl.SSLContext:
    """Reading them takes longer than an answer."""
    return httpx.create_ssl_context()


def _get(address: str, deadline_s: float, limit: int) -> Answer:
    # Squeezed answers could grow beyond all limits in one step.
    headers = {"Accept-Encoding": "identity", "User-Agent": "shopfloor"}
    with (
        httpx.Client(
            headers=headers, follow_redirects=False, timeout=deadline_s, verify=_authorities()
        ) as client,
        client.stream("GET", address) as response,
    ):
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Silence("it squeezed its answer, though asked not to")
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > limit:
                raise Silence(f"its answer is longer than {limit} bytes")
        declared = response.headers.get("content-length")
        with suppress(TypeError, ValueError):
            if declared is not None and int(declared) != len(body):
                raise Silence("its answer was cut off")
        return Answer(response.status_code, response.headers.get("location"), bytes(body))
