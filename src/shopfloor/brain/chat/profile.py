"""Facts about models, servers and providers, one data file each; and who answers where.

A *model* file holds what is true of a model family wherever it runs: how it points, how its
pictures are cut, its licence, what is claimed for it. A *server* file holds what a serving program
understands. A *provider* file holds a vendor's address and the name of the environment variable
with the key. A *seat* is all three together: what a brain talks to.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from shopfloor.errors import PluginError, UnknownName, UsageError

__all__ = [
    "Claim",
    "Grade",
    "Licence",
    "Model",
    "Provider",
    "Seat",
    "Server",
    "model_of",
    "models",
    "providers",
    "seat",
    "servers",
]

Grade = Literal["proved here", "verified elsewhere", "reported", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that is said of a model and robots.

    Attributes:
        text: What is claimed.
        grade: How far it is known to be true; ``proved here`` names a run in ``source``.
        source: Where it is said.
        date: When that was published or read (ISO).
    """

    text: str
    grade: Grade
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Licence:
    """Under what terms a model is had; the papers hold the terms themselves.

    Attributes:
        name: As its developer calls it (``Apache-2.0``, ``Qwen Research License``).
        address: Where it can be read, or None.
    """

    name: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A model family.

    Attributes:
        name: What the command line calls it (``qwen2.5-vl``).
        title: What people call it.
        developer: Who made it.
        ids: Patterns of the ids under which servers offer it (``qwen2.5-vl-*``), lower case.
        convention: How it points: a name in ``shopfloor.brain.chat.convention``; None for a model
            that is not to be asked for coordinates (text only).
        images: Most pictures in one request; 0 for a text model.
        multiple_px: Sides of its pictures are multiples of this [px].
        min_pixels, max_pixels: Bounds of a picture's area [px²].
        modalities: What it takes (``text``, ``image``, ``video``, ``audio``, ``document``).
        tools: Whether it was trained to call tools.
        weights: Whether the weights can be had (``open``, ``closed``).
        licence: Its terms.
        hardware: On what it is known to run (``CUDA``, ``Ascend``, ``CPU``, ``vendor's cloud``).
        price_usd: (in, out) per million tokens at its vendor, or None.
        claims: What is said of it and robots.
        source: Where convention and sizes are documented.
        read: When that was read (ISO).
    """

    name: str
    title: str
    developer: str
    ids: tuple[str, ...]
    convention: str | None
    images: int
    multiple_px: int
    min_pixels: int
    max_pixels: int
    modalities: tuple[str, ...]
    tools: bool
    weights: Literal["open", "closed"]
    licence: Licence
    hardware: tuple[str, ...]
    claims: tuple[Claim, ...]
    source: str
    read: str
    price_usd: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """What a serving program understands; the probe asks the live one.

    Attributes:
        name: What the command line calls it (``vllm``).
        title: What people call it.
        tools: Values of ``tool_choice`` it obeys (``auto``, ``required``, ``named``); empty: none.
        schema: How it is made to answer in a JSON schema: the form of ``response_format``
            (``json_schema``, ``json_object`` without a schema, ``json_object_schema`` with the
            schema inside), or None.
        system_role: Whether it takes a message of role ``system``.
        parts: What it takes beside text: ``image`` (``image_url`` with a data URI), ``video``
            (``video_url``), ``audio`` (``input_audio``), ``document`` (``file``).
        json_word: Whether ``json_object`` needs the word "json" in the prompt.
        return_reasoning: Whether ``reasoning_content`` must be sent back with a tool turn.
        extra: Further fields of every request body.
        source: Where this is documented.
        read: When that was read (ISO).
    """

    name: str
    title: str
    tools: tuple[str, ...]
    schema: Literal["json_schema", "json_object", "json_object_schema"] | None
    system_role: bool
    parts: tuple[str, ...]
    source: str
    read: str
    json_word: bool = False
    return_reasoning: bool = False
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor's endpoint.

    Attributes:
        name: What the command line calls it (``dashscope``).
        title: What people call it.
        base_url: Root of its chat API, without ``/chat/completions``.
        key_env: Environment variable that holds the key.
        server: Name of the server profile that describes it.
        region: Where requests go (``CN``, ``SG``, ``US``), for the papers.
        source: Where this is documented.
        read: When that was read (ISO).
    """

    name: str
    title: str
    base_url: str
    key_env: str
    server: str
    region: str
    source: str
    read: str


@dataclass(frozen=True, slots=True)
class Seat:
    """Who answers: a model, on a server, at an address.

    Attributes:
        name: As it was asked for.
        model: The model family.
        server: What the server understands.
        base_url: Root of the chat API, no slash at the end.
        model_id: Id that is asked for.
        key_env: Environment variable with the key, or None where none is needed.
        region: Where requests go, if known.
    """

    name: str
    model: Model
    server: Server
    base_url: str
    model_id: str
    key_env: str | None = None
    region: str | None = None


_T = TypeVar("_T")
_KEY_ENV = "SHOPFLOOR_API_KEY"
"""Sent to an address that is no provider's, if it is set."""


def seat(text: str) -> Seat:
    """Find who is meant.

    Two forms are known: ``MODEL@[SERVER+]URL`` (``qwen2.5-vl-7b@http://localhost:8000/v1``,
    ``qwen2.5-vl-7b@vllm+http://…``) and ``PROVIDER:MODEL`` (``dashscope:qwen-vl-max``). Where the
    server calls the model something that says nothing of its family, MODEL is ``FAMILY=ID``
    (``qwen2.5-vl=our-alias@http://…``); ``generic=ID`` is any vision model of no known family.

    Raises:
        UsageError: It has neither form.
        UnknownName: No such model, server or provider.
    """
    model_id, at, address = text.partition("@")
    if at:
        name, plus, url = address.partition("+")
        if not plus or "://" in name:
            name, url = "openai", address
        if not url.startswith(("http://", "https://")):
            raise UsageError(
                f"{text!r} has no address after the @; give MODEL@http://HOST:PORT/v1, such as "
                "qwen2.5-vl-7b@http://localhost:8000/v1"
            )
        try:
            named = urlsplit(url).username is not None
        except ValueError as error:
            raise UsageError(
                f"{url!r} is no address ({error}); give http://HOST:PORT/v1"
            ) from error
        if "?" in url or "#" in url:
            raise UsageError(
                f"the address {url.partition('?')[0]!r} goes on with ? or #, which would stand in "
                f"every manifest; give the address alone, and a key in {_KEY_ENV}"
            )
        if named:
            raise UsageError(
                "the address holds a user's name or password, which would stand in every manifest; "
                f"put the key into {_KEY_ENV} instead"
            )
        model, model_id = _family(model_id)
        return Seat(text, model, _known(servers(), "server", name), url.rstrip("/"), model_id,
                    _KEY_ENV)  # fmt: skip
    name, colon, model_id = text.partition(":")
    if not colon or not model_id:
        raise UsageError(
            f"{text!r} names no chat model; give MODEL@URL, such as "
            "qwen2.5-vl-7b@http://localhost:8000/v1, or PROVIDER:MODEL, such as "
            "dashscope:qwen-vl-max"
        )
    provider = _known(providers(), "provider", name)
    server = _known(servers(), "server", provider.server)
    model, model_id = _family(model_id)
    return Seat(text, model, server, provider.base_url.rstrip("/"), model_id, provider.key_env,
                provider.region)  # fmt: skip


def _family(text: str) -> tuple[Model, str]:
    """Family and id of ``ID`` or ``FAMILY=ID``."""
    name, given, model_id = text.partition("=")
    if not given:
        return model_of(text), text
    if not model_id:
        raise UsageError(
            f"{text!r} names no model id; give FAMILY=ID, such as qwen2.5-vl=our-alias"
        )
    return _known(models(), "model", name), model_id


def model_of(model_id: str) -> Model:
    """Find the family of a model id: the one whose pattern is the longest that fits.

    Raises:
        UnknownName: None fits; an unknown model's convention is not guessed, but FAMILY=ID says it.
    """
    wanted = model_id.lower().rpartition("/")[2]
    fitting = [
        (len(pattern), model)
        for model in models().values()
        for pattern in (model.name, *model.ids)
        if fnmatch(wanted, pattern)
    ]
    if not fitting:
        raise UnknownName("model", model_id, models())
    return max(fitting, key=lambda pair: pair[0])[1]


@cache
def models() -> Mapping[str, Model]:
    """All model families, by name."""
    return _load("models", Model)


@cache
def servers() -> Mapping[str, Server]:
    """All servers, by name."""
    return _load("servers", Server)


@cache
def providers() -> Mapping[str, Provider]:
    """All providers, by name."""
    return _load("providers", Provider)


def _known(found: Mapping[str, _T], kind: str, name: str) -> _T:
    if name not in found:
        raise UnknownName(kind, name, found)
    return found[name]


def _load(folder: str, kind: type[_T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for file in sorted(
        (f for f in (files("shopfloor.brain") / "data" / folder).iterdir()
         if f.name.endswith(".toml")),
        key=lambda f: f.name,
    ):  # fmt: skip
        try:
            made = kind(**_fields(tomllib.loads(file.read_text(encoding="utf-8")), kind))
        except (TypeError, ValueError, KeyError) as error:
            raise PluginError(
                f"{file.name} in {folder} is not a {kind.__name__}: {error}"
            ) from error
        found[file.name.removesuffix(".toml")] = made
    return found


def _fields(table: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Turn a file's lists into tuples and its tables into what they stand for."""
    known = {field.name for field in fields(kind)}
    if stray := sorted(set(table) - known):
        raise ValueError(f"unknown key {stray[0]!r}; known: {', '.join(sorted(known))}")
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    if kind is Server:
        made.setdefault("schema", None)  # TOML has no word for nothing
    if kind is Model:
        made["licence"] = Licence(**table["licence"])
        made["claims"] = tuple(Claim(**claim) for claim in table.get("claims", ()))
        made.setdefault("convention", None)
    return made
