"""The machines of a Ray cluster. The only module that knows Ray."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self

from shopfloor.errors import RunError, UsageError
from shopfloor.record import Manifest
from shopfloor.record.parcel import Parcel
from shopfloor.shift.interrupt import Interrupt
from shopfloor.shift.outpost import Outpost, Post
from shopfloor.shift.spread import Hand, HandLost, Machines
from shopfloor.shift.worker import Failure
from shopfloor.shift.workforce import MOST_WORKERS, Cluster
from shopfloor.types import Lot

__all__ = ["RayMachines", "joined"]

_REACH_S = 3.0
_READ_S = 60.0
_STORE_BYTES = 256 << 20
"""Room for what is on its way: a piece of a lot for each worker, and the inputs once."""
_SHORT = 16
"""Longest path of a temporary folder in which there is room for Ray's sockets [characters]."""
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nobody is told that shopfloor runs."""
_JOINING = {"RAY_NUM_REDIS_GET_RETRIES": "3", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""An address where something else than Ray answers is known in seconds, and said by us."""
_LOST = "its process or its machine is gone"


@contextmanager
def joined(cluster: Cluster) -> Iterator[RayMachines]:
    """Join a cluster, or start one of our own; it is left, or ended, on the way out.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be reached.
    """
    for name, value in (_QUIET if cluster.address is None else _QUIET | _JOINING).items():
        os.environ.setdefault(name, value)  # before the import, at which Ray reads them
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            f"--workers {cluster} needs Ray ({error}); pip install 'shopfloor[ray]' on every "
            "machine of the cluster, or give a number"
        ) from error
    with ExitStack() as stack:
        if not ray.is_initialized():
            _join(ray, cluster, stack)
        yield RayMachines(ray, _size(ray, cluster))


def _join(ray: Any, cluster: Cluster, stack: ExitStack) -> None:
    """Join or start a cluster, to be left or ended when the stack is closed."""
    settings: dict[str, Any] = {"address": cluster.address}
    if cluster.address is None:
        settings = {
            "address": "local",
            "num_cpus": cluster.slots,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_temp_dir": stack.enter_context(_short_folder()),
        }
    elif cluster.address != "auto":
        _knock(cluster.address)
    stack.callback(ray.shutdown)
    # What Ray has to say of lost workers it would print to stdout, in the middle of our JSON, and
    # there is no public way to keep it from that. We say it ourselves.
    ray._private.worker._worker_logs_enabled = False  # noqa: SLF001
    try:
        # Half started, it could not be ended: Ctrl-C is heard when it is up.
        with Interrupt() as interrupt:
            ray.init(**settings, log_to_driver=False, logging_level="ERROR")
        interrupt.check()
    except Exception as error:
        reason = " ".join(str(error).split())[:300].rstrip(".")
        raise UsageError(
            f"--workers {cluster}: Ray cannot be joined ({type(error).__name__}: {reason}). "
            "shopfloor must run on a machine of the cluster (ray start), with the same Ray and "
            "Python; or leave the address out for a Ray of its own"
        ) from error


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """Where a Ray of our own keeps its sockets, whose paths may not be long, and its logs."""
    place = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(
        prefix="shopfloor-ray-",
        dir=place if len(place) <= _SHORT else "/tmp",  # noqa: S108 - mkdtemp makes it ours alone
        ignore_cleanup_errors=True,
    )


def _knock(address: str) -> None:
    """Find out within seconds that nobody is there; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise UsageError(
            f"--workers ray:{address}: nobody answers there ({error}); give the address that `ray "
            "start --head` said, ray:auto on a machine of the cluster, or ray alone for one of "
            "its own"
        ) from error


def _size(ray: Any, cluster: Cluster) -> int:
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if cluster.slots is not None:
        return cluster.slots
    if cpus < 1:
        raise UsageError(
            f"--workers {cluster}: no machine of the cluster lends a CPU; start some with ray "
            "start --num-cpus N, or say how many lots to wait for, such as ray:auto*8"
        )
    return min(cpus, MOST_WORKERS)


def _cancelled() -> bool:
    """Whether whoever gave the lot in progress has taken it back; asked where it is worked."""
    import ray

    return bool(ray.get_runtime_context().is_canceled())


class RayMachines(Machines):
    """Hires workers as Ray's actors, spread over the machines; each takes one CPU.

    Attributes:
        size: Lots side by side.
    """

    def __init__(self, ray: Any, size: int) -> None:
        self.size = size
        self._ray = ray
        self._make: Callable[[], Any] | None = None

    def made_of(self, written: Manifest, inputs: Mapping[str, bytes]) -> Self:
        """Say for what run workers will be hired: its manifest, and the files it is made from."""
        actor = self._ray.remote(Outpost).options(
            num_cpus=1, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        shared = self._ray.put(dict(inputs))  # sent to each machine once
        self._make = lambda: actor.remote(written, shared, _cancelled)
        return self

    def hire(self) -> Hand:
        """Ask for one more worker."""
        if self._make is None:
            raise RunError("workers were to be hired before anybody said for what; call made_of")
        return _RayHand(self._ray, self._make())

    def wait(
        self, hands: Sequence[Hand], timeout_s: float
    ) -> Sequence[tuple[Hand, Post | Parcel | Failure | HandLost]]:
        """Wait until at least one has answered."""
        asked = {hand.answer: hand for hand in hands if isinstance(hand, _RayHand)}
        ready, _ = self._ray.wait(list(asked), timeout=timeout_s, fetch_local=False)
        return [(asked[answer], asked[answer].heard()) for answer in ready]


class _RayHand:
    """A worker that is an actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor
        self._left: Any = None
        self.answer = actor.open.remote()

    def work(self, lot: Lot, by: str) -> None:
        self.answer = self._actor.work.remote(lot, by)

    def heard(self) -> Post | Parcel | Failure | HandLost:
        try:
            found: Post | Parcel | Failure = self._get(self.answer, _READ_S)
        except HandLost as lost:
            return lost
        return found

    def read(self, name: str, offset: int) -> bytes:
        piece = self._get(self._actor.read.remote(name, offset), _READ_S)
        if isinstance(piece, Failure):
            raise HandLost(str(piece.error))
        return bytes(piece)

    def stop(self) -> None:
        with suppress(self._ray.exceptions.RayError, ValueError):  # it may be gone already
            self._ray.cancel(self.answer)

    def left(self, deadline_s: float) -> Parcel | None:
        found: Parcel | None = self._get(self._actor.left.remote(), deadline_s)
        return found

    def leave(self) -> None:
        self._left = self._actor.close.remote()

    def dismiss(self, deadline_s: float) -> None:
        if self._left is not None:
            with suppress(HandLost):
                self._get(self._left, deadline_s)
        with suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(self._actor)

    def _get(self, answer: Any, deadline_s: float) -> Any:
        try:
            return self._ray.get(answer, timeout=deadline_s)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [_LOST]
            raise HandLost(f"{type(error).__name__}: {lines[0]}") from error
