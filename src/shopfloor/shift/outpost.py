"""A worker on a machine that does not share the run's disk.

It works lots in a run folder of its own, in the machine's temporary folder, and lets what it made
be fetched. Nothing here knows of the cluster: it is called, and it answers.
"""

from __future__ import annotations

import os
import platform
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import RunError, ShopfloorError
from shopfloor.record import Manifest, RunFolder
from shopfloor.record.disk import remove_folder
from shopfloor.record.lock import Lock
from shopfloor.record.parcel import PIECE_BYTES, Parcel, pack, pack_interrupted
from shopfloor.shift.hire import Staff, manifest, order_source
from shopfloor.shift.inputs import plan_of
from shopfloor.shift.likeness import refuse_other_house
from shopfloor.shift.worker import Failure, Worker
from shopfloor.types import Lot

__all__ = ["Outpost", "Post"]

_PLACE = "shopfloor-outposts"
_PREFIX = "worker-"
_LOCK = "lock"
_PATIENCE_S = 60.0
"""How long one waits for others that start on the machine: they only sweep [s]."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a machine says of itself when it is ready.

    Attributes:
        name: Of the machine, for messages.
        cpu, renderer: As a manifest names them.
    """

    name: str
    cpu: str
    renderer: str


class Outpost:
    """Works lots for a run whose folder is elsewhere; one at a time.

    Errors are handed back as a ``Failure``, never raised: a cluster wraps what is raised.

    Args:
        written: The run's manifest.
        inputs: The files that it was made from, as ``RunFolder.create`` takes them.
        stopped: Whether the lot in progress is to be given up; asked between two ticks.
    """

    def __init__(
        self, written: Manifest, inputs: Mapping[str, bytes], stopped: Callable[[], bool]
    ) -> None:
        self._written, self._inputs, self._stopped = written, inputs, stopped
        self._ground: _Ground | None = None
        self._folder: RunFolder | None = None
        self._worker: Worker | None = None
        self._sealed: Path | None = None

    def open(self) -> Post | Failure:
        """Make the run folder, the cell and the brain, and look whether they are the run's own."""
        try:
            return self._open()
        except Exception as error:  # noqa: BLE001 - told to whoever hired us
            self.close()
            return _failure(error)

    def _open(self) -> Post:
        self._ground = _Ground()
        path = self._ground.path / "run"
        self._folder = RunFolder.create(path, self._written, self._inputs)
        plan = plan_of(path, workers=1, max_wall_s=None)
        staff = Staff(plan)
        try:
            here = manifest(plan, staff, order_source(plan, staff.world))
            refuse_other_house(self._written, here, platform.node())
            self._worker = Worker(plan, self._folder, staff, between_ticks=self._look)
        except BaseException:
            staff.close()
            raise
        return Post(platform.node(), here.cpu, here.renderer)

    def work(self, lot: Lot, by: str) -> Parcel | Failure:
        """Work a lot; its files can be read until the next one is begun."""
        try:
            self._forget()
            folder, worker = self._at_work()
            worker.work(lot, by)
            episode = folder.episode(lot.index)
            self._sealed = episode.path
            return pack(episode)
        except KeyboardInterrupt:  # raised by ourselves, between two ticks
            return Failure(f"lot {lot.index} was given up")
        except Exception as error:  # noqa: BLE001 - told to whoever hired us
            return _failure(error)

    def left(self) -> Parcel | None:
        """What there is of a lot that was given up, if anything had happened in it."""
        with suppress(ShopfloorError, OSError):
            if self._folder is not None and (found := self._folder.interrupted()):
                self._sealed = found[-1].path
                return pack_interrupted(found[-1])
        return None

    def read(self, name: str, offset: int) -> bytes | Failure:
        """A piece of a file of the last lot."""
        if self._sealed is None:
            return Failure("no lot has been worked here, so there is nothing to read")
        try:
            with (self._sealed / name).open("rb") as file:
                file.seek(offset)
                return file.read(PIECE_BYTES)
        except OSError as error:
            return _failure(error)

    def close(self) -> None:
        """Give everything back and remove what was written here. May be called again."""
        worker, self._worker = self._worker, None
        folder, self._folder = self._folder, None
        ground, self._ground = self._ground, None
        with suppress(ShopfloorError):  # the lots are home already
            if worker is not None:
                worker.close()
        if folder is not None:
            folder.close()
        if ground is not None:
            ground.close()

    def _look(self) -> None:
        if self._stopped():
            raise KeyboardInterrupt

    def _at_work(self) -> tuple[RunFolder, Worker]:
        if self._folder is None or self._worker is None:
            raise RunError("a worker was given a lot before it was ready, or after it was closed")
        return self._folder, self._worker

    def _forget(self) -> None:
        """Make room: what was read is home, or will be worked again."""
        sealed, self._sealed = self._sealed, None
        if sealed is not None:
            remove_folder(sealed)


class _Ground:
    """A temporary folder that is this process's own; those of dead ones are removed on the way."""

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir()) / f"{_PLACE}-{os.getuid()}"
        try:
            with suppress(FileExistsError):
                place.mkdir(mode=0o700)
            _require_own(place)
            # Several start together as a rule: one at a time sweeps, and has its lock before the
            # next one looks.
            starting = Lock.take(place, who="another worker that starts", patience_s=_PATIENCE_S)
            try:
                for left in place.glob(f"{_PREFIX}*"):
                    _sweep(left)
                self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
                self._lock = Lock.take(self.path / _LOCK, who="another worker")
            finally:
                starting.release()
        except OSError as error:
            raise RunError(
                f"{platform.node()} has no place to work lots in: {place}: "
                f"{error.strerror or error}; make room there, or set TMPDIR on that machine"
            ) from error

    def close(self) -> None:
        with suppress(ShopfloorError):
            remove_folder(self.path)
        self._lock.release()


def _require_own(place: Path) -> None:
    """Refuse a place that others can write, or have put there: we remove folders in it.

    Raises:
        OSError: It is not ours alone.
    """
    facts = place.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(0, "is a link or a file, and must be a folder")
    if facts.st_uid != os.getuid():
        raise PermissionError(0, "belongs to somebody else")
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(0, "can be written by others (chmod 700 it)")


def _sweep(left: Path) -> None:
    """Remove the folder of a worker that was killed."""
    # Whoever is just closing takes its folder away under our hands.
    with suppress(ShopfloorError, OSError):
        lock = Lock.take(left / _LOCK, who="another worker")
        try:
            remove_folder(left)
        finally:
            lock.release()


def _failure(error: Exception) -> Failure:
    if isinstance(error, ShopfloorError):
        return Failure(error)
    return Failure(f"{type(error).__name__} on {platform.node()}: {error}")
