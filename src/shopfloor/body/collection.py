"""Which robots of the MuJoCo Menagerie collection lie on this machine, and where.

Nothing here reaches out: a robot is found under ``MENAGERIE_ROOT`` or in the cache that
``python -m mujoco_menagerie prefetch NAME`` fills, or it is not found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shopfloor.errors import UnknownName, UsageError

__all__ = ["ROOT_VARIABLE", "ModelFile", "find", "on_this_machine"]

ROOT_VARIABLE = "MENAGERIE_ROOT"
"""Environment variable with a folder that holds one folder for each robot."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A robot's model on this machine.

    Attributes:
        name: What follows ``menagerie:``, such as ``aloha`` or ``shadow_hand/right_hand``.
        title: Its name and kind for people.
        folder: The robot's folder.
        xml: The MJCF file of the robot alone, without a scene.
    """

    name: str
    title: str
    folder: Path
    xml: Path


def find(name: str) -> ModelFile:
    """Find a robot by ``ROBOT`` or ``ROBOT/MODEL``, where it has several models.

    Raises:
        UnknownName: Neither the collection nor ``MENAGERIE_ROOT`` has such a robot or model.
        UsageError: The collection has it, but it is not on this machine.
    """
    import mujoco_menagerie

    robot, slash, model = name.partition("/")
    known = set(mujoco_menagerie.names())
    if not _NAME.fullmatch(robot) or (robot not in known and _in_root(robot) is None):
        raise UnknownName("robot of the menagerie", robot, known | {p.name for p in _root()})
    folder = _in_root(robot) or _in_cache(robot)
    if folder is None:
        raise UsageError(_missing(robot))
    models = _models(robot, folder)
    if not models:
        raise UsageError(
            f"{folder} holds no MJCF file for the robot {robot!r}; copy its whole folder there"
        )
    if slash and model not in models:
        raise UnknownName(f"model of {robot!r}", model, models)
    chosen = model if slash else next(iter(models))
    plain = chosen == next(iter(models))
    return ModelFile(
        name=robot if plain else f"{robot}/{chosen}",
        title=_title(robot),
        folder=folder,
        xml=models[chosen],
    )


def on_this_machine() -> Iterator[ModelFile]:
    """List the robots that load without a download, sorted by name."""
    import mujoco_menagerie

    cached = {name for name in mujoco_menagerie.names() if _in_cache(name)}
    for robot in sorted({path.name for path in _root()} | cached):
        try:
            yield find(robot)
        except UsageError:  # a folder without a model is no robot
            continue


def _root() -> list[Path]:
    """Folders of robots under the root, if one is set."""
    root = os.environ.get(ROOT_VARIABLE)
    if not root or not Path(root).is_dir():
        return []
    return [p for p in Path(root).iterdir() if p.is_dir() and _NAME.fullmatch(p.name)]


def _in_root(robot: str) -> Path | None:
    return next((path for path in _root() if path.name == robot), None)


def _in_cache(robot: str) -> Path | None:
    import mujoco_menagerie

    if robot not in mujoco_menagerie.names():
        return None
    cache, entry = mujoco_menagerie.Cache(), mujoco_menagerie.get(robot)
    return Path(cache.model_path(entry)) if cache.is_cached(entry) else None


def _models(robot: str, folder: Path) -> dict[str, Path]:
    """MJCF files of the robot alone by name, the default first."""
    import mujoco_menagerie

    if robot in mujoco_menagerie.names():
        entry = mujoco_menagerie.get(robot)
        alone = [p.name for p in entry.entry_points if p.kind == "robot"]
        order = sorted(alone, key=lambda n: (n != entry.default_model, n))
        found = {name: folder / entry.entry(name).file for name in order}
        return {name: path for name, path in found.items() if path.is_file()}
    # A robot of one's own: the file named like the folder, else the only one that is no scene.
    own = folder / f"{robot}.xml"
    if own.is_file():
        return {robot: own}
    rest = [p for p in sorted(folder.glob("*.xml")) if not p.stem.startswith("scene")]
    return {rest[0].stem: rest[0]} if len(rest) == 1 else {}


def _title(robot: str) -> str:
    import mujoco_menagerie

    if robot not in mujoco_menagerie.names():
        return f"{robot}, a robot of your own"
    entry = mujoco_menagerie.get(robot)
    return f"{entry.display_name}, {entry.category.replace('_', ' ')}"


def _missing(robot: str) -> str:
    import mujoco_menagerie

    root = os.environ.get(ROOT_VARIABLE)
    looked = f"{ROOT_VARIABLE} has no folder {robot!r}" if root else f"{ROOT_VARIABLE} is not set"
    size = mujoco_menagerie.get(robot).download_size
    much = f" ({size / 1e6:.1f} MB)" if size else ""
    # The package itself looks at the variable first and then refuses to fetch.
    unset = f"unset {ROOT_VARIABLE} and " if root else ""
    return (
        f"the model of {robot!r} is not on this machine ({looked}, and it was never fetched); "
        f"set {ROOT_VARIABLE} to a folder that holds {robot}/, or {unset}fetch it once{much} with "
        f"`python -m mujoco_menagerie prefetch {robot}`"
    )
