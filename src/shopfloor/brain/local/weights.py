"""Finds the weights of a local model, and refuses what could run code or is not whole."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shopfloor.brain.local.extra import need
from shopfloor.errors import UsageError

__all__ = ["ARCHITECTURES", "Weights", "family", "find"]

ARCHITECTURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "qwen2_5_vl": ("qwen2.5-vl", "Qwen2_5_VLForConditionalGeneration"),
        "qwen3_vl": ("qwen3-vl", "Qwen3VLForConditionalGeneration"),
    }
)
"""``model_type`` of a checkpoint to (model profile, class in transformers)."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ALLOW = "SHOPFLOOR_ALLOW_DOWNLOAD"
"""Environment variable; 1 lets a hub id be fetched that is not on this machine."""
_FETCHED = ("*.json", "*.jinja", "*.safetensors", "merges.txt", "LICENSE*", "NOTICE*")
"""Nothing that could be run, and no weights in a form that runs code when it is read."""
_LOOSE = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint on this machine.

    Attributes:
        name: What answers give as model id: hub id or name of the folder, and the adapter's.
        folder: Holds config, tokenizer and weights.
        model_type: Architecture as its config names it, a key of ``ARCHITECTURES``.
        family: Name of the model profile, which holds how it points and its picture sizes.
        adapter: Folder of a LoRA adapter for it, or None.
    """

    name: str
    folder: Path
    model_type: str
    family: str
    adapter: Path | None = None


def find(name: str) -> Weights:
    """Find a checkpoint by folder or hub id; for a LoRA adapter, its base too.

    A hub id is looked up in the cache of huggingface_hub on this machine; nothing is fetched
    unless the environment says ``SHOPFLOOR_ALLOW_DOWNLOAD=1``.

    Args:
        name: A folder, or a hub id such as ``Qwen/Qwen2.5-VL-3B-Instruct``. The folder of an
            adapter holds ``adapter_config.json``; a base that it names by a relative path is
            looked for beside it.

    Raises:
        UsageError: Not here, not of a known architecture, not whole, or not in safetensors.
    """
    folder, called = _folder(name)
    if not (folder / "adapter_config.json").is_file():
        return _whole(folder, called)
    told = _json(folder / "adapter_config.json")
    if told.get("peft_type") != "LORA":
        raise UsageError(
            f"{folder / 'adapter_config.json'} is of type {told.get('peft_type')!r}; allowed: LORA"
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise UsageError(
            f"{folder} has no adapter_model.safetensors; adapters are read from safetensors only; "
            "next: save it again with save_pretrained(..., safe_serialization=True)"
        )
    base = told.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise UsageError(
            f"{folder / 'adapter_config.json'} names no base_model_name_or_path; next: write the "
            "folder or hub id of the model it was trained on there"
        )
    beside = folder / base
    below = _whole(*_folder(str(beside) if beside.is_dir() else base))
    return Weights(
        f"{below.name}+{called}", below.folder, below.model_type, below.family, adapter=folder
    )


def family(folder: str | Path) -> str:
    """Name of the model profile that a checkpoint's config asks for (``qwen2.5-vl``).

    Raises:
        UsageError: No config, or an architecture that is not known here.
    """
    return ARCHITECTURES[_model_type(Path(folder))][0]


def _folder(name: str) -> tuple[Path, str]:
    """Where it lies, and what it is called."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path, path.resolve().name
    if not _HUB_ID.fullmatch(name):
        raise UsageError(
            f"{name!r} is neither a folder here nor a hub id; give local:FOLDER or local:ORG/NAME, "
            "such as local:Qwen/Qwen2.5-VL-3B-Instruct"
        )
    hub = need("huggingface_hub")
    allowed = os.environ.get(_ALLOW) == "1"
    try:
        found = hub.snapshot_download(
            name, local_files_only=not allowed, allow_patterns=list(_FETCHED)
        )
    # Besides its own classes the library lets through those of whatever HTTP client it uses.
    except Exception as error:
        if allowed:
            raise UsageError(f"{name} could not be fetched: {error}") from error
        raise UsageError(
            f"{name} is not in this machine's cache, and nothing is fetched unasked; next: "
            f"'hf download {name}', or set {_ALLOW}=1, or give its folder: local:FOLDER"
        ) from error
    return Path(found), name


def _whole(folder: Path, name: str) -> Weights:
    """Check that everything is there, in safetensors."""
    kind = _model_type(folder)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = _json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise UsageError(f"{index} has no weight_map; next: fetch the checkpoint again")
        wanted = {str(shard) for shard in shards.values()}
    else:
        wanted = {"model.safetensors"}
    # A name with a path in it would lead out of the folder.
    missing = sorted(w for w in wanted if Path(w).name != w or not (folder / w).is_file())
    if missing:
        loose = sorted(f.name for pattern in _LOOSE for f in folder.glob(pattern))
        hint = (
            f"{loose[0]} is not read, since that form can run code; next: convert it to safetensors"
            if loose
            else "next: fetch the checkpoint again"
        )
        raise UsageError(
            f"{folder} lacks {missing[0]}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}; weights are read from "
            f"safetensors only; {hint}"
        )
    return Weights(name, folder, kind, ARCHITECTURES[kind][0])


def _model_type(folder: Path) -> str:
    file = folder / "config.json"
    if not file.is_file():
        raise UsageError(
            f"{folder} has no config.json, so it is no checkpoint; next: give the folder that "
            "holds config.json and *.safetensors"
        )
    kind = _json(file).get("model_type")
    if kind not in ARCHITECTURES:
        raise UsageError(
            f"{file} is of model_type {kind!r}; allowed in process: {', '.join(ARCHITECTURES)}; "
            "next: serve it and name it by address: MODEL@http://HOST:PORT/v1"
        )
    return str(kind)


def _json(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(read, dict):
        raise UsageError(f"{file} holds a {type(read).__name__}; an object is expected")
    return read
