"""A tiny checkpoint with random weights, made offline: the architecture is real, the answers not.

Nothing is downloaded: the tokenizer is trained here on a few lines, the weights are drawn.
"""

import json
import warnings
from pathlib import Path

FAMILIES = ("qwen2.5-vl", "qwen3-vl")

_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_ADDED = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
_CORPUS = (
    '{"bbox_2d": [120, 45, 310, 208], "label": "red gear"}',
    '{"name": "pick", "arguments": {"part": "bolt", "point_2d": [321, 94]}}',
    "Put every red gear into the left tote and every blue bolt into the right tote.",
    "You are in charge of a robot cell with two arms. The tray is in front of you.",
    "把所有红色齿轮放进左边的料箱,把蓝色螺栓放进右边的料箱。",
)
# Digits stand alone, as in Qwen's own tokenizer: a coordinate is spelt digit by digit.
_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TURNS = (
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n"
    "{%- if message.content is string %}{{ message.content }}{% else %}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'image' or part.type == 'image_url' %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{%- endfor %}{% endif %}"
)
_END = "<|im_end|>\n{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_CALLS = (
    "{%- for call in message.tool_calls or [] %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}"
)
_TOOLS = (
    "{%- if tools %}<|im_start|>system\nTools:\n"
    "{%- for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
)
# Like their big sisters', the one template knows no tools and the other one does.
TEMPLATES = {"qwen2.5-vl": _TURNS + _END, "qwen3-vl": _TOOLS + _TURNS + _CALLS + _END}


def build(folder: Path, family: str = "qwen2.5-vl", *, seed: int = 0) -> Path:
    """Write a checkpoint of this family, two layers deep, and return its folder."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    ids = _tokenizer(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = {"qwen2.5-vl": _qwen25, "qwen3-vl": _qwen3}[family](ids)
    model.generation_config.eos_token_id = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.save_pretrained(folder)
    patch, floor, ceiling = (14, 3136, 12845056) if family == "qwen2.5-vl" else (16, 4096, 16777216)
    kind = {"qwen2.5-vl": "Qwen2_5_VLProcessor", "qwen3-vl": "Qwen3VLProcessor"}[family]
    pictures = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": kind,
        "patch_size": patch,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "size": {"shortest_edge": floor, "longest_edge": ceiling},
    }
    if family == "qwen3-vl":
        pictures |= {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures), encoding="utf-8")
    (folder / "chat_template.json").write_text(
        json.dumps({"chat_template": TEMPLATES[family]}), encoding="utf-8"
    )
    return folder


def adapter(folder: Path, base: Path, *, seed: int = 1, scale: float = 0.5) -> Path:
    """Write a LoRA adapter with random weights for a checkpoint, and return its folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(base, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft calls what transformers renames
            tuned = get_peft_model(
                model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
            )
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:  # zero at first, which would change nothing
                torch.nn.init.normal_(weight, std=scale)
    tuned.save_pretrained(folder)
    return folder


def _tokenizer(folder: Path) -> dict[str, int]:
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        _CORPUS,
        trainers.BpeTrainer(
            vocab_size=400,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in _SPECIAL])
    made.add_tokens([AddedToken(t, special=False, normalized=False) for t in _ADDED])
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
    return made.get_vocab()


def _common(ids: dict[str, int]) -> dict[str, int | bool]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": False,
    }


def _text(ids: dict[str, int]) -> dict[str, object]:
    return {
        "vocab_size": max(ids.values()) + 1 + 5,  # padded, as real ones are
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "bos_token_id": None,
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }


def _qwen25(ids: dict[str, int]):
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    # The sections of the rotary embedding add up to half of a head (64 / 4 / 2).
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6}
    text = _text(ids) | {"rope_parameters": rope}
    vision = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "fullatt_block_indexes": [2],
    }
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **_common(ids))
    return Qwen2_5_VLForConditionalGeneration(config)


def _qwen3(ids: dict[str, int]):
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    rope = {
        "rope_type": "default",
        "mrope_section": [2, 3, 3],
        "mrope_interleaved": True,
        "rope_theta": 5e6,
    }
    text = _text(ids) | {"head_dim": 16, "rope_parameters": rope}
    vision = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [1],
    }
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_common(ids))
    return Qwen3VLForConditionalGeneration(config)
