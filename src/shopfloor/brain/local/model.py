"""Takes a checkpoint into memory: model, tokenizer, picture processor, template."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopfloor.brain.local.device import Device
from shopfloor.brain.local.extra import need
from shopfloor.brain.local.weights import ARCHITECTURES, Weights
from shopfloor.errors import UsageError

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint in memory.

    Attributes:
        model: Of transformers, on its device, in evaluation mode.
        tokenizer: Fast tokenizer of transformers.
        pictures: Picture processor of transformers.
        template: Chat template (Jinja).
        side_px: Side of the square of a picture that becomes one token [px].
        end: Tokens that end an answer.
    """

    model: Any
    tokenizer: Any
    pictures: Any
    template: str
    side_px: int
    end: tuple[int, ...]


def load(weights: Weights, device: Device) -> Loaded:
    """Load a checkpoint, from its folder alone: safetensors, no code of its own, no network.

    Raises:
        UsageError: A library is missing, the checkpoint is not whole, or memory does not suffice.
    """
    torch, transformers = need("torch"), need("transformers")
    settings: dict[str, Any] = {
        "dtype": getattr(torch, device.dtype),
        "attn_implementation": device.attention,
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": False,
    }
    if device.quant != "none":
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of every layer
        need("bitsandbytes", "bitsandbytes")
        settings["quantization_config"] = _quantised(torch, transformers, device)
        settings["device_map"] = {"": str(device)}
    kind = getattr(transformers, ARCHITECTURES[weights.model_type][1])
    with _quietly(transformers), _telling(weights, device):
        model, report = kind.from_pretrained(weights.folder, output_loading_info=True, **settings)
        if lacking := sorted(report["missing_keys"]):
            # transformers would draw them at random and go on.
            raise UsageError(
                f"{weights.folder} lacks {len(lacking)} weights, {lacking[0]} among them; next: "
                "fetch the checkpoint again"
            )
        if weights.adapter is not None:
            model = _adapted(model, weights.adapter, merge=device.quant == "none")
        if device.quant == "none":
            model = model.to(str(device))
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            weights.folder, local_files_only=True, trust_remote_code=False, use_fast=True
        )
        pictures = need(
            "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl"
        ).Qwen2VLImageProcessorPil.from_pretrained(weights.folder, local_files_only=True)
    model.eval()
    end = model.generation_config.eos_token_id
    end = (end,) if isinstance(end, int) else tuple(end or (tokenizer.eos_token_id,))
    # A checkpoint's own penalties and sampling would bend coordinates and break repeatability.
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=list(end), pad_token_id=tokenizer.pad_token_id or end[0]
    )
    return Loaded(
        model,
        tokenizer,
        pictures,
        _template(weights.folder, tokenizer),
        pictures.patch_size * pictures.merge_size,
        end,
    )


def _quantised(torch: Any, transformers: Any, device: Device) -> Any:
    # Where it points depends on what it sees, and the eyes are a small part of the weights.
    whole = ["model.visual", "lm_head"]
    if device.quant == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=whole)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        llm_int8_skip_modules=whole,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, device.dtype),
    )


def _adapted(model: Any, adapter: Path, *, merge: bool) -> Any:
    """Put a LoRA adapter on a model; every weight of it must find its place."""
    peft = need("peft")
    state = need("safetensors.torch").load_file(adapter / "adapter_model.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft calls what transformers renames
        config = peft.PeftConfig.from_pretrained(str(adapter), local_files_only=True)
        config.inference_mode = True
        try:
            tuned = peft.PeftModel(model, config)
            report = peft.set_peft_model_state_dict(tuned, state)
        except (ValueError, RuntimeError, KeyError) as error:
            raise UsageError(
                f"the adapter in {adapter} does not fit its base model: {error}; next: name the "
                "model it was trained on in adapter_config.json"
            ) from error
        astray = sorted(report.unexpected_keys) + sorted(
            key for key in report.missing_keys if "lora_" in key
        )
        if astray:
            # Else it would run without the adapter and look as if it had one.
            raise UsageError(
                f"{len(astray)} weights of the adapter in {adapter} find no place in its base "
                f"model, {astray[0]} among them; next: name the model it was trained on in "
                "adapter_config.json"
            )
        return tuned.merge_and_unload() if merge else tuned.get_base_model()


def _template(folder: Path, tokenizer: Any) -> str:
    """The checkpoint's chat template; the processor's own comes before the tokenizer's."""
    written = folder / "chat_template.jinja"
    try:
        if written.is_file():
            return written.read_text(encoding="utf-8")
        for name in ("chat_template.json", "processor_config.json"):
            if (folder / name).is_file():
                held = json.loads((folder / name).read_text(encoding="utf-8"))
                if isinstance(held.get("chat_template"), str):
                    return str(held["chat_template"])
    except (OSError, ValueError) as error:
        raise UsageError(f"the chat template in {folder} cannot be read: {error}") from error
    if isinstance(tokenizer.chat_template, str):
        return tokenizer.chat_template
    raise UsageError(
        f"{folder} has no chat template; next: copy chat_template.jinja or chat_template.json from "
        "the model it was made of"
    )


@contextlib.contextmanager
def _quietly(transformers: Any) -> Iterator[None]:
    """Without progress bars: they would run through the terminal's own."""
    log = transformers.utils.logging
    shown = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            log.enable_progress_bar()


@contextlib.contextmanager
def _telling(weights: Weights, device: Device) -> Iterator[None]:
    torch, broken = need("torch"), need("safetensors").SafetensorError
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise UsageError(
            f"{weights.name} does not fit on {device} as {device.dtype}, quantisation "
            f"{device.quant}: {error}; next: --quant int8 or int4, another --device, or a smaller "
            "model"
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, broken) as error:
        raise UsageError(f"{weights.folder} cannot be loaded: {error}") from error
