"""What a decision costs on this machine: memory at its peak, and energy where it can be told."""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shopfloor.brain.local.device import Device
from shopfloor.brain.local.extra import need
from shopfloor.errors import UsageError

__all__ = ["Gauge"]

_POWERCAP = Path("/sys/class/powercap")
_JOULES_PER_MICROJOULE = 1e-6
_JOULES_PER_MILLIJOULE = 1e-3


class Gauge:
    """Measures from ``start`` to ``read``.

    ``peak_memory_bytes`` [B] is, on an accelerator, the most that torch held on it for this
    decision, weights included; on a CPU, the most this process ever held, whatever for.

    ``energy_j`` [J] is what the whole device took meanwhile, other work on it included: the card's
    own counter on NVIDIA (NVML), the packages' counters on a CPU (RAPL, which only an
    administrator may read on most systems).

    What cannot be measured here is None.
    """

    def __init__(self, device: Device, *, powercap: Path = _POWERCAP) -> None:
        """Look for the device's counters.

        Args:
            device: Where the model runs.
            powercap: Folder of the kernel's energy counters.
        """
        self._device = device
        self._zones: tuple[Path, ...] = ()
        self._card: tuple[Any, Any] | None = None
        if device.kind == "cpu":
            # Zones such as intel-rapl:0:0 are parts of intel-rapl:0 and would count twice.
            self._zones = tuple(
                zone for zone in sorted(powercap.glob("*-rapl:*")) if zone.name.count(":") == 1
            )
        elif device.kind == "cuda":
            self._card = _card(device.index)
        self._began: dict[Path, int] | float | None = None

    def start(self) -> None:
        """Begin a decision."""
        if self._device.kind != "cpu":
            with contextlib.suppress(Exception):  # mps keeps no peak
                need("torch").accelerator.reset_peak_memory_stats(self._device.index)
        self._began = self._counters()

    def read(self) -> Mapping[str, float | None]:
        """What it took since ``start``."""
        return {"peak_memory_bytes": self._memory(), "energy_j": self._energy()}

    def _memory(self) -> float | None:
        if self._device.kind == "cpu":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return float(peak if sys.platform == "darwin" else peak * 1024)
        try:
            held = need("torch").accelerator.max_memory_allocated(self._device.index)
        except Exception:  # noqa: BLE001  a backend without the counter says so in its own class
            return None
        return float(held) or None

    def _energy(self) -> float | None:
        began, now = self._began, self._counters()
        if isinstance(began, float) and isinstance(now, float):
            return now - began
        if not isinstance(began, dict) or not isinstance(now, dict):
            return None
        taken = 0.0
        for zone, microjoules in now.items():
            step = microjoules - began[zone]
            if step < 0:  # the counter went round
                try:
                    step += int((zone / "max_energy_range_uj").read_text()) + 1
                except (OSError, ValueError):
                    return None
            taken += step * _JOULES_PER_MICROJOULE
        return taken

    def _counters(self) -> dict[Path, int] | float | None:
        """Counter of each CPU package [µJ], or of the card [J]."""
        if self._card is not None:
            nvml, card = self._card
            with contextlib.suppress(nvml.NVMLError):
                spent = float(nvml.nvmlDeviceGetTotalEnergyConsumption(card))
                return spent * _JOULES_PER_MILLIJOULE
            return None
        try:
            return {z: int((z / "energy_uj").read_text()) for z in self._zones} or None
        except (OSError, ValueError):
            return None


def _card(index: int) -> tuple[Any, Any] | None:
    """NVML and its handle of a card, which is found by its id: the two count cards differently."""
    try:
        nvml = need("pynvml", "nvidia-ml-py")
    except UsageError:
        return None
    with contextlib.suppress(Exception):  # no NVIDIA driver, a virtual card, an AMD card
        nvml.nvmlInit()
        uuid = str(need("torch").cuda.get_device_properties(index).uuid)
        name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
        return nvml, nvml.nvmlDeviceGetHandleByUUID(name)
    return None
