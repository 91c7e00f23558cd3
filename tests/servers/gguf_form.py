"""The tiny Qwen2.5-VL checkpoint in llama.cpp's form: a model file and one for its eyes.

Names of keys and tensors are those of the ``gguf`` package and of llama.cpp's own loader.
"""

import json
from pathlib import Path

BLOCK = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
EYE_BLOCK = {
    "norm1.weight": "ln1.weight",
    "norm2.weight": "ln2.weight",
    "attn.proj": "attn_out",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write(checkpoint: Path, folder: Path) -> tuple[Path, Path]:
    """Write both files and return their paths."""
    from safetensors.numpy import load_file

    weights = load_file(checkpoint / "model.safetensors")
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _model(weights, config, checkpoint, folder / "model.gguf"),
        _eyes(weights, config, folder / "mmproj.gguf"),
    )


def _model(weights, config, checkpoint, path):
    from gguf import GGUFWriter, TokenType

    text, out = config["text_config"], GGUFWriter(path, "qwen2vl")
    out.add_name("tiny")
    out.add_context_length(4096)
    out.add_embedding_length(text["hidden_size"])
    out.add_block_count(text["num_hidden_layers"])
    out.add_feed_forward_length(text["intermediate_size"])
    out.add_head_count(text["num_attention_heads"])
    out.add_head_count_kv(text["num_key_value_heads"])
    out.add_layer_norm_rms_eps(text["rms_norm_eps"])
    rope = text["rope_parameters"]
    out.add_rope_freq_base(rope["rope_theta"])
    out.add_rope_dimension_sections([*rope["mrope_section"], 0])
    told = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = [f"[PAD{i}]" for i in range(text["vocab_size"])]
    kinds = [TokenType.UNUSED] * len(tokens)
    for token, i in told["model"]["vocab"].items():
        tokens[i], kinds[i] = token, TokenType.NORMAL
    for added in told["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list(tokens)
    out.add_token_types(kinds)
    out.add_token_merges([" ".join(pair) for pair in told["model"]["merges"]])
    out.add_eos_token_id(text["eos_token_id"])
    out.add_pad_token_id(text["pad_token_id"])
    out.add_add_bos_token(value=False)
    out.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"])
    out.add_tensor("output_norm.weight", weights["model.norm.weight"])
    out.add_tensor("output.weight", weights["lm_head.weight"])
    _blocks(out, weights, "model.layers.", "blk.", BLOCK)
    return _close(out, path)


def _eyes(weights, config, path):
    import numpy as np
    from gguf import GGUFWriter

    seen, out = config["vision_config"], GGUFWriter(path, "clip")
    out.add_name("tiny eyes")
    out.add_clip_has_vision_encoder(value=True)
    out.add_clip_projector_type("qwen2.5vl_merger")
    out.add_vision_image_size(560)
    out.add_vision_patch_size(seen["patch_size"])
    out.add_vision_embedding_length(seen["hidden_size"])
    out.add_vision_feed_forward_length(seen["intermediate_size"])
    out.add_vision_block_count(seen["depth"])
    out.add_vision_head_count(seen["num_heads"])
    out.add_vision_projection_dim(seen["out_hidden_size"])
    out.add_vision_attention_layernorm_eps(1e-6)
    out.add_vision_image_mean([0.48145466, 0.4578275, 0.40821073])
    out.add_vision_image_std([0.26862954, 0.26130258, 0.27577711])
    out.add_vision_use_silu(value=True)
    out.add_vision_n_wa_pattern(seen["fullatt_block_indexes"][0] + 1)
    patch = weights["visual.patch_embed.proj.weight"]  # two pictures in time, one apart
    out.add_tensor("v.patch_embd.weight", np.ascontiguousarray(patch[:, :, 0]))
    out.add_tensor("v.patch_embd.weight.1", np.ascontiguousarray(patch[:, :, 1]))
    out.add_tensor("v.post_ln.weight", weights["visual.merger.ln_q.weight"])
    for part in ("weight", "bias"):
        for layer in (0, 2):
            out.add_tensor(f"mm.{layer}.{part}", weights[f"visual.merger.mlp.{layer}.{part}"])
        for i in range(seen["depth"]):
            joined = weights[f"visual.blocks.{i}.attn.qkv.{part}"]
            for name, piece in zip("qkv", np.split(joined, 3), strict=True):
                out.add_tensor(f"v.blk.{i}.attn_{name}.{part}", np.ascontiguousarray(piece))
    _blocks(out, weights, "visual.blocks.", "v.blk.", EYE_BLOCK)
    return _close(out, path)


def _blocks(out, weights, ours, theirs, names):
    for key, value in weights.items():
        if not key.startswith(ours):
            continue
        layer, _, rest = key.removeprefix(ours).partition(".")
        for long, short in names.items():
            if rest == long or rest.startswith(f"{long}."):
                out.add_tensor(f"{theirs}{layer}.{short}{rest.removeprefix(long)}", value)


def _close(out, path):
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path
