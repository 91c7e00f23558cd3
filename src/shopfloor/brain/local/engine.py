"""Answers chats with a model in this process."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from shopfloor.brain.chat.engine import ChatAnswer, ChatRequest, Refused
from shopfloor.brain.local.device import Device, choose
from shopfloor.brain.local.dialogue import Dialogue, hear
from shopfloor.brain.local.extra import need
from shopfloor.brain.local.gauge import Gauge
from shopfloor.brain.local.model import load
from shopfloor.brain.local.picture import token_size
from shopfloor.brain.local.schema import Lock, Locksmith
from shopfloor.brain.local.weights import Weights, find

__all__ = ["LocalEngine"]


class LocalEngine:
    """An engine of :mod:`shopfloor.brain.chat.engine` whose model is in this process.

    Attributes:
        weights: What was loaded.
        device: Where it runs, and in which numbers.
        stamp: The same as text, with versions of the libraries, for a run's manifest.
        load_s: What loading took [s].
    """

    def __init__(self, name: str, *, device: str | None = None, quant: str = "none") -> None:
        """Load a model.

        Args:
            name: Folder or hub id of a checkpoint, or folder of a LoRA adapter; see
                :func:`shopfloor.brain.local.weights.find`.
            device: See :func:`shopfloor.brain.local.device.choose`.
            quant: ``none``, ``int8`` or ``int4``.

        Raises:
            UsageError: It is not here, does not fit, or a library is missing.
        """
        began = time.monotonic()
        self.weights: Weights = find(name)
        self.device: Device = choose(device, quant)
        self._torch = need("torch")
        self._loaded = load(self.weights, self.device)
        self._dialogue = Dialogue(self._loaded.tokenizer, self._loaded.template)
        config = self._loaded.model.config
        self._picture_token = int(config.image_token_id)
        self._context = int(config.text_config.max_position_embeddings)
        self._vocabulary = int(config.text_config.vocab_size)
        self._smith: Locksmith | None = None
        self._gauge = Gauge(self.device)
        self._turn = threading.Lock()
        self.load_s = time.monotonic() - began
        self.stamp: Mapping[str, str] = {
            "model": self.weights.name,
            "architecture": self.weights.model_type,
            "device": str(self.device),
            "dtype": self.device.dtype,
            "attention": self.device.attention,
            "quant": self.device.quant,
            "torch": str(self._torch.__version__),
            "transformers": str(need("transformers").__version__),
        }

    def answer(self, request: ChatRequest, *, deadline_s: float) -> ChatAnswer:
        """Answer; see :class:`shopfloor.brain.chat.engine.Engine`.

        ``tool_choice`` may be ``auto`` or None (the model decides), ``none``, ``required`` (its
        answer is locked to calls of the tools) or the name of one tool. A schema locks the
        answer's text and leaves no room for calls.

        The deadline is looked at before and after the prompt is read and after every token;
        reading a prompt cannot be broken off, so the error may come later than it was due.

        Raises:
            TimeoutError: Not within ``deadline_s``.
            Refused: The request is too long, more than memory holds, or the model fails on it.
            ValueError: The request is none, or its schema cannot be locked.
        """
        began = time.monotonic()
        if not self._turn.acquire(timeout=max(deadline_s, 0.0)):
            raise TimeoutError(f"the model was still busy after {deadline_s:g} s")
        try:
            with self._telling():
                return self._answer(request, began, began + deadline_s)
        finally:
            self._turn.release()

    def close(self) -> None:
        """Give the memory back; the engine cannot answer any more."""
        with self._turn:
            del self._loaded, self._dialogue
            self._smith = None
            gc.collect()
            if self.device.kind != "cpu":
                self._torch.accelerator.empty_cache()

    def _answer(self, request: ChatRequest, began: float, until: float) -> ChatAnswer:
        self._gauge.start()
        inputs = self._inputs(request)
        prompt = int(inputs["input_ids"].shape[1])
        if prompt + request.max_tokens > self._context:
            raise Refused(
                f"{prompt} tokens of request and {request.max_tokens} of answer are more than the "
                f"{self._context} that {self.weights.name} reads; next: fewer or smaller pictures"
            )
        lock = self._lock(request)
        settings: dict[str, Any] = {"do_sample": False}
        if request.temperature > 0:
            settings = {"do_sample": True, "temperature": request.temperature, "top_k": 0}
        late = _Deadline(until)
        with self._torch.inference_mode(), self._drawing(request):
            written = self._loaded.model.generate(
                **inputs,
                **settings,
                max_new_tokens=request.max_tokens,
                logits_processor=[lock] if lock else [],
                stopping_criteria=[late],
            )
        tokens = written[0, prompt:].tolist()
        ended = bool(tokens) and tokens[-1] in self._loaded.end
        latency_s = time.monotonic() - began
        if late.passed or time.monotonic() > until:
            raise TimeoutError(f"{len(tokens)} tokens were written in {latency_s:.1f} s, no answer")
        heard = hear(
            self._loaded.tokenizer.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
        finish = "stop" if ended else "length"
        return ChatAnswer(
            text=heard.text,
            calls=heard.calls,
            model_id=self.weights.name,
            latency_s=latency_s,
            tokens=(prompt, len(tokens)),
            finish="tool_calls" if ended and heard.calls else finish,
            reasoning=heard.reasoning,
            gauges=self._gauge.read(),
        )

    def _inputs(self, request: ChatRequest) -> dict[str, Any]:
        """Tokens of the request, one for each square of a picture, and the pictures' pixels."""
        torch, tokenizer = self._torch, self._loaded.tokenizer
        shown = () if request.tool_choice == "none" else request.tools
        text, pictures = self._dialogue.write(request.messages, shown)
        token_size(pictures, self._loaded.side_px)
        ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
        seen: dict[str, Any] = {}
        if pictures:
            # The sizes are ours already: what the model points at are pixels of what was sent.
            seen = dict(self._loaded.pictures(pictures, do_resize=False, return_tensors="pt"))
            merged = self._loaded.pictures.merge_size**2
            counts = [int(grid.prod()) // merged for grid in seen["image_grid_thw"]]
            if ids.count(self._picture_token) != len(counts):
                raise ValueError(
                    f"{len(counts)} pictures were sent and the chat template of "
                    f"{self.weights.name} shows {ids.count(self._picture_token)}"
                )
            turn = iter(counts)
            ids = [t for i in ids for t in ([i] * (next(turn) if i == self._picture_token else 1))]
            seen["pixel_values"] = seen["pixel_values"].to(self._loaded.model.dtype)
        tokens = torch.tensor([ids])
        made = {
            "input_ids": tokens,
            "attention_mask": torch.ones_like(tokens),
            "mm_token_type_ids": (tokens == self._picture_token).int(),
            **seen,
        }
        return {key: value.to(str(self.device)) for key, value in made.items()}

    def _lock(self, request: ChatRequest) -> Lock | None:
        choice = request.tool_choice
        if request.schema is None and choice in {None, "auto", "none"}:
            return None
        if self._smith is None:
            self._smith = Locksmith(self._loaded.tokenizer, self._vocabulary, self._loaded.end)
        if request.schema is not None:
            return self._smith.for_schema(request.schema)
        named = [t for t in request.tools if t.get("function", {}).get("name") == choice]
        if choice != "required" and not named:
            raise ValueError(
                f"tool_choice {choice!r} is none; allowed: auto, none, required, or a tool's name"
            )
        return self._smith.for_tools(named or request.tools)

    @contextlib.contextmanager
    def _drawing(self, request: ChatRequest) -> Iterator[None]:
        """Draw from the request's own seed, and leave torch's generators as they were."""
        if request.temperature <= 0 or request.seed is None:
            yield
            return
        kind, torch = self.device.kind, self._torch
        forked = (
            torch.random.fork_rng([self.device.index], device_type=kind)
            if kind in {"cuda", "npu", "xpu"}
            else torch.random.fork_rng([])
        )
        with forked:
            torch.manual_seed(request.seed)
            yield

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, self._torch.OutOfMemoryError) as error:
            if self.device.kind != "cpu":
                self._torch.accelerator.empty_cache()
            raise Refused(
                f"this request is more than {self.device} holds: {error}; next: fewer or smaller "
                "pictures, or --quant"
            ) from error
        except RuntimeError as error:
            raise Refused(f"{self.weights.name} failed on {self.device}: {error}") from error


class _Deadline:
    """Ends an answer whose time is up; in transformers' words a stopping criterion."""

    def __init__(self, until: float) -> None:
        self._until = until
        self.passed = False

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        self.passed = self.passed or time.monotonic() > self._until
        torch = need("torch")
        return torch.full((input_ids.shape[0],), self.passed, device=input_ids.device)
