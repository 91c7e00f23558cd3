"""Messages in OpenAI's form to the text a model continues, and its continuation back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shopfloor.brain.chat.engine import ToolCall
from shopfloor.brain.local.picture import decode

__all__ = ["Dialogue", "Heard", "hear"]

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_PROBE = {
    "type": "function",
    "function": {"name": "q7_probe", "description": "q7_probe", "parameters": {"type": "object"}},
}
_HOW_TO_CALL = """# Tools
You can call the functions below, each given as JSON with the schema of its arguments.
<tools>
{tools}
</tools>
To call one, write its name and arguments as JSON between these tags, once for each call:
<tool_call>
{{"name": "...", "arguments": {{...}}}}
</tool_call>"""
"""The form that Qwen's models were trained on (named hermes by servers); the words are ours."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer says.

    Attributes:
        text: Without calls and thinking.
        calls: In order.
        reasoning: Its thinking, or None.
    """

    text: str
    calls: tuple[ToolCall, ...]
    reasoning: str | None


class Dialogue:
    """Writes dialogues for one checkpoint."""

    def __init__(self, tokenizer: Any, template: str) -> None:
        """Look at what the checkpoint's template can do.

        Args:
            tokenizer: Of transformers.
            template: The checkpoint's chat template (Jinja, rendered in a sandbox).
        """
        self._tokenizer = tokenizer
        self._template = template
        # Longest first, so that a mark within another one is not half undone.
        self._marks = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        # Qwen2.5-VL's own template passes over tools without a word.
        self.knows_tools = "q7_probe" in self._render([{"role": "user", "content": "."}], [_PROBE])

    def write(
        self, messages: Iterable[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[str, list[Any]]:
        """The text to continue, and its pictures in order of appearance.

        Marks of the template within any message are broken by a space: text that was read from
        the scene cannot end its message and begin another one.

        Raises:
            ValueError: A message is none, or a picture cannot be decoded.
        """
        pictures: list[Any] = []
        said = [self._message(m, pictures) for m in messages]
        if self.knows_tools:
            return self._render(said, list(tools) or None), pictures
        if tools:
            lines = "\n".join(json.dumps(dict(t), ensure_ascii=False) for t in tools)
            how = _HOW_TO_CALL.format(tools=lines)
            if said and said[0]["role"] == "system":
                said[0]["content"] = _joined(said[0]["content"], f"\n\n{how}")
            else:
                said.insert(0, {"role": "system", "content": how})
        return self._render([_plain(m) for m in said], None), pictures

    def _render(self, said: list[dict[str, Any]], tools: list[Any] | None) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                said,
                tools=tools,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=True,
            )
        )

    def _message(self, message: Mapping[str, Any], pictures: list[Any]) -> dict[str, Any]:
        role = message.get("role")
        if role not in {"system", "user", "assistant", "tool"}:
            raise ValueError(f"a message has role {role!r}; allowed: system, user, assistant, tool")
        content = message.get("content")
        made: dict[str, Any] = {"role": role}
        if content is None or isinstance(content, str):
            made["content"] = self._harmless(content or "")
        else:
            made["content"] = [self._part(part, pictures) for part in content]
        if calls := message.get("tool_calls"):
            made["tool_calls"] = [_past_call(call) for call in calls]
        return made

    def _part(self, part: Mapping[str, Any], pictures: list[Any]) -> dict[str, Any]:
        match part:
            case {"type": "text", "text": str(text)}:
                return {"type": "text", "text": self._harmless(text)}
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                pictures.append(decode(url))
                return {"type": "image"}
        raise ValueError(
            f"a message has a part of type {part.get('type')!r}; allowed: text, image_url"
        )

    def _harmless(self, text: str) -> str:
        for mark in self._marks:
            if len(mark) > 1:
                text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text


def hear(answer: str) -> Heard:
    """Take an answer apart.

    What stands between call tags and is no call stays in the text, for the brain to see.

    Args:
        answer: As the model wrote it, end mark taken off.
    """
    thought, closed, rest = answer.rpartition("</think>")
    reasoning = thought.replace("<think>", "").strip() if closed else None
    calls: list[ToolCall] = []

    def take(match: re.Match[str]) -> str:
        try:
            call = json.loads(match[1])
            name, arguments = call["name"], call["arguments"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return match[0]
        if not isinstance(name, str):
            return match[0]
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        calls.append(ToolCall(f"call_{len(calls)}", name, raw))
        return ""

    text = _CALL.sub(take, rest).strip()
    return Heard(text, tuple(calls), reasoning)


def _past_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of an earlier turn; templates want its arguments as an object, the wire has text."""
    match call:
        case {"function": {"name": str(name), "arguments": arguments}}:
            if isinstance(arguments, str):
                try:
                    arguments = json.loads(arguments)
                except ValueError:
                    arguments = {"unreadable": arguments}
            return {"type": "function", "function": {"name": name, "arguments": arguments}}
    raise ValueError("a past tool call has no function with name and arguments")


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """Write calls and results as text, for a template that knows neither."""
    content = message["content"]
    if message["role"] == "tool":
        answered = _joined(_joined("<tool_response>\n", content), "\n</tool_response>")
        return {"role": "user", "content": answered}
    for call in message.get("tool_calls", ()):
        written = json.dumps(call["function"], ensure_ascii=False)
        content = _joined(content, f"\n<tool_call>\n{written}\n</tool_call>")
    return {"role": message["role"], "content": content}


def _joined(first: str | list[Any], second: str | list[Any]) -> str | list[Any]:
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return [
        *([{"type": "text", "text": first}] if isinstance(first, str) else first),
        *([{"type": "text", "text": second}] if isinstance(second, str) else second),
    ]
