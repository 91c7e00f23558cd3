"""From pictures in memory to a dataset to train on: ours, and LeRobot's own recorder beside it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from shopfloor.errors import UsageError
from shopfloor.export import choose, export
from shopfloor.export.job import Options
from shopfloor.record import LogRecorder, RunFolder, VideoEncoder
from shopfloor.shift import Plan
from shopfloor.testing.takes import NOISE, Take, takes
from shopfloor.types import CellSpec

__all__ = ["CODECS", "Measured", "compare"]

CODECS = ("h264", "av1")
_SCRIPT = Path(__file__).with_name("lerobot_recorder.py")
_PSNR_EVERY = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to a dataset, timed.

    Attributes:
        seconds: From the first picture to a dataset that can be read.
        parts: Seconds of its parts, where they are known.
        size_bytes: Of all videos.
        psnr_db: Of every seventh picture, against what was recorded; the mean error of all.
    """

    seconds: float
    parts: Mapping[str, float]
    size_bytes: int
    psnr_db: float


def compare(
    plan: Plan,
    spec: CellSpec,
    *,
    beside: Path | None,
    rounds: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Record the same episodes in every way, in turn, so that a busy machine is busy for all.

    Ours is the whole way of a shift: every tick of control into the log, pictures through the
    encoder, fsync and commit of each episode, then the export. LeRobot's recorder gets only what
    its rows hold, with four threads a camera for writing pictures, as its command line has it;
    and once more with its streaming encoder, which is off unless it is asked for. It counts the
    pixels of up to a hundred pictures an episode for its statistics (two fifths of its time,
    where that was looked at), ours those of every tenth.

    Args:
        plan: The shift whose pictures are recorded.
        spec: Of its cell.
        beside: A Python that has LeRobot, or None.
        rounds: How often; medians are returned.
        say: Told what is being done.

    Raises:
        UsageError: LeRobot cannot record there.
    """
    with tempfile.TemporaryDirectory(prefix="shopfloor-record-") as name:
        folder = Path(name)
        say("working the shift whose pictures are recorded")
        scene = takes(plan, spec, folder / "shift")
        ways: dict[str, list[Measured]] = {}
        version = None
        if beside is not None:
            _save(scene, folder / "scene.npz")
        for number in range(rounds):
            for codec in CODECS:
                say(f"round {number + 1} of {rounds}: shopfloor, {codec}")
                where = folder / f"ours-{codec}-{number}"
                ways.setdefault(f"shopfloor {codec}", []).append(_ours(scene, spec, where, codec))
            for codec, streaming in ((c, s) for c in CODECS for s in (False, True)):
                if beside is None:
                    continue
                way = f"lerobot {codec}" + " streaming" * streaming
                say(f"round {number + 1} of {rounds}: {way}")
                where = folder / f"theirs-{codec}-{streaming}-{number}"
                measured, version = _theirs(
                    beside, scene, folder / "scene.npz", where, codec, streaming=streaming
                )
                ways.setdefault(way, []).append(measured)
    return _said(scene, spec, ways, rounds, version)


def _ours(scene: Sequence[Take], spec: CellSpec, folder: Path, codec: str) -> Measured:
    made = RunFolder.open(folder.parent / "shift").manifest
    folder.mkdir()
    encoder = VideoEncoder()
    began = perf_counter()
    try:
        with RunFolder.create(folder / "run", made) as run:
            recorder = LogRecorder(run, spec, encoder=encoder)
            for take in scene:
                recorder.begin(take.lot, {})
                for step in take.steps:
                    recorder.step(*step)
                sealed = recorder.end(take.outcome)
                run.index(recorder.commit(replace(take.entry, **sealed)))
    finally:
        encoder.close()
    recorded = perf_counter()
    options = Options(codec=None if codec == "h264" else codec)
    out = export("lerobot", choose([folder / "run"]), folder / "data", options=options).path
    done = perf_counter()
    parts = {"record_s": recorded - began, "export_s": done - recorded}
    return _judged(scene, out, done - began, parts)


def _theirs(
    python: Path, scene: Sequence[Take], source: Path, folder: Path, codec: str, *, streaming: bool
) -> tuple[Measured, str]:
    command = [str(python), str(_SCRIPT), str(source), str(folder), codec, str(int(streaming))]
    home = folder.parent
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf")}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(  # noqa: S603 - the Python that was asked for
            command, capture_output=True, text=True, check=True, env=environment
        )
        said = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        why = getattr(error, "stderr", "") or str(error)
        raise UsageError(
            f"{python} cannot record with LeRobot: {why.strip().splitlines()[-1]}; "
            "`make results-record` makes an environment that can"
        ) from error
    return _judged(scene, folder, said["seconds"], said["parts"]), said["version"]


def _save(scene: Sequence[Take], path: Path) -> None:
    """Write for the other Python what its rows hold."""
    arrays: dict[str, Any] = {"cameras": np.array(sorted(scene[0].pictures))}
    for number, take in enumerate(scene):
        arrays[f"{number}.task"] = np.array(take.entry.instruction)
        arrays[f"{number}.state"] = take.state
        arrays[f"{number}.action"] = take.action
        for camera, pictures in take.pictures.items():
            arrays[f"{number}.{camera}"] = pictures
    np.savez(path, **arrays)


def _judged(
    scene: Sequence[Take], data: Path, seconds: float, parts: Mapping[str, float]
) -> Measured:
    """Look at the videos that came out: every picture must be there."""
    import av

    errors, size = [], 0
    for camera in scene[0].pictures:
        wanted = [picture for take in scene for picture in take.pictures[camera]]
        shown = 0
        for path in sorted((data / "videos" / f"observation.images.{camera}").rglob("*.mp4")):
            size += path.stat().st_size
            with av.open(str(path)) as container:
                for frame in container.decode(video=0):
                    if shown % _PSNR_EVERY == 0:
                        found = frame.to_ndarray(format="rgb24").astype(np.float32)
                        errors.append(float(np.mean((found - wanted[shown]) ** 2)))
                    shown += 1
        if shown != len(wanted):
            raise UsageError(f"{data} has {shown} pictures of {camera}, {len(wanted)} were given")
    return Measured(seconds, parts, size, float(10 * np.log10(255**2 / np.mean(errors))))


def _said(
    scene: Sequence[Take],
    spec: CellSpec,
    ways: Mapping[str, Sequence[Measured]],
    rounds: int,
    version: str | None,
) -> dict[str, Any]:
    rows = sum(len(take.state) for take in scene)
    pictures = rows * len(spec.cameras)
    found: dict[str, Any] = {}
    for way, measured in ways.items():
        seconds = median(one.seconds for one in measured)
        found[way] = {
            "pictures_per_s": pictures / seconds,
            "seconds": seconds,
            "all_seconds": [one.seconds for one in measured],
            "parts": {
                name: median(one.parts[name] for one in measured) for name in measured[0].parts
            },
            "size_bytes": measured[0].size_bytes,
            "psnr_db": measured[0].psnr_db,
        }
    ratios = {
        way.removeprefix("lerobot "): found[f"shopfloor {way.split()[1]}"]["pictures_per_s"]
        / figures["pictures_per_s"]
        for way, figures in found.items()
        if way.startswith("lerobot ")
    }
    lens = next(iter(spec.cameras.values())).stream
    return {
        "episodes": len(scene),
        "rows": rows,
        "ticks": sum(len(take.steps) for take in scene),
        "pictures": pictures,
        "cameras": len(spec.cameras),
        "size": [lens.width, lens.height],
        "noise": NOISE,
        "rounds": rounds,
        "cores": len(os.sched_getaffinity(0)),
        "lerobot_version": version,
        "ways": found,
        "ratios": ratios or None,
    }
