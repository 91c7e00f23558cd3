"""Records episodes with LeRobot's own recorder and times it. Run by a Python that has LeRobot.

    python lerobot_recorder.py SCENE.npz FOLDER CODEC STREAMING    one JSON object on stdout

Nothing of shopfloor is imported: that environment has other versions of our libraries.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

__all__: list[str] = []

_CODECS = {"h264": "h264", "av1": "libsvtav1"}
_THREADS_A_CAMERA = 4  # as lerobot-record has it
_FPS = 10
_KEPT: list[Any] = []  # what must live as long as the process


def _dataset(folder: Path, scene: dict[str, Any], codec: str, *, streaming: bool) -> Any:
    import torch

    if torch.version.cuda is None:
        # PyPI's torchvision is built for CUDA; its Python part only wants these to exist.
        library = torch.library.Library("torchvision", "DEF")
        _KEPT.append(library)
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    cameras = [str(name) for name in scene["cameras"]]
    features: dict[str, Any] = {
        key: {"dtype": "float32", "shape": scene[f"0.{what}"].shape[1:], "names": None}
        for key, what in (("observation.state", "state"), ("action", "action"))
    }
    for camera in cameras:
        features[f"observation.images.{camera}"] = {
            "dtype": "video",
            "shape": scene[f"0.{camera}"].shape[1:],
            "names": ["height", "width", "channels"],
        }
    return LeRobotDataset.create(
        "shopfloor/measured",
        fps=_FPS,
        features=features,
        root=folder,
        vcodec=_CODECS[codec],
        image_writer_threads=0 if streaming else _THREADS_A_CAMERA * len(cameras),
        streaming_encoding=streaming,
        # Without a bound, as ours: its recorder drops pictures when its queue is full.
        encoder_queue_maxsize=1_000_000,
    )


def _main(source: str, folder: str, codec: str, streaming: str) -> None:
    with np.load(source) as file:
        scene = dict(file)  # in memory before the clock starts
    cameras = [str(name) for name in scene["cameras"]]
    episodes = sum(key.endswith(".task") for key in scene)
    dataset = _dataset(Path(folder), scene, codec, streaming=streaming == "1")
    added = saved = 0.0
    began = time.perf_counter()
    for number in range(episodes):
        task = str(scene[f"{number}.task"])
        start = time.perf_counter()
        for row in range(len(scene[f"{number}.state"])):
            pictures = {
                f"observation.images.{camera}": scene[f"{number}.{camera}"][row]
                for camera in cameras
            }
            dataset.add_frame(
                {
                    "observation.state": scene[f"{number}.state"][row],
                    "action": scene[f"{number}.action"][row],
                    "task": task,
                    **pictures,
                }
            )
        middle = time.perf_counter()
        dataset.save_episode()
        added += middle - start
        saved += time.perf_counter() - middle
    dataset.finalize()
    seconds = time.perf_counter() - began
    parts = {"add_frame_s": added, "save_episode_s": saved}
    found = {"seconds": seconds, "parts": parts, "version": version("lerobot")}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
