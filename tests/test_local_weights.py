"""Which checkpoints are taken up; nothing of them is loaded here."""

import json
import sys
from types import ModuleType

import pytest

from shopfloor.brain.local import family
from shopfloor.brain.local.weights import find
from shopfloor.errors import UsageError


def checkpoint(folder, kind="qwen2_5_vl", files=("model.safetensors",)):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
    for name in files:
        (folder / name).write_bytes(b"")
    return folder


def adapter(folder, files=("adapter_model.safetensors",), **said):
    folder.mkdir(parents=True, exist_ok=True)
    told = {"peft_type": "LORA", **said}
    (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
    for name in files:
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize(("kind", "name"), [("qwen2_5_vl", "qwen2.5-vl"), ("qwen3_vl", "qwen3-vl")])
def test_a_folder_says_which_family_it_is(tmp_path, kind, name):
    folder = checkpoint(tmp_path / "mine", kind)
    found = find(str(folder))
    assert (found.name, found.folder, found.family, found.adapter) == ("mine", folder, name, None)
    assert family(folder) == name


def test_all_shards_must_be_there(tmp_path):
    folder = checkpoint(tmp_path / "mine", files=("a.safetensors",))
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}), encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"lacks b\.safetensors"):
        find(str(folder))
    (folder / "b.safetensors").write_bytes(b"")
    assert find(str(folder)).family == "qwen2.5-vl"


def test_a_shard_cannot_lie_outside(tmp_path):
    folder = checkpoint(tmp_path / "mine")
    (tmp_path / "out.safetensors").write_bytes(b"")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"x": "../out.safetensors"}}), encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"lacks \.\./out"):
        find(str(folder))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_weights_that_can_run_code_are_not_read(tmp_path, name):
    folder = checkpoint(tmp_path / "mine", files=(name,))
    with pytest.raises(UsageError, match=rf"{name} is not read.*convert it to safetensors"):
        find(str(folder))


@pytest.mark.parametrize("kind", ["llama", "internvl_chat", None])
def test_another_architecture_is_refused_with_a_way_out(tmp_path, kind):
    folder = checkpoint(tmp_path / "mine", kind)
    with pytest.raises(UsageError, match=r"qwen2_5_vl, qwen3_vl.*MODEL@http"):
        find(str(folder))


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_config_that_is_none_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"config\.json"):
        find(str(tmp_path))


def test_an_empty_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        find(str(tmp_path))


@pytest.mark.parametrize("name", ["no such", "../x", "a/b/c", "/nowhere/at/all"])
def test_neither_folder_nor_hub_id(name):
    with pytest.raises(UsageError, match="neither a folder here nor a hub id"):
        find(name)


@pytest.mark.parametrize("beside", [True, False])
def test_an_adapter_finds_its_base(tmp_path, beside):
    base = checkpoint(tmp_path / "base")
    lora = adapter(tmp_path / "lora", base_model_name_or_path="../base" if beside else str(base))
    found = find(str(lora))
    assert (found.name, found.family, found.adapter) == ("base+lora", "qwen2.5-vl", lora)
    assert found.folder.resolve() == base


@pytest.mark.parametrize(
    ("files", "said", "why"),
    [
        (("adapter_model.bin",), {"base_model_name_or_path": "x"}, "safetensors only"),
        (("adapter_model.safetensors",), {}, "names no base_model"),
        (("adapter_model.safetensors",), {"peft_type": "PROMPT_TUNING"}, "allowed: LORA"),
    ],
)
def test_an_adapter_that_cannot_be_used(tmp_path, files, said, why):
    with pytest.raises(UsageError, match=why):
        find(str(adapter(tmp_path / "lora", files, **said)))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A pretended hub client; it remembers how it was asked."""
    asked = []
    library = ModuleType("huggingface_hub")

    def snapshot_download(name, *, local_files_only, allow_patterns):
        asked.append((name, local_files_only, allow_patterns))
        if local_files_only:
            raise FileNotFoundError("not in the cache")
        return str(checkpoint(tmp_path / "fetched"))

    library.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    monkeypatch.delenv("SHOPFLOOR_ALLOW_DOWNLOAD", raising=False)
    return asked


def test_nothing_is_fetched_unasked(hub):
    with pytest.raises(UsageError, match=r"hf download Qwen/X'.*SHOPFLOOR_ALLOW_DOWNLOAD=1"):
        find("Qwen/X")
    assert [only for _, only, _ in hub] == [True]


def test_what_is_fetched_holds_no_code(hub, monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_ALLOW_DOWNLOAD", "1")
    assert find("Qwen/X").name == "Qwen/X"
    ((_, only, patterns),) = hub
    assert not only
    assert not [p for p in patterns if p.endswith((".py", ".bin", ".pt", "*"))
                and not p.startswith(("LICENSE", "NOTICE"))]  # fmt: skip
