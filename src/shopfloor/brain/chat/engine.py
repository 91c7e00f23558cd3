"""Whoever answers a chat: a server somewhere else, or a model in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["ChatAnswer", "ChatRequest", "Engine", "Refused", "ToolCall"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question.

    Attributes:
        messages: In OpenAI's chat form; pictures are ``image_url`` parts with data URIs.
        tools: Tool definitions in OpenAI's form.
        tool_choice: ``auto``, ``required`` or None for whatever the server does by itself.
        schema: JSON schema that the answer is to keep, or None.
        max_tokens: Most tokens of the answer.
        temperature: Of the sampling; 0 for the likeliest token always.
        seed: Of the sampling, where there is any.
        extra: Further fields of the request, for a probe that asks for what no file promises.
    """

    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model wrote it; ``arguments`` is its JSON, not looked at yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer.

    Attributes:
        text: What it says.
        calls: What tools it calls.
        model_id: Who says that it answered.
        latency_s: Wall time, all tries included [s].
        tokens: (in, out), or None where not told.
        finish: Why it ended: ``stop``, ``length``, ``tool_calls``.
        reasoning: Its thinking, where a server tells it.
        gauges: What else was measured, such as ``peak_memory_bytes``; None where it could not be.
    """

    text: str
    calls: tuple[ToolCall, ...]
    model_id: str
    latency_s: float
    tokens: tuple[int, int] | None = None
    finish: str = "stop"
    reasoning: str | None = None
    gauges: Mapping[str, float | None] = field(default_factory=dict)


class Refused(ConnectionError):
    """The server will not answer this request, however often it is asked (401, 404, 400).

    Attributes:
        status: HTTP status, or None.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Engine(Protocol):
    """Whoever answers."""

    def answer(self, request: ChatRequest, *, deadline_s: float) -> ChatAnswer:
        """Answer within a deadline.

        Raises:
            TimeoutError: Not within ``deadline_s``.
            ConnectionError: Nobody there, or a server that fails; ``Refused`` where asking again
                is of no use.
            ValueError: An answer that is none.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
