"""On what a local model runs, and in which numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from shopfloor.brain.local.extra import need
from shopfloor.errors import UsageError

__all__ = ["Device", "Quant", "choose"]

Quant = Literal["none", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class Device:
    """Where and how weights are held.

    Attributes:
        kind: ``cuda`` (NVIDIA, and AMD under ROCm), ``npu`` (Ascend), ``mps`` (Apple), ``xpu``
            (Intel) or ``cpu``.
        index: Which one of its kind.
        dtype: Of activations, and of weights that are not quantised (``bfloat16``).
        attention: Implementation, as transformers names it.
        quant: Width of the weights of the language model's linear layers; ``none`` for ``dtype``.
    """

    kind: str
    index: int
    dtype: str
    attention: str
    quant: Quant = "none"

    def __str__(self) -> str:
        """As torch names it: ``cpu``, ``cuda:0``."""
        return self.kind if self.kind in {"cpu", "mps"} else f"{self.kind}:{self.index}"


_KINDS = ("cuda", "npu", "mps", "xpu", "cpu")
_FORM = re.compile(r"(cuda|npu|mps|xpu|cpu)(?::(\d+))?")


def choose(wanted: str | None = None, quant: str = "none") -> Device:
    """Choose a device and what suits it.

    Args:
        wanted: ``cuda``, ``cuda:1``, ``npu``, ``mps``, ``xpu`` or ``cpu``; None for this
            machine's accelerator, or its CPU where it has none. An Ascend device must be asked
            for: its backend is not loaded otherwise.
        quant: ``none``, ``int8`` or ``int4``.

    Raises:
        UsageError: No such device here, or the quantisation is not to be had on it.
    """
    match = _FORM.fullmatch(wanted) if wanted is not None else None
    if wanted is not None and match is None:
        raise UsageError(
            f"device {wanted!r} is none; allowed: {', '.join(_KINDS)}, with a number where there "
            "are several (cuda:1), or no --device for this machine's accelerator"
        )
    if quant not in get_args(Quant):
        raise UsageError(f"quantisation {quant!r} is none; allowed: {', '.join(get_args(Quant))}")
    torch = need("torch")
    if match is not None and match[1] == "npu":
        _load_ascend(torch)
    here = _accelerator(torch)
    kind = match[1] if match is not None else here or "cpu"
    if kind not in _KINDS:
        raise UsageError(
            f"this machine's accelerator is {kind!r}, for which nothing is known here; allowed: "
            f"{', '.join(_KINDS)}; next: --device cpu"
        )
    index = int(match[2] or 0) if match is not None else 0
    count = 1 if kind == "cpu" else int(torch.accelerator.device_count()) if kind == here else 0
    if index >= count:
        has = f"it has {count} of {kind!r}" if count else f"its accelerator is {here or 'none'}"
        raise UsageError(
            f"device {wanted!r} is not on this machine: {has}; next: leave --device away, or "
            "--device cpu"
        )
    _allow(kind, quant)
    half = "bfloat16" if _BF16[kind](torch) else "float16"
    dtype = "float32" if kind == "cpu" and half == "float16" else half  # no CPU is fast in float16
    return Device(kind, index, dtype, _ATTENTION, cast("Quant", quant))


def _accelerator(torch: Any) -> str | None:
    """Kind of the accelerator that torch sees and that answers."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return None if found is None else str(found.type)


def _load_ascend(torch: Any) -> None:
    """Bring in the Ascend backend; it registers itself with torch."""
    if _accelerator(torch) == "npu":
        return
    version = str(torch.__version__)
    minor = ".".join(version.split(".")[:2])
    try:
        need("torch_npu", f"'torch_npu=={minor}.*'")
    except UsageError as error:
        raise UsageError(
            f"no Ascend device can be used: {error}. torch_npu must be of torch's minor version "
            f"(torch is {version}) and needs the CANN runtime, its environment set"
        ) from error


def _allow(kind: str, quant: str) -> None:
    if quant == "none" or (reason := _REFUSED.get((kind, quant))) is None:
        return
    others = [q for q in get_args(Quant) if (kind, q) not in _REFUSED]
    raise UsageError(
        f"--quant {quant} is not to be had on {kind}: {reason}; allowed there: {', '.join(others)}"
    )


def _cpu_bf16(torch: Any) -> bool:
    # Without the instructions bfloat16 is emulated, several times slower than float32.
    return any(
        bool(getattr(torch.cpu, name)())
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        if hasattr(torch.cpu, name)
    )


def _backend_bf16(torch: Any) -> bool:
    ask = getattr(getattr(torch, _accelerator(torch) or "cpu"), "is_bf16_supported", None)
    return ask is not None and bool(ask())


_BF16: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        # Compute capability 8.0 and newer; torch emulates it on older ones, which we do not use.
        "cuda": lambda torch: bool(torch.cuda.is_bf16_supported(including_emulation=False)),
        "npu": _backend_bf16,
        "mps": lambda torch: bool(torch.backends.mps.is_macos_or_newer(14, 0)),
        "xpu": _backend_bf16,
        "cpu": _cpu_bf16,
    }
)
_ATTENTION = "sdpa"
"""On every device: torch chooses the kernel behind it, flash attention where there is one."""
_REFUSED: Mapping[tuple[str, str], str] = MappingProxyType(
    dict.fromkeys(
        (("npu", "int8"), ("npu", "int4")),
        "bitsandbytes has no Ascend backend; next: --quant none, or serve the model with "
        "vllm-ascend and its own quantisation, and name it by address",
    )
)
"""Weights are quantised by bitsandbytes, whose table of platforms lists CUDA, ROCm, XPU, Metal and
CPU: https://github.com/bitsandbytes-foundation/bitsandbytes/blob/0.50.0/README.md (read
2026-11-22 in the package 0.50.2)."""
