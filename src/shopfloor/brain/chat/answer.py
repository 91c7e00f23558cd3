"""What a model's answer calls, in whichever of three ways it was asked for.

``tools`` is best: the server parses. Without, the answer is held to a JSON ``schema``; without that
either, it lists its calls in JSON between two ``tags``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from shopfloor.brain.chat.engine import ChatAnswer, ToolCall
from shopfloor.brain.chat.tool import Misread

__all__ = ["MODES", "Mode", "calls_in"]

Mode = Literal["tools", "schema", "tags"]
MODES: tuple[Mode, ...] = ("tools", "schema", "tags")
"""How a model may be made to call, best first."""

_TAGGED = re.compile(r"<calls>(.*?)</calls>", re.DOTALL)
_FENCED = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
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
    text = answer.text.strip()
    if not text:
        raise Misread("the answer is empty; call a skill, or finish")
    if len(text) > _LONGEST:
        raise Misread(f"the answer has {len(text):,} characters; {_LONGEST:,} are read")
    if mode == "tools":
        raise Misread("the answer calls no tool; call a skill, or finish")
    return _listed(_between_tags(text) if mode == "tags" else text)


def _between_tags(text: str) -> str:
    found = _TAGGED.findall(text)
    if len(found) != 1:
        raise Misread(f"the answer has {len(found)} <calls> … </calls>; exactly one is allowed")
    return str(found[0])


def _listed(text: str) -> tuple[ToolCall, ...]:
    fenced = _FENCED.match(text)
    try:
        listed: Any = json.loads(fenced.group(1) if fenced else text)
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
