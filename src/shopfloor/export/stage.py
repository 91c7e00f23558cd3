"""What every export for a viewer needs of each episode, read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import UsageError
from shopfloor.export.choice import Chosen
from shopfloor.export.job import Options
from shopfloor.export.packet import CODEC
from shopfloor.export.robot import Robot, robot_of
from shopfloor.export.scene import Scene, starts, stems
from shopfloor.record import RunFolder

__all__ = ["Stage", "Staging"]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One episode, ready to be shown.

    Attributes:
        stem: What its file is called, without an end.
        chosen: Where it comes from.
        scene: What was recorded.
        robot: Its body, or None where that cannot be built here.
    """

    stem: str
    chosen: Chosen
    scene: Scene
    robot: Robot | None


class Staging:
    """The episodes of an export, one after the other, and what must be said about them.

    Args:
        chosen: Which.
        options: Of the export.

    Raises:
        UsageError: Another codec is asked for; pictures are handed on as they were recorded.
    """

    def __init__(self, chosen: Sequence[Chosen], options: Options) -> None:
        if options.codec not in {None, CODEC}:
            raise UsageError(
                f"--codec {options.codec} would encode every picture anew; this format takes the "
                f"recorded {CODEC} as it is. Leave --codec out"
            )
        self._chosen = chosen
        self._truth = options.truth
        self._notes: dict[str, None] = {}
        self._runs: dict[Path, tuple[dict[int, int], Robot | None]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the episodes so far, each said once."""
        return tuple(self._notes)

    def __iter__(self) -> Iterator[Stage]:
        """Read the episodes.

        Raises:
            RunCorrupt: One is damaged.
        """
        for stem, chosen in zip(stems(self._chosen), self._chosen, strict=True):
            episode = chosen.open()
            if (known := self._runs.get(chosen.run.path)) is None:
                limbs = {
                    name: len(limb["joints"]) for name, limb in episode.begin()["limbs"].items()
                }
                known = self._runs[chosen.run.path] = self._run(chosen.run, limbs)
            start, robot = known
            scene = Scene.of(episode, start[chosen.entry.lot])
            self._remark(chosen.run, scene)
            yield Stage(stem, chosen, scene, robot)

    def _run(self, run: RunFolder, limbs: dict[str, int]) -> tuple[dict[int, int], Robot | None]:
        robot, note = robot_of(run.manifest, limbs)
        if note is not None:
            self._notes[f"{run.path.name}: {note}"] = None
        return starts(run), robot

    def _remark(self, run: RunFolder, scene: Scene) -> None:
        if not any(film.packets for film in scene.films):
            self._notes[f"{run.path.name}: it was recorded without pictures"] = None
        if self._truth and scene.episode.truth() is None:
            self._notes[f"{run.path.name}: it has no truth to add"] = None
