"""Decoding that cannot leave a JSON schema: tokens that would are taken away before the choice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shopfloor.brain.local.extra import need

__all__ = ["Lock", "Locksmith"]

_SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As ``json.dumps`` writes and as models were trained; free spacing would let one go on forever."""


class Locksmith:
    """Makes locks for one tokenizer; it is read once, which takes about a second."""

    def __init__(self, tokenizer: Any, vocabulary: int, end: Sequence[int]) -> None:
        """Read the tokenizer.

        Args:
            tokenizer: A fast tokenizer of transformers.
            vocabulary: Width of the model's logits; more than the tokenizer has where it is padded.
            end: Tokens that end an answer.
        """
        self._guide = need("llguidance")
        backend = tokenizer.backend_tokenizer
        self._tokenizer = self._guide.LLTokenizer(
            backend.to_str(), n_vocab=vocabulary, eos_token=list(end)
        )
        added = tokenizer.get_added_vocab()
        self._open, self._close = (
            tag if tag in added else json.dumps(tag) for tag in ("<tool_call>", "</tool_call>")
        )

    def for_schema(self, schema: Mapping[str, Any]) -> Lock:
        """Make a lock that only lets through JSON that keeps a schema.

        Raises:
            ValueError: The schema is none, or asks for what cannot be locked.
        """
        text = json.dumps(dict(schema), ensure_ascii=False)
        return self._lock(
            self._guide.LLMatcher.grammar_from_json_schema(text, overrides=_SPACING), text
        )

    def for_tools(self, tools: Sequence[Mapping[str, Any]]) -> Lock:
        """Make a lock that only lets through calls of these tools, one or more.

        Args:
            tools: Definitions in OpenAI's form.

        Raises:
            ValueError: A definition is none, or asks for what cannot be locked.
        """
        rules = ['start: call ("\\n" call)*', f'call: {self._open} "\\n" body "\\n" {self._close}']
        bodies = []
        for number, tool in enumerate(tools):
            try:
                name, arguments = tool["function"]["name"], tool["function"]["parameters"]
            except (KeyError, TypeError) as error:
                raise ValueError(f"tool {number} has no function with {error}") from error
            body = {
                "x-guidance": _SPACING,
                "type": "object",
                "properties": {"name": {"const": name}, "arguments": arguments},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            bodies.append(f"body_{number}")
            rules.append(f"body_{number}: %json {json.dumps(body, ensure_ascii=False)}")
        if not bodies:
            raise ValueError("a tool must be called and none is given")
        rules.append(f"body: {' | '.join(bodies)}")
        grammar = "\n".join(rules)
        return self._lock(self._guide.LLMatcher.grammar_from_lark(grammar), grammar)

    def _lock(self, grammar: str, told: str) -> Lock:
        matcher = self._guide.LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ValueError(f"cannot be locked: {matcher.get_error()} in {told[:300]}")
        return Lock(matcher)


class Lock:
    """Keeps one answer within its grammar; in transformers' words a logits processor."""

    def __init__(self, matcher: Any) -> None:
        """Stand before the first token.

        Args:
            matcher: An ``LLMatcher`` that has seen nothing yet.
        """
        self._matcher = matcher
        self._seen: int | None = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Take away every token that cannot follow.

        Args:
            input_ids: Tokens so far, prompt included; (1, n) int64.
            scores: Logits of the next token; (1, vocabulary) float.

        Raises:
            ValueError: The grammar came to no end, such as one too deep for its parser.
        """
        torch = need("torch")
        length = int(input_ids.shape[1])
        if self._seen is not None:
            for token in input_ids[0, self._seen :].tolist():
                self._matcher.consume_token(token)
        self._seen = length
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise ValueError(f"locked decoding failed: {self._matcher.get_error()}")
        allowed = np.unpackbits(bits, bitorder="little")[: scores.shape[1]].astype(bool)
        barred = torch.from_numpy(~allowed).to(scores.device)
        return scores.masked_fill(barred, float("-inf"))
