"""Where a local model runs and what it costs there; torch is pretended, being big."""

import os
import sys
from types import ModuleType, SimpleNamespace

import pytest

from shopfloor.brain.local.device import Device, choose
from shopfloor.brain.local.extra import need
from shopfloor.brain.local.gauge import Gauge
from shopfloor.errors import UsageError


def machine(monkeypatch, kind=None, *, count=1, bf16=True, macos=(15, 0)):
    """Pretend to be a machine with this accelerator, as torch 2.13 tells of it."""
    torch = ModuleType("torch")
    torch.__version__ = "2.13.0"
    torch.accelerator = SimpleNamespace(
        current_accelerator=lambda **_: kind and SimpleNamespace(type=kind),
        device_count=lambda: count if kind else 0,
    )
    torch.cpu = SimpleNamespace(_is_avx512_bf16_supported=lambda: bf16)
    torch.cuda = SimpleNamespace(is_bf16_supported=lambda **_: bf16)
    torch.backends = SimpleNamespace(
        mps=SimpleNamespace(is_macos_or_newer=lambda major, minor: (major, minor) <= macos)
    )
    for name in ("npu", "xpu"):
        setattr(torch, name, SimpleNamespace(is_bf16_supported=lambda: bf16))
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


@pytest.mark.parametrize("kind", ["cuda", "npu", "mps", "xpu"])
def test_the_machines_accelerator_is_taken(monkeypatch, kind):
    machine(monkeypatch, kind)
    assert choose() == Device(kind, 0, "bfloat16", "sdpa")


def test_without_an_accelerator_the_cpu_is_taken(monkeypatch):
    machine(monkeypatch)
    assert choose() == choose("cpu") == Device("cpu", 0, "bfloat16", "sdpa")


@pytest.mark.parametrize("kind", ["cuda", "xpu", "npu"])
def test_what_is_asked_for_comes_before_what_is_there(monkeypatch, kind):
    machine(monkeypatch, kind, count=2)
    assert str(choose("cpu")) == "cpu"
    assert str(choose(f"{kind}:1")) == f"{kind}:1"


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("cuda", "float16"), ("npu", "float16"), ("xpu", "float16"), (None, "float32")],
)
def test_without_bfloat16_something_else_is_taken(monkeypatch, kind, dtype):
    machine(monkeypatch, kind, bf16=False)
    assert choose().dtype == dtype


@pytest.mark.parametrize(("macos", "dtype"), [((13, 6), "float16"), ((14, 0), "bfloat16")])
def test_apples_number_format_depends_on_the_system(monkeypatch, macos, dtype):
    machine(monkeypatch, "mps", macos=macos)
    assert choose("mps").dtype == dtype


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "", "tpu"])
def test_a_device_that_is_none_is_refused(monkeypatch, wanted):
    machine(monkeypatch, "cuda")
    with pytest.raises(UsageError, match="allowed: cuda, npu, mps, xpu, cpu"):
        choose(wanted)


@pytest.mark.parametrize("wanted", ["cuda:2", "mps", "xpu", "cpu:1"])
def test_a_device_that_is_not_here_is_refused(monkeypatch, wanted):
    machine(monkeypatch, "cuda", count=2)
    with pytest.raises(UsageError, match=f"'{wanted}' is not on this machine"):
        choose(wanted)


def test_an_accelerator_nobody_knows_is_not_guessed_at(monkeypatch):
    machine(monkeypatch, "hpu")
    with pytest.raises(UsageError, match=r"'hpu'.*--device cpu"):
        choose()


def test_ascend_without_its_library_says_which_one(monkeypatch):
    machine(monkeypatch)
    monkeypatch.setitem(sys.modules, "torch_npu", None)
    with pytest.raises(UsageError, match=r"torch_npu==2\.13\.\*.*minor version"):
        choose("npu")


def test_ascend_whose_runtime_is_missing_says_so(monkeypatch, tmp_path):
    machine(monkeypatch)
    (tmp_path / "torch_npu.py").write_text(
        "raise ImportError('libhccl.so: cannot open shared object file')", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"libhccl\.so.*CANN"):
        choose("npu")
    sys.modules.pop("torch_npu", None)


def test_ascend_is_loaded_only_when_asked_for(monkeypatch, tmp_path):
    torch = machine(monkeypatch)
    seen = {"kind": None}
    torch.accelerator.current_accelerator = lambda **_: (
        seen["kind"] and SimpleNamespace(type=seen["kind"])
    )
    torch.accelerator.device_count = lambda: 1
    (tmp_path / "torch_npu.py").write_text("import sys; sys.loaded_ascend()", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "loaded_ascend", lambda: seen.update(kind="npu"), raising=False)
    assert choose().kind == "cpu"
    assert "torch_npu" not in sys.modules
    assert choose("npu").kind == "npu"
    sys.modules.pop("torch_npu", None)


@pytest.mark.parametrize("quant", ["int8", "int4"])
@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", None])
def test_weights_are_quantised_where_the_library_can(monkeypatch, kind, quant):
    machine(monkeypatch, kind)
    assert choose(quant=quant).quant == quant


@pytest.mark.parametrize("quant", ["int8", "int4"])
def test_ascend_refuses_to_quantise_and_says_why(monkeypatch, quant):
    machine(monkeypatch, "npu")
    with pytest.raises(UsageError, match=r"no Ascend backend.*allowed there: none"):
        choose("npu", quant)


def test_a_quantisation_that_is_none_is_refused(monkeypatch):
    machine(monkeypatch)
    with pytest.raises(UsageError, match="allowed: none, int8, int4"):
        choose(quant="int3")


@pytest.mark.parametrize("module", ["torch", "transformers", "llguidance", "PIL.Image"])
def test_a_missing_library_names_the_extra(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"pip install 'shopfloor\[local\]'"):
        need(module)


def test_backends_and_fetched_code_stay_out(monkeypatch):
    monkeypatch.delenv("TORCH_DEVICE_BACKEND_AUTOLOAD", raising=False)
    monkeypatch.delitem(sys.modules, "kernels", raising=False)
    machine(monkeypatch)
    need("torch")
    assert os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] == "0"
    with pytest.raises(ImportError):
        __import__("kernels")


CPU = Device("cpu", 0, "float32", "sdpa")
CUDA = Device("cuda", 0, "bfloat16", "sdpa")


def zone(root, name, microjoules, most=262_143_328_850):
    folder = root / name
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{microjoules}\n", encoding="utf-8")
    (folder / "max_energy_range_uj").write_text(f"{most}\n", encoding="utf-8")


def test_the_packages_energy_is_added_up_and_their_parts_are_not(tmp_path):
    for name, start in (("intel-rapl:0", 5), ("intel-rapl:1", 7), ("intel-rapl:0:0", 1)):
        zone(tmp_path, name, start)
    gauge = Gauge(CPU, powercap=tmp_path)
    gauge.start()
    zone(tmp_path, "intel-rapl:0", 5 + 2_500_000)
    zone(tmp_path, "intel-rapl:1", 7 + 500_000)
    zone(tmp_path, "intel-rapl:0:0", 1 + 900_000)
    assert gauge.read()["energy_j"] == pytest.approx(3.0)


def test_a_counter_may_go_round(tmp_path):
    zone(tmp_path, "intel-rapl:0", 999_000, most=999_999)
    gauge = Gauge(CPU, powercap=tmp_path)
    gauge.start()
    zone(tmp_path, "intel-rapl:0", 1_000, most=999_999)
    assert gauge.read()["energy_j"] == pytest.approx(0.002)


@pytest.mark.parametrize("name", ["intel-rapl:0", "dtpm"])
def test_energy_that_cannot_be_read_is_unknown(tmp_path, name):
    (tmp_path / name).mkdir()
    gauge = Gauge(CPU, powercap=tmp_path)
    gauge.start()
    assert gauge.read()["energy_j"] is None


def test_a_process_tells_its_own_peak(tmp_path):
    gauge = Gauge(CPU, powercap=tmp_path)
    gauge.start()
    held = bytearray(64_000_000)
    peak = gauge.read()["peak_memory_bytes"]
    assert peak > len(held)


def test_a_card_is_asked_by_its_id(monkeypatch):
    torch = machine(monkeypatch, "cuda")
    torch.cuda.get_device_properties = lambda _: SimpleNamespace(uuid="7f-ab")
    torch.accelerator.reset_peak_memory_stats = lambda _: None
    torch.accelerator.max_memory_allocated = lambda _: 12_345
    spent = iter([1_000_000, 1_004_500])
    nvml = ModuleType("pynvml")
    nvml.NVMLError = RuntimeError
    nvml.nvmlInit = lambda: None
    nvml.nvmlDeviceGetHandleByUUID = lambda uuid: {"GPU-7f-ab": "card"}[uuid]
    nvml.nvmlDeviceGetTotalEnergyConsumption = lambda card: {"card": next(spent)}[card]
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    gauge = Gauge(CUDA)
    gauge.start()
    assert gauge.read() == {"peak_memory_bytes": 12_345.0, "energy_j": pytest.approx(4.5)}


def test_a_card_that_tells_nothing_is_unknown_not_zero(monkeypatch):
    torch = machine(monkeypatch, "cuda")

    def silent(index):
        raise RuntimeError("not supported")

    torch.accelerator.reset_peak_memory_stats = torch.accelerator.max_memory_allocated = silent
    monkeypatch.setitem(sys.modules, "pynvml", None)
    gauge = Gauge(CUDA)
    gauge.start()
    assert gauge.read() == {"peak_memory_bytes": None, "energy_j": None}
