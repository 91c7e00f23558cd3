"""Reads a dataset with LeRobot's own loader and says what it found. Run in LeRobot's environment.

    python reader.py DATASET EXPECTED.npz    one JSON object on stdout

``EXPECTED`` holds what the run says: state, action and pictures of every frame.
"""

import json
import sys
from pathlib import Path

import numpy as np
import stage  # noqa: F401 - first
from lerobot.datasets.compute_stats import aggregate_stats, get_feature_stats
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.utils import load_nested_dataset, unflatten_dict

MOVED_DB = 32


def psnr(a, b):
    """Peak signal-to-noise ratio of two pictures with values from 0 to 255 [dB]."""
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def apart(ours, theirs):
    """Greatest difference between two sets of statistics, relative to the range of the values."""
    # LeRobot takes a difference of squares, which says nothing of numbers that hardly change.
    span = np.maximum(np.asarray(theirs["max"]) - np.asarray(theirs["min"]), 1e-3)
    return {
        name: float(np.max(np.abs(np.asarray(ours[name]) - np.asarray(theirs[name])) / span))
        for name in theirs
        if name != "count"
    }


def of_pictures(pictures):
    """LeRobot's statistics of all pictures, ``(n, H, W, 3)`` uint8, not only of some.

    In 0.4.4 their spread is wrong: it squares bytes as bytes. So that is taken from NumPy.
    """
    found = get_feature_stats(pictures.transpose(0, 3, 1, 2), axis=(0, 2, 3), keepdims=True)
    one = np.stack([(p.mean((0, 1)), p.astype(float).var((0, 1))) for p in pictures])
    found["std"] = np.sqrt(one[:, 1].mean(0) + one[:, 0].var(0))
    return {k: np.reshape(v, (3, 1, 1)) / 255 for k, v in found.items() if k != "count"}


def main(folder, expected):
    dataset = LeRobotDataset("shopfloor/contract", root=folder)
    said = dict(np.load(expected))  # all of it at once
    cameras = dataset.meta.video_keys
    worst = dict.fromkeys(cameras, 99.0)
    mistaken = dict.fromkeys(cameras, 0)
    vectors = dict.fromkeys(("observation.state", "action"), 0.0)
    columns = {key: [] for key in dataset.features if key not in cameras}
    for number in range(len(dataset)):
        item = dataset[number]
        for key in vectors:
            vectors[key] = max(
                vectors[key], float(np.abs(item[key].numpy() - said[key][number]).max())
            )
        for key, values in columns.items():
            values.append(np.atleast_1d(item[key].numpy()))
        for camera in cameras:
            shown = np.round(item[camera].numpy().transpose(1, 2, 0) * 255)
            pictures = said[camera]
            right = psnr(shown, pictures[number])
            worst[camera] = min(worst[camera], right)
            # An encoder may leave out what hardly changes; a picture taken for its neighbour
            # shows where something moves.
            beside = [pictures[k] for k in (number - 1, number + 1) if 0 <= k < len(dataset)]
            mistaken[camera] += any(
                psnr(shown, other) > right
                for other in beside
                if psnr(pictures[number], other) < MOVED_DB
            )
    # LeRobot adds up in the type of the column; in float32 its spread is off by a tenth.
    columns = {
        key: np.stack(v) if v[0].dtype == bool else np.stack(v).astype(float)
        for key, v in columns.items()
    }
    index = load_nested_dataset(Path(folder) / "meta" / "episodes")
    episodes = [
        unflatten_dict({k[6:]: np.asarray(v) for k, v in row.items() if k.startswith("stats/")})
        for row in index
    ]
    theirs = aggregate_stats(episodes)
    print(
        json.dumps(
            {
                "frames": len(dataset),
                "episodes": dataset.num_episodes,
                "fps": dataset.fps,
                "worst_psnr": worst,
                "nearer_to_a_neighbour": mistaken,
                "vectors": vectors,
                "tasks": [dataset[int(row["dataset_from_index"])]["task"] for row in index],
                "success": columns["next.success"].sum().item(),
                "done": columns["next.done"].sum().item(),
                "of_all": {
                    key: apart(
                        dataset.meta.stats[key], get_feature_stats(column, axis=0, keepdims=False)
                    )
                    for key, column in columns.items()
                    if column.dtype != bool
                },
                "of_pictures": {
                    camera: apart(dataset.meta.stats[camera], of_pictures(said[camera]))
                    for camera in cameras
                },
                "added_up": {
                    key: apart(
                        {n: dataset.meta.stats[key][n] for n in ("min", "max", "mean", "std")},
                        {n: theirs[key][n] for n in ("min", "max", "mean", "std")},
                    )
                    for key in theirs
                },
                "last_alone": LeRobotDataset(
                    "shopfloor/contract", root=folder, episodes=[dataset.num_episodes - 1]
                )[0]["frame_index"].item(),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
