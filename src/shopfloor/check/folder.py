"""What a folder is, and its check."""

from __future__ import annotations

from pathlib import Path

from shopfloor.check.report import Kind, Level, Report, Tell, nobody
from shopfloor.errors import UsageError

__all__ = ["check", "recognise"]


def recognise(path: Path) -> Kind:
    """Say what a folder is.

    Raises:
        UsageError: It is neither a run nor a dataset.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a run's or a dataset's folder")
    if not path.is_dir():
        raise UsageError(f"{path} is a file; name the folder of a run or dataset that it is in")
    if (path / "manifest.json").exists():
        return "run"
    if any((path / "meta" / name).exists() for name in ("info.json", "episodes", "tasks.parquet")):
        return "lerobot"
    if (path / "episodes").is_dir() and (path / "index.jsonl").exists():
        return "run"  # one that has lost its manifest
    inner = [p.parent.parent for p in path.glob("*/meta/info.json")]
    inner += [p.parent for p in path.glob("*/manifest.json")]
    hint = f"; did you mean {min(inner)}?" if inner else ""
    raise UsageError(
        f"{path} is neither a run (no manifest.json) nor a LeRobot dataset (no meta/info.json)"
        f"{hint}"
    )


def check(path: Path, *, level: Level = "normal", tell: Tell = nobody) -> Report:
    """Check a run or a LeRobot dataset. Nothing is written.

    Args:
        path: Its folder.
        level: How deep to go.
        tell: Told of the progress [MB].

    Raises:
        UsageError: The folder is neither.
    """
    path = path.absolute()
    if recognise(path) == "run":
        from shopfloor.check.run import check_run

        return check_run(path, level, tell)
    from shopfloor.check.lerobot import check_dataset

    return check_dataset(path, level, tell)
