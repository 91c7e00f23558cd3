"""What a model's answer calls, in whichever of three ways it was asked for.

``tools`` is best: the server parses. Without, the answer is held to a JSON ``schema``; without that
either, it lists its calls in JSON between two ``tags``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from shopfloor.brain.chat.engine import ChatAnswer, ToolCall
from shopfloor.brain.chat.tool import Misread

__all__ = ["MODES", "Mode", "calls_in", "worded"]

Mode = Literal["tools", "schema", "tags"]
MODES: tuple[Mode, ...] = ("tools", "schema", "tags")
"""How a model may be made to call, best first."""

_OPEN, _CLOSE, _FENCE = "<calls>", "</calls>", "```"
_THOUGHT = "</think>"
"""What a model thinks aloud may hold drafts; its answer begins after this."""
_LONGEST = 60_000
"""An answer of more characters is not read."""


def calls_in(answer: ChatAnswer, mode: Mode) -> tuple[ToolCall, ...]:
    """Find the calls of an answer; none means that the model wants to wait.

    Raises:
        Misread: It holds none in the form that was asked for, or was cut off.
    """
    if answer.calls:
        return answer.calls
    if answer.finish == "length":
        raise Misread("the answer was cut off at its longest; answer with fewer words")
    text = answer.text.rpartition(_THOUGHT)[2].strip()
    if not text:
        raise Misread("the answer is empty; call a skill, or finish")
    if len(text) > _LONGEST:
        raise Misread(f"the answer has {len(text):,} characters; {_LONGEST:,} are read")
    if mode == "tools":
        raise Misread("the answer calls no tool; call a skill, or finish")
    return _listed(_between_tags(text) if mode == "tags" else text)


def _between_tags(text: str) -> str:
    # No regular expression: what a model wrote to be slow to match would hold up the cell.
    opened, closed = text.count(_OPEN), text.count(_CLOSE)
    if opened != 1 or closed != 1:
        raise Misread(
            f"the answer has {opened} {_OPEN} and {closed} {_CLOSE}; allowed: one of each"
        )
    return text.partition(_OPEN)[2].partition(_CLOSE)[0]


def _unfenced(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 * len(_FENCE) and text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text[len(_FENCE) : -len(_FENCE)].removeprefix("json")
    return text


def _listed(text: str) -> tuple[ToolCall, ...]:
    try:
        listed: Any = json.loads(_unfenced(text))
        json.dumps(listed, ensure_ascii=False).encode()  # half a surrogate pair cannot be kept
    except (ValueError, RecursionError) as error:
        raise Misread(f"the answer is no JSON ({error})") from error
    if not isinstance(listed, Mapping) or not isinstance(listed.get("calls"), list):
        raise Misread('the answer is no object of the form {"calls": [...]}')
    return tuple(_call(i, entry) for i, entry in enumerate(listed["calls"]))


def _call(index: int, entry: Any) -> ToolCall:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("skill"), str):
        raise Misread(f"call {index} names no skill")
    given = {key: value for key, value in entry.items() if key != "skill"}
    return ToolCall(f"call_{index}", entry["skill"], json.dumps(given, ensure_ascii=False))


def worded(answer: ChatAnswer) -> str:
    """Write an answer down for the log, its calls included."""
    if not answer.calls:
        return answer.text
    calls = [[call.name, call.arguments] for call in answer.calls]
    return json.dumps({"text": answer.text, "calls": calls}, ensure_ascii=False)
