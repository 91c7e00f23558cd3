"""Who works the lots of a shift side by side: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from shopfloor.errors import UsageError

__all__ = ["MOST_WORKERS", "Cluster", "Workforce", "check_workers", "workforce"]

MOST_WORKERS = 256

_ALLOWED = (
    f"give a number from 1 to {MOST_WORKERS}, or ray, ray:auto or ray:HOST:PORT, each with *N for "
    "N lots side by side, such as ray*8"
)
_CLUSTER = re.compile(r"ray(?::(?P<address>[^*]*))?(?:\*(?P<slots>\d{1,6}))?")
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The machines of a Ray cluster; one lot takes one of its CPUs.

    Attributes:
        address: ``HOST:PORT`` of the cluster's head; ``auto``: the cluster that this machine is
            part of; None: one of our own, on this machine, for as long as the shift takes.
        slots: Lots side by side; None: as many as the cluster has CPUs when the shift begins.
        patience_s: Where no machine has had room for a worker for so long, the shift stops [s].
    """

    address: str | None = None
    slots: int | None = None
    patience_s: float = 120.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``ray``, ``ray:auto`` or ``ray:HOST:PORT``, each with ``*N`` or without.

        Raises:
            UsageError: It is none of these.
        """
        found = _CLUSTER.fullmatch(text)
        if found is None:
            raise UsageError(f"--workers is {text!r}; {_ALLOWED}")
        address, slots = found["address"], found["slots"]
        if address is not None and address.startswith("//"):
            raise UsageError(
                f"--workers is {text!r}, an address of Ray's client; start shopfloor on a machine "
                "of the cluster instead, with ray:auto"
            )
        if address not in (None, "auto"):
            place = _ADDRESS.fullmatch(address or "")
            if place is None or not 1 <= int(place["port"]) <= 65535:
                raise UsageError(f"--workers is {text!r}, and {address!r} no HOST:PORT; {_ALLOWED}")
        return cls(address, int(slots) if slots else None)

    def __str__(self) -> str:
        address = f":{self.address}" if self.address else ""
        return f"ray{address}" + (f"*{self.slots}" if self.slots is not None else "")


Workforce = int | Cluster
"""So many processes of this machine, or a cluster."""


def workforce(text: str) -> Workforce:
    """Read what follows ``--workers``.

    Raises:
        UsageError: It is neither a number nor a cluster.
    """
    try:
        found: Workforce = int(text)
    except ValueError:
        found = Cluster.parse(text)
    check_workers(found)
    return found


def check_workers(workers: Workforce) -> None:
    """Refuse a number of workers that cannot be.

    Raises:
        UsageError: It is below 1 or too high.
    """
    count = workers.slots if isinstance(workers, Cluster) else workers
    if count is not None and not 1 <= count <= MOST_WORKERS:
        raise UsageError(f"--workers is {workers}; it must be from 1 to {MOST_WORKERS}")
