"""What was recorded of one episode, gathered for a viewer: clock, limbs, cameras, stations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shopfloor.errors import RunCorrupt
from shopfloor.export.choice import Chosen
from shopfloor.export.packet import Packet, packets
from shopfloor.record import Episode, RunFolder
from shopfloor.record.clock import Clock, lot_ticks, whole_ticks
from shopfloor.record.film import film_name
from shopfloor.record.video import VIEWS
from shopfloor.types import FloatArray, Intrinsics, Station

__all__ = ["Film", "LimbFrame", "Scene", "starts", "stems"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LimbFrame:
    """A limb as the log names it: its joints, and ``(4, 4)`` where its base stands."""

    joints: tuple[str, ...]
    base_in_world: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """The pictures of one camera, either its stream or what was looked at through it.

    Attributes:
        camera: Name of the camera.
        views: Whether these are the native-resolution pictures taken for the brain.
        intrinsics: Of exactly these pictures.
        camera_in_world: ``(4, 4)`` calibrated pose, OpenCV axes; at home for a camera on a limb.
        ticks: ``(n,)`` when each picture was taken, ascending.
        packets: One a picture; none where the run was recorded without video.
    """

    camera: str
    views: bool
    intrinsics: Intrinsics
    camera_in_world: FloatArray
    ticks: IntArray
    packets: tuple[Packet, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One episode.

    Attributes:
        episode: Where it comes from.
        control_dt: Length of a tick [s].
        start: The tick of the shift at which the lot began, changeovers included.
        limbs: By name.
        films: Streams of all cameras, then views of those that were looked through.
        stations: Tray and totes.
        ticks: One row a tick, columns as in ``TickLayout``.
        lot: The lot, as plain values.
        notes: Bodies of all other records, by kind, in their order.
    """

    episode: Episode
    control_dt: float
    start: int
    limbs: Mapping[str, LimbFrame]
    films: tuple[Film, ...]
    stations: tuple[Station, ...]
    ticks: npt.NDArray[Any]
    lot: Mapping[str, Any]
    notes: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(cls, episode: Episode, start: int) -> Scene:
        """Read an episode.

        Raises:
            RunCorrupt: It is damaged.
        """
        begin = episode.begin()
        notes: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for record in episode.records():
            if record.kind not in {"begin", "rows", "end"}:
                notes[record.kind].append(record.body)
        try:
            return cls(
                episode=episode,
                control_dt=float(begin["control_dt"]),
                start=start,
                limbs={
                    name: LimbFrame(tuple(limb["joints"]), np.array(limb["base_in_world"], float))
                    for name, limb in begin["limbs"].items()
                },
                films=_films(episode, begin["cameras"], notes),
                stations=tuple(
                    Station(each["name"], tuple(each["center_m"]), tuple(each["size_m"]))
                    for note in notes["stations"]
                    for each in note["stations"]
                ),
                ticks=episode.ticks(),
                lot=begin["lot"],
                notes=dict(notes),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunCorrupt(
                f"episode {episode.path.name} of {episode.path.parent.parent} does not say what a "
                f"viewer needs ({error!r}); run `shopfloor check` on the run, or leave the episode "
                "out with --only"
            ) from error

    def seconds(self, ticks: npt.ArrayLike) -> FloatArray:
        """Return the time since the lot's start [s] of each tick."""
        return np.asarray(ticks, float) * self.control_dt

    def clock_ns(self, tick: float) -> int:
        """Return the shift's virtual clock [ns] at a tick of the lot."""
        return round((self.start + tick) * self.control_dt * 1e9)


def starts(run: RunFolder) -> dict[int, int]:
    """Return the tick of the shift at which each lot began, the changeover before it included."""
    manifest = run.manifest
    changeover = whole_ticks(manifest.changeover_s, manifest.control_dt)
    found, clock = {}, Clock(manifest)
    for entry in run.entries():
        clock.pauses()
        found[entry.lot] = clock.work(lot_ticks(manifest, entry)) + changeover
    return found


def stems(chosen: Sequence[Chosen]) -> tuple[str, ...]:
    """Return a file name for each episode, without an end: RUN-LOT, in the order of the lots.

    Runs whose folders have the same name are told apart by their place among the runs.
    """
    paths = list(dict.fromkeys(each.run.path for each in chosen))
    names = [path.name for path in paths]
    shown = {
        path: path.name if names.count(path.name) == 1 else f"{path.name}.{place}"
        for place, path in enumerate(paths)
    }
    return tuple(f"{shown[each.run.path]}-{each.entry.lot:06d}" for each in chosen)


def _films(
    episode: Episode,
    cameras: Mapping[str, Any],
    notes: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[Film, ...]:
    found = []
    for views in (False, True):
        taken = defaultdict(list)
        for note in notes.get("view" if views else "frame", ()):
            taken[note["camera"]].append(note)
        for name, camera in cameras.items():
            if not (seen := taken.get(name)):
                continue
            pose = seen[0].get("camera_in_world", camera["camera_in_world"])
            ticks = np.array([note["captured_tick"] for note in seen], np.int64)
            found.append(
                Film(
                    camera=name,
                    views=views,
                    intrinsics=Intrinsics(**camera["native" if views else "stream"]),
                    camera_in_world=np.array(pose, float),
                    ticks=ticks,
                    packets=_reel(episode, f"{name}{VIEWS if views else ''}", len(ticks)),
                )
            )
    return tuple(found)


def _reel(episode: Episode, stream: str, count: int) -> tuple[Packet, ...]:
    name = film_name(stream)
    if name not in episode.files:
        return ()
    reel = packets(episode.path / name)
    if len(reel) != count:
        raise RunCorrupt(
            f"{episode.path / name} has {len(reel)} pictures, its log says {count}; restore the "
            "episode from a copy, or leave it out with --only"
        )
    return reel
